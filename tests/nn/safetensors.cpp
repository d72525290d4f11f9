#include <gaze/nn/safetensors.h>

#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include <gaze/autograd/base/files.h>

#include "../catch.h"
#include "../scratch.h"

using namespace gaze;
namespace fs = std::filesystem;

namespace {

/// A path in a folder of its own.
struct ScratchFile {
  ScratchFolder folder;
  fs::path path = folder.path / "model.safetensors";
};

/// The bytes of numbers, as they lie in a file.
template <class T>
std::string bytes_of(std::initializer_list<T> numbers) {
  return {reinterpret_cast<const char*>(numbers.begin()), numbers.size() * sizeof(T)};
}

/// A file by its parts: nothing is padded or checked.
std::string file_of(const std::string& header, const std::string& data) {
  return bytes_of<std::uint64_t>({header.size()}) + header + data;
}

/// What loading a file of these bytes gives.
Checkpoint load_bytes(const std::string& bytes) {
  const ScratchFile file;
  write_file_atomically(file.path, {bytes});
  return load_safetensors(file.path);
}

/// The message of the Error that loading these bytes throws, without the path that it must begin with.
std::string error_of(const std::string& bytes) {
  const ScratchFile file;
  write_file_atomically(file.path, {bytes});
  try {
    load_safetensors(file.path);
  } catch (const Error& error) {
    const std::string message = error.what(), start = file.path.string() + ": ";
    CHECK(message.starts_with(start));
    CHECK(message.find('\n') == std::string::npos);
    return message.substr(std::min(start.size(), message.size()));
  }
  return "no error";
}

std::string error_of(const std::string& header, const std::string& data) { return error_of(file_of(header, data)); }

/// The values of the one tensor "a" [count] of a file with this dtype.
template <class T>
std::vector<T> values_of(const std::string& dtype, std::size_t count, const std::string& data) {
  const Checkpoint loaded = load_bytes(file_of(
      fmt::format(R"({{"a":{{"dtype":"{}","shape":[{}],"data_offsets":[0,{}]}}}})", dtype, count, data.size()), data));
  REQUIRE(loaded.arrays.size() == 1);
  CHECK(loaded.arrays[0].first == "a");
  CHECK(loaded.arrays[0].second.shape() == Shape{static_cast<std::int64_t>(count)});
  const auto values = loaded.arrays[0].second.values<T>();
  return {values.begin(), values.end()};
}

template <class T>
Array array_of(const Shape& shape, std::initializer_list<T> numbers) {
  return Array::from<T>(shape, std::span<const T>(numbers.begin(), numbers.size()));
}

/// Equal in dtype, shape and every bit.
bool same(const Array& a, const Array& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() && for_any(a.dtype(), [&]<class T>() {
           return a.bytes() == 0 || std::memcmp(a.data<T>(), b.data<T>(), a.bytes()) == 0;
         });
}

/// A header with one tensor "a", whose fields are given, and nothing else.
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return fmt::format(R"({{"a":{{"dtype":{},"shape":{},"data_offsets":{}}}}})", dtype, shape, offsets);
}

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float quiet_nan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("every dtype and shape survives a file to the last bit, in the order given") {
  const ScratchFile file;
  Checkpoint saved{.arrays = {{"z", array_of<float>({2, 2}, {-0.0f, infinity, quiet_nan, 1e-45f})},
                              {"odd", array_of<std::int32_t>({3}, {std::numeric_limits<std::int32_t>::min(), -1, 7})},
                              {"doubles", array_of<double>({1, 2, 1}, {0.1, -std::numeric_limits<double>::max()})},
                              {"scalar", array_of<double>({}, {2.5})},
                              {"empty", Array({0, 3}, DType::float32)},
                              {"empty too", Array({2, 0}, DType::float64)},
                              {"deep", Array::full({1, 2, 1, 2, 1, 2, 1, 2}, DType::float32, 3)},
                              {"last and empty", Array({0}, DType::int32)},
                              {"quotes \" and 苹果\n", array_of<std::int32_t>({}, {5})}},
                   .metadata = {{"config", R"({"layers": 2})"}, {"", "no key"}, {"vocabulary", "苹\t果"}}};
  save_safetensors(file.path, saved);
  const Checkpoint loaded = load_safetensors(file.path);
  CHECK(loaded.metadata == saved.metadata);
  REQUIRE(loaded.arrays.size() == saved.arrays.size());
  for (std::size_t i = 0; i < saved.arrays.size(); ++i) {
    INFO(saved.arrays[i].first);
    CHECK(loaded.arrays[i].first == saved.arrays[i].first);
    CHECK(same(loaded.arrays[i].second, saved.arrays[i].second));
  }
}

