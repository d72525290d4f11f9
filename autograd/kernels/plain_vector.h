#pragma once

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>

#include <gaze/autograd/kernels/level.h>

/// Vectors for processors that gaze has no vector instructions for: arithmetic that the compiler makes of whatever its
/// target has, one number after another where that is nothing; functions of std, number by number.
namespace gaze::kernels::GAZE_LEVEL {
namespace {

template <class T>
struct PlainVector {
  static constexpr std::size_t size = 16 / sizeof(T);
  using value_type = T;
  typedef T Numbers __attribute__((vector_size(16)));

  PlainVector() = default;
  PlainVector(const Numbers& numbers) : data(numbers) {}
  explicit PlainVector(T value) : data(Numbers{} + value) {}

  static PlainVector load_unaligned(const T* from) {
    PlainVector v;
    std::memcpy(&v.data, from, sizeof(v.data));
    return v;
  }
  static PlainVector load_aligned(const T* from) { return load_unaligned(from); }
  void store_unaligned(T* to) const { std::memcpy(to, &data, sizeof(data)); }
  void store_aligned(T* to) const { store_unaligned(to); }
  T get(std::size_t lane) const { return data[lane]; }

  PlainVector operator-() const { return -data; }
  PlainVector& operator+=(const PlainVector& other) {
    data += other.data;
    return *this;
  }
  friend PlainVector operator+(const PlainVector& a, const PlainVector& b) { return a.data + b.data; }
  friend PlainVector operator-(const PlainVector& a, const PlainVector& b) { return a.data - b.data; }
  friend PlainVector operator*(const PlainVector& a, const PlainVector& b) { return a.data * b.data; }
  friend PlainVector operator/(const PlainVector& a, const PlainVector& b) { return a.data / b.data; }
  friend auto operator<(const PlainVector& a, const PlainVector& b) { return a.data < b.data; }
  friend auto operator>(const PlainVector& a, const PlainVector& b) { return a.data > b.data; }
  friend auto operator==(const PlainVector& a, const PlainVector& b) { return a.data == b.data; }

  Numbers data;
};

template <class T, class F>
PlainVector<T> each(PlainVector<T> v, const F& f) {
  for (std::size_t i = 0; i < v.size; ++i) v.data[i] = f(v.data[i]);
  return v;
}

}  // namespace

/// The functions that kernels call, with the names that they have in the vector library.
namespace simd {
namespace {

template <class Mask, class T>
PlainVector<T> select(const Mask& mask, const PlainVector<T>& yes, const PlainVector<T>& no) {
  return mask ? yes.data : no.data;
}

/// Of a number and a NaN the second operand, as x86-64's instruction.
template <class T>
PlainVector<T> max(const PlainVector<T>& a, const PlainVector<T>& b) {
  return select(a > b, a, b);
}
template <class T>
PlainVector<T> min(const PlainVector<T>& a, const PlainVector<T>& b) {
  return select(a < b, a, b);
}

/// Rounded once where the target has an instruction for it, else twice: a call for every number would be slow.
template <class T>
PlainVector<T> fma(const PlainVector<T>& a, const PlainVector<T>& b, const PlainVector<T>& c) {
  return a * b + c;
}

template <class T>
PlainVector<T> abs(const PlainVector<T>& v) {
  return each(v, [](T x) { return std::abs(x); });
}
template <class T>
PlainVector<T> sqrt(const PlainVector<T>& v) {
  return each(v, [](T x) { return std::sqrt(x); });
}
template <class T>
PlainVector<T> exp(const PlainVector<T>& v) {
  return each(v, [](T x) { return std::exp(x); });
}
/// Numbers below the smallest normal one count as 0, which std::log does not know.
template <class T>
PlainVector<T> log(const PlainVector<T>& v) {
  return each(v, [](T x) { return std::log(std::abs(x) < std::numeric_limits<T>::min() ? T(0) : x); });
}
template <class T>
PlainVector<T> log1p(const PlainVector<T>& v) {
  return each(v, [](T x) { return std::log1p(x); });
}
template <class T>
PlainVector<T> tanh(const PlainVector<T>& v) {
  return each(v, [](T x) { return std::tanh(x); });
}
template <class T>
PlainVector<T> erf(const PlainVector<T>& v) {
  return each(v, [](T x) { return std::erf(x); });
}

}  // namespace
}  // namespace simd
}  // namespace gaze::kernels::GAZE_LEVEL
