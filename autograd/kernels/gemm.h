#pragma once

#include <cstdint>

#include <gaze/autograd/base/activation.h>

namespace gaze::kernels {

/// C [m,n] = alpha op(A) op(B), or C + that; row-major; op(A) is [m,k], op(B) [k,n]. A stride is the distance of two
/// rows in memory, so a matrix may be columns of a wider one.
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
  bool adds = false;   ///< to C; otherwise C is overwritten whatever it holds
  bool roomy = false;  ///< rows of C go on to a whole number of vectors (64 bytes), where anything may be written

  // What happens to C at last, row by row while it is in the cache: C = dropout(activation(C + bias)).
  const T* bias = nullptr;  ///< [n]
  Activation activation = Activation::none;
  T* slope = nullptr;  ///< of gelu, laid out as C: where its slope at C + bias goes, or null
  double dropout = 0;
  std::uint64_t seed = 0, stream = 0;  ///< of the dropout, whose number i n + j decides on C[i,j]
};

/// Where product i of many has its operands, in elements from the first one's.
struct GemmOffsets {
  std::int64_t a = 0, b = 0, c = 0;
};

/// What one of several products that are added up multiplies.
template <class T>
struct GemmOperands {
  const T *a = nullptr, *b = nullptr;
  std::int64_t k = 0;
};

/// Every number of C is summed in the same order whatever the tiles and the threads: its bits depend on k alone.
template <class T>
struct Products {
  void (*gemm)(const Gemm<T>&);
  void (*gemm_batch)(const Gemm<T>&, std::int64_t count, const GemmOffsets* offsets);
  /// C = op(A) op(B) + op(A') op(B') ...: the bits of so many calls of gemm, one adding to the other's C, which stays
  /// in the cache. At least one; strides and all else are the same for all.
  void (*gemm_sum)(const Gemm<T>&, std::int64_t count, const GemmOperands<T>* operands);
};

}  // namespace gaze::kernels
