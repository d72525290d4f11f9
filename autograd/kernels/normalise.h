#pragma once

#include <cstdint>

namespace gaze::kernels {

/// Rows of n numbers to be normalised: x + dropout(f).
template <class T>
struct ResidualRows {
  const T *x = nullptr, *f = nullptr;
  double dropout = 0;
  std::uint64_t seed = 0, stream = 0;  ///< of the dropout
  T* sum = nullptr;                    ///< where x + dropout(f) goes; null: nowhere, when it is normalised
};

template <class T>
struct Normalisation {
  /// y = (x - mean) / sqrt(var + eps) weight + bias for rows of n numbers; keeps each row's mean and
  /// 1 / sqrt(var + eps).
  void (*layer_norm_rows)(const T* x, const T* weight, const T* bias, double eps, std::int64_t rows, std::int64_t n,
                          T* y, T* means, T* scales);
  /// The same of a sum, which is made on the way.
  void (*residual_norm_rows)(const ResidualRows<T>& x, const T* weight, const T* bias, double eps, std::int64_t rows,
                             std::int64_t n, T* y, T* means, T* scales);
  /// With h = (x - mean) scale and g' = g weight: dx = scale (g' - mean(g') - h mean(g' h)), dweight = sum_rows g h,
  /// dbias = sum_rows g. Each result may be null.
  void (*layer_norm_rows_vjp)(const T* g, const T* x, const T* weight, const T* means, const T* scales,
                              std::int64_t rows, std::int64_t n, T* dx, T* dweight, T* dbias);
  /// The same from the result: h = (y - bias) / weight.
  void (*layer_norm_rows_vjp_of_result)(const T* g, const T* y, const T* weight, const T* bias, const T* scales,
                                        std::int64_t rows, std::int64_t n, T* dx, T* dweight, T* dbias);
  /// The sum alone, of n numbers.
  void (*residual)(const ResidualRows<T>& x, std::int64_t n);
};

}  // namespace gaze::kernels
