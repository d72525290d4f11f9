#include <gaze/train/program/terminal/typed_numbers.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <type_traits>

#include <fmt/format.h>

namespace gaze::train {
namespace {

template <class T>
CLI::Validator range(T low, T high, const std::string& kind, const std::string& bounds) {
  return CLI::Validator(
      [=](const std::string& text) {
        T number{};
        const char* const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, number);
        // Behind a 0 the parser that reads the number in the end takes digits for octal ones. NaN is in no range.
        const std::size_t first = text.find_first_not_of('-');
        const bool octal = std::is_integral_v<T> && first + 1 < text.size() && text[first] == '0';
        if (error == std::errc() && stop == end && !octal && number >= low && number <= high) return std::string();
        return fmt::format("expects {} {}, not {}", kind, bounds, text.empty() ? "an empty word" : text);
      },
      bounds);
}

}  // namespace

CLI::Validator whole_range(std::int64_t low, std::int64_t high) {
  const bool bounded = high < std::numeric_limits<std::int64_t>::max();
  return range(low, high, "a whole number",
               bounded ? fmt::format("from {} to {}", low, high) : fmt::format("from {}", low));
}

CLI::Validator real_range(double low, double high) {
  return range(low, high, "a number", fmt::format("from {:g} to {:g}", low, high));
}

void refuse_empty(CLI::App& command, const std::vector<std::string>& may_be_empty) {
  const CLI::Validator not_empty(
      [](const std::string& text) { return text.empty() ? "expects a value, not an empty word" : std::string(); }, "");
  for (CLI::Option* option : command.get_options())
    if (option->get_items_expected_max() > 0 &&
        std::ranges::find(may_be_empty, option->get_name()) == may_be_empty.end())
      option->check(not_empty);
  for (CLI::App* subcommand : command.get_subcommands({})) refuse_empty(*subcommand, may_be_empty);
}

}  // namespace gaze::train
