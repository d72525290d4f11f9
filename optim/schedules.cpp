#include <gaze/optim/schedules.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <gaze/autograd/error.h>

namespace gaze {

double Schedule::factor(std::int64_t step) const {
  const auto t = static_cast<double>(step), rise = static_cast<double>(warmup);
  if (step < warmup) return t / rise;
  switch (decay) {
    case Decay::constant: return 1;
    case Decay::inverse_sqrt: return std::sqrt(std::max(rise, 1.0) / t);
    case Decay::cosine: {
      const double length = std::max(static_cast<double>(steps) - rise, 1.0);
      const double done = std::clamp((t - rise) / length, 0.0, 1.0);
      return least + (1 - least) * 0.5 * (1 + std::cos(std::numbers::pi * done));
    }
  }
  return 1;
}

Schedule make_schedule(std::string_view decay, std::int64_t warmup, std::int64_t steps, double least) {
  Schedule s{.warmup = warmup, .steps = steps, .least = least};
  if (decay == "constant") {
    s.decay = Decay::constant;
  } else if (decay == "inverse_sqrt" || decay == "noam") {
    s.decay = Decay::inverse_sqrt;
  } else if (decay == "cosine") {
    s.decay = Decay::cosine;
  } else {
    fail("schedule: {} is none of constant, inverse_sqrt (noam), cosine", decay);
  }
  return s;
}

}  // namespace gaze
