#pragma once

#include <cstdint>

#include <gaze/autograd/kernels/gemm.h>
#include <gaze/autograd/kernels/level.h>

/// What kernels of a level call of one another, on the calling thread.
namespace gaze::kernels::GAZE_LEVEL {

template <class T>
void gemm_serial(const Gemm<T>&);

/// Rows of scores, `stride` apart: row t sees the first `length` of them, or with `causal` no more than t + 1.
struct SoftmaxBlock {
  std::int64_t rows = 0, length = 0;
  bool causal = false;
  std::int64_t stride = 0;
};
/// Softmax of every row over what it sees, zeros behind that up to the next row. A row that sees nothing, or minus
/// infinities alone, is all zeros.
template <class T>
void softmax_block(const SoftmaxBlock&, T* x);

/// Dropout of elements [first, first + n) of the stream; x and y point to the first of them.
template <class T>
void dropout_part(const T* x, std::int64_t first, std::int64_t n, std::uint64_t seed, std::uint64_t stream, double p,
                  T* y);

}  // namespace gaze::kernels::GAZE_LEVEL
