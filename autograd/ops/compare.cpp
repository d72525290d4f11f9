#include <gaze/autograd/kernels/isa.h>

#include <functional>

#include <gaze/autograd/base/range.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/ops/elementwise.h>

namespace gaze {
namespace {

template <class Relation>
Tensor compare(const char* operation, const Tensor& a, const Tensor& b, const Relation& holds) {
  detail::require_alike(operation, a, b);
  const Shape shape = broadcast(operation, a.shape(), b.shape());
  Array y(shape, DType::int32);
  auto* out = y.write<std::int32_t>();
  for_any(a.dtype(), [&]<class T>() {
    const T *x = a.array().data<T>(), *z = b.array().data<T>();
    const kernels::Broadcast loop = kernels::broadcast_loop(shape.axes(), {a.shape().axes(), b.shape().axes()});
    kernels::for_each_pair(loop, [&](std::int64_t at, std::int64_t i, std::int64_t j) { out[at] = holds(x[i], z[j]); });
  });
  return Tensor(std::move(y));
}

}  // namespace

Tensor equal(const Tensor& a, const Tensor& b) { return compare("equal", a, b, std::equal_to<>()); }
Tensor not_equal(const Tensor& a, const Tensor& b) { return compare("not_equal", a, b, std::not_equal_to<>()); }
Tensor less(const Tensor& a, const Tensor& b) { return compare("less", a, b, std::less<>()); }
Tensor less_equal(const Tensor& a, const Tensor& b) { return compare("less_equal", a, b, std::less_equal<>()); }
Tensor greater(const Tensor& a, const Tensor& b) { return compare("greater", a, b, std::greater<>()); }
Tensor greater_equal(const Tensor& a, const Tensor& b) {
  return compare("greater_equal", a, b, std::greater_equal<>());
}

Tensor argmax(const Tensor& x, int axis) {
  axis = x.shape().normal_axis(axis, "argmax");
  require(x.size(axis) > 0, "argmax: over an axis of no elements in shape {}", x.shape());
  require(within(0, x.size(axis), std::int64_t{1} << 31), "argmax: {} has places that int32 cannot name", x.shape());
  Array y(x.shape().without(axis), DType::int32);
  for_floating("argmax", x.dtype(), [&]<class T>() {
    kernels::of<T>().argmax(x.array().data<T>(), x.shape().span_size(0, axis), x.size(axis),
                            x.shape().span_size(axis + 1, x.rank()), y.write<std::int32_t>());
  });
  return Tensor(std::move(y));
}

Tensor one_hot(const Tensor& ids, std::int64_t classes, DType dtype) {
  require(ids.dtype() == DType::int32, "one_hot: ids must be int32, got {}", name_of(ids.dtype()));
  require(classes >= 0, "one_hot: {} classes asked for, the number must not be negative", classes);
  Shape shape = ids.shape();
  shape.append(classes);
  Array y = Array::zeros(shape, dtype);
  const auto values = ids.values<std::int32_t>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    require(within(values[i], 1, classes), "one_hot: id {} at position {} is not in [0, {})", values[i], i, classes);
    y.set(static_cast<std::int64_t>(i) * classes + values[i], 1);
  }
  return Tensor(std::move(y));
}

}  // namespace gaze
