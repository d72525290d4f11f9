#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gaze/datasets/characters.h>

namespace gaze::train {

/// take(line) with each line of a UTF-8 text file in normalization form C or, with none, as it stands, without its end
/// (LF or CRLF); a byte-order mark and the last line's missing end are no matter. Throws for text that is not UTF-8 and
/// for NUL, naming file:line, and when the file cannot be read.
void for_each_line(const std::filesystem::path& path, Unicode unicode,
                   const std::function<void(std::string_view line)>& take);
/// All of them.
std::vector<std::string> read_lines(const std::filesystem::path& path, Unicode unicode = Unicode::none);

/// Reads such lines one after another as they come: of a file, or of a pipe whose writer waits for an answer.
class LineReader {
 public:
  /// Throws when the file cannot be opened.
  explicit LineReader(const std::filesystem::path& path);
  /// Of an open descriptor, which stays open. `name` stands in errors.
  LineReader(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// The next line; none at the end. Throws as read_lines() does; the line after that can be read.
  std::optional<std::string> next();
  /// Whether next() has a line, or sees the end, within this time.
  bool ready(std::chrono::milliseconds within);
  std::size_t lines() const { return lines_; }  ///< read so far, a bad one included

 private:
  bool has_line() const { return ended_ || text_.find('\n', std::max(begin_, searched_)) != std::string::npos; }
  void read_more();

  int descriptor_ = -1;
  std::string name_;
  bool owns_ = false, ended_ = false;
  std::string text_;  ///< that was read, from begin_ on not yet given out
  std::size_t begin_ = 0;
  std::size_t searched_ = 0;  ///< before here nothing more ends a line
  std::size_t lines_ = 0;
};

/// How a filter reads lines: so many at once at most, and not waiting longer for more before it answers those it has.
inline constexpr std::size_t lines_at_once = 512;
inline constexpr std::chrono::milliseconds patience{20};

/// Lines of a regular file, whatever is in them; nothing for a pipe, which could be read but once. Throws when it
/// cannot be read.
std::optional<std::size_t> count_lines(const std::filesystem::path& path);

/// Throws unless two files that belong together line by line have equally many, naming the first line that is missing.
void require_as_many_lines(const std::filesystem::path& file, std::size_t lines, const std::filesystem::path& other,
                           std::size_t other_lines);

}  // namespace gaze::train
