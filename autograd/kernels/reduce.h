#pragma once

#include <cstdint>

namespace gaze::kernels {

/// Reductions of the middle axis of x [outer, n, inner] into y [outer, inner]. Sums are taken in an order that depends
/// on the lengths alone, in blocks whose sums are added in double, so that long float sums stay accurate.
template <class T>
void sum(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, T* y);
/// n must be positive; a NaN among the numbers is the result.
template <class T>
void max(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, T* y);
template <class T>
void min(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, T* y);
/// The first index of the largest, or of a NaN if there is one.
template <class T>
void argmax(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, std::int32_t* y);

}  // namespace gaze::kernels
