#include <gaze/nn/safetensors.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <type_traits>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/files.h>
#include <gaze/autograd/kernels/conversion.h>

namespace gaze {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "safetensors holds little-endian numbers");

constexpr std::uint64_t longest_header = 100'000'000;

/// How one dtype of the format becomes an array.
struct Reader {
  const char* dtype;
  DType becomes;
  std::optional<kernels::Stored> stored = {};  ///< nothing: as arrays have it

  std::uint64_t bytes() const { return stored ? kernels::size_of(*stored) : size_of(becomes); }  ///< of a number
};

constexpr Reader readers[] = {
    {"F32", DType::float32},
    {"F64", DType::float64},
    {"I32", DType::int32},
    {"F16", DType::float32, kernels::Stored::float16},
    {"BF16", DType::float32, kernels::Stored::bfloat16},
    {"I64", DType::int32, kernels::Stored::int64},
    {"U8", DType::int32, kernels::Stored::uint8},
    {"BOOL", DType::int32, kernels::Stored::uint8},
};

const char* name_in_file(DType dtype) {
  return dtype == DType::float32 ? "F32" : dtype == DType::float64 ? "F64" : "I32";
}

/// One entry of the header.
struct Entry {
  std::string name;
  Reader reader;
  Shape shape;
  std::uint64_t begin, end;
};

Entry read_entry(const std::string& file, const std::string& name, const json& value) {
  const auto wrong = [&](const char* what) { fail("{}: tensor {}: {}", file, name, what); };
  if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") || !value.contains("data_offsets"))
    wrong("it needs dtype, shape and data_offsets");
  if (!value["dtype"].is_string()) wrong("its dtype is not text");
  const auto dtype = value["dtype"].get<std::string>();
  const auto reader =
      std::find_if(std::begin(readers), std::end(readers), [&](const Reader& r) { return r.dtype == dtype; });
  require(reader != std::end(readers), "{}: tensor {}: dtype {} is not supported", file, name, dtype);
  const auto numbers = [&](const char* key, std::size_t least, std::size_t most, const char* otherwise) {
    const json& list = value[key];
    if (!list.is_array() || list.size() < least || list.size() > most ||
        !std::all_of(list.begin(), list.end(), [](const json& number) { return number.is_number_unsigned(); }))
      wrong(otherwise);
    return list.get<std::vector<std::uint64_t>>();
  };
  Shape shape;
  // The product of all axes but the empty ones must fit too: code that walks a part of the axes multiplies those.
  std::uint64_t widest = reader->bytes();
  for (const std::uint64_t length :
       numbers("shape", 0, Shape::max_rank, "its shape is not a list of at most 8 lengths")) {
    if (length > 0 && widest > std::numeric_limits<std::int64_t>::max() / length) wrong("its shape is too large");
    widest *= std::max<std::uint64_t>(length, 1);
    shape.append(static_cast<std::int64_t>(length));
  }
  const std::uint64_t bytes = shape.size() == 0 ? 0 : widest;
  const auto offsets = numbers("data_offsets", 2, 2, "its data_offsets are not a pair of positions");
  const Entry entry{name, *reader, shape, offsets[0], offsets[1]};
  require(entry.begin <= entry.end && entry.end - entry.begin == bytes,
          "{}: tensor {}: {} {} takes {} bytes, its data_offsets are [{}, {}]", file, name, dtype, shape, bytes,
          entry.begin, entry.end);
  return entry;
}

Array read_array(const std::string& file, const Entry& entry, const char* data) {
  Array array(entry.shape, entry.reader.becomes);
  for_any(array.dtype(), [&]<class T>() {
    const char* const from = data + entry.begin;
    if (!entry.reader.stored) {
      if (array.bytes() > 0) std::memcpy(array.write<T>(), from, array.bytes());
    } else if constexpr (!std::is_same_v<T, double>) {
      const std::int64_t held = kernels::convert(*entry.reader.stored, from, array.size(), array.write<T>());
      std::int64_t number = 0;  // int64 alone may not fit
      if (held < array.size()) std::memcpy(&number, from + held * std::int64_t{sizeof number}, sizeof number);
      require(held == array.size(), "{}: tensor {}: number {} at element {} does not fit int32", file, entry.name,
              number, held);
    }
  });
  return array;
}

/// The header as JSON, every name at most once. Later copies of a name would silently win, so the parser is watched.
json parse_header(const std::string& file, std::string_view text) {
  std::vector<std::set<std::string>> names;
  std::string twice;
  const auto watch = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) names.emplace_back();
    if (event == json::parse_event_t::object_end) names.pop_back();
    if (event == json::parse_event_t::key && !names.back().insert(parsed.get<std::string>()).second && twice.empty())
      twice = parsed.get<std::string>();
    return true;
  };
  // The format rules these out, but the parser skips blanks in front and takes a zero byte for the end.
  const bool plain = text.starts_with('{') && text.find('\0') == text.npos;
  json header = plain ? json::parse(text, watch, false) : json();
  require(header.is_object(), "{}: its header is not a JSON object", file);
  require(twice.empty(), "{}: its header names {} twice", file, twice);
  return header;
}