TEST_CASE("a part of an array is saved, not all of it") {
  const ScratchFile file;
  const Array whole = array_of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  save_safetensors(file.path, {.arrays = {{"row", whole.span(3, {3})}}});
  CHECK(same(load_safetensors(file.path).arrays.at(0).second, array_of<float>({3}, {4, 5, 6})));
}

TEST_CASE("a checkpoint without arrays survives a file") {
  const ScratchFile file;
  save_safetensors(file.path, {.arrays = {}});
  CHECK(read_file(file.path) == std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
  const Checkpoint loaded = load_safetensors(file.path);
  CHECK(loaded.arrays.empty());
  CHECK(loaded.metadata.empty());
}

TEST_CASE("an array is found by its name") {
  const Checkpoint checkpoint{.arrays = {{"a", Array::full({1}, DType::float32, 1)}, {"b", Array({2}, DType::int32)}}};
  REQUIRE(checkpoint.find("b") != nullptr);
  CHECK(checkpoint.find("b") == &checkpoint.arrays[1].second);
  CHECK(checkpoint.find("") == nullptr);
  CHECK(checkpoint.find("ab") == nullptr);
}

TEST_CASE("a saved file has the bytes that the format asks for") {
  const ScratchFile file;
  save_safetensors(file.path, {.arrays = {{"w", array_of<float>({2}, {1.0f, -2.0f})},
                                          {"n", array_of<std::int32_t>({}, {258})},
                                          {"d", array_of<double>({1, 1}, {1.0})}},
                               .metadata = {{"note", "hi"}}});
  const std::string header = R"({"__metadata__":{"note":"hi"},)"
                             R"("w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                             R"("n":{"dtype":"I32","shape":[],"data_offsets":[8,12]},)"
                             R"("d":{"dtype":"F64","shape":[1,1],"data_offsets":[12,20]}})";
  REQUIRE(header.size() == 193);
  const std::string data("\0\0\x80\x3f\0\0\0\xc0\x02\x01\0\0\0\0\0\0\0\0\xf0\x3f", 20);
  CHECK(read_file(file.path) == std::string("\xc8\0\0\0\0\0\0\0", 8) + header + "       " + data);
}

TEST_CASE("half precision is read as float32") {
  // 1, -2, largest, smallest normal, largest and smallest subnormal, -smallest subnormal, 1/3, infinities, -0
  const auto values = values_of<float>("F16", 11,
                                       bytes_of<std::uint16_t>({0x3c00, 0xc000, 0x7bff, 0x0400, 0x03ff, 0x0001, 0x8001,
                                                                0x3555, 0x7c00, 0xfc00, 0x8000}));
  CHECK(values == std::vector<float>{1, -2, 65504, 0x1p-14f, 1023 * 0x1p-24f, 0x1p-24f, -0x1p-24f, 0.333251953125f,
                                     infinity, -infinity, 0});
  CHECK(std::signbit(values[10]));
  for (const float value : values_of<float>("F16", 3, bytes_of<std::uint16_t>({0x7e00, 0x7c01, 0xfe00})))
    CHECK(std::isnan(value));
}

TEST_CASE("bfloat16 is read as float32") {
  // 1, -2, largest, smallest subnormal, infinities, -0
  const auto values =
      values_of<float>("BF16", 7, bytes_of<std::uint16_t>({0x3f80, 0xc000, 0x7f7f, 0x0001, 0x7f80, 0xff80, 0x8000}));
  CHECK(values == std::vector<float>{1, -2, 0x1.fep127f, 0x1p-133f, infinity, -infinity, 0});
  CHECK(std::signbit(values[6]));
  for (const float value : values_of<float>("BF16", 2, bytes_of<std::uint16_t>({0x7fc0, 0xff81})))
    CHECK(std::isnan(value));
}

TEST_CASE("int64, bytes and truth values are read as int32") {
  CHECK(values_of<std::int32_t>("I64", 3, bytes_of<std::int64_t>({2147483647, -2147483648, -1})) ==
        std::vector<std::int32_t>{2147483647, std::numeric_limits<std::int32_t>::min(), -1});
  CHECK(values_of<std::int32_t>("U8", 3, "\x01\x7f\xff") == std::vector<std::int32_t>{1, 127, 255});
  CHECK(values_of<std::int32_t>("BOOL", 3, std::string("\0\x01\0", 3)) == std::vector<std::int32_t>{0, 1, 0});
}

TEST_CASE("an int64 beyond int32 is named with its place") {
  const std::int64_t number =
      GENERATE(std::int64_t{2147483648}, std::int64_t{-2147483649}, std::numeric_limits<std::int64_t>::max(),
               std::numeric_limits<std::int64_t>::min());
  const std::string error = error_of(one(R"("I64")", "[2,2]", "[0,32]"), bytes_of<std::int64_t>({0, 1, number, 2}));
  CHECK_THAT(error, StartsWith("tensor a: number ") && EndsWith(" at element 2 does not fit int32"));
}

TEST_CASE("arrays come in the order of their data, whatever the order and padding of the header") {
  const Checkpoint loaded =
      load_bytes(file_of(R"({ "late": {"data_offsets": [4, 8], "shape": [1], "dtype": "I32", "extra": null},)"
                         R"( "__metadata__": {"k": "v"},)"
                         R"( "early": {"dtype": "I32", "shape": [], "data_offsets": [0, 4]},)"
                         R"( "none": {"dtype": "F64", "shape": [3, 0], "data_offsets": [4, 4]} }       )",
                         bytes_of<std::int32_t>({1, 2})));
  REQUIRE(loaded.arrays.size() == 3);
  CHECK(loaded.arrays[0].first == "early");
  CHECK(loaded.arrays[1].first == "none");
  CHECK(loaded.arrays[2].first == "late");
  CHECK(same(*loaded.find("early"), array_of<std::int32_t>({}, {1})));
  CHECK(same(*loaded.find("late"), array_of<std::int32_t>({1}, {2})));
  CHECK(loaded.find("none")->shape() == Shape{3, 0});
  CHECK(loaded.metadata == std::map<std::string, std::string>{{"k", "v"}});
}

TEST_CASE("a file cut short anywhere is refused") {
  const ScratchFile file;
  save_safetensors(file.path, {.arrays = {{"a", array_of<float>({2}, {1, 2})}}});
  const std::string bytes = read_file(file.path);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    INFO(length << " of " << bytes.size() << " bytes");
    CHECK(error_of(bytes.substr(0, length)) != "no error");
  }
  CHECK(error_of("") == "it is too short for a safetensors file");
  CHECK_THAT(error_of(bytes.substr(0, 20)), ContainsSubstring("does not fit the file of 20"));
  CHECK_THAT(error_of(bytes.substr(0, bytes.size() - 1)), StartsWith("tensor a lies at [0, 8)"));
  CHECK(error_of(bytes + "x") == "1 bytes follow the last tensor");
}

