#pragma once

#include <gaze/autograd/kernels/simd.h>
#include <cmath>
#include <numbers>

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
  return V(1) / (V(1) + simd::exp(-x));
}

/// NaN stays NaN: the processor's max keeps only its second operand's.
template <class V>
V relu(const V& x) {
  return simd::select(x > V(0), x, simd::select(x == x, V(0), x));
}

/// xsimd's polynomials are right to 2 units in the last place of float, to 68 of double: doubles are here to check
/// gradients with, and take the slow way.
template <class V>
V error_function(const V& x) {
  if constexpr (sizeof(typename V::value_type) == sizeof(float)) {
    return simd::erf(x);
  } else {
    alignas(64) double each[V::size];
    x.store_aligned(each);
    for (double& v : each) v = std::erf(v);
    return V::load_aligned(each);
  }
}

/// The standard normal distribution at x: Phi(x) and the density there.
template <class V>
struct Normal {
  V cdf, density;
};

/// Floats: with t = 1 / (1 + 0.35 |x|), Phi(-|x|) exp(x^2 / 2) / t is a polynomial of degree 8 in t to 3.2e-8 (Lawson's
/// iterations for the smallest maximum of the relative error), so that one exponential serves both, and tails keep
/// their digits: 8 units in the last place at 0, 16 down to -4, more beyond as x^2 is rounded. Doubles are here to
/// check gradients with.
template <class V>
Normal<V> normal(const V& x) {
  constexpr double factor = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  const V e = simd::exp(V(-0.5) * x * x);
  if constexpr (sizeof(typename V::value_type) == sizeof(float)) {
    const V t = V(1) / simd::fma(simd::abs(x), V(0.35F), V(1));
    V r(-0.029158029F);
    for (const float c : {0.144031614F, -0.25584042F, 0.159321293F, -0.0232134107F, 0.105552934F, 0.119821183F,
                          0.139863521F, 0.139621302F})
      r = simd::fma(r, t, V(c));
    const V tail = e * (t * r);
    return {simd::select(x > V(0), V(1) - tail, tail), all<V>(factor) * e};
  } else {
    return {V(0.5) * (V(1) + error_function(x * all<V>(std::numbers::sqrt2 / 2))), all<V>(factor) * e};
  }
}

/// x Phi(x) (Hendrycks and Gimpel 2016)
template <class V>
V gelu(const V& x) {
  return x * normal(x).cdf;
}

/// Its slope
template <class V>
V gelu_slope(const V& x) {
  const auto [cdf, density] = normal(x);
  return cdf + x * density;
}

}  // namespace
}  // namespace gaze::kernels::GAZE_LEVEL
