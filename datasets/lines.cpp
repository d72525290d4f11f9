#include <gaze/datasets/lines.h>

#include <algorithm>
#include <string_view>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/base/files.h>
#include <gaze/datasets/tokenizer.h>

namespace gaze::train {

std::vector<std::string> read_lines(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  std::string_view rest = text;
  if (constexpr std::string_view byte_order_mark = "\xef\xbb\xbf"; rest.starts_with(byte_order_mark))
    rest.remove_prefix(byte_order_mark.size());
  std::vector<std::string> lines;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    require(line.find('\0') == line.npos, "{}:{}: there is a NUL byte", path.string(), lines.size() + 1);
    try {
      check_utf8(line);
    } catch (const Error& error) {
      fail("{}:{}: {}", path.string(), lines.size() + 1, error.what());
    }
    lines.emplace_back(line);
  }
  return lines;
}

void require_as_many_lines(const std::filesystem::path& file, std::size_t lines, const std::filesystem::path& other,
                           std::size_t other_lines) {
  const bool first = lines < other_lines;
  require(lines == other_lines, "{}:{}: the line is missing; {} has {} lines and {} has {}",
          (first ? file : other).string(), std::min(lines, other_lines) + 1, file.string(), lines, other.string(),
          other_lines);
}

}  // namespace gaze::train
