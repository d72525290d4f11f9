#pragma once

#include <cstddef>
#include <cstdint>

namespace gaze::kernels {

/// Numbers that files have and arrays have not.
enum class Stored {
  float16,   ///< IEEE 754 binary16
  bfloat16,  ///< the upper half of a float
  int64,
  uint8
};

constexpr std::size_t size_of(Stored stored) { return stored == Stored::int64 ? 8 : stored == Stored::uint8 ? 1 : 2; }

/// out[i] = number i at `from`, wherever in memory that is; little-endian. Gives the place of the first that T cannot
/// hold, where it ends, or count. T: float or std::int32_t.
template <class T>
std::int64_t convert(Stored, const char* from, std::int64_t count, T* out);

/// Turns the bytes of each number around.
template <class T>
void swap_bytes(T* numbers, std::int64_t count);

}  // namespace gaze::kernels
