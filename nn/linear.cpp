#include <gaze/nn/linear.h>

#include <cmath>

#include <gaze/autograd/ops.h>

namespace gaze {

Linear::Linear(const Scope& scope, std::int64_t in, std::int64_t out, bool with_bias, const Initializer& bias_init) {
  require(in > 0 && out > 0, "linear {}: needs sizes above 0, got {} -> {}", scope.path(), in, out);
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  weight = scope.parameter("weight", {out, in}, init::kaiming_uniform(std::sqrt(5.0)));  // the same bound
  if (with_bias) bias = scope.parameter("bias", {out}, bias_init ? bias_init : init::uniform(bound));
}

Linear::Linear(Tensor shared_weight, Tensor shared_bias)
    : weight(std::move(shared_weight)), bias(std::move(shared_bias)) {}

Tensor Linear::operator()(const Tensor& x) const { return linear(x, weight, bias); }

}  // namespace gaze
