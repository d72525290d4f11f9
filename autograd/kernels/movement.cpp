#include <gaze/autograd/kernels/movement.h>

#include <algorithm>

#include <gaze/autograd/kernels/parallel.h>

namespace gaze::kernels {
namespace {

struct Axis {
  std::int64_t length, from, to;
};

/// Copies the last two axes: in squares where one side runs along columns and the other along rows, so that both stay
/// in the cache.
template <class T>
void copy_plane(const Axis& rows, const Axis& columns, const T* from, T* to) {
  if (columns.from == 1 && columns.to == 1) {
    for (std::int64_t r = 0; r < rows.length; ++r) std::copy_n(from + r * rows.from, columns.length, to + r * rows.to);
    return;
  }
  if (columns.from == 0 && columns.to == 1) {
    for (std::int64_t r = 0; r < rows.length; ++r) std::fill_n(to + r * rows.to, columns.length, from[r * rows.from]);
    return;
  }
  constexpr std::int64_t side = 32;
  for (std::int64_t r0 = 0; r0 < rows.length; r0 += side)
    for (std::int64_t c0 = 0; c0 < columns.length; c0 += side)
      for (std::int64_t r = r0; r < std::min(r0 + side, rows.length); ++r)
        for (std::int64_t c = c0; c < std::min(c0 + side, columns.length); ++c)
          to[r * rows.to + c * columns.to] = from[r * rows.from + c * columns.from];
}

}  // namespace

template <class T>
void copy_strided(int rank, const std::int64_t* lengths, const T* from, const std::int64_t* from_strides, T* to,
                  const std::int64_t* to_strides) {
  // Axes that lie behind one another on both sides are one axis.
  Axis axes[10] = {{1, 0, 0}, {1, 0, 0}};
  int count = 2;  // at least a plane
  for (int i = 0; i < rank; ++i) {
    if (lengths[i] == 0) return;
    if (lengths[i] == 1) continue;
    const Axis next{lengths[i], from_strides[i], to_strides[i]};
    Axis& last = axes[count - 1];
    if (count > 2 && last.from == next.from * next.length && last.to == next.to * next.length)
      last = {last.length * next.length, next.from, next.to};
    else
      axes[count++] = next;
  }
  const Axis rows = axes[count - 2], columns = axes[count - 1];
  std::int64_t planes = 1;
  for (int i = 0; i < count - 2; ++i) planes *= axes[i].length;
  // A single plane is cut along its rows.
  const std::int64_t rows_per_task =
      planes == 1 ? std::max<std::int64_t>(rows_per_block(columns.length), 32) : rows.length;
  const std::int64_t cuts = (rows.length + rows_per_task - 1) / rows_per_task;
  const auto copy_part = [&](std::int64_t task) {
    const std::int64_t first = task % cuts * rows_per_task;
    std::int64_t source = first * rows.from, target = first * rows.to;
    std::int64_t rest = task / cuts;
    for (int i = count - 3; i >= 0; --i) {
      const std::int64_t at = rest % axes[i].length;
      rest /= axes[i].length;
      source += at * axes[i].from, target += at * axes[i].to;
    }
    const Axis part{std::min(rows_per_task, rows.length - first), rows.from, rows.to};
    copy_plane(part, columns, from + source, to + target);
  };
  // Small planes go together, so that a task is worth its start.
  const std::int64_t elements = rows_per_task * columns.length;
  parallel_blocks(planes * cuts, rows_per_block(elements), elements, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t task = first; task < last; ++task) copy_part(task);
  });
}

template void copy_strided(int, const std::int64_t*, const float*, const std::int64_t*, float*, const std::int64_t*);
template void copy_strided(int, const std::int64_t*, const double*, const std::int64_t*, double*, const std::int64_t*);
template void copy_strided(int, const std::int64_t*, const std::int32_t*, const std::int64_t*, std::int32_t*,
                           const std::int64_t*);

}  // namespace gaze::kernels
