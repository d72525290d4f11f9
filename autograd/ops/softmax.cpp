#include <gaze/autograd/kernels/isa.h>

#include <limits>

#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/ops/composed.h>

namespace gaze {
namespace {

/// Runs along the last axis; any other axis is brought there and back.
template <class F>
Tensor along_last(const char* operation, const Tensor& x, int axis, const F& f) {
  require(x.rank() > 0, "{}: a scalar has no axis", operation);
  axis = x.shape().normal_axis(axis, operation);
  if (axis == x.rank() - 1) return f(x);
  return transpose(f(transpose(x, axis, -1)), axis, -1);
}

/// The kernel that `chosen` takes from all, over rows of x.
template <class Chosen>
Array over_rows(const char* operation, const Array& x, const Chosen& chosen) {
  Array y(x.shape(), x.dtype());
  for_floating(operation, x.dtype(), [&]<class T>() {
    const std::int64_t n = x.shape()[-1];
    if (x.size() > 0) chosen(kernels::of<T>())(x.data<T>(), x.size() / n, n, y.write<T>());
  });
  return y;
}

/// A vjp kernel over rows of the gradient and the result.
template <class Chosen>
Tensor vjp_over_rows(const char* operation, const Tensor& g, const Tensor& y, const Chosen& chosen) {
  Array d(y.shape(), y.dtype());
  for_floating(operation, y.dtype(), [&]<class T>() {
    const std::int64_t n = y.size(-1);
    if (y.size() > 0) chosen(kernels::of<T>())(g.array().data<T>(), y.array().data<T>(), y.size() / n, n, d.write<T>());
  });
  return Tensor(std::move(d));
}

}  // namespace

/// dx = y (g - sum(g y)): the rows of the Jacobian are y_i (delta_ij - y_j).
Gradients detail::softmax_vjp(const Saved& s, const Tensor& g) {
  const Tensor y = s.result();
  if (grad_enabled()) return {y * (g - sum(g * y, {-1}, true))};
  return {vjp_over_rows("softmax", g, y, [](const auto& k) { return k.softmax_rows_vjp; })};
}

Tensor softmax(const Tensor& x, int axis) {
  return along_last("softmax", x, axis, [](const Tensor& last) {
    Array y = over_rows("softmax", last.array(), [](const auto& k) { return k.softmax_rows; });
    return record("softmax", std::move(y), {last}, keep_result, detail::softmax_vjp);
  });
}

Tensor log_softmax(const Tensor& x, int axis) {
  return along_last("log_softmax", x, axis, [](const Tensor& last) {
    Array y = over_rows("log_softmax", last.array(), [](const auto& k) { return k.log_softmax_rows; });
    // dx = g - e^y sum(g)
    return record("log_softmax", std::move(y), {last}, keep_result, [](const Saved& s, const Tensor& g) -> Gradients {
      const Tensor out = s.result();
      if (grad_enabled()) return {g - exp(out) * sum(g, {-1}, true)};
      return {vjp_over_rows("log_softmax", g, out, [](const auto& k) { return k.log_softmax_rows_vjp; })};
    });
  });
}

Tensor masked_softmax(const Tensor& x, const Tensor& keep) {
  require(x.rank() > 0, "masked_softmax: a scalar has no axis");
  require(keep.dtype() == DType::int32, "masked_softmax: keep must be int32, got {}", name_of(keep.dtype()));
  require(broadcasts_to(keep.shape(), x.shape()), "masked_softmax: keep {} must broadcast to x {}", keep.shape(),
          x.shape());
  const Tensor masked = [&] {
    const NoGrad no_grad;
    return where(keep, x, Tensor::scalar(-std::numeric_limits<double>::infinity(), x.dtype()));
  }();
  Array y = over_rows("masked_softmax", masked.array(), [](const auto& k) { return k.softmax_rows; });
  // Masked entries have y = 0, and so no part in the softmax's vjp.
  return record("masked_softmax", std::move(y), {x}, keep_result, detail::softmax_vjp);
}

}  // namespace gaze
