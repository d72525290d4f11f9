#include <gaze/nn/dropout.h>

#include <gaze/autograd/ops.h>

namespace gaze {

Dropout::Dropout(double probability) : p(probability) {
  require(p >= 0 && p < 1, "dropout: probability must be from 0 to below 1, got {}", p);
}

Tensor Dropout::operator()(const Tensor& x, Context& context) const {
  const DropoutOptions o = options(context);
  return o.p > 0 ? dropout(x, o.p, o.stream) : x;
}

DropoutOptions Dropout::options(Context& context) const {
  if (!context.training || p == 0) return {};
  require(context.stream.seed != 0 || context.stream.stream != 0,
          "dropout: training needs a random stream, a new one each step, or every step drops the same: "
          "Context{{.training = true, .stream = stream.split(step)}}");
  return {p, context.next_stream()};
}

}  // namespace gaze
