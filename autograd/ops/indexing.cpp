#include <gaze/autograd/kernels/indexing.h>

#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/vjp_ops.h>

namespace gaze {
namespace {

void check_indices(const char* operation, const Tensor& index, std::int64_t length) {
  require(index.dtype() == DType::int32, "{}: indices must be int32, got {}", operation, name_of(index.dtype()));
  if (const auto bad = first_outside(index.array(), 0, static_cast<double>(length) - 1))
    fail("{}: index {} at position {} is not in [0, {})", operation, index.array().at(*bad), *bad, length);
}

kernels::GatherShape gather_shape(const char* operation, const Shape& x, int axis, const Tensor& index) {
  bool fits = index.rank() == x.rank();
  for (int i = 0; fits && i < x.rank(); ++i) fits = i == axis || index.size(i) <= x[i];
  require(fits, "{}: index {} must have as many axes as x {} and be no longer outside axis {}", operation,
          index.shape(), x, axis);
  check_indices(operation, index, x[axis]);
  kernels::GatherShape s;
  s.rank = x.rank(), s.axis = axis;
  std::int64_t step = 1;
  for (int i = x.rank() - 1; i >= 0; --i) {
    s.index_lengths[i] = index.size(i);
    s.strides[i] = step;
    step *= x[i];
  }
  return s;
}

}  // namespace

Tensor gather(const Tensor& x, int axis, const Tensor& index) {
  axis = x.shape().normal_axis(axis, "gather");
  const kernels::GatherShape s = gather_shape("gather", x.shape(), axis, index);
  Array y(index.shape(), x.dtype());
  for_any(x.dtype(), [&]<class T>() {
    kernels::gather(s, x.array().data<T>(), index.array().data<std::int32_t>(), y.write<T>());
  });
  return record("gather", std::move(y), {x, index}, keep_input(1),
                [axis](const Saved& saved, const Tensor& g) -> Gradients {
                  return {scatter_add(Tensor::zeros(saved.shape(0), g.dtype()), axis, saved[1], g), Tensor()};
                });
}

Tensor scatter_add(const Tensor& x, int axis, const Tensor& index, const Tensor& source) {
  axis = x.shape().normal_axis(axis, "scatter_add");
  require(source.shape() == index.shape() && source.dtype() == x.dtype(),
          "scatter_add: source {} {} must have the shape of index {} and the dtype of x, {}", name_of(source.dtype()),
          source.shape(), index.shape(), name_of(x.dtype()));
  const kernels::GatherShape s = gather_shape("scatter_add", x.shape(), axis, index);
  Array y = x.array().copy();
  for_any(x.dtype(), [&]<class T>() {
    kernels::scatter_add(s, index.array().data<std::int32_t>(), source.array().data<T>(), y.write<T>());
  });
  return record("scatter_add", std::move(y), {x, index, source}, keep_input(1),
                [axis](const Saved& saved, const Tensor& g) -> Gradients {
                  return {g, Tensor(), saved.needs(2) ? gather(g, axis, saved[1]) : Tensor()};
                });
}

Tensor index_select(const Tensor& x, int axis, const Tensor& index) {
  axis = x.shape().normal_axis(axis, "index_select");
  require(index.rank() == 1, "index_select: index must be [N], got {}", index.shape());
  check_indices("index_select", index, x.size(axis));
  // Every entry along the axis is one row of numbers once the axis comes first.
  const Tensor rows = axis == 0 ? x : transpose(x, 0, axis);
  const std::int64_t width = rows.shape().span_size(1, rows.rank());
  const Tensor chosen = embedding(reshape(rows, {rows.size(0), width}), index);
  const Shape shape = rows.shape().with(0, index.size());
  const Tensor y = reshape(chosen, {shape.begin(), shape.end()});
  return axis == 0 ? y : transpose(y, 0, axis);
}

Tensor embedding(const Tensor& weight, const Tensor& ids) {
  require(weight.rank() == 2, "embedding: weight must be [V,D], got {}", weight.shape());
  check_indices("embedding", ids, weight.size(0));
  Shape shape = ids.shape();
  shape.append(weight.size(1));
  Array y(shape, weight.dtype());
  for_any(weight.dtype(), [&]<class T>() {
    kernels::gather_rows(weight.array().data<T>(), weight.size(1), ids.array().data<std::int32_t>(), ids.size(),
                         y.write<T>());
  });
  return record("embedding", std::move(y), {weight, ids}, keep_input(1),
                [](const Saved& s, const Tensor& g) -> Gradients {
                  return {Contribution::rows(s[1], g), Tensor()};
                });
}

Tensor add_rows(const Tensor& ids, const Tensor& values, std::int64_t rows) {
  const std::int64_t width = values.size(-1);
  Array y = Array::zeros({rows, width}, values.dtype());
  for_floating("add_rows", values.dtype(), [&]<class T>() {
    kernels::scatter_rows(ids.array().data<std::int32_t>(), ids.size(), values.array().data<T>(), width, y.write<T>());
  });
  return record("add_rows", std::move(y), {ids, values}, keep_input(0),
                [](const Saved& s, const Tensor& g) -> Gradients {
                  return {Tensor(), embedding(g, s[0])};
                });
}

}  // namespace gaze
