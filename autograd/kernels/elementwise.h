#pragma once

#include <cstdint>

#include <gaze/autograd/kernels/broadcast.h>

namespace gaze::kernels {

enum class Unary { neg, exp, log, sqrt, rsqrt, abs, erf, tanh, sigmoid, relu, gelu_exact, gelu_tanh, silu, softplus };

/// The last ones are vjps in one pass: g times the slope of an activation, of its argument x or its result y.
enum class Binary {
  add,
  sub,
  mul,
  div,
  pow,
  maximum,
  minimum,
  tanh_vjp,
  sigmoid_vjp,
  relu_vjp,
  gelu_exact_vjp,
  gelu_tanh_vjp,
  silu_vjp,
  softplus_vjp
};

template <class T>
struct Elementwise {
  /// y[i] = f(x[i]); y may be x. exp, tanh and erf are right to two units in the last place; exp is infinite from
  /// 1 / 1.42 of the largest number on.
  void (*unary)(Unary f, const T* x, T* y, std::int64_t n);
  /// y = f(a, b), with a and b the first two operands of the loop.
  void (*binary)(Binary f, const Broadcast& loop, const T* a, const T* b, T* y);
  /// y = condition != 0 ? a : b, three operands.
  void (*where)(const Broadcast& loop, const std::int32_t* condition, const T* a, const T* b, T* y);
  /// y[i] = min(max(x[i], low), high)
  void (*clip)(const T* x, T low, T high, T* y, std::int64_t n);
  /// y[i] += x[i]
  void (*accumulate)(const T* x, T* y, std::int64_t n);
};

}  // namespace gaze::kernels
