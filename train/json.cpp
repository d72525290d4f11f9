#include <gaze/train/json.h>

#include <algorithm>
#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/error.h>

namespace gaze::train {
namespace {

using nlohmann::json;

constexpr std::size_t max_depth = 200;

std::ptrdiff_t line_at(std::string_view text, std::size_t place) {
  const std::string_view before = text.substr(0, place);
  return 1 + std::count(before.begin(), before.end(), '\n');
}

/// Before it is parsed: what a parser makes of brackets within brackets is freed and printed by recursion.
void check_depth(std::string_view text, const std::string& source) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      require(++depth <= max_depth, "{}:{}: more than {} brackets within one another", source, line_at(text, i),
              max_depth);
    } else if (c == ']' || c == '}') {
      if (depth > 0) --depth;
    }
  }
}

/// What a parser says behind "[json.exception.parse_error.101] parse error at line 1, column 2: ".
std::string reason_of(const json::parse_error& error) {
  const std::string_view all = error.what();
  const std::size_t column = all.find("column"), colon = all.find(": ", column == all.npos ? 0 : column);
  return std::string(colon == all.npos ? all : all.substr(colon + 2));
}

}  // namespace

json parse_json(std::string_view text, const std::string& source) {
  check_depth(text, source);
  const std::size_t zero = text.find('\0');  // a parser takes it for the end
  require(zero == text.npos, "{}:{}: it is not JSON: a zero byte", source, line_at(text, zero));
  std::vector<std::set<std::string>> names;
  const auto watch = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) names.emplace_back();
    if (event == json::parse_event_t::object_end) names.pop_back();
    if (event != json::parse_event_t::key) return true;
    const auto name = parsed.get<std::string>();
    if (names.back().insert(name).second) return true;
    const std::string quoted = parsed.dump(-1, ' ', false, json::error_handler_t::replace);
    const std::size_t first = text.find(quoted), second = text.find(quoted, first == text.npos ? 0 : first + 1);
    fail("{}:{}: {} is named twice", source, line_at(text, second == text.npos ? 0 : second), name);
  };
  try {
    return json::parse(text, watch);
  } catch (const json::parse_error& error) {
    fail("{}:{}: it is not JSON: {}", source, line_at(text, error.byte > 0 ? error.byte - 1 : 0), reason_of(error));
  }
}

std::int64_t whole_number(const json& value, std::int64_t min, std::int64_t max, std::string_view what) {
  // Unsigned numbers above the largest signed one are no smaller than any maximum.
  const bool whole = value.is_number_integer() && (!value.is_number_unsigned() ||
                                                   value.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX));
  require(whole && value.get<std::int64_t>() >= min && value.get<std::int64_t>() <= max,
          "{} is {}, expects a whole number from {} to {}", what,
          value.dump(-1, ' ', false, json::error_handler_t::replace), min, max);
  return value.get<std::int64_t>();
}

}  // namespace gaze::train
