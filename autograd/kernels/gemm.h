#pragma once

#include <cstdint>
#include <string>

namespace gaze::kernels {

/// C [m,n] = alpha op(A) op(B) + beta C, row-major; op(A) is [m,k], op(B) [k,n]. A stride is the distance of two rows
/// in memory, so a matrix may be columns of a wider one.
template <class T>
struct Gemm {
  std::int64_t m = 0, n = 0, k = 0;
  const T* a = nullptr;
  std::int64_t a_stride = 0;
  bool transpose_a = false;
  const T* b = nullptr;
  std::int64_t b_stride = 0;
  bool transpose_b = false;
  T* c = nullptr;
  std::int64_t c_stride = 0;
  T alpha = 1;
  T beta = 0;               ///< 0 overwrites C whatever it holds
  const T* bias = nullptr;  ///< [n], added to every row; only with beta = 0
};

/// One call on this thread: for tasks that run in parallel themselves.
template <class T>
void gemm_serial(const Gemm<T>&);

/// On all threads, over tiles of C that depend on the shape alone: the same bits for any number of threads.
template <class T>
void gemm(const Gemm<T>&);

/// `count` products whose operands lie at offsets(i) = {a, b, c} elements from the first.
struct GemmOffsets {
  std::int64_t a = 0, b = 0, c = 0;
};
template <class T>
void gemm_batch(const Gemm<T>&, std::int64_t count, const GemmOffsets* offsets);

/// The kernels that OpenBLAS uses on this processor, "Cooperlake" say.
std::string blas_core();

}  // namespace gaze::kernels
