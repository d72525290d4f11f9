#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <xsimd/xsimd.hpp>

/// Loops over vectors of numbers. The last, incomplete vector goes through the same instructions, filled up: an
/// element's bits do not depend on where in an array it lies.
namespace gaze::kernels {

template <class T>
using Vector = xsimd::batch<T>;

template <class T>
constexpr std::int64_t lanes = static_cast<std::int64_t>(Vector<T>::size);

template <class T>
Vector<T> load_part(const T* from, std::int64_t count, T fill) {
  alignas(64) T buffer[Vector<T>::size];
  std::fill(std::copy_n(from, count, buffer), buffer + lanes<T>, fill);
  return Vector<T>::load_aligned(buffer);
}

template <class T>
void store_part(const Vector<T>& v, T* to, std::int64_t count) {
  alignas(64) T buffer[Vector<T>::size];
  v.store_aligned(buffer);
  std::copy_n(buffer, count, to);
}

/// y[i] = f(x[i]...) for i in [0, n): f takes and gives vectors.
template <class T, class F, class... Operand>
void map(std::int64_t n, T* y, const F& f, const Operand*... x) {
  std::int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) f(Vector<T>::load_unaligned(x + i)...).store_unaligned(y + i);
  if (i < n) store_part(f(load_part(x + i, n - i, T(1))...), y + i, n - i);
}

/// The sum of term(x[i]...) for i in [0, n), in an order that depends on n alone.
template <class T, class F, class... Operand>
T map_sum(std::int64_t n, const F& term, const Operand*... x) {
  Vector<T> total(T(0));
  std::int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) total += term(Vector<T>::load_unaligned(x + i)...);
  T sum = xsimd::hadd(total);
  if (i < n) {
    alignas(64) T rest[Vector<T>::size];
    term(load_part(x + i, n - i, T(0))...).store_aligned(rest);
    for (std::int64_t j = 0; j < n - i; ++j) sum += rest[j];
  }
  return sum;
}

template <class T>
T largest(std::int64_t n, const T* x) {
  constexpr T lowest = -std::numeric_limits<T>::infinity();
  Vector<T> top(lowest);
  std::int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) top = xsimd::max(top, Vector<T>::load_unaligned(x + i));
  if (i < n) top = xsimd::max(top, load_part(x + i, n - i, lowest));
  alignas(64) T each[Vector<T>::size];
  top.store_aligned(each);
  return *std::max_element(each, each + lanes<T>);
}

}  // namespace gaze::kernels
