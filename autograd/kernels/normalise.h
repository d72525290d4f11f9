#pragma once

#include <cstdint>
#include <limits>

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

/// Whether the input of a LayerNorm can be had from its result y, as (y - bias) / weight: not when a weight is next to
/// nothing.
template <class T>
bool invertible(const T* weight, const T* bias, std::int64_t n) {
  constexpr T max_ratio = 16;  // |bias| / |weight|: so many times the rounding error of y is that of x
  // What is denormal in y is flushed to zero: it must be no more than a rounding error of x.
  constexpr T min_weight = std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon();
  for (std::int64_t i = 0; i < n; ++i) {
    const T w = weight[i] < 0 ? -weight[i] : weight[i], b = bias[i] < 0 ? -bias[i] : bias[i];
    if (!(w >= min_weight && b <= max_ratio * w)) return false;
  }
  return true;
}

}  // namespace gaze::kernels
