#pragma once

#include <cstdint>

namespace gaze::kernels {

/// Blocks a call of philox() makes, and the 32-bit numbers in them.
constexpr std::int64_t philox_blocks = 32, philox_numbers = 4 * philox_blocks;

template <class T>
struct Dropout {
  /// y[i] = x[i] / (1 - p) where number i of the random stream (seed, stream) is at least p 2^32, else 0. y may be x.
  void (*dropout)(const T* x, std::int64_t n, std::uint64_t seed, std::uint64_t stream, double p, T* y);
  /// The blocks [first, first + philox_blocks) of RandomStream{seed, stream}, one after another: many side by side, as
  /// a processor with vectors makes them. The same whatever T is.
  void (*philox)(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, std::uint32_t* numbers);
};

}  // namespace gaze::kernels
