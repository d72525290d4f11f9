#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#ifdef GAZE_PLAIN_VECTORS
#include <gaze/autograd/kernels/plain_vector.h>
#else
#include <xsimd/xsimd.hpp>
#endif

#include <gaze/autograd/kernels/level.h>

/// Loops over vectors of numbers. The last, incomplete vector goes through the same instructions, filled up: an
/// element's bits do not depend on where in an array it lies.
namespace gaze::kernels::GAZE_LEVEL {

#ifndef GAZE_PLAIN_VECTORS
/// What kernels call of the vector library.
namespace simd {
using xsimd::abs, xsimd::erf, xsimd::exp, xsimd::fma, xsimd::log, xsimd::log1p, xsimd::max, xsimd::min, xsimd::select,
    xsimd::tanh;

#ifdef __aarch64__
// The library's root of floats is two steps of Newton's, in its version 8.1: NaN for infinity, and not the nearest
// float. The processor has an exact one.
[[gnu::always_inline]] inline xsimd::batch<float> sqrt(const xsimd::batch<float>& x) { return vsqrtq_f32(x); }
[[gnu::always_inline]] inline xsimd::batch<double> sqrt(const xsimd::batch<double>& x) { return vsqrtq_f64(x); }
#else
using xsimd::sqrt;
#endif
}  // namespace simd
#endif

namespace {

#ifdef GAZE_PLAIN_VECTORS
template <class T>
using Vector = PlainVector<T>;
#else
template <class T>
using Vector = xsimd::batch<T>;
#endif

/// Vectors that the processor's registers hold.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int vector_registers = 32;
#else
constexpr int vector_registers = 16;
#endif

template <class T>
constexpr std::int64_t lanes = static_cast<std::int64_t>(Vector<T>::size);

/// n, or the next number above it that is a multiple of `multiple`.
constexpr std::int64_t round_up(std::int64_t n, std::int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

/// The first `count` numbers, 0 < count < lanes, with `fill` behind them. Nothing behind them is read.
template <class T>
[[gnu::always_inline]] inline Vector<T> load_part(const T* from, std::int64_t count, T fill) {
#ifdef __AVX512F__
  if constexpr (sizeof(T) == 4)
    return _mm512_mask_loadu_ps(Vector<T>(fill), static_cast<__mmask16>((1u << count) - 1), from);
  else
    return _mm512_mask_loadu_pd(Vector<T>(fill), static_cast<__mmask8>((1u << count) - 1), from);
#else
  alignas(64) T buffer[Vector<T>::size];
  for (std::int64_t i = 0; i < lanes<T>; ++i) buffer[i] = i < count ? from[i] : fill;
  return Vector<T>::load_aligned(buffer);
#endif
}

template <class T>
[[gnu::always_inline]] inline void store_part(const Vector<T>& v, T* to, std::int64_t count) {
#ifdef __AVX512F__
  if constexpr (sizeof(T) == 4)
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << count) - 1), v);
  else
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << count) - 1), v);
#else
  alignas(64) T buffer[Vector<T>::size];
  v.store_aligned(buffer);
  for (std::int64_t i = 0; i < lanes<T>; ++i)
    if (i < count) to[i] = buffer[i];
#endif
}

/// The first `count` lanes, and zeros.
template <class T>
[[gnu::always_inline]] inline Vector<T> first_lanes(const Vector<T>& v, std::int64_t count) {
#ifdef __AVX512F__
  if constexpr (sizeof(T) == 4)
    return _mm512_maskz_mov_ps(static_cast<__mmask16>((1u << count) - 1), v);
  else
    return _mm512_maskz_mov_pd(static_cast<__mmask8>((1u << count) - 1), v);
#else
  alignas(64) T buffer[Vector<T>::size];
  v.store_aligned(buffer);
  return load_part(buffer, count, T(0));
#endif
}

/// f of all lanes, in every lane: of halves, then of quarters... All lanes have the same bits when f(a, b) and f(b, a)
/// have.
template <class T, int S = static_cast<int>(lanes<T>) / 2, class F>
[[gnu::always_inline]] inline Vector<T> across(const Vector<T>& v, const F& f) {
  const Vector<T> other = [&]<int... lane>(std::integer_sequence<int, lane...>) {
    return Vector<T>(__builtin_shufflevector(v.data, v.data, (lane ^ S)...));
  }
  (std::make_integer_sequence<int, static_cast<int>(lanes<T>)>());
  const Vector<T> folded = f(v, other);
  if constexpr (S > 1)
    return across<T, S / 2>(folded, f);
  else
    return folded;
}

