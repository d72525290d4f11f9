#include <gaze/autograd/kernels/indexing.h>

#include <algorithm>

#include <gaze/autograd/kernels/parallel.h>

namespace gaze::kernels {

template <class T>
void gather_rows(const T* weight, std::int64_t width, const std::int32_t* ids, std::int64_t count, T* out) {
  parallel_blocks(count, rows_per_block(width), width, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) std::copy_n(weight + ids[i] * width, width, out + i * width);
  });
}

template <class T>
void scatter_rows(const std::int32_t* ids, std::int64_t count, const T* values, std::int64_t width, T* out) {
  // Every task owns some columns of all rows, so no two of them write the same number.
  constexpr std::int64_t columns = 64;
  parallel_blocks(width, columns, count, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = 0; i < count; ++i) {
      T* to = out + ids[i] * width;
      const T* from = values + i * width;
      for (std::int64_t c = first; c < last; ++c) to[c] += from[c];
    }
  });
}

namespace {

/// visit(position in the index, offset in x with the axis at 0) for every entry of the index, in order.
template <class Visit>
void for_entries(const GatherShape& s, const Visit& visit) {
  std::int64_t position[8] = {}, offset = 0, count = 1;
  for (int i = 0; i < s.rank; ++i) count *= s.index_lengths[i];
  for (std::int64_t at = 0; at < count; ++at) {
    visit(at, offset);
    for (int i = s.rank - 1; i >= 0; --i) {
      const std::int64_t stride = i == s.axis ? 0 : s.strides[i];
      offset += stride;
      if (++position[i] < s.index_lengths[i]) break;
      offset -= position[i] * stride;
      position[i] = 0;
    }
  }
}

}  // namespace

template <class T>
void gather(const GatherShape& s, const T* x, const std::int32_t* index, T* y) {
  for_entries(s, [&](std::int64_t at, std::int64_t offset) { y[at] = x[offset + index[at] * s.strides[s.axis]]; });
}

template <class T>
void scatter_add(const GatherShape& s, const std::int32_t* index, const T* source, T* x) {
  const FlushDenormals flush;
  for_entries(s,
              [&](std::int64_t at, std::int64_t offset) { x[offset + index[at] * s.strides[s.axis]] += source[at]; });
}

#define GAZE_INSTANTIATE(T)                                                                  \
  template void gather_rows(const T*, std::int64_t, const std::int32_t*, std::int64_t, T*);  \
  template void scatter_rows(const std::int32_t*, std::int64_t, const T*, std::int64_t, T*); \
  template void gather(const GatherShape&, const T*, const std::int32_t*, T*);               \
  template void scatter_add(const GatherShape&, const std::int32_t*, const T*, T*);
GAZE_INSTANTIATE(float)
GAZE_INSTANTIATE(double)
GAZE_INSTANTIATE(std::int32_t)
#undef GAZE_INSTANTIATE

}  // namespace gaze::kernels
