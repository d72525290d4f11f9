#pragma once

#include <cstdint>

namespace gaze::kernels {

/// Reductions of the middle axis of x [outer, n, inner] into y [outer, inner].
template <class T>
struct Reductions {
  /// Taken in an order that depends on the lengths alone, in blocks whose sums are added in double, so that long float
  /// sums stay accurate.
  void (*sum)(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, T* y);
  /// n must be positive; a NaN among the numbers is the result.
  void (*max)(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, T* y);
  void (*min)(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, T* y);
  /// The first index of the largest, or of a NaN if there is one.
  void (*argmax)(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, std::int32_t* y);
};

}  // namespace gaze::kernels