template <class T>
[[gnu::always_inline]] inline Vector<T> sum_across(const Vector<T>& v) {
  return across<T>(v, [](const Vector<T>& a, const Vector<T>& b) { return a + b; });
}

template <class T>
[[gnu::always_inline]] inline Vector<T> max_across(const Vector<T>& v) {
  return across<T>(v, [](const Vector<T>& a, const Vector<T>& b) { return simd::max(a, b); });
}

/// y[i] = f(x[i]...) for i in [0, n): f takes and gives vectors.
template <class T, class F, class... Operand>
void map(std::int64_t n, T* y, const F& f, const Operand*... x) {
  std::int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) f(Vector<T>::load_unaligned(x + i)...).store_unaligned(y + i);
  if (i < n) store_part(f(load_part(x + i, n - i, T(1))...), y + i, n - i);
}

/// to[i] += from[i] for i in [0, n)
template <class T>
void add_to(T* to, const T* from, std::int64_t n) {
  map(
      n, to, [](const Vector<T>& a, const Vector<T>& b) { return a + b; }, to, from);
}

/// The sum of term(x[i]...) for i in [0, n), in an order that depends on n alone.
template <class T, class F, class... Operand>
T map_sum(std::int64_t n, const F& term, const Operand*... x) {
  Vector<T> total(T(0));
  std::int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) total += term(Vector<T>::load_unaligned(x + i)...);
  if (i < n) total += first_lanes(term(load_part(x + i, n - i, T(0))...), n - i);
  return sum_across<T>(total).get(0);
}

template <class T>
T largest(std::int64_t n, const T* x) {
  constexpr T lowest = -std::numeric_limits<T>::infinity();
  Vector<T> top(lowest);
  std::int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) top = simd::max(top, Vector<T>::load_unaligned(x + i));
  if (i < n) top = simd::max(top, load_part(x + i, n - i, lowest));
  return max_across<T>(top).get(0);
}

/// body(first element, load(from), store(v, to)) for the vectors of [0, n). Of the last one, when it is part of one,
/// the missing lanes are loaded as zeros and not stored.
template <class T, class Body>
void for_vectors(std::int64_t n, const Body& body) {
  using V = Vector<T>;
  std::int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>)
    body(
        i, [](const T* from) { return V::load_unaligned(from); }, [](const V& v, T* to) { v.store_unaligned(to); });
  if (i < n)
    body(
        i, [=](const T* from) { return load_part(from, n - i, T(0)); },
        [=](const V& v, T* to) { store_part(v, to, n - i); });
}

/// Swaps the lanes of a whose number has the bit S with those of b that have not.
template <int S, class T>
[[gnu::always_inline]] inline void exchange(Vector<T>& a, Vector<T>& b) {
  constexpr int count = static_cast<int>(lanes<T>);
  const auto x = a.data, y = b.data;
  [&]<int... lane>(std::integer_sequence<int, lane...>) {
    a = Vector<T>(__builtin_shufflevector(x, y, (lane & S ? count + lane - S : lane)...));
    b = Vector<T>(__builtin_shufflevector(x, y, (lane & S ? count + lane : lane + S)...));
  }
  (std::make_integer_sequence<int, count>());
}

template <int S, class T>
[[gnu::always_inline]] inline void exchange_all(Vector<T>* rows) {
#pragma GCC unroll 16
  for (int i = 0; i < lanes<T>; ++i)
    if (!(i & S)) exchange<S>(rows[i], rows[i + S]);
  if constexpr (S > 1) exchange_all<S / 2>(rows);
}

/// to[p][j] = from[j][p] for a square of as many rows as a vector has lanes; rows from `count` on are taken for zeros.
template <class T>
[[gnu::always_inline]] inline void transpose_square(const T* from, std::int64_t stride, std::int64_t count, T* to,
                                                    std::int64_t to_stride) {
  Vector<T> rows[Vector<T>::size];
#pragma GCC unroll 16
  for (int i = 0; i < lanes<T>; ++i)
    rows[i] = i < count ? Vector<T>::load_unaligned(from + i * stride) : Vector<T>(T(0));
  exchange_all<static_cast<int>(lanes<T> / 2)>(rows);
#pragma GCC unroll 16
  for (int i = 0; i < lanes<T>; ++i) rows[i].store_aligned(to + i * to_stride);
}

}  // namespace
}  // namespace gaze::kernels::GAZE_LEVEL
