#include <gaze/optim/schedules.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <gaze/autograd/base/error.h>

namespace gaze {
namespace {

// The factor of step t from the peak on.

double constant(const Schedule&, double /*t*/, double /*peak*/) { return 1; }

double inverse_sqrt(const Schedule&, double t, double peak) { return std::sqrt(peak / t); }

double cosine(const Schedule& s, double t, double peak) {
  const double length = std::max(static_cast<double>(s.steps) - peak, 0.0) + 1;  // the last step still learns
  const double done = std::min((t - peak) / length, 1.0);
  return s.min_factor + (1 - s.min_factor) * 0.5 * (1 + std::cos(std::numbers::pi * done));
}

struct Row {
  Decay value;
  std::string_view name;
  double (*factor)(const Schedule&, double t, double peak);
};

constexpr std::array table = {
    Row{Decay::constant, "constant", constant},
    Row{Decay::inverse_sqrt, "inverse_sqrt", inverse_sqrt},
    Row{Decay::inverse_sqrt, "noam", inverse_sqrt},
    Row{Decay::cosine, "cosine", cosine},
};

}  // namespace

const NameTable<Decay>& decay_names() {
  static const auto names = NameTable<Decay>::of("schedule", table);
  return names;
}

std::string_view name_of(Decay decay) { return decay_names().name_of(decay); }

double Schedule::factor(std::int64_t step) const {
  require(step >= 1, "schedule: step {} asked for, the first is 1", step);
  make_schedule(decay, warmup, steps, min_factor);  // throws for what makes no sense
  const auto t = static_cast<double>(step), peak = static_cast<double>(std::max<std::int64_t>(warmup, 1));
  if (t < peak) return t / peak;
  const auto row = std::find_if(table.begin(), table.end(), [&](const Row& r) { return r.value == decay; });
  require(row != table.end(), "schedule: there is no decay {}", static_cast<int>(decay));
  return row->factor(*this, t, peak);
}

Schedule make_schedule(Decay decay, std::int64_t warmup, std::int64_t steps, double min_factor) {
  require(warmup >= 0 && steps >= 0, "schedule: {} steps of warm-up in {} must not be negative", warmup, steps);
  require(min_factor >= 0 && min_factor <= 1, "schedule: the minimum factor {} must be in [0, 1]", min_factor);
  return {.decay = decay, .warmup = warmup, .steps = steps, .min_factor = min_factor};
}

Schedule make_schedule(std::string_view decay, std::int64_t warmup, std::int64_t steps, double min_factor) {
  return make_schedule(decay_names().named(decay), warmup, steps, min_factor);
}

}  // namespace gaze
