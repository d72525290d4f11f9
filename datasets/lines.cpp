#include <gaze/datasets/lines.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/base/files.h>

namespace gaze::train {
namespace {

/// A line as it is meant: without the byte-order mark of a file's first one and what is left of CRLF; in normalization
/// form C, if wanted, in `composed`. Throws for what is not text.
std::string_view checked(std::string_view line, const std::string& file, std::size_t number, Unicode unicode,
                         std::string& composed) {
  if (constexpr std::string_view byte_order_mark = "\xef\xbb\xbf"; number == 1 && line.starts_with(byte_order_mark))
    line.remove_prefix(byte_order_mark.size());
  if (line.ends_with('\r')) line.remove_suffix(1);
  require(line.find('\0') == line.npos, "{}:{}: there is a NUL byte", file, number);
  try {
    if (unicode == Unicode::nfc) return composed = nfc(line);
    check_utf8(line);
    return line;
  } catch (const Error& error) {
    fail("{}:{}: {}", file, number, error.what());
  }
}

}  // namespace

void for_each_line(const std::filesystem::path& path, Unicode unicode,
                   const std::function<void(std::string_view line)>& take) {
  const std::string text = read_file(path);
  std::string_view rest = text;
  std::string composed;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    take(checked(line, path.string(), number, unicode, composed));
  }
}

std::vector<std::string> read_lines(const std::filesystem::path& path, Unicode unicode) {
  std::vector<std::string> lines;
  for_each_line(path, unicode, [&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

LineReader::LineReader(const std::filesystem::path& path)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), name_(path.string()), owns_(true) {
  if (descriptor_ < 0)
    fail("{}: {}{}", name_, std::strerror(errno), errno == ENOENT ? did_you_mean_file(path) : std::string());
}

LineReader::~LineReader() {
  if (owns_) ::close(descriptor_);
}

void LineReader::read_more() {
  text_.erase(0, std::exchange(begin_, 0));
  searched_ = text_.size();
  char buffer[1 << 16];
  ssize_t count = 0;
  do count = ::read(descriptor_, buffer, sizeof buffer);
  while (count < 0 && errno == EINTR);
  if (count < 0) fail("{}: {}", name_, std::strerror(errno));
  ended_ = count == 0;
  text_.append(buffer, static_cast<std::size_t>(count));
}

std::optional<std::string> LineReader::next() {
  while (!has_line()) read_more();
  if (begin_ == text_.size()) return {};
  const std::string_view rest = std::string_view(text_).substr(begin_);
  const std::string_view line = rest.substr(0, rest.find('\n'));
  begin_ += std::min(line.size() + 1, rest.size());
  ++lines_;
  std::string composed;
  return std::string(checked(line, name_, lines_, Unicode::none, composed));
}

bool LineReader::ready(std::chrono::milliseconds within) {
  const auto end = std::chrono::steady_clock::now() + within;
  while (!has_line()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    pollfd source{descriptor_, POLLIN, 0};
    const int found = ::poll(&source, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (found == 0 || (found < 0 && errno != EINTR)) return false;
    if (found > 0) read_more();
  }
  return true;
}

std::optional<std::size_t> count_lines(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) return {};
  const std::string text = read_file(path);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) +
         (!text.empty() && !text.ends_with('\n'));
}

void require_as_many_lines(const std::filesystem::path& file, std::size_t lines, const std::filesystem::path& other,
                           std::size_t other_lines) {
  const bool first = lines < other_lines;
  require(lines == other_lines, "{}:{}: the line is missing; {} has {} lines and {} has {}",
          (first ? file : other).string(), std::min(lines, other_lines) + 1, file.string(), lines, other.string(),
          other_lines);
}

}  // namespace gaze::train