/// The length of a file's header by its first bytes.
std::uint64_t header_length(const std::string& file, std::string_view begin, std::uint64_t size) {
  std::uint64_t length = 0;
  require(begin.size() >= sizeof length, "{}: it is too short for a safetensors file", file);
  std::memcpy(&length, begin.data(), sizeof length);
  require(length <= size - sizeof length,
          "{}: its header of {} bytes does not fit the file of {}; it is damaged or no safetensors file", file, length,
          size);
  require(length <= longest_header, "{}: its header takes {} bytes, at most {} are allowed", file, length,
          longest_header);
  return length;
}

std::map<std::string, std::string> metadata_of(const std::string& file, const json& header) {
  std::map<std::string, std::string> metadata;
  const auto notes = header.find("__metadata__");
  if (notes == header.end()) return metadata;
  require(notes->is_object(), "{}: its metadata is not a JSON object", file);
  for (const auto& [key, note] : notes->items()) {
    require(note.is_string(), "{}: metadata {} is not text", file, key);
    metadata[key] = note.get<std::string>();
  }
  return metadata;
}

}  // namespace

const Array* Checkpoint::find(std::string_view name) const {
  const auto found = std::find_if(arrays.begin(), arrays.end(), [&](const auto& entry) { return entry.first == name; });
  return found == arrays.end() ? nullptr : &found->second;
}

void save_safetensors(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  auto& entries = header.get_ref<nlohmann::ordered_json::object_t&>();  // in the order of the tensors
  if (!checkpoint.metadata.empty()) entries.emplace_back("__metadata__", checkpoint.metadata);
  std::set<std::string_view> names;
  std::vector<std::string_view> parts(2);  // the header's length and the header come first
  std::uint64_t offset = 0;
  for (const auto& [name, array] : checkpoint.arrays) {
    require(name != "__metadata__", "{}: a tensor cannot have the name {}", path.string(), name);
    require(names.insert(name).second, "{}: tensor {} is given twice", path.string(), name);
    require(array.defined(), "{}: tensor {} is undefined", path.string(), name);
    nlohmann::ordered_json entry = {{"dtype", name_in_file(array.dtype())},
                                    {"shape", std::vector<std::int64_t>(array.shape().begin(), array.shape().end())},
                                    {"data_offsets", {offset, offset + array.bytes()}}};
    entries.emplace_back(name, std::move(entry));
    offset += array.bytes();
    parts.push_back(array.raw());
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::ordered_json::exception&) {
    fail("{}: a name or a note is not UTF-8", path.string());
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begins at a multiple of 8 bytes
  const std::uint64_t length = text.size();
  require(length <= longest_header, "{}: its header takes {} bytes, at most {} are allowed", path.string(), length,
          longest_header);
  parts[0] = {reinterpret_cast<const char*>(&length), sizeof length};
  parts[1] = text;
  write_file_atomically(path, parts);
}

Checkpoint load_safetensors(const std::filesystem::path& path) {
  const std::string file = path.string(), bytes = read_file(path);
  const std::uint64_t length = header_length(file, bytes, bytes.size());
  const json header = parse_header(file, std::string_view(bytes).substr(sizeof length, length));
  const char* data = bytes.data() + sizeof length + length;
  const std::uint64_t size = bytes.size() - sizeof length - length;

  Checkpoint checkpoint{.arrays = {}, .metadata = metadata_of(file, header)};
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items())
    if (name != "__metadata__") entries.push_back(read_entry(file, name, value));
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t next = 0;
  for (const Entry& entry : entries) {
    require(entry.begin == next && entry.end <= size,
            "{}: tensor {} lies at [{}, {}), must begin at {} and end within {}", file, entry.name, entry.begin,
            entry.end, next, size);
    next = entry.end;
  }
  require(next == size, "{}: {} bytes follow the last tensor", file, size - next);
  for (const Entry& entry : entries) checkpoint.arrays.emplace_back(entry.name, read_array(file, entry, data));
  return checkpoint;
}

std::map<std::string, std::string> load_safetensors_metadata(const std::filesystem::path& path) {
  const std::string file = path.string();
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  require(stream.good(), "{}: {}", file, std::strerror(errno));
  const auto size = static_cast<std::uint64_t>(stream.tellg());
  std::string bytes(std::min<std::uint64_t>(size, sizeof(std::uint64_t)), '\0');
  stream.seekg(0).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  std::string header(header_length(file, bytes, size), '\0');
  stream.read(header.data(), static_cast<std::streamsize>(header.size()));
  require(stream.good(), "{}: its header cannot be read", file);
  return metadata_of(file, parse_header(file, header));
}

}  // namespace gaze
