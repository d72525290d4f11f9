#pragma once

#include <cmath>
#include <numbers>
#include <xsimd/xsimd.hpp>

#include <gaze/autograd/kernels/level.h>

/// Functions of vectors that several kernels use.
namespace gaze::kernels::GAZE_LEVEL {
namespace {

/// A constant in every lane.
template <class V>
V all(double value) {
  return V(static_cast<typename V::value_type>(value));
}

template <class V>
V sigmoid(const V& x) {
  return V(1) / (V(1) + xsimd::exp(-x));
}

/// NaN stays NaN: the processor's max keeps only its second operand's.
template <class V>
V relu(const V& x) {
  return xsimd::select(x > V(0), x, xsimd::select(x == x, V(0), x));
}

/// xsimd's polynomials are right to 2 units in the last place of float, to 68 of double: doubles are here to check
/// gradients with, and take the slow way.
template <class V>
V error_function(const V& x) {
  if constexpr (sizeof(typename V::value_type) == sizeof(float)) {
    return xsimd::erf(x);
  } else {
    alignas(64) double each[V::size];
    x.store_aligned(each);
    for (double& v : each) v = std::erf(v);
    return V::load_aligned(each);
  }
}

template <class V>
V normal_cdf(const V& x) {
  return V(0.5) * (V(1) + error_function(x * all<V>(std::numbers::sqrt2 / 2)));
}

template <class V>
V normal_density(const V& x) {
  constexpr double factor = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  return all<V>(factor) * xsimd::exp(V(-0.5) * x * x);
}

/// x Phi(x) (Hendrycks and Gimpel 2016)
template <class V>
V gelu(const V& x) {
  return x * normal_cdf(x);
}

/// Its slope
template <class V>
V gelu_slope(const V& x) {
  return normal_cdf(x) + x * normal_density(x);
}

}  // namespace
}  // namespace gaze::kernels::GAZE_LEVEL
