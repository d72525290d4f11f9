#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

namespace gaze {

/// The whole file. Throws an Error that names the file and the system's reason.
std::string read_file(const std::filesystem::path& path);

/// Replaces the file by the parts, one after another: written aside in the same folder, flushed to the disk, renamed.
/// When anything fails, what was there stays as it is, and an Error names the file and the system's reason.
void write_file_atomically(const std::filesystem::path& path, std::initializer_list<std::string_view> parts);

}  // namespace gaze
