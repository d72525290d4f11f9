#include <gaze/autograd/array.h>

#include <algorithm>
#include <cstring>
#include <new>

#include <gaze/autograd/base/range.h>
#include <gaze/autograd/kernels/parallel.h>

namespace gaze {

std::size_t size_of(DType t) { return t == DType::float64 ? 8 : 4; }

std::string_view name_of(DType t) {
  switch (t) {
    case DType::float32: return "float32";
    case DType::float64: return "float64";
    case DType::int32: return "int32";
  }
  return "?";
}

Shape::Shape(std::span<const std::int64_t> axes) {
  require(axes.size() <= max_rank, "shape: {} axes given, at most {} are supported", axes.size(), max_rank);
  for (const std::int64_t length : axes) append(length);
}

void Shape::append(std::int64_t length) {
  require(rank_ < max_rank, "shape: more than {} axes", max_rank);
  axes_[static_cast<std::size_t>(rank_++)] = length;
  check_size();
}

void Shape::set(int axis, std::int64_t length) {
  axes_[static_cast<std::size_t>(normal_axis(axis))] = length;
  check_size();
}

void Shape::check_size() const {
  constexpr std::int64_t max_size = std::int64_t{1} << 56;  // bytes and strides of any such array fit 64 bits
  std::int64_t n = 1;
  for (const std::int64_t length : *this)  // beside an axis of length 0 too: products of some axes must fit
    if (length < 0 || __builtin_mul_overflow(n, std::max<std::int64_t>(length, 1), &n) || n > max_size)
      fail("shape: {} {}", to_string(), length < 0 ? "has a negative length" : "has too many elements");
}

Shape Shape::without(int axis) const {
  axis = normal_axis(axis);
  Shape s;
  for (int i = 0; i < rank_; ++i)
    if (i != axis) s.append((*this)[i]);
  return s;
}

std::int64_t Shape::span_size(int first, int last) const {
  std::int64_t n = 1;
  for (int i = first; i < last; ++i) n *= (*this)[i];
  return n;
}

std::string Shape::to_string() const { return fmt::format("[{}]", fmt::join(begin(), end(), ",")); }

Shape broadcast(const char* operation, const Shape& a, const Shape& b) {
  if (a == b) return a;
  const int rank = std::max(a.rank(), b.rank());
  Shape out;
  for (int i = 0; i < rank; ++i) {
    const int ia = i - rank + a.rank(), ib = i - rank + b.rank();
    const std::int64_t la = ia < 0 ? 1 : a[ia], lb = ib < 0 ? 1 : b[ib];
    if (la != lb && la != 1 && lb != 1)
      fail("{}: shapes {} and {} do not broadcast: axis {} is {} and {}, which must be equal or 1", operation,
           a.to_string(), b.to_string(), i - rank, la, lb);
    out.append(la == 1 ? lb : la);
  }
  return out;
}

bool broadcasts_to(const Shape& from, const Shape& to) {
  if (from.rank() > to.rank()) return false;
  for (int i = 1; i <= from.rank(); ++i)
    if (from[-i] != to[-i] && from[-i] != 1) return false;
  return true;
}

namespace {

/// A span's header and its numbers lie in one block, the numbers from the next multiple of 64 bytes on.
constexpr std::size_t header = (sizeof(Storage) + 63) / 64 * 64;

Ptr<Storage> make_storage(std::size_t bytes) {
  auto* block = static_cast<std::byte*>(pool::allocate(header + bytes));
  auto* storage = new (block) Storage;
  storage->data = block + header;
  storage->bytes = bytes;
  return Ptr<Storage>(storage);
}

/// A number in another type. Throws when an int32 cannot hold it.
template <class To, class From>
To converted(From v) {
  if constexpr (std::is_same_v<To, std::int32_t> && std::is_floating_point_v<From>)
    require(v > From(-2147483649.0) && v < From(2147483648.0), "cast: {} does not fit int32", v);
  return static_cast<To>(v);
}

template <class From, class To>
void convert(const Array& from, Array& to) {
  std::transform(from.data<From>(), from.data<From>() + from.size(), to.write<To>(), converted<To, From>);
}

}  // namespace

void Storage::destroy(Storage* s) {
  const std::size_t bytes = s->owner ? 0 : s->bytes;
  s->~Storage();
  pool::release(s, header + bytes);
}

Array::Array(Shape shape, DType dtype)
    : storage_(make_storage(static_cast<std::size_t>(shape.size()) * size_of(dtype))), shape_(shape), dtype_(dtype) {}

Array Array::zeros(Shape shape, DType dtype) {
  Array a(shape, dtype);
  std::memset(a.storage_->data, 0, a.bytes());
  return a;
}

Array Array::full(Shape shape, DType dtype, double value) {
  Array a(shape, dtype);
  a.fill(value);
  return a;
}

void Array::fill(double value) {
  for_any(dtype_, [&]<class T>() {
    constexpr std::int64_t block = 65536;
    T* numbers = write<T>();
    const T number = converted<T>(value);
    kernels::parallel_blocks(size(), block, 1, [&](std::int64_t first, std::int64_t last) {
      std::fill(numbers + first, numbers + last, number);
    });
  });
}

double Array::at(std::int64_t index) const {
  require(index >= 0 && index < size(), "array: index {} is out of range for shape {}", index, shape_);
  return for_any(dtype_, [&]<class T>() { return static_cast<double>(data<T>()[index]); });
}

void Array::set(std::int64_t index, double value) {
  require(index >= 0 && index < size(), "array: index {} is out of range for shape {}", index, shape_);
  for_any(dtype_, [&]<class T>() { write<T>()[index] = converted<T>(value); });
}

Array Array::reshaped(const Shape& shape) const {
  require(shape.size() == size(), "reshape: {} has {} elements, {} has {}", shape_, size(), shape, shape.size());
  Array a = *this;
  a.shape_ = shape;
  return a;
}

Array Array::span(std::int64_t first, Shape shape) const {
  require(within(first, shape.size(), size()), "span: {} elements from {} of an array of {}", shape.size(), first,
          size());
  auto* part = new (pool::allocate(header)) Storage;
  part->data = storage_->data + static_cast<std::size_t>(first) * size_of(dtype_);
  part->bytes = static_cast<std::size_t>(shape.size()) * size_of(dtype_);
  part->owner = storage_->owner ? storage_->owner : storage_;
  Array a;
  a.storage_ = Ptr<Storage>(part);
  a.shape_ = shape;
  a.dtype_ = dtype_;
  return a;
}

Array Array::copy() const {
  Array a(shape_, dtype_);
  std::memcpy(a.storage_->data, storage_->data, bytes());
  return a;
}

Array Array::to(DType dtype) const {
  if (dtype == dtype_) return *this;
  Array out(shape_, dtype);
  for_any(dtype_, [&]<class From>() { for_any(dtype, [&]<class To>() { convert<From, To>(*this, out); }); });
  return out;
}

void Array::assign(const Array& other) {
  require(shape_ == other.shape_ && dtype_ == other.dtype_, "assign: {} {} into {} {}", name_of(other.dtype_),
          other.shape_, name_of(dtype_), shape_);
  if (storage_->data != other.storage_->data && bytes()) std::memmove(storage_->data, other.storage_->data, bytes());
}

std::optional<std::int64_t> first_outside(const Array& array, double low, double high) {
  return for_any(array.dtype(), [&]<class T>() -> std::optional<std::int64_t> {
    const auto numbers = array.values<T>();
    const auto bad = std::find_if_not(numbers.begin(), numbers.end(), [&](T x) { return x >= low && x <= high; });
    return bad == numbers.end() ? std::nullopt : std::optional(bad - numbers.begin());
  });
}

}  // namespace gaze
