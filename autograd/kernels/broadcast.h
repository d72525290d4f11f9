#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>

namespace gaze::kernels {

constexpr int max_axes = 8;

/// A loop over a result of some shape and over operands that broadcast to it: strides of 0 repeat an axis.
struct Broadcast {
  int rank = 0;  ///< axes, the innermost last; axes that can be joined are
  std::int64_t lengths[max_axes] = {};
  std::int64_t strides[3][max_axes] = {};  ///< of up to three operands, in elements
};

/// The loop over a result with axes of these lengths and operands, at most three, whose last axes are its own or of
/// length 1.
Broadcast broadcast_loop(std::span<const std::int64_t> result,
                         std::initializer_list<std::span<const std::int64_t>> operands);

/// visit(i, offset in the first operand, offset in the second) for every element i of the result, in order.
template <class Visit>
void for_each_pair(const Broadcast& loop, const Visit& visit) {
  std::int64_t position[max_axes] = {}, first = 0, second = 0, count = 1;
  for (int axis = 0; axis < loop.rank; ++axis) count *= loop.lengths[axis];
  for (std::int64_t i = 0; i < count; ++i) {
    visit(i, first, second);
    for (int axis = loop.rank - 1; axis >= 0; --axis) {
      first += loop.strides[0][axis], second += loop.strides[1][axis];
      if (++position[axis] < loop.lengths[axis]) break;
      first -= position[axis] * loop.strides[0][axis], second -= position[axis] * loop.strides[1][axis];
      position[axis] = 0;
    }
  }
}

}  // namespace gaze::kernels
