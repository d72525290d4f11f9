#pragma once

#include <cstdint>

namespace gaze::kernels {

template <class T>
struct Softmax {
  /// Rows of n numbers. y may be x. A row of minus infinities alone (or n = 0) gives zeros.
  void (*softmax_rows)(const T* x, std::int64_t rows, std::int64_t n, T* y);
  void (*log_softmax_rows)(const T* x, std::int64_t rows, std::int64_t n, T* y);
  /// d = y (g - sum(g y)), from the result y of softmax
  void (*softmax_rows_vjp)(const T* g, const T* y, std::int64_t rows, std::int64_t n, T* d);
  /// d = g - e^y sum(g), from the result y of log_softmax
  void (*log_softmax_rows_vjp)(const T* g, const T* y, std::int64_t rows, std::int64_t n, T* d);
  /// Cross-entropy with label smoothing, row by row: losses[r] = -sum_c q_c log softmax(x_r)_c and the row's
  /// log sum e^x, which the vjp needs. A row whose target is `ignored` has loss 0.
  void (*cross_entropy_rows)(const T* x, const std::int32_t* targets, std::int32_t ignored, double smoothing,
                             std::int64_t rows, std::int64_t n, double* losses, T* log_sums);
  /// d = factor (softmax(x) - q), zeros for ignored rows; d may be x.
  void (*cross_entropy_rows_vjp)(const T* x, const T* log_sums, const std::int32_t* targets, std::int32_t ignored,
                                 double smoothing, double factor, std::int64_t rows, std::int64_t n, T* d);
};

}  // namespace gaze::kernels
