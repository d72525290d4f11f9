#pragma once

#include <gaze/autograd/tensor.h>

/// Operations that vjps are written in and ops.h does not have.
namespace gaze {

/// Sums the axes along which `shape` broadcasts to x's shape: the vjp of broadcasting. Its own vjp is expand.
Tensor sum_to(const Tensor& x, const Shape& shape);

/// [rows, D]: zeros, with values[i] added to row ids[i]; values [..., D], ids int32 of the shape without D. The vjp of
/// embedding where it must be a tensor; its own vjp is embedding.
Tensor add_rows(const Tensor& ids, const Tensor& values, std::int64_t rows);

/// Zeros of `shape` with x at first, first + step, ... of an axis: the vjp of slice. Its own vjp is slice.
Tensor spread(const Tensor& x, const Shape& shape, int axis, std::int64_t first, std::int64_t step);
/// x at a place of its own in the graph, which a walk can end at.
Tensor alias(const Tensor& x);

}  // namespace gaze
