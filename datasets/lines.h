#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gaze::train {

/// The lines of a UTF-8 text file without their ends (LF or CRLF); a byte-order mark and the last line's missing end
/// are no matter. Throws for text that is not UTF-8 and for NUL, naming file:line, and when the file cannot be read.
std::vector<std::string> read_lines(const std::filesystem::path& path);

/// Throws unless two files that belong together line by line have equally many, naming the first line that is missing.
void require_as_many_lines(const std::filesystem::path& file, std::size_t lines, const std::filesystem::path& other,
                           std::size_t other_lines);

}  // namespace gaze::train
