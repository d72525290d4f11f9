#include <numbers>

#include <gaze/autograd/ops/elementwise.h>

namespace gaze {
namespace {

using kernels::Binary;
using kernels::Unary;

/// Records y = f(x). The backward walk runs g f' in one pass, `fused`; a graph of gradients is built from `slope`, f'
/// in operations. Both read what `keep` names: the argument or the result.
template <class Slope>
Tensor activation(const char* operation, Unary f, const Tensor& x, Keep keep, Binary fused, Slope slope) {
  return record(operation, detail::apply(operation, f, x.array()), {x}, keep,
                [=](const Saved& s, const Tensor& g) -> Gradients {
                  const Tensor at = keep == keep_result ? s.result() : s[0];
                  if (grad_enabled()) return {g * slope(at)};
                  return {Tensor(detail::apply(operation, fused, g.array(), at.array()))};
                });
}

/// As the kernels do it: the slopes have their limits there, and no infinity meets a 0.
Tensor bounded(const Tensor& x) { return clip(x, -1e4, 1e4); }

}  // namespace

Tensor tanh(const Tensor& x) {
  return activation("tanh", Unary::tanh, x, keep_result, Binary::tanh_vjp, [](const Tensor& y) { return 1.0 - y * y; });
}

Tensor sigmoid(const Tensor& x) {
  return activation("sigmoid", Unary::sigmoid, x, keep_result, Binary::sigmoid_vjp,
                    [](const Tensor& y) { return y * (1.0 - y); });
}

Tensor relu(const Tensor& x) {
  return activation("relu", Unary::relu, x, keep_result, Binary::relu_vjp,
                    [](const Tensor& y) { return cast(greater(y.detach(), Tensor::scalar(0, y.dtype())), y.dtype()); });
}

Tensor gelu(const Tensor& x, Gelu form) {
  if (form == Gelu::exact)  // x Phi(x): the slope is Phi(x) + x phi(x), with phi the density of Phi
    return activation("gelu", Unary::gelu_exact, x, keep_inputs, Binary::gelu_exact_vjp, [](const Tensor& given) {
      const Tensor at = bounded(given);
      const Tensor cdf = 0.5 * (1.0 + erf(at * (std::numbers::sqrt2 / 2)));
      return cdf + at * exp(-0.5 * at * at) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    });
  return activation("gelu", Unary::gelu_tanh, x, keep_inputs, Binary::gelu_tanh_vjp, [](const Tensor& given) {
    const Tensor at = bounded(given);
    constexpr double root = std::numbers::sqrt2 * std::numbers::inv_sqrtpi, cubic = 0.044715;
    const Tensor t = tanh(root * (at + cubic * at * at * at));
    return 0.5 * (1.0 + t + at * (1.0 - t * t) * (root * (1.0 + 3 * cubic * at * at)));
  });
}

Tensor silu(const Tensor& x) {
  return activation("silu", Unary::silu, x, keep_inputs, Binary::silu_vjp, [](const Tensor& given) {
    const Tensor at = bounded(given), s = sigmoid(at);
    return s * (1.0 + at * (1.0 - s));
  });
}

Tensor softplus(const Tensor& x) {
  return activation("softplus", Unary::softplus, x, keep_inputs, Binary::softplus_vjp,
                    [](const Tensor& at) { return sigmoid(at); });
}

}  // namespace gaze
