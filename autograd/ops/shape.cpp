#include <gaze/autograd/kernels/movement.h>

#include <algorithm>
#include <array>
#include <numeric>

#include <gaze/autograd/base/range.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/vjp_ops.h>

namespace gaze {
namespace {

using Strides = std::array<std::int64_t, Shape::max_rank>;

Strides strides_of(const Shape& shape) {
  Strides strides{};
  std::int64_t step = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = step;
    step *= shape[axis];
  }
  return strides;
}

/// Copies numbers of any dtype: a block of shape `lengths` from one array into another.
void copy(const Shape& lengths, const Array& from, std::int64_t from_first, const Strides& from_strides, Array& to,
          std::int64_t to_first, const Strides& to_strides) {
  for_any(from.dtype(), [&]<class T>() {
    kernels::copy_strided(lengths.rank(), lengths.begin(), from.data<T>() + from_first, from_strides.data(),
                          to.write<T>() + to_first, to_strides.data());
  });
}

std::size_t at(int axis) { return static_cast<std::size_t>(axis); }

}  // namespace

Tensor reshape(const Tensor& x, std::vector<std::int64_t> lengths) {
  Shape known;
  auto unknown = lengths.end();
  for (auto it = lengths.begin(); it != lengths.end(); ++it) {
    require(*it >= -1, "reshape: length {} in [{}] is negative; only -1 has a meaning", *it, fmt::join(lengths, ","));
    if (*it != -1) {
      known.append(*it);
      continue;
    }
    require(unknown == lengths.end(), "reshape: [{}] has more than one -1", fmt::join(lengths, ","));
    unknown = it;
  }
  if (unknown != lengths.end()) {
    require(known.size() > 0 && x.size() % known.size() == 0, "reshape: {} does not divide into [{}]", x.shape(),
            fmt::join(lengths, ","));
    *unknown = x.size() / known.size();
  }
  const Shape shape{std::span<const std::int64_t>(lengths)};
  return record("reshape", x.array().reshaped(shape), {x}, keep_none,
                [from = x.shape()](const Saved&, const Tensor& g) -> Gradients {
                  return {reshape(g, {from.begin(), from.end()})};
                });
}

Tensor alias(const Tensor& x) {
  return record("alias", x.array(), {x}, keep_none, [](const Saved&, const Tensor& g) -> Gradients { return {g}; });
}

Tensor squeeze(const Tensor& x, int axis) {
  axis = x.shape().normal_axis(axis, "squeeze");
  require(x.size(axis) == 1, "squeeze: axis {} of {} has not length 1", axis, x.shape());
  const Shape shape = x.shape().without(axis);
  return reshape(x, {shape.begin(), shape.end()});
}

Tensor unsqueeze(const Tensor& x, int axis) {
  require(axis >= -x.rank() - 1 && axis <= x.rank(), "unsqueeze: axis {} is out of range for shape {}", axis,
          x.shape());
  std::vector<std::int64_t> lengths(x.shape().begin(), x.shape().end());
  lengths.insert(lengths.begin() + (axis < 0 ? axis + x.rank() + 1 : axis), 1);
  return reshape(x, std::move(lengths));
}

Tensor permute(const Tensor& x, const Axes& order) {
  require(static_cast<int>(order.size()) == x.rank(), "permute: {} axes given for shape {}", order.size(), x.shape());
  const Strides own = strides_of(x.shape());
  Axes back(order.size(), -1);
  Strides strides{};
  Shape shape;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const int axis = x.shape().normal_axis(order[i], "permute");
    require(back[at(axis)] < 0, "permute: axis {} is given twice", axis);
    back[at(axis)] = static_cast<int>(i);
    shape.append(x.size(axis));
    strides[i] = own[at(axis)];
  }
  Array y(shape, x.dtype());
  copy(shape, x.array(), 0, strides, y, 0, strides_of(shape));
  return record("permute", std::move(y), {x}, keep_none,
                [back](const Saved&, const Tensor& g) -> Gradients { return {permute(g, back)}; });
}

Tensor transpose(const Tensor& x, int axis_a, int axis_b) {
  Axes order(at(x.rank()));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[at(x.shape().normal_axis(axis_a, "transpose"))],
            order[at(x.shape().normal_axis(axis_b, "transpose"))]);
  return permute(x, order);
}

Tensor expand(const Tensor& x, const Shape& shape) {
  require(broadcasts_to(x.shape(), shape), "expand: {} does not broadcast to {}", x.shape(), shape);
  const Strides own = strides_of(x.shape());
  Strides strides{};
  for (int axis = 1; axis <= x.rank(); ++axis)
    strides[at(shape.rank() - axis)] = x.size(-axis) == 1 ? 0 : own[at(x.rank() - axis)];
  Array y(shape, x.dtype());
  copy(shape, x.array(), 0, strides, y, 0, strides_of(shape));
  return record("expand", std::move(y), {x}, keep_none, [](const Saved&, const Tensor& g) -> Gradients { return {g}; });
}

