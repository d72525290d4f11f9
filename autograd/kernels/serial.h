#pragma once

#include <cstdint>

#include <gaze/autograd/kernels/gemm.h>
#include <gaze/autograd/kernels/level.h>

/// What kernels of a level call of one another, on the calling thread.
namespace gaze::kernels::GAZE_LEVEL {

template <class T>
void gemm_serial(const Gemm<T>&);

/// One row of softmax over its first n numbers. A row of minus infinities alone (or n = 0) gives zeros.
template <class T>
void softmax_row(const T* x, std::int64_t n, T* y);

/// Dropout of elements [first, first + n) of the stream; x and y point to the first of them.
template <class T>
void dropout_part(const T* x, std::int64_t first, std::int64_t n, std::uint64_t seed, std::uint64_t stream, double p,
                  T* y);

}  // namespace gaze::kernels::GAZE_LEVEL
