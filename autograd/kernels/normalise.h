#pragma once

#include <cstdint>

namespace gaze::kernels {

/// y = (x - mean) / sqrt(var + eps) weight + bias for rows of n numbers; keeps each row's mean and 1 / sqrt(var + eps).
template <class T>
void layer_norm_rows(const T* x, const T* weight, const T* bias, double eps, std::int64_t rows, std::int64_t n, T* y,
                     T* means, T* scales);

/// With h = (x - mean) scale and g' = g weight: dx = scale (g' - mean(g') - h mean(g' h)), dweight = sum_rows g h,
/// dbias = sum_rows g. Each result may be null.
template <class T>
void layer_norm_rows_vjp(const T* g, const T* x, const T* weight, const T* means, const T* scales, std::int64_t rows,
                         std::int64_t n, T* dx, T* dweight, T* dbias);

/// y[i] = x[i] / (1 - p) where number i of the random stream (seed, stream) is at least p 2^32, else 0.
template <class T>
void dropout(const T* x, std::int64_t n, std::uint64_t seed, std::uint64_t stream, double p, T* y);

/// The same on this thread for elements [first, first + n) of the stream; x and y point to the first of them.
template <class T>
void dropout_part(const T* x, std::int64_t first, std::int64_t n, std::uint64_t seed, std::uint64_t stream, double p,
                  T* y);

}  // namespace gaze::kernels
