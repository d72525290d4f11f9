#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <gaze/autograd/xtensor.h>
#include <xtensor/xview.hpp>

#include <gaze/autograd/check/cases/op_cases.h>
#include <gaze/autograd/check/gradcheck.h>
#include <gaze/autograd/ops.h>

#include "../catch.h"
#include "../scratch.h"

using namespace gaze;

namespace {

/// The tensor's numbers in an xtensor array of column-major layout.
template <class T>
xt::xarray<T, xt::layout_type::column_major> column_major(const Tensor& t) {
  return to_xtensor<T>(t);
}

/// Every second number of an array twice as long along each axis.
template <class T>
Tensor through_strided_view(const Tensor& t) {
  std::vector<std::size_t> twice;
  for (const std::int64_t length : t.shape()) twice.push_back(static_cast<std::size_t>(2 * length + 1));
  xt::xarray<T> wide(twice, T(99));
  xt::xstrided_slice_vector odd(twice.size(), xt::range(1, xt::placeholders::_, 2));
  auto view = xt::strided_view(wide, odd);
  const xt::xarray<T> own = to_xtensor<T>(t);
  std::copy(own.begin(), own.end(), view.template begin<xt::layout_type::row_major>());
  return from_xtensor(view);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  return a.size() == 0 || for_any(a.dtype(), [&]<class T>() {
           return std::memcmp(a.values<T>().data(), b.values<T>().data(), a.array().bytes()) == 0;
         });
}

}  // namespace

TEST_CASE("operations take xtensor views and column-major arrays as they take their own") {
  for (const OpCase& c : op_cases()) {
    INFO(c.operation << ", " << c.variant);
    std::vector<Tensor> views, columns;
    for (const Tensor& t : c.inputs)
      for_any(t.dtype(), [&]<class T>() {
        views.push_back(through_strided_view<T>(t));
        columns.push_back(from_xtensor(column_major<T>(t)));
        CHECK(same_bits(views.back(), t));
        CHECK(same_bits(columns.back(), t));
      });
    const Tensor y = c.call(c.inputs);
    CHECK(same_bits(c.call(views), y));
    CHECK(same_bits(c.call(columns), y));
    if (c.differentiable && c.variant == "ordinary") {
      CHECK(gradcheck(c.call, views));
      CHECK(gradcheck(c.call, columns));
    }
  }
}

TEST_CASE("xtensor's expressions, fixed ranks and other types come in") {
  const xt::xtensor<float, 2> a{{1, 2, 3}, {4, 5, 6}};
  CHECK(from_xtensor(a).to_string() == tensor({{1, 2, 3}, {4, 5, 6}}).to_string());
  CHECK(from_xtensor(a * 2.0f + 1.0f).to_string() == tensor({{3, 5, 7}, {9, 11, 13}}).to_string());
  CHECK(from_xtensor(xt::transpose(a)).to_string() == tensor({{1, 4}, {2, 5}, {3, 6}}).to_string());
  CHECK(from_xtensor(xt::view(a, xt::all(), 1)).to_string() == tensor({2, 5}).to_string());
  CHECK(from_xtensor(a > 2.0f).dtype() == DType::int32);
  CHECK(from_xtensor(xt::xarray<double>(3.5)).item() == 3.5);
  Tensor leaf = from_xtensor(a, true);
  (leaf * leaf).sum().backward();
  CHECK(leaf.grad().at({1, 2}) == 12);
}

TEST_CASE("a tensor goes out as a copy or as a view") {
  Tensor t = tensor({{1, 2}, {3, 4}});
  xt::xarray<float> copy = to_xtensor<float>(t);
  const auto view = view_as_xtensor<float>(t);
  t.fill(7);
  CHECK(copy(1, 0) == 3);
  CHECK(view(1, 0) == 7);
  CHECK(view.shape()[1] == 2);
  CHECK_THROWS_WITH(to_xtensor<double>(t), ContainsSubstring("float32"));
  CHECK(to_xtensor<float>(Tensor::scalar(2)).dimension() == 0);
}

TEST_CASE("npy files go round") {
  const ScratchFolder folder;
  const auto path = folder.path / "numbers.npy";
  for (const Tensor& t : {tensor({{1, 2, 3}, {4, 5, 6}}), tensor({0.1, -2e300}, DType::float64), Tensor::scalar(3),
                          Tensor::zeros({0, 3}), Tensor::from({2}, std::vector<std::int32_t>{7, -8})}) {
    save_npy(path, t);
    CHECK(same_bits(load_npy(path), t));
  }
  // NumPy's own marker for column-major files.
  const xt::xarray<double, xt::layout_type::column_major> columns = {{1, 2, 3}, {4, 5, 6}};
  xt::dump_npy(path.string(), columns);
  CHECK(load_npy(path).to_string() == tensor({{1, 2, 3}, {4, 5, 6}}, DType::float64).to_string());
}

