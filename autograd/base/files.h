#pragma once

#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace gaze {

/// The whole file. Throws an Error that names the file and the system's reason.
std::string read_file(const std::filesystem::path& path);

/// Whether there is such a file or folder. Throws when the system does not say (an I/O error, no permission): what
/// cannot be looked up is not absent.
bool file_exists(const std::filesystem::path& path);

/// Flushes what was written through a descriptor to the disk; false, with errno, when that fails.
bool flush_to_disk(int descriptor);

/// "; did you mean data/train.en?" for a file or folder that does not exist, from the names beside it, or nothing.
std::string did_you_mean_file(const std::filesystem::path& missing);

/// Replaces the file by the parts, one after another: written aside in the same folder, flushed to the disk, renamed.
/// When anything fails, what was there stays as it is, and an Error names the file and the system's reason; only a
/// folder that cannot be flushed is an Error behind the new file. A file that is replaced keeps its mode, and a
/// symbolic link stays one to the new file. A device (/dev/stdout) is written directly. Without `durable` it is not
/// flushed to the disk: after a crash of the system, not of the program, the file may be empty; for what is written
/// often and can be done without.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::string_view> parts,
                           bool durable = true);
inline void write_file_atomically(const std::filesystem::path& path, std::initializer_list<std::string_view> parts,
                                  bool durable = true) {
  write_file_atomically(path, std::span(parts.begin(), parts.size()), durable);
}

}  // namespace gaze
