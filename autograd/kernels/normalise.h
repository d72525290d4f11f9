#pragma once

#include <cstdint>

namespace gaze::kernels {

template <class T>
struct Normalisation {
  /// y = (x - mean) / sqrt(var + eps) weight + bias for rows of n numbers; keeps each row's mean and
  /// 1 / sqrt(var + eps).
  void (*layer_norm_rows)(const T* x, const T* weight, const T* bias, double eps, std::int64_t rows, std::int64_t n,
                          T* y, T* means, T* scales);
  /// With h = (x - mean) scale and g' = g weight: dx = scale (g' - mean(g') - h mean(g' h)), dweight = sum_rows g h,
  /// dbias = sum_rows g. Each result may be null.
  void (*layer_norm_rows_vjp)(const T* g, const T* x, const T* weight, const T* means, const T* scales,
                              std::int64_t rows, std::int64_t n, T* dx, T* dweight, T* dbias);
};

}  // namespace gaze::kernels
