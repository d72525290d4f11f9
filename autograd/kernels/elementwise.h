#pragma once

#include <cstdint>

namespace gaze::kernels {

enum class Unary {
  neg, exp, log, sqrt, rsqrt, abs, erf, tanh, sigmoid, relu, gelu_exact, gelu_tanh, silu, softplus
};

/// y[i] = f(x[i]); y may be x.
template <class T>
void unary(Unary f, const T* x, T* y, std::int64_t n);

/// The last ones are vjps in one pass: g times the slope of an activation, of its argument x or its result y.
enum class Binary {
  add, sub, mul, div, pow, maximum, minimum,
  tanh_vjp, sigmoid_vjp, relu_vjp, gelu_exact_vjp, gelu_tanh_vjp, silu_vjp, softplus_vjp
};

constexpr int max_axes = 8;

/// A loop over a result of some shape and over operands that broadcast to it: strides of 0 repeat an axis.
struct Broadcast {
  int rank = 0;                                ///< axes, the innermost last; axes that can be joined are
  std::int64_t lengths[max_axes] = {};
  std::int64_t strides[3][max_axes] = {};      ///< of up to three operands, in elements
};

/// y = f(a, b), with a and b the first two operands of the loop.
template <class T>
void binary(Binary f, const Broadcast& loop, const T* a, const T* b, T* y);

/// y = condition != 0 ? a : b, three operands.
template <class T>
void where(const Broadcast& loop, const std::int32_t* condition, const T* a, const T* b, T* y);

/// y[i] = min(max(x[i], low), high)
template <class T>
void clip(const T* x, T low, T high, T* y, std::int64_t n);

/// y[i] += x[i]
template <class T>
void accumulate(const T* x, T* y, std::int64_t n);

}  // namespace gaze::kernels
