#pragma once

#include <fmt/format.h>

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace gaze {

/// A message as one line that can be read, whatever it quotes: line breaks become spaces, and of a very long one the
/// middle is left out.
std::string one_line(std::string_view message);

/// Every failure that gaze reports: one line that names the operation (or the file), what was given and the rule.
class Error : public std::runtime_error {
 public:
  explicit Error(std::string_view message) : std::runtime_error(one_line(message)) {}
};

/// Throws an Error with a formatted message.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

/// fail() unless the condition holds.
template <class... Args>
void require(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) [[unlikely]]
    fail(format, std::forward<Args>(args)...);
}

/// The candidate nearest to a mistyped name by edit distance, whatever the case of its letters, or nothing when none is
/// near.
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

/// "; did you mean copy?" for the end of an error, or nothing when no candidate is near.
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

}  // namespace gaze
