#pragma once

#include <gaze/autograd/parameters.h>

namespace gaze {

/// Scales all gradients by min(1, max_norm / (norm + 1e-6)), where norm is the Euclidean norm of them together, and
/// returns the norm before. max_norm 0 or infinity measures only. Throws for a negative max_norm, and when the
/// norm is not finite, naming the first parameter at fault; nothing changes then. The bits do not depend on the number
/// of threads.
double clip_grad_norm(Params& params, double max_norm);

}  // namespace gaze
