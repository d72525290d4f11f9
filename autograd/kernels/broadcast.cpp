#include <gaze/autograd/kernels/broadcast.h>

#include <algorithm>

namespace gaze::kernels {

Broadcast broadcast_loop(std::span<const std::int64_t> result,
                         std::initializer_list<std::span<const std::int64_t>> operands) {
  Broadcast loop;
  std::int64_t step[3] = {1, 1, 1};
  const int count = static_cast<int>(operands.size());
  // From the innermost axis outwards, written at the end of the arrays first.
  int begin = max_axes;
  for (std::size_t axis = 1; axis <= result.size(); ++axis) {
    const std::int64_t length = result[result.size() - axis];
    if (length == 1) continue;
    std::int64_t stride[3] = {};
    for (int i = 0; i < count; ++i) {
      const std::span<const std::int64_t> lengths = operands.begin()[i];
      const std::int64_t own = axis <= lengths.size() ? lengths[lengths.size() - axis] : 1;
      stride[i] = own == 1 ? 0 : step[i];
      step[i] *= own;
    }
    bool joins = begin < max_axes;
    for (int i = 0; joins && i < count; ++i)
      joins = stride[i] == loop.strides[i][begin] * loop.lengths[begin] &&
              (stride[i] != 0) == (loop.strides[i][begin] != 0);
    if (joins) {
      loop.lengths[begin] *= length;
      continue;
    }
    --begin;
    loop.lengths[begin] = length;
    for (int i = 0; i < count; ++i) loop.strides[i][begin] = stride[i];
  }
  loop.rank = max_axes - begin;
  std::copy(loop.lengths + begin, loop.lengths + max_axes, loop.lengths);
  for (int i = 0; i < count; ++i) std::copy(loop.strides[i] + begin, loop.strides[i] + max_axes, loop.strides[i]);
  return loop;
}

}  // namespace gaze::kernels
