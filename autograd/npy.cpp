#include <gaze/autograd/xtensor.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <string>

#include <gaze/autograd/kernels/conversion.h>
#include <gaze/autograd/ops.h>

namespace gaze {
namespace {

static_assert(std::endian::native == std::endian::little);

/// The header of an npy file: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
struct NpyHeader {
  std::string_view dtype;
  bool fortran_order = false;
  Shape shape;
};

/// What follows a key of the header.
std::string_view value_of(const std::string& file, std::string_view header, std::string_view key) {
  const std::size_t place = header.find(key);
  const std::size_t begin = place == header.npos ? place : header.find_first_not_of(": ", place + key.size());
  require(begin != header.npos, "{}: its header has no {}", file, key);
  return header.substr(begin);
}

NpyHeader read_header(const std::string& file, std::string_view header) {
  NpyHeader read;
  const std::string_view dtype = value_of(file, header, "'descr'");
  read.dtype = dtype.substr(0, dtype.find('\'', 1) + 1);  // of a structure: all of it
  read.fortran_order = value_of(file, header, "'fortran_order'").starts_with("True");
  std::string_view lengths = value_of(file, header, "'shape'");
  lengths = lengths.substr(0, lengths.find(')'));
  require(lengths.starts_with('('), "{}: its header's shape is not a list of lengths", file);
  for (std::size_t at = 1; (at = lengths.find_first_not_of(", ", at)) != lengths.npos;) {
    std::int64_t length = 0;
    const char* const end = lengths.data() + lengths.size();
    const auto [stop, error] = std::from_chars(lengths.data() + at, end, length);
    require(error == std::errc() && length >= 0 && read.shape.rank() < Shape::max_rank,
            "{}: its header's shape is not a list of at most {} lengths", file, Shape::max_rank);
    try {
      read.shape.append(length);
    } catch (const Error& too_large) {
      fail("{}: its header's {}", file, too_large.what());
    }
    at = static_cast<std::size_t>(stop - lengths.data());
    if (at < lengths.size() && lengths[at] == 'L') ++at;  // of old Pythons
  }
  return read;
}

template <class T>
Tensor numbers_of(const NpyHeader& header, std::string_view bytes) {
  Axes order;  // Fortran's: the first axis is the fastest, so that all of them lie the other way round
  for (int axis = header.shape.rank(); axis-- > 0 && header.fortran_order;) order.push_back(axis);
  Shape lies;
  for (int axis = 0; axis < header.shape.rank(); ++axis)
    lies.append(header.shape[header.fortran_order ? order[static_cast<std::size_t>(axis)] : axis]);
  Array array(lies, dtype_of<T>::value);
  if (!bytes.empty()) std::memcpy(array.write<T>(), bytes.data(), bytes.size());
  if (header.dtype[1] == '>') kernels::swap_bytes(array.write<T>(), array.size());
  return header.fortran_order ? permute(Tensor(std::move(array)), order) : Tensor(std::move(array));
}

}  // namespace

Tensor load_npy(const std::filesystem::path& path) {
  const std::string file = path.string(), bytes = read_file(path);
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])); };
  require(bytes.size() >= 12 && bytes.starts_with("\x93NUMPY"), "{}: not an npy file", file);
  require(byte(6) >= 1 && byte(6) <= 3, "{}: an npy file of version {}, not 1 to 3", file, byte(6));
  // Version 1 has 2 bytes for the length of the header, later ones 4.
  const std::size_t start = byte(6) == 1 ? 10 : 12;
  const std::size_t length = byte(8) | byte(9) << 8 | (byte(6) == 1 ? 0 : byte(10) << 16 | byte(11) << 24);
  require(bytes.size() - start >= length, "{}: truncated in the header", file);
  const NpyHeader header = read_header(file, std::string_view(bytes).substr(start, length));
  const std::string_view numbers = std::string_view(bytes).substr(start + length);
  const auto load_as = [&]<class T>() {
    const std::size_t needed = static_cast<std::size_t>(header.shape.size()) * sizeof(T);
    require(numbers.size() == needed, "{}: {} bytes of numbers, its header says {}", file, numbers.size(), needed);
    return numbers_of<T>(header, numbers);
  };
  if (header.dtype == "'<f4'" || header.dtype == "'>f4'") return load_as.template operator()<float>();
  if (header.dtype == "'<f8'" || header.dtype == "'>f8'") return load_as.template operator()<double>();
  if (header.dtype == "'<i4'" || header.dtype == "'>i4'") return load_as.template operator()<std::int32_t>();
  fail("{}: its dtype is {}, and gaze has float32, float64 and int32: numpy.save(file, array.astype(\"float32\"))",
       file, header.dtype);
}

}  // namespace gaze
