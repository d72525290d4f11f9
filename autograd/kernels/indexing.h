#pragma once

#include <cstdint>

namespace gaze::kernels {

/// out[i] = weight[ids[i]], rows of `width` numbers. Ids must be in range.
template <class T>
void gather_rows(const T* weight, std::int64_t width, const std::int32_t* ids, std::int64_t count, T* out);

/// out[ids[i]] += values[i], row by row in the order of i: the same bits for any number of threads.
template <class T>
void scatter_rows(const std::int32_t* ids, std::int64_t count, const T* values, std::int64_t width, T* out);

/// Where the entries of an index array point: y[i][j] = x[index[i][j]][j] for axis 0. The index is no longer than x
/// along the other axes.
struct GatherShape {
  int rank = 0, axis = 0;
  std::int64_t index_lengths[8] = {};  ///< shape of the index
  std::int64_t strides[8] = {};        ///< of x
};
template <class T>
void gather(const GatherShape&, const T* x, const std::int32_t* index, T* y);
/// x[..index..] += source, in order, on this thread.
template <class T>
void scatter_add(const GatherShape&, const std::int32_t* index, const T* source, T* x);

}  // namespace gaze::kernels
