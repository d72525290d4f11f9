#pragma once

#include <cstdint>

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

constexpr int max_axes = 8;

/// A loop over a result of some shape and over operands that broadcast to it: strides of 0 repeat an axis.
struct Broadcast {
  int rank = 0;  ///< axes, the innermost last; axes that can be joined are
  std::int64_t lengths[max_axes] = {};
  std::int64_t strides[3][max_axes] = {};  ///< of up to three operands, in elements
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

/// visit(i, offset in the first operand, offset in the second) for every element i of the result, in order.
template <class Visit>
void for_each_pair(const Broadcast& loop, const Visit& visit) {
  std::int64_t position[max_axes] = {}, first = 0, second = 0, count = 1;
  for (int axis = 0; axis < loop.rank; ++axis) count *= loop.lengths[axis];
  for (std::int64_t i = 0; i < count; ++i) {
    visit(i, first, second);
    for (int axis = loop.rank - 1; axis >= 0; --axis) {
      first += loop.strides[0][axis], second += loop.strides[1][axis];
      if (++position[axis] < loop.lengths[axis]) break;
      first -= position[axis] * loop.strides[0][axis], second -= position[axis] * loop.strides[1][axis];
      position[axis] = 0;
    }
  }
}

}  // namespace gaze::kernels
