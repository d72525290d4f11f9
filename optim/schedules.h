#pragma once

#include <cstdint>
#include <string_view>

#include <gaze/autograd/base/names.h>

namespace gaze {

enum class Decay {
  constant,      ///< 1
  inverse_sqrt,  ///< sqrt(warmup / step), as in Vaswani et al. 2017, section 5.3, equation 3, with its peak at 1
  cosine         ///< half a cosine down to `min_factor` at the last step (Loshchilov and Hutter 2017)
};

const NameTable<Decay>& decay_names();  ///< constant, inverse_sqrt (or noam), cosine
std::string_view name_of(Decay);

/// The learning rate over a run, as a factor of its largest value, which it has at step max(warmup, 1).
struct Schedule {
  Decay decay = Decay::constant;
  std::int64_t warmup = 0;  ///< steps of a linear rise step / warmup, before the decay
  std::int64_t steps = 0;   ///< of the whole run; cosine alone needs it
  double min_factor = 0;    ///< where the cosine ends

  /// For step 1, 2, ...: above 0 at the first. Throws for a step below 1.
  double factor(std::int64_t step) const;
};

/// Throws for a negative number of steps and a `min_factor` outside [0, 1].
Schedule make_schedule(Decay decay, std::int64_t warmup, std::int64_t steps, double min_factor = 0);
/// By name. Throws for one that decay_names() does not have, too.
Schedule make_schedule(std::string_view decay, std::int64_t warmup, std::int64_t steps, double min_factor = 0);

}  // namespace gaze
