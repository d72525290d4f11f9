#include <gaze/nn/layer_norm.h>

#include <gaze/autograd/ops.h>

namespace gaze {

LayerNorm::LayerNorm(const Scope& scope, std::int64_t size, double epsilon) : eps(epsilon) {
  weight = scope.parameter("weight", {size}, init::constant(1));
  bias = scope.parameter("bias", {size}, init::constant(0));
}

Tensor LayerNorm::operator()(const Tensor& x) const { return layer_norm(x, weight, bias, eps); }

}  // namespace gaze
