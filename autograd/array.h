#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/base/pool.h>

namespace gaze {

enum class DType : std::uint8_t { float32, float64, int32 };

std::size_t size_of(DType);       ///< bytes of one element
std::string_view name_of(DType);  ///< "float32", "float64", "int32"
constexpr bool is_floating(DType t) { return t != DType::int32; }

template <class T>
requires std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, std::int32_t>
struct dtype_of {
  static constexpr DType value = std::is_same_v<T, float>    ? DType::float32
                                 : std::is_same_v<T, double> ? DType::float64
                                                             : DType::int32;
};

/// Calls f.template operator()<T>() with T = float or double; throws for int32, naming the operation.
template <class F>
decltype(auto) for_floating(const char* operation, DType dtype, F&& f) {
  if (dtype == DType::float32) return f.template operator()<float>();
  if (dtype == DType::float64) return f.template operator()<double>();
  fail("{}: needs float32 or float64, got {}", operation, name_of(dtype));
}

/// As for_floating, with T = std::int32_t as well.
template <class F>
decltype(auto) for_any(DType dtype, F&& f) {
  if (dtype == DType::float32) return f.template operator()<float>();
  if (dtype == DType::float64) return f.template operator()<double>();
  return f.template operator()<std::int32_t>();
}

/// The lengths of an array's axes, outermost first. At most 8 axes; none at all is a scalar of one element.
class Shape {
 public:
  static constexpr int max_rank = 8;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> axes) : Shape(std::span(axes.begin(), axes.size())) {}
  /// Throws on a negative length, more than max_rank axes, or more elements than an array can have.
  explicit Shape(std::span<const std::int64_t> axes);

  int rank() const { return rank_; }
  std::int64_t size() const {  ///< the number of elements
    std::int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= axes_[static_cast<std::size_t>(i)];
    return n;
  }
  /// Length of an axis; negative axes count from the last. Throws when out of range.
  std::int64_t operator[](int axis) const { return axes_[static_cast<std::size_t>(normal_axis(axis))]; }
  void set(int axis, std::int64_t length);
  void append(std::int64_t length);
  Shape without(int axis) const;
  Shape with(int axis, std::int64_t length) const {
    Shape s = *this;
    s.set(axis, length);
    return s;
  }
  /// The product of the axes [first, last).
  std::int64_t span_size(int first, int last) const;
  /// 0 <= axis < rank from a possibly negative axis. Throws when out of range, naming the operation.
  int normal_axis(int axis, const char* operation = "shape") const {
    const int a = axis < 0 ? axis + rank_ : axis;
    if (a < 0 || a >= rank_) [[unlikely]]
      fail("{}: axis {} is out of range for shape {}", operation, axis, to_string());
    return a;
  }

  const std::int64_t* begin() const { return axes_.data(); }
  const std::int64_t* end() const { return axes_.data() + rank_; }
  std::span<const std::int64_t> axes() const { return {begin(), end()}; }
  bool operator==(const Shape& other) const { return std::equal(begin(), end(), other.begin(), other.end()); }
  std::string to_string() const;  ///< "[8,16]", "[]" for a scalar

 private:
  void check_size() const;
  std::array<std::int64_t, max_rank> axes_{};
  int rank_ = 0;
};

}  // namespace gaze

/// Shapes go into messages as they are; no text is made unless a check fails.
template <>
struct fmt::formatter<gaze::Shape> : fmt::formatter<std::string> {
  auto format(const gaze::Shape& shape, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(shape.to_string(), context);
  }
};

