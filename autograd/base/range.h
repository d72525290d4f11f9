#pragma once

#include <cstdint>

namespace gaze {

/// Whether [first, first + count) lies within [0, length), for any three numbers: no sum that could overflow is made.
constexpr bool within(std::int64_t first, std::int64_t count, std::int64_t length) {
  return first >= 0 && count >= 0 && first <= length && count <= length - first;
}

}  // namespace gaze
