#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gaze/autograd/array.h>

namespace gaze {

/// What a safetensors file holds: named arrays, in the order of their data, and notes about them.
struct Checkpoint {
  std::vector<std::pair<std::string, Array>> arrays;
  std::map<std::string, std::string> metadata = {};

  const Array* find(std::string_view name) const;  ///< null when there is none
};

/// Writes the file at once or not at all. Throws for a name given twice and when the file cannot be written.
void save_safetensors(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// Reads F32, F64 and I32 as they are, F16 and BF16 as float32, I64 (in the range of int32), U8 and BOOL as int32.
/// Throws for another dtype and for a file that breaks the format's rules, naming the file and the tensor.
Checkpoint load_safetensors(const std::filesystem::path& path);
/// The notes of such a file alone, whose arrays are not read.
std::map<std::string, std::string> load_safetensors_metadata(const std::filesystem::path& path);

}  // namespace gaze