namespace gaze {

/// The shape that NumPy's broadcasting rule gives to two operands. Throws, naming the operation and both shapes.
Shape broadcast(const char* operation, const Shape& a, const Shape& b);
/// Whether `from` broadcasts to `to`.
bool broadcasts_to(const Shape& from, const Shape& to);

/// A count of the references to an object that lives in one pooled block; Ptr keeps it.
struct Counted {
  std::atomic<std::uint32_t> references{0};
};

/// An intrusive pointer. `T` offers `static void T::destroy(T*)`, called when the last reference goes.
template <class T>
class Ptr {
 public:
  Ptr() = default;
  explicit Ptr(T* p) : p_(p) { keep(); }
  Ptr(const Ptr& other) : p_(other.p_) { keep(); }
  Ptr(Ptr&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
  Ptr& operator=(Ptr other) noexcept {
    std::swap(p_, other.p_);
    return *this;
  }
  ~Ptr() { drop(); }

  T* get() const { return p_; }
  T* operator->() const { return p_; }
  T& operator*() const { return *p_; }
  explicit operator bool() const { return p_ != nullptr; }
  bool operator==(const Ptr&) const = default;
  bool unique() const { return p_ && p_->references.load(std::memory_order_acquire) == 1; }
  void reset() { drop(), p_ = nullptr; }

 private:
  void keep() {
    if (p_) p_->references.fetch_add(1, std::memory_order_relaxed);
  }
  void drop() {
    if (p_ && p_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) T::destroy(p_);
  }
  T* p_ = nullptr;
};

/// A span of memory with a version: arrays that are reshapes of one another share one. A span inside another
/// (a parameter in its arena) keeps that one alive and carries a version of its own.
struct Storage : Counted {
  std::byte* data = nullptr;
  std::size_t bytes = 0;
  std::uint32_t version = 0;  ///< counts changes in place
  const char* writer = "";    ///< the operation that changed it last
  Ptr<Storage> owner;         ///< set when the memory belongs to another span
  static void destroy(Storage*);
};

/// Contiguous row-major numbers: a handle; copies share the numbers.
class Array {
 public:
  Array() = default;          ///< undefined
  Array(Shape shape, DType);  ///< uninitialised numbers
  static Array zeros(Shape, DType);
  static Array full(Shape, DType, double value);
  template <class T>
  static Array from(Shape shape, std::span<const T> values) {
    require(shape.size() == static_cast<std::int64_t>(values.size()), "array: {} values for shape {}", values.size(),
            shape);
    Array a(shape, dtype_of<T>::value);
    std::copy(values.begin(), values.end(), a.write<T>());
    return a;
  }

  bool defined() const { return static_cast<bool>(storage_); }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  std::int64_t size() const { return shape_.size(); }
  std::size_t bytes() const { return static_cast<std::size_t>(size()) * size_of(dtype_); }

  /// The numbers. Throws when T is not the dtype.
  template <class T>
  const T* data() const {
    check<T>();
    return reinterpret_cast<const T*>(storage_->data);
  }
  /// The numbers, to fill an array that nobody else has seen yet; see changed() otherwise.
  template <class T>
  T* write() {
    check<T>();
    return reinterpret_cast<T*>(storage_->data);
  }
  template <class T>
  std::span<const T> values() const {
    return {data<T>(), static_cast<std::size_t>(size())};
  }
  std::string_view raw() const {  ///< the numbers as they lie in memory; none of an undefined array
    return storage_ ? std::string_view{reinterpret_cast<const char*>(storage_->data), bytes()} : std::string_view();
  }
  double at(std::int64_t index) const;  ///< element of the flattened array, as a double
  void set(std::int64_t index, double value);

  Array reshaped(const Shape&) const;           ///< shares the numbers; throws unless the sizes are equal
  Array span(std::int64_t first, Shape) const;  ///< part of the numbers, with a version of its own
  Array copy() const;
  Array to(DType) const;  ///< itself when the dtype is right; float to int truncates, and throws when it does not fit
  void fill(double value);
  void assign(const Array& other);  ///< copies the numbers; throws unless shape and dtype are equal

  std::uint32_t version() const { return storage_ ? storage_->version : 0; }
  const char* writer() const { return storage_ ? storage_->writer : ""; }
  void changed(const char* writer) { ++storage_->version, storage_->writer = writer; }
  bool unique() const { return storage_.unique() && !storage_->owner; }
  bool is_part() const { return storage_ && storage_->owner; }  ///< of an arena
  bool shares(const Array& other) const { return storage_ == other.storage_; }
  void forget() { storage_.reset(); }  ///< keeps shape and dtype, drops the numbers

 private:
  template <class T>
  void check() const {
    if (!storage_ || dtype_of<T>::value != dtype_) [[unlikely]]
      fail("array: {} asked of {}", name_of(dtype_of<T>::value), storage_ ? name_of(dtype_) : "an undefined array");
  }
  Ptr<Storage> storage_;
  Shape shape_;
  DType dtype_ = DType::float32;
};

/// Where the first number is that does not lie in [low, high], as NaN does not.
std::optional<std::int64_t> first_outside(const Array&, double low, double high);

}  // namespace gaze
