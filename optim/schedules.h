#pragma once

#include <cstdint>
#include <string_view>

namespace gaze {

enum class Decay {
  constant,
  inverse_sqrt,  ///< sqrt(warmup / step), as in Vaswani et al. 2017, section 5.3, equation 3, with its peak at 1
  cosine         ///< half a cosine down to `least` at the last step (Loshchilov and Hutter 2017)
};

/// The learning rate over a run, as a factor of its largest value.
struct Schedule {
  Decay decay = Decay::constant;
  std::int64_t warmup = 0;  ///< steps of a linear rise, before the decay
  std::int64_t steps = 0;   ///< of the whole run; cosine alone needs it
  double least = 0;         ///< where the cosine ends

  /// For step 1, 2, ...; above 0 from the first step of a warm-up on.
  double factor(std::int64_t step) const;
};

/// By name: constant, inverse_sqrt (or noam), cosine. Throws for another.
Schedule make_schedule(std::string_view decay, std::int64_t warmup, std::int64_t steps, double least = 0);

}  // namespace gaze