Tensor concat(const std::vector<Tensor>& parts, int axis) {
  require(!parts.empty(), "concat: no tensors are given");
  axis = parts[0].shape().normal_axis(axis, "concat");
  std::int64_t length = 0;
  for (const Tensor& part : parts) {
    require(part.rank() == parts[0].rank() && part.shape().with(axis, 0) == parts[0].shape().with(axis, 0) &&
                part.dtype() == parts[0].dtype(),
            "concat: {} {} and {} {} may differ along axis {} alone", name_of(parts[0].dtype()), parts[0].shape(),
            name_of(part.dtype()), part.shape(), axis);
    length += part.size(axis);
  }
  Array y(parts[0].shape().with(axis, length), parts[0].dtype());
  const Strides strides = strides_of(y.shape());
  std::vector<std::int64_t> first;
  std::int64_t next = 0;
  for (const Tensor& part : parts) {
    copy(part.shape(), part.array(), 0, strides_of(part.shape()), y, next * strides[at(axis)], strides);
    first.push_back(next);
    next += part.size(axis);
  }
  first.push_back(next);
  return record("concat", std::move(y), std::span<const Tensor>(parts), keep_none,
                [axis, first](const Saved& s, const Tensor& g) -> Gradients {
                  std::vector<Contribution> gradients(first.size() - 1);
                  for (std::size_t i = 0; i < gradients.size(); ++i)
                    if (s.needs(static_cast<int>(i))) gradients[i] = slice(g, axis, first[i], first[i + 1]);
                  return Gradients(std::move(gradients));
                });
}

Tensor stack(const std::vector<Tensor>& parts, int axis) {
  require(!parts.empty(), "stack: no tensors are given");
  const Shape& shape = parts[0].shape();
  for (const Tensor& part : parts)
    require(part.shape() == shape && part.dtype() == parts[0].dtype(), "stack: {} {} and {} {} differ",
            name_of(parts[0].dtype()), shape, name_of(part.dtype()), part.shape());
  require(axis >= -shape.rank() - 1 && axis <= shape.rank(), "stack: axis {} is out of range for parts of shape {}",
          axis, shape);
  std::vector<Tensor> rows;
  for (const Tensor& part : parts) rows.push_back(unsqueeze(part, axis));
  return concat(rows, axis);
}

Tensor slice(const Tensor& x, int axis, std::int64_t first, std::int64_t last, std::int64_t step) {
  axis = x.shape().normal_axis(axis, "slice");
  const std::int64_t length = x.size(axis);
  const std::int64_t from = first < 0 ? first + length : first, to = last < 0 ? last + length : last;
  require(step >= 1 && within(0, from, to) && to <= length, "slice: [{}:{}:{}] is out of range for axis {} of {}",
          first, last, step, axis, x.shape());
  step = std::min(step, std::max<std::int64_t>(length, 1));  // further than the axis is long is past its end
  const Shape shape = x.shape().with(axis, (to - from + step - 1) / step);
  Strides strides = strides_of(x.shape());
  const std::int64_t offset = from * strides[at(axis)];
  strides[at(axis)] *= step;
  Array y(shape, x.dtype());
  copy(shape, x.array(), offset, strides, y, 0, strides_of(shape));
  return record("slice", std::move(y), {x}, keep_none,
                [whole = x.shape(), axis, from, step](const Saved&, const Tensor& g) -> Gradients {
                  if (axis == 0 && step == 1) return {Contribution::part(g, from)};
                  return {spread(g, whole, axis, from, step)};
                });
}

Tensor spread(const Tensor& x, const Shape& shape, int axis, std::int64_t first, std::int64_t step) {
  Array y = Array::zeros(shape, x.dtype());
  Strides strides = strides_of(shape);
  const std::int64_t offset = first * strides[at(axis)];
  strides[at(axis)] *= step;
  copy(x.shape(), x.array(), 0, strides_of(x.shape()), y, offset, strides);
  const std::int64_t last = std::min(first + x.size(axis) * step, shape[axis]);
  return record("spread", std::move(y), {x}, keep_none,
                [axis, first, last, step](const Saved&, const Tensor& g) -> Gradients {
                  return {slice(g, axis, std::min(first, last), last, step)};
                });
}

Tensor pad(const Tensor& x, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths, double value) {
  require(static_cast<int>(widths.size()) == x.rank(), "pad: {} pairs of widths for shape {}", widths.size(),
          x.shape());
  Shape shape;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const auto [before, after] = widths[at(axis)];
    require(before >= 0 && after >= 0, "pad: widths ({}, {}) of axis {} must not be negative", before, after, axis);
    std::int64_t length = 0;
    require(!__builtin_add_overflow(before, after, &length) && !__builtin_add_overflow(length, x.size(axis), &length),
            "pad: widths ({}, {}) of axis {} of {} are too large", before, after, axis, x.shape());
    shape.append(length);
  }
  Array y = Array::full(shape, x.dtype(), value);
  const Strides strides = strides_of(shape);
  std::int64_t offset = 0;
  for (int axis = 0; axis < x.rank(); ++axis) offset += widths[at(axis)].first * strides[at(axis)];
  copy(x.shape(), x.array(), 0, strides_of(x.shape()), y, offset, strides);
  return record("pad", std::move(y), {x}, keep_none,
                [widths, inner = x.shape()](const Saved&, const Tensor& g) -> Gradients {
                  Tensor part = g;
                  for (int axis = 0; axis < inner.rank(); ++axis)
                    if (const std::int64_t before = widths[at(axis)].first; before > 0 || widths[at(axis)].second > 0)
                      part = slice(part, axis, before, before + inner[axis]);
                  return {part};
                });
}

}  // namespace gaze