TEST_CASE("a header of an impossible length is refused") {
  CHECK_THAT(error_of(bytes_of<std::uint64_t>({3}) + "{}"), ContainsSubstring("header of 3 bytes does not fit"));
  CHECK_THAT(error_of(bytes_of<std::uint64_t>({~std::uint64_t{0}}) + "{}"), ContainsSubstring("does not fit"));
  const ScratchFile file;
  write_file_atomically(file.path, {bytes_of<std::uint64_t>({100'000'001}) + "{}"});
  fs::resize_file(file.path, 100'000'009);
  CHECK_THROWS_WITH(load_safetensors(file.path),
                    file.path.string() + ": its header takes 100000001 bytes, at most 100000000 are allowed");
}

TEST_CASE("a header that is not a JSON object is refused") {
  const std::string header =
      GENERATE(as<std::string>{}, "", "        ", "{", "{}x", "[]", "null", "{\"a\":}", " {}", "\xef\xbb\xbf{}",
               std::string("{}\0x", 4), std::string("{}\0", 3), "{\"\xff\":1}", std::string(100'000, '['));
  CHECK(error_of(header, "") == "its header is not a JSON object");
}

TEST_CASE("a tensor without its fields is refused") {
  const std::string entry =
      GENERATE(as<std::string>{}, R"({"shape":[1],"data_offsets":[0,4]})", R"({"dtype":"F32","data_offsets":[0,4]})",
               R"({"dtype":"F32","shape":[1]})", "{}", "[]", "null", "\"F32\"");
  CHECK(error_of("{\"a\":" + entry + "}", "1234") == "tensor a: it needs dtype, shape and data_offsets");
}

TEST_CASE("a dtype that is not known is named") {
  CHECK(error_of(one(R"("C64")", "[1]", "[0,8]"), "12345678") == "tensor a: dtype C64 is not supported");
  CHECK(error_of(one(R"("f32")", "[1]", "[0,4]"), "1234") == "tensor a: dtype f32 is not supported");
  CHECK_THAT(error_of(one("32", "[1]", "[0,4]"), "1234"), StartsWith("tensor a: its dtype"));
}

TEST_CASE("a shape that cannot be is refused") {
  const std::string shape = GENERATE(
      as<std::string>{}, "[-1]", "[2,-3]", "[1.0]", "[true]", "[\"1\"]", "[[1]]", "1", "{}", "null",
      "[1,1,1,1,1,1,1,1,1]", "[4294967296,4294967296]", "[9223372036854775807]", "[18446744073709551615]",
      "[18446744073709551616]", "[0,18446744073709551615]", "[0,4611686018427387904,8]", "[4611686018427387904,8,0]");
  CAPTURE(shape);
  CHECK_THAT(error_of(one(R"("F32")", shape, "[0,0]"), ""), StartsWith("tensor a: its shape"));
}

TEST_CASE("data_offsets that cannot be are refused") {
  const std::string offsets = GENERATE(as<std::string>{}, "[0]", "[0,4,8]", "{}", "4", "null", "[-4,0]", "[0,4.0]",
                                       "[\"0\",\"4\"]", "[0,18446744073709551616]");
  CAPTURE(offsets);
  CHECK(error_of(one(R"("F32")", "[1]", offsets), "1234") == "tensor a: its data_offsets are not a pair of positions");
}

TEST_CASE("data_offsets of another length than shape and dtype ask for are refused") {
  CHECK(error_of(one(R"("F32")", "[2]", "[0,4]"), "1234") ==
        "tensor a: F32 [2] takes 8 bytes, its data_offsets are [0, 4]");
  CHECK_THAT(error_of(one(R"("F16")", "[2]", "[0,8]"), "12345678"), ContainsSubstring("F16 [2] takes 4 bytes"));
  CHECK_THAT(error_of(one(R"("F32")", "[]", "[0,0]"), ""), ContainsSubstring("F32 [] takes 4 bytes"));
  CHECK_THAT(error_of(one(R"("F32")", "[0,7]", "[0,4]"), "1234"), ContainsSubstring("F32 [0,7] takes 0 bytes"));
  CHECK_THAT(error_of(one(R"("F32")", "[1]", "[4,0]"), "1234"), ContainsSubstring("[4, 0]"));
  // 4 = 0 - (2^64 - 4): begin > end must not pass by wrapping round
  CHECK_THAT(error_of(one(R"("F32")", "[1]", "[18446744073709551612,0]"), "1234"), ContainsSubstring("takes 4 bytes"));
}

TEST_CASE("tensors that overlap, leave a hole or lie outside of the data are refused") {
  const auto two = [](const std::string& a, const std::string& b) {
    return fmt::format(R"({{"a":{{"dtype":"F32","shape":[1],"data_offsets":{}}},)"
                       R"("b":{{"dtype":"F32","shape":[1],"data_offsets":{}}}}})",
                       a, b);
  };
  const std::string data(8, '\0');
  CHECK(error_of(two("[4,8]", "[0,4]"), data) == "no error");
  CHECK_THAT(error_of(two("[0,4]", "[0,4]"), data), StartsWith("tensor b lies at [0, 4)"));
  CHECK_THAT(error_of(two("[0,4]", "[2,6]"), data), StartsWith("tensor b lies at [2, 6), must begin at 4"));
  CHECK_THAT(error_of(two("[0,4]", "[5,9]"), data + "x"), StartsWith("tensor b lies at [5, 9)"));
  CHECK_THAT(error_of(two("[1,5]", "[5,9]"), data + "x"), StartsWith("tensor a lies at [1, 5)"));
  CHECK_THAT(error_of(two("[0,4]", "[4,8]"), data.substr(1)), ContainsSubstring("end within 7"));
  CHECK(error_of(two("[0,4]", "[4,8]"), data + "xy") == "2 bytes follow the last tensor");
  CHECK(error_of("{}", "x") == "1 bytes follow the last tensor");
  CHECK_THAT(error_of(one(R"("F32")", "[0]", "[9,9]"), ""), StartsWith("tensor a lies at [9, 9)"));
}

TEST_CASE("a name that stands twice in the header is refused") {
  const std::string entry = R"({"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  CHECK(error_of("{\"a\":" + entry + ",\"b\":" + entry + ",\"a\":" + entry + "}", "") == "its header names a twice");
  CHECK(error_of("{\"a\":" + entry + ",\"\\u0061\":" + entry + "}", "") == "its header names a twice");
  CHECK(error_of(R"({"a":{"dtype":"F32","shape":[0],"shape":[0],"data_offsets":[0,0]}})", "") ==
        "its header names shape twice");
  CHECK(error_of(R"({"__metadata__":{"k":"1","k":"2"}})", "") == "its header names k twice");
  CHECK(error_of(R"({"__metadata__":{},"__metadata__":{}})", "") == "its header names __metadata__ twice");
  CHECK(error_of("{\"__metadata__\":{\"a\":\"\"},\"a\":" + entry + ",\"dtype\":" + entry + "}", "") == "no error");
}

TEST_CASE("metadata other than text is refused") {
  const std::string note = GENERATE(as<std::string>{}, "1", "null", "{}", "[\"x\"]", "true");
  CHECK(error_of(R"({"__metadata__":{"fine":"x","k":)" + note + "}}", "") == "metadata k is not text");
  CHECK(error_of(R"({"__metadata__":)" + note + "}", "") ==
        (note == "{}" ? "no error" : "its metadata is not a JSON object"));
}

TEST_CASE("what cannot be saved leaves the file that was there") {
  const ScratchFile file;
  save_safetensors(file.path, {.arrays = {{"kept", Array::full({2}, DType::float32, 1)}}});
  const std::string before = read_file(file.path), path = file.path.string();
  const Array array = Array::zeros({1}, DType::float32);
  CHECK_THROWS_WITH(save_safetensors(file.path, {.arrays = {{"a", array}, {"b", array}, {"a", array}}}),
                    path + ": tensor a is given twice");
  CHECK_THROWS_WITH(save_safetensors(file.path, {.arrays = {{"__metadata__", array}}}),
                    path + ": a tensor cannot have the name __metadata__");
  CHECK_THROWS_WITH(save_safetensors(file.path, {.arrays = {{"a", array}, {"b", Array()}}}),
                    path + ": tensor b is undefined");
  CHECK_THROWS_WITH(save_safetensors(file.path, {.arrays = {{"\xff", array}}}),
                    path + ": a name or a note is not UTF-8");
  CHECK_THROWS_WITH(save_safetensors(file.path, {.arrays = {{"a", array}}, .metadata = {{"k", "\xc3"}}}),
                    path + ": a name or a note is not UTF-8");
  CHECK(read_file(file.path) == before);
  CHECK(std::distance(fs::directory_iterator(file.folder.path), {}) == 1);
}

TEST_CASE("a place that takes no file is named") {
  const ScratchFile file;
  const Checkpoint checkpoint{.arrays = {{"a", Array::zeros({1}, DType::float32)}}};
  const fs::path lost = file.folder.path / "no such folder" / "model.safetensors";
  CHECK_THROWS_WITH(save_safetensors(lost, checkpoint), lost.string() + ": No such file or directory");
  CHECK_THROWS_WITH(save_safetensors("/dev/full", checkpoint), "/dev/full: No space left on device");
  CHECK_THROWS_WITH(load_safetensors(lost), lost.string() + ": No such file or directory");
}
