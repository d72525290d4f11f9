#include <gaze/autograd/base/error.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace gaze {
namespace {

/// Insertions, deletions, replacements and swaps of neighbours that turn a into b.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last, last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = last, last = row;
  }
  return last.back();
}

/// With the 26 letters that names are made of in lower case.
std::string in_lower_case(std::string_view name) {
  std::string lower(name);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

}  // namespace

std::string one_line(std::string_view message) {
  constexpr std::size_t longest = 4000;
  // No character of UTF-8 is cut: a byte 10xxxxxx goes on with one.
  const auto continues = [&](std::size_t at) { return at < message.size() && (message[at] & 0xc0) == 0x80; };
  std::string line(message);
  if (message.size() > longest) {
    std::size_t head = longest / 2, tail = message.size() - longest / 2;
    for (int i = 0; i < 3 && continues(head); ++i) --head;
    for (int i = 0; i < 3 && continues(tail); ++i) ++tail;
    line = fmt::format("{} [...] {}", message.substr(0, head), message.substr(tail));
  }
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::replace(line.begin(), line.end(), '\r', ' ');
  return line;
}

std::string nearest_name(std::string_view name, std::span<const std::string> candidates) {
  std::string best;
  std::size_t min_distance = name.size() / 3 + 1;  // further off than this is not a typing error
  for (const std::string& candidate : candidates) {
    if (candidate.size() + min_distance <= name.size()) continue;  // a name may be as long as a file
    const std::size_t distance = edit_distance(in_lower_case(name), in_lower_case(candidate));
    if (distance < min_distance) min_distance = distance, best = candidate;
  }
  return best;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> candidates) {
  const std::string near = nearest_name(name, candidates);
  return near.empty() ? "" : fmt::format("; did you mean {}?", near);
}

}  // namespace gaze
