#include <gaze/datasets/lines.h>

#include <string_view>

#include <gaze/autograd/error.h>
#include <gaze/autograd/files.h>
#include <gaze/datasets/tasks.h>

namespace gaze {

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
      characters_of(line);
    } catch (const Error& error) {
      fail("{}:{}: {}", path.string(), lines.size() + 1, error.what());
    }
    lines.emplace_back(line);
  }
  return lines;
}

}  // namespace gaze
