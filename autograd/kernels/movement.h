#pragma once

#include <cstdint>

namespace gaze::kernels {

/// Copies a block of numbers of `rank` axes between places with strides of their own (in elements; 0 in the source
/// repeats). T is only moved: any type of its size will do.
template <class T>
void copy_strided(int rank, const std::int64_t* lengths, const T* from, const std::int64_t* from_strides, T* to,
                  const std::int64_t* to_strides);

}  // namespace gaze::kernels
