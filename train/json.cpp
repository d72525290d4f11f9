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

/// Walks over a text before it is parsed: what a parser makes of brackets within brackets is printed by recursion, and
/// of two values of one name it silently keeps the second.
class Scan {
 public:
  Scan(std::string_view text, const std::string& source, std::int64_t first_line)
      : text_(text), source_(source), first_line_(first_line) {}

  void run() {
    for (std::size_t i = 0; i < text_.size(); ++i) {
      switch (text_[i]) {
        case '"': i = string(i); break;
        case '[':
        case '{':
          require(open_.size() < max_depth, "{}: more than {} brackets within one another", place(i), max_depth);
          open_.push_back({.object = text_[i] == '{', .name_is_next = true, .names = {}});
          break;
        case ']':
        case '}':
          if (!open_.empty()) open_.pop_back();
          break;
        case ',':
          if (!open_.empty()) open_.back().name_is_next = true;
          break;
        case '\0': fail("{}: it is not JSON: a zero byte", place(i));  // a parser takes it for the end
        default: break;
      }
    }
  }
  /// "FILE:LINE" of a byte.
  std::string place(std::size_t byte) const {
    const std::string_view before = text_.substr(0, byte);
    return fmt::format("{}:{}", source_, first_line_ + std::count(before.begin(), before.end(), '\n'));
  }

 private:
  struct Bracket {
    bool object = false, name_is_next = true;
    std::set<std::string> names;
  };

  /// Where the string that begins here ends.
  std::size_t string(std::size_t begin) {
    std::size_t end = begin + 1;
    while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size() || open_.empty() || !open_.back().object || !open_.back().name_is_next) return end;
    open_.back().name_is_next = false;
    const json name = json::parse(text_.substr(begin, end + 1 - begin), nullptr, false);
    if (name.is_string())
      require(open_.back().names.insert(name.get<std::string>()).second, "{}: {} is named twice", place(begin),
              name.get<std::string>());
    return end;
  }

  std::string_view text_;
  const std::string& source_;
  std::int64_t first_line_;
  std::vector<Bracket> open_;
};

}  // namespace

// A parser says "[json.exception.parse_error.101] parse error at line 1, column 2: " before it.
std::string json_reason(const std::exception& error) {
  const std::string_view all = error.what();
  const std::size_t bracket = all.find("] "), column = all.find(", column"),
                    colon = all.find(": ", column == all.npos ? 0 : column);
  if (column != all.npos && colon != all.npos) return std::string(all.substr(colon + 2));
  return std::string(bracket == all.npos ? all : all.substr(bracket + 2));
}

json parse_json(std::string_view text, const std::string& source, std::int64_t first_line) {
  Scan scan(text, source, first_line);
  scan.run();
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    fail("{}: it is not JSON: {}", scan.place(error.byte > 0 ? error.byte - 1 : 0), json_reason(error));
  } catch (const json::exception& error) {  // a number that no double holds; it is quoted
    const std::string_view what = error.what();
    const std::size_t begin = what.find('\''), end = what.rfind('\'');
    const std::size_t at = begin < end ? text.find(what.substr(begin + 1, end - begin - 1)) : text.npos;
    fail("{}: it is not JSON: {}", scan.place(at == text.npos ? 0 : at), json_reason(error));
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
