#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace gaze::train {

/// A JSON text, whole. Throws "SOURCE:LINE: what is wrong" for what is not JSON (bytes behind the value and zero bytes
/// included), for more than 200 values within one another, for a number that no double holds, and for an object that
/// has a name twice. `first_line` is the line of the source that the text begins in.
nlohmann::json parse_json(std::string_view text, const std::string& source, std::int64_t first_line = 1);

/// What an exception of the JSON library says, without the names of its classes.
std::string json_reason(const std::exception& error);

/// No step or count in a file is larger: sums of some stay far from overflow.
constexpr std::int64_t max_count = 1'000'000'000'000'000;
/// A whole number that is one in JSON, from `min` to `max`. Throws, `what` beginning the message, for another value.
std::int64_t whole_number(const nlohmann::json& value, std::int64_t min, std::int64_t max, std::string_view what);

}  // namespace gaze::train
