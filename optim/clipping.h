#pragma once

#include <gaze/autograd/parameters.h>

namespace gaze {

/// The Euclidean norm of all gradients together. Throws when it is not finite, naming the first parameter at fault.
/// The bits do not depend on the number of threads.
double grad_norm(Params& params);

/// What clipping to max_norm multiplies gradients of this norm by: min(1, max_norm / (norm + 1e-6)); 1 for a max_norm
/// of 0 or infinity. Throws for a negative max_norm.
double clip_factor(double norm, double max_norm);

/// Scales all gradients by clip_factor and returns the norm before; nothing changes when it throws. An optimizer's step
/// takes the factor as well, which saves the pass.
double clip_grad_norm(Params& params, double max_norm);

}  // namespace gaze
