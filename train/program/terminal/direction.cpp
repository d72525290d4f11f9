#include <gaze/train/program/terminal/direction.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace gaze::train {
namespace {

constexpr std::string_view begin_mark = "\u2066", end_mark = "\u2069";

// The blocks of Hebrew, Arabic and their neighbours, N'Ko and Adlam. Bytes of UTF-8 sort as code points do.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> right_to_left = {{{"\u0590", "\u08FF"},
                                                                                         {"\uFB1D", "\uFDFF"},
                                                                                         {"\uFE70", "\uFEFC"},
                                                                                         {"\U00010800", "\U00010FFF"},
                                                                                         {"\U0001E800", "\U0001EFFF"}}};

/// Bytes of the character that begins with this one.
std::size_t length_of(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

bool turns(std::string_view utf8) {
  for (std::size_t at = 0; at < utf8.size(); at += length_of(utf8[at])) {
    const std::string_view character = utf8.substr(at, length_of(utf8[at]));
    for (const auto& [first, last] : right_to_left)
      if (character >= first && character <= last) return true;
  }
  return false;
}

}  // namespace

std::string isolated(std::string_view utf8, const Terminal& terminal) {
  if (!terminal.unicode || !turns(utf8)) return std::string(utf8);
  return fmt::format("{}{}{}", begin_mark, utf8, end_mark);
}

std::size_t isolate_length(std::string_view utf8) {
  return utf8.starts_with(begin_mark) || utf8.starts_with(end_mark) ? begin_mark.size() : 0;
}

}  // namespace gaze::train
