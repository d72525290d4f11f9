#include <gaze/optim/schedules.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <gaze/autograd/base/error.h>

namespace gaze {

double Schedule::factor(std::int64_t step) const {
  require(step >= 1, "schedule: step {} asked for, the first is 1", step);
  const auto t = static_cast<double>(step), peak = static_cast<double>(std::max<std::int64_t>(warmup, 1));
  if (t < peak) return t / peak;
  switch (decay) {
    case Decay::constant: return 1;
    case Decay::inverse_sqrt: return std::sqrt(peak / t);
    case Decay::cosine: {
      const double length = std::max(static_cast<double>(steps) - peak, 0.0) + 1;  // the last step still learns
      const double done = std::min((t - peak) / length, 1.0);
      return min_factor + (1 - min_factor) * 0.5 * (1 + std::cos(std::numbers::pi * done));
    }
  }
  return 1;
}

Schedule make_schedule(std::string_view decay, std::int64_t warmup, std::int64_t steps, double min_factor) {
  require(warmup >= 0 && steps >= 0, "schedule: {} steps of warm-up in {} must not be negative", warmup, steps);
  require(min_factor >= 0 && min_factor <= 1, "schedule: the minimum factor {} must be in [0, 1]", min_factor);
  Schedule s{.warmup = warmup, .steps = steps, .min_factor = min_factor};
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