TEST_CASE("an npy file that is damaged or of another type is refused, naming the file") {
  const ScratchFolder folder;
  const auto path = folder.path / "numbers.npy";
  save_npy(path, tensor({1, 2, 3}));
  const std::string whole = read_file(path);
  for (const std::size_t length : {std::size_t{0}, std::size_t{5}, std::size_t{20}, whole.size() - 1}) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, length);
    CHECK_THROWS_WITH(load_npy(path), ContainsSubstring("numbers.npy"));
  }
  std::ofstream(path, std::ios::binary) << whole << "more";
  CHECK_THROWS_WITH(load_npy(path), ContainsSubstring("16 bytes of numbers, its header says 12"));
  xt::dump_npy(path.string(), xt::xarray<std::int64_t>{1, 2});
  CHECK_THROWS_WITH(load_npy(path), ContainsSubstring("its dtype is '<i8'") && ContainsSubstring("astype"));
  CHECK_THROWS_WITH(load_npy(folder.path / "none.npy"), ContainsSubstring("none.npy"));
}

namespace {

/// An npy file as NumPy writes it: `version` 1 to 3, `order` '<' or '>', in Fortran order or not.
template <class T>
std::string npy_bytes(int version, const std::string& dtype, bool fortran, const std::string& shape,
                      std::vector<T> numbers, std::size_t header_length = 0) {
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}", dtype, fortran ? "True" : "False", shape);
  header.resize(std::max(header.size() + 1, header_length), ' ');
  header.back() = '\n';
  std::string bytes = "\x93NUMPY";
  bytes += {static_cast<char>(version), '\0'};
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 255);
  bytes += header;
  for (const T number : numbers) {
    std::string one(sizeof number, '\0');
    std::memcpy(one.data(), &number, sizeof number);
    if (dtype[0] == '>') std::reverse(one.begin(), one.end());
    bytes += one;
  }
  return bytes;
}

}  // namespace

TEST_CASE("npy files of any version, byte order and header length are read") {
  const ScratchFolder folder;
  const auto path = folder.path / "numbers.npy";
  const auto loaded = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    return load_npy(path);
  };
  const Tensor expected = tensor({{1, 2, 3}, {4, 5, 6}});
  const std::vector<float> rows = {1, 2, 3, 4, 5, 6}, columns = {1, 4, 2, 5, 3, 6};
  for (const int version : {1, 2, 3})
    for (const std::size_t length : {54u, 118u, 128u, 200u, 4000u})
      for (const char* dtype : {"<f4", ">f4"})
        for (const bool fortran : {false, true}) {
          CAPTURE(version, length, dtype, fortran);
          CHECK(same_bits(loaded(npy_bytes(version, dtype, fortran, "(2, 3)", fortran ? columns : rows, length)),
                          expected));
        }
  CHECK(same_bits(loaded(npy_bytes<std::int32_t>(1, ">i4", false, "(2L,)", {-7, 1 << 20})),
                  Tensor::from({2}, std::vector<std::int32_t>{-7, 1 << 20})));
  const Tensor nothing = Tensor::zeros({3, 0, 2});
  save_npy(path, nothing);
  CHECK(load_npy(path).shape() == nothing.shape());
}

TEST_CASE("an npy file whose header does not fit its numbers is refused, naming the file") {
  const ScratchFolder folder;
  const auto path = folder.path / "numbers.npy";
  struct Row {
    std::string bytes, message;
  };
  const std::vector<float> two = {1, 2};
  const std::string large = "(4611686018427387904, 4611686018427387904)";
  for (const Row& row : {Row{npy_bytes(4, "<f4", false, "(2,)", two), "version 4"},
                         {npy_bytes(1, "<f2", false, "(2,)", two), "its dtype is '<f2'"},
                         {npy_bytes(1, "<f4", false, large, two), "too many elements"},
                         {npy_bytes(1, "<f4", false, "(1000000000000,)", two), "its header says 4000000000000"},
                         {npy_bytes(1, "<f4", false, "(1,1,1,1,1,1,1,1,2)", two), "at most 8"},
                         {npy_bytes(1, "<f4", false, "(-1,)", two), "not a list"},
                         {npy_bytes(1, "<f4", false, "x", two), "not a list"}}) {
    std::ofstream(path, std::ios::binary) << row.bytes;
    CAPTURE(row.message);
    CHECK_THROWS_WITH(load_npy(path), ContainsSubstring("numbers.npy") && ContainsSubstring(row.message));
  }
}
