#pragma once

#include <cstdint>

#include <gaze/autograd/kernels/gemm.h>

namespace gaze::kernels {

/// The way back through dropout(activation(Z)) of rows of n numbers, as Gemm leaves them.
template <class T>
struct DenseVjp {
  std::int64_t rows = 0, n = 0;
  Activation activation = Activation::none;
  const T* kept = nullptr;  ///< relu: its result, dropped out or not; gelu: its slope
  double dropout = 0;
  std::uint64_t seed = 0, stream = 0;
};

template <class T>
struct Dense {
  /// dz = g through the dropout and the activation, dbias [n] = the sums of its columns. Either may be null.
  void (*dense_vjp)(const DenseVjp<T>&, const T* g, T* dz, T* dbias);
};

}  // namespace gaze::kernels
