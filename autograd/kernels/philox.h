#pragma once

#include <cstdint>

namespace gaze::kernels {

/// Blocks a call of philox() makes, and the 32-bit numbers in them.
constexpr std::int64_t philox_blocks = 16, philox_numbers = 4 * philox_blocks;

/// The blocks [first, first + philox_blocks) of RandomStream{seed, stream}, one after another: many side by side, as a
/// processor with vectors makes them.
void philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, std::uint32_t* numbers);

}  // namespace gaze::kernels
