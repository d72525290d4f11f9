#include <gaze/nn/dropout.h>

#include <gaze/autograd/ops.h>

namespace gaze {

Dropout::Dropout(double probability) : p(probability) {
  require(p >= 0 && p < 1, "dropout: probability must be from 0 to below 1, got {}", p);
}

Tensor Dropout::operator()(const Tensor& x, Context& context) const {
  if (!context.training || p == 0) return x;
  return dropout(x, p, context.next_stream());
}

}  // namespace gaze
