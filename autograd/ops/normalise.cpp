#include <gaze/autograd/kernels/isa.h>

#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops/composed.h>
#include <gaze/autograd/ops/elementwise.h>

namespace gaze {

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  detail::require_alike("layer_norm", x, weight);
  detail::require_alike("layer_norm", x, bias);
  require(x.rank() >= 1 && weight.shape() == Shape{x.size(-1)} && bias.shape() == weight.shape(),
          "layer_norm: weight {} and bias {} must have the length of x's last axis, x is {}", weight.shape(),
          bias.shape(), x.shape());
  const std::int64_t n = x.size(-1), rows = x.shape().span_size(0, x.rank() - 1);
  Array y(x.shape(), x.dtype()), means({rows}, x.dtype()), scales({rows}, x.dtype());
  for_floating("layer_norm", x.dtype(), [&]<class T>() {
    kernels::of<T>().layer_norm_rows(x.array().data<T>(), weight.array().data<T>(), bias.array().data<T>(), eps, rows,
                                     n, y.write<T>(), means.write<T>(), scales.write<T>());
  });
  return record("layer_norm", std::move(y), {x, weight, bias}, keep_inputs,
                [=](const Saved& s, const Tensor& g) -> Gradients {
                  if (grad_enabled())
                    return detail::differentiate(s, 3, g, [eps](const std::vector<Tensor>& at) {
                      const Tensor centred = at[0] - mean(at[0], {-1}, true);
                      const Tensor variance = mean(centred * centred, {-1}, true);
                      return centred * rsqrt(variance + eps) * at[1] + at[2];
                    });
                  Array dx, dweight, dbias;
                  if (s.needs(0)) dx = Array(s.shape(0), g.dtype());
                  if (s.needs(1)) dweight = Array(s.shape(1), g.dtype());
                  if (s.needs(2)) dbias = Array(s.shape(2), g.dtype());
                  for_floating("layer_norm", g.dtype(), [&]<class T>() {
                    const auto target = [](Array& a) { return a.defined() ? a.write<T>() : nullptr; };
                    kernels::of<T>().layer_norm_rows_vjp(g.array().data<T>(), s[0].array().data<T>(),
                                                         s[1].array().data<T>(), means.data<T>(), scales.data<T>(),
                                                         rows, n, target(dx), target(dweight), target(dbias));
                  });
                  const auto result = [](Array& a) { return a.defined() ? Tensor(std::move(a)) : Tensor(); };
                  return {result(dx), result(dweight), result(dbias)};
                });
}

}  // namespace gaze
