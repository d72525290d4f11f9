#include <gaze/autograd/kernels/isa.h>

#include <algorithm>
#include <limits>

#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/vjp_ops.h>

namespace gaze {
namespace {

/// The axes a reduction runs over, in order, and the shape it leaves.
struct Reduced {
  Axes axes;
  Shape kept;     ///< reduced axes have length 1
  Shape dropped;  ///< without them

  Reduced(const char* operation, const Tensor& x, const Axes& given) : kept(x.shape()) {
    require(is_floating(x.dtype()), "{}: needs float32 or float64, got {}", operation, name_of(x.dtype()));
    const Shape& shape = x.shape();
    for (const int axis : given) axes.push_back(shape.normal_axis(axis, operation));
    if (given.empty())
      for (int axis = 0; axis < shape.rank(); ++axis) axes.push_back(axis);
    std::sort(axes.begin(), axes.end());
    require(std::adjacent_find(axes.begin(), axes.end()) == axes.end(), "{}: an axis of {} is given twice", operation,
            shape);
    for (const int axis : axes) kept.set(axis, 1);
    for (int axis = 0; axis < shape.rank(); ++axis)
      if (!std::binary_search(axes.begin(), axes.end(), axis)) dropped.append(shape[axis]);
  }

  std::int64_t count(const Shape& shape) const {
    std::int64_t n = 1;
    for (const int axis : axes) n *= shape[axis];
    return n;
  }
  const Shape& shape(bool keep) const { return keep ? kept : dropped; }
};

/// Reduces group after group of neighbouring axes, the last group first, by the kernel that `chosen` takes from all.
template <class Chosen>
Array reduce(const char* operation, const Array& x, const Reduced& r, const Chosen& chosen) {
  Array from = x;
  for (std::size_t last = r.axes.size(); last > 0;) {
    std::size_t first = last - 1;
    while (first > 0 && r.axes[first - 1] == r.axes[first] - 1) --first;
    const Shape& shape = from.shape();
    Shape to_shape = shape;
    for (std::size_t i = first; i < last; ++i) to_shape.set(r.axes[i], 1);
    Array to(to_shape, x.dtype());
    for_floating(operation, x.dtype(), [&]<class T>() {
      chosen(kernels::of<T>())(from.data<T>(), shape.span_size(0, r.axes[first]),
                               shape.span_size(r.axes[first], r.axes[last - 1] + 1),
                               shape.span_size(r.axes[last - 1] + 1, shape.rank()), to.write<T>());
    });
    from = to;
    last = first;
  }
  return r.axes.empty() ? from.copy() : from;  // a scalar reduces over nothing
}

/// A largest or smallest: its gradient goes to the entries equal to it, in even shares.
template <class Chosen>
Tensor extreme(const char* operation, const Tensor& x, const Axes& axes, bool keep, const Chosen& chosen) {
  const Reduced r(operation, x, axes);
  require(r.count(x.shape()) > 0, "{}: over an axis of no elements in shape {}", operation, x.shape());
  Array y = reduce(operation, x.array(), r, chosen).reshaped(r.shape(keep));
  return record(operation, std::move(y), {x}, keep_inputs | keep_result,
                [r](const Saved& s, const Tensor& g) -> Gradients {
                  const Tensor best = s.result().detach().reshape(r.kept);
                  const Tensor hit = cast(equal(s[0].detach(), best), g.dtype());
                  return {g.reshape(r.kept) * (hit / sum(hit, r.axes, true))};
                });
}

}  // namespace

Tensor sum(const Tensor& x, Axes axes, bool keep) {
  const Reduced r("sum", x, axes);
  Array y = reduce("sum", x.array(), r, [](const auto& k) { return k.sum; }).reshaped(r.shape(keep));
  return record("sum", std::move(y), {x}, keep_none,
                [r, whole = x.shape()](const Saved&, const Tensor& g) -> Gradients {
                  return {expand(g.reshape(r.kept), whole)};
                });
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  require(broadcasts_to(shape, x.shape()), "sum_to: {} does not broadcast to {}", shape, x.shape());
  Axes axes;
  const int added = x.rank() - shape.rank();
  for (int axis = 0; axis < x.rank(); ++axis)
    if (axis < added || (shape[axis - added] == 1 && x.size(axis) != 1)) axes.push_back(axis);
  return axes.empty() ? x.reshape(shape) : sum(x, axes, true).reshape(shape);
}

Tensor mean(const Tensor& x, Axes axes, bool keep) {
  const Reduced r("mean", x, axes);
  return sum(x, std::move(axes), keep) / static_cast<double>(r.count(x.shape()));
}

Tensor max(const Tensor& x, Axes axes, bool keep) {
  return extreme("max", x, axes, keep, [](const auto& k) { return k.max; });
}

Tensor min(const Tensor& x, Axes axes, bool keep) {
  return extreme("min", x, axes, keep, [](const auto& k) { return k.min; });
}

Tensor var(const Tensor& x, Axes axes, bool keep, int correction) {
  const Reduced r("var", x, axes);
  const Tensor centred = x - mean(x, axes, true);
  const auto degrees = static_cast<double>(std::max<std::int64_t>(r.count(x.shape()) - correction, 0));
  return sum(centred * centred, std::move(axes), keep) / degrees;
}

Tensor logsumexp(const Tensor& x, Axes axes, bool keep) {
  const Reduced r("logsumexp", x, axes);
  const double lowest = -std::numeric_limits<double>::infinity();
  if (r.count(x.shape()) == 0)  // the logarithm of an empty sum; it still depends on x, by a gradient of no elements
    return sum(x, std::move(axes), keep) + lowest;
  Array y;
  {
    // e^(x - top) cannot overflow; where all are minus infinity, top itself would make NaN of their difference.
    const NoGrad no_grad;
    const detail::UncheckedNumbers unchecked;
    const Tensor plain = x.detach(), top = max(plain, r.axes, true), zero = Tensor::scalar(0, x.dtype());
    const Tensor infinite = equal(abs(top), Tensor::scalar(-lowest, x.dtype()));
    const Tensor shift = where(infinite, zero, top);
    y = (log(sum(exp(plain - shift), r.axes, true)) + shift).reshape(r.shape(keep)).array();
  }
  // The slope is softmax(x) = e^(x - y), zero where y is minus infinity.
  return record("logsumexp", std::move(y), {x}, keep_inputs | keep_result,
                [r, lowest](const Saved& s, const Tensor& g) -> Gradients {
                  const Tensor at = s.result().reshape(r.kept), zero = Tensor::scalar(0, g.dtype());
                  const Tensor empty = equal(at.detach(), Tensor::scalar(lowest, g.dtype()));
                  return {where(empty, zero, g.reshape(r.kept) * exp(s[0] - where(empty, zero, at)))};
                });
}

}  // namespace gaze
