#pragma once

#include <algorithm>
#include <filesystem>
#include <type_traits>
#include <vector>

#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xnpy.hpp>

#include <gaze/autograd/base/files.h>
#include <gaze/autograd/tensor.h>

/// The bridge to xtensor: arrays, views and expressions in, arrays and views out, and NumPy's npy files. Header-only,
/// because xtensor's types depend on the flags of whoever compiles them; numbers cross over through pointers.
namespace gaze {

/// A tensor with the numbers of an xtensor array, view or expression, in row-major order whatever its layout.
/// float, double and std::int32_t keep their type; bool becomes int32.
template <class E>
Tensor from_xtensor(const xt::xexpression<E>& expression, bool requires_grad = false) {
  using Value = std::remove_cv_t<typename E::value_type>;
  using T = std::conditional_t<std::is_same_v<Value, bool>, std::int32_t, Value>;
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, std::int32_t>,
                "from_xtensor: cast to float, double or std::int32_t first (xt::cast)");
  const E& source = expression.derived_cast();
  Shape shape;
  for (const auto length : source.shape()) shape.append(static_cast<std::int64_t>(length));
  Array numbers(shape, dtype_of<T>::value);
  if (numbers.size() > 0)  // xtensor's end of an empty array lies outside of memory
    std::copy(source.template begin<xt::layout_type::row_major>(), source.template end<xt::layout_type::row_major>(),
              numbers.template write<T>());
  return Tensor(std::move(numbers), requires_grad);
}

/// The tensor's numbers in an array of their own. Throws unless T is the tensor's dtype.
template <class T>
xt::xarray<T> to_xtensor(const Tensor& tensor) {
  const auto values = tensor.values<T>();
  xt::xarray<T> result(std::vector<std::size_t>(tensor.shape().begin(), tensor.shape().end()));
  std::copy(values.begin(), values.end(), result.data());
  return result;
}

/// The tensor's numbers where they lie, to read; valid while the tensor lives. Throws unless T is its dtype.
template <class T>
auto view_as_xtensor(const Tensor& tensor) {
  const auto values = tensor.values<T>();
  return xt::adapt(values.data(), values.size(), xt::no_ownership(),
                   std::vector<std::size_t>(tensor.shape().begin(), tensor.shape().end()));
}
template <class T>
auto view_as_xtensor(Tensor&&) = delete;  // its numbers would be gone

/// Writes an npy file (version 1.0), replacing one that is there only when all is written; `durable` as in
/// write_file_atomically().
inline void save_npy(const std::filesystem::path& path, const Tensor& tensor, bool durable = true) {
  for_any(tensor.dtype(),
          [&]<class T>() { write_file_atomically(path, {xt::dump_npy(to_xtensor<T>(tensor))}, durable); });
}

/// The float32, float64 or int32 tensor in an npy file of version 1 to 3, of either byte order, in C or Fortran order.
/// Throws an Error that names the file when it is another type, truncated, or not npy at all.
Tensor load_npy(const std::filesystem::path& path);

}  // namespace gaze
