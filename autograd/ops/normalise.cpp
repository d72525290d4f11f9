#include <cmath>
#include <limits>

#include <gaze/autograd/graph.h>
#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/ops/composed.h>
#include <gaze/autograd/ops/elementwise.h>

namespace gaze {
namespace {

void check_norm(const char* operation, const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  constexpr double smallest = std::numeric_limits<float>::min();  // what is less is flushed to 0
  require(std::isfinite(eps) && eps >= smallest, "{}: eps {} must be positive, finite and at least {:.3g}", operation,
          eps, smallest);
  detail::require_alike(operation, x, weight);
  detail::require_alike(operation, x, bias);
  require(x.rank() >= 1 && weight.shape() == Shape{x.size(-1)} && bias.shape() == weight.shape(),
          "{}: weight {} and bias {} must have the length of x's last axis, x is {}", operation, weight.shape(),
          bias.shape(), x.shape());
}

void check_residual(const char* operation, const Tensor& x, const Tensor& f, const DropoutOptions& d) {
  detail::require_alike(operation, x, f);
  require(x.shape() == f.shape(), "{}: x {} and f {} must have one shape", operation, x.shape(), f.shape());
  require(d.p >= 0 && d.p < 1, "{}: p {} is not in [0, 1)", operation, d.p);
}

template <class T>
kernels::ResidualRows<T> residual_rows(const Tensor& x, const Tensor& f, const DropoutOptions& d, Array& sum) {
  return {.x = x.array().data<T>(),
          .f = f.array().data<T>(),
          .dropout = d.p,
          .seed = d.stream.seed,
          .stream = d.stream.stream,
          .sum = sum.write<T>()};
}

Tensor record_residual(const Tensor& x, const Tensor& f, const DropoutOptions& d, Array sum) {
  return record("residual", std::move(sum), {x, f}, keep_none, [d](const Saved& s, const Tensor& g) -> Gradients {
    return {g, d.p > 0 && s.needs(1) ? dropout(g, d.p, d.stream) : g};
  });
}

/// What a LayerNorm computes: the result, and for the vjp each row's mean and 1 / sqrt(var + eps).
struct Normalised {
  explicit Normalised(const Tensor& x)
      : n(x.size(-1)),
        rows(x.shape().span_size(0, x.rank() - 1)),
        y(x.shape(), x.dtype()),
        means({rows}, x.dtype()),
        scales({rows}, x.dtype()) {}
  std::int64_t n, rows;
  Array y, means, scales;
};

/// A number per row, as a column beside y.
Tensor unsqueezed(const Array& rows, const Tensor& y) { return Tensor(rows.reshaped(y.shape().with(-1, 1))); }

/// x from y = (x - mean) scale weight + bias.
Array normal_input(const Tensor& y, const Tensor& weight, const Tensor& bias, const Array& means, const Array& scales) {
  const NoGrad no_grad;
  const Tensor normal = (y.detach() - bias.detach()) / weight.detach();
  return (normal / unsqueezed(scales, y) + unsqueezed(means, y)).array();
}

/// Records y = LayerNorm(x). With `from_result` the numbers of x are not there: the vjp works from y.
Tensor record_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps, const Normalised& done,
                   bool from_result = false) {
  const Keep keep = keep_input(1) | keep_input(2) | (from_result ? keep_result : keep_input(0));
  return record(
      "layer_norm", done.y, {x, weight, bias}, keep,
      [eps, from_result, n = done.n, rows = done.rows, means = done.means, scales = done.scales](
          const Saved& s, const Tensor& g) -> Gradients {
        if (grad_enabled()) {
          const Tensor at = from_result ? s.restored(0, normal_input(s.result(), s[1], s[2], means, scales)) : s[0];
          return detail::differentiate_at(s, {at, s[1], s[2]}, g, [eps](const std::vector<Tensor>& in) {
            const Tensor centred = in[0] - mean(in[0], {-1}, true);
            const Tensor variance = mean(centred * centred, {-1}, true);
            return centred * rsqrt(variance + eps) * in[1] + in[2];
          });
        }
        Array dx, dweight, dbias;
        if (s.needs(0)) dx = Array(s.shape(0), g.dtype());
        if (s.needs(1)) dweight = Array(s.shape(1), g.dtype());
        if (s.needs(2)) dbias = Array(s.shape(2), g.dtype());
        for_floating("layer_norm", g.dtype(), [&]<class T>() {
          const auto target = [](Array& a) { return a.defined() ? a.write<T>() : nullptr; };
          const T *up = g.array().data<T>(), *w = s[1].array().data<T>();
          if (from_result)
            kernels::of<T>().layer_norm_rows_vjp_of_result(up, s.result().array().data<T>(), w, s[2].array().data<T>(),
                                                           scales.data<T>(), rows, n, target(dx), target(dweight),
                                                           target(dbias));
          else
            kernels::of<T>().layer_norm_rows_vjp(up, s[0].array().data<T>(), w, means.data<T>(), scales.data<T>(), rows,
                                                 n, target(dx), target(dweight), target(dbias));
        });
        const auto result = [](Array& a) { return a.defined() ? Tensor(std::move(a)) : Tensor(); };
        return {result(dx), result(dweight), result(dbias)};
      });
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  check_norm("layer_norm", x, weight, bias, eps);
  Normalised to(x);
  for_floating("layer_norm", x.dtype(), [&]<class T>() {
    kernels::of<T>().layer_norm_rows(x.array().data<T>(), weight.array().data<T>(), bias.array().data<T>(), eps,
                                     to.rows, to.n, to.y.write<T>(), to.means.write<T>(), to.scales.write<T>());
  });
  return record_norm(x, weight, bias, eps, to);
}

Tensor residual(const Tensor& x, const Tensor& f, const DropoutOptions& d) {
  check_residual("residual", x, f, d);
  Array sum(x.shape(), x.dtype());
  for_floating("residual", x.dtype(),
               [&]<class T>() { kernels::of<T>().residual(residual_rows<T>(x, f, d, sum), x.size()); });
  return record_residual(x, f, d, std::move(sum));
}

Tensor residual_norm(const Tensor& x, const Tensor& f, const Tensor& weight, const Tensor& bias,
                     const DropoutOptions& d, double eps) {
  check_residual("residual_norm", x, f, d);
  check_norm("residual_norm", x, weight, bias, eps);
  Normalised to(x);
  Array sum(x.shape(), x.dtype());
  const Tensor inputs[] = {x, f, weight, bias};
  const bool kept =
      anomaly_enabled() || (detail::wants_graph(inputs) && !for_floating("residual_norm", x.dtype(), [&]<class T>() {
                              return kernels::invertible(weight.array().data<T>(), bias.array().data<T>(), to.n);
                            }));
  for_floating("residual_norm", x.dtype(), [&]<class T>() {
    kernels::ResidualRows<T> rows = residual_rows<T>(x, f, d, sum);
    if (!kept) rows.sum = nullptr;
    kernels::of<T>().residual_norm_rows(rows, weight.array().data<T>(), bias.array().data<T>(), eps, to.rows, to.n,
                                        to.y.write<T>(), to.means.write<T>(), to.scales.write<T>());
  });
  // One pass, two operations of the graph: the vjp of each stays what it is. The sum between them need not be there.
  if (!kept) sum.forget();
  return record_norm(record_residual(x, f, d, std::move(sum)), weight, bias, eps, to, !kept);
}

}  // namespace gaze
