#pragma once

#include <cstdint>

/// The streams of random numbers that a run's seed has: see RandomStream.
namespace gaze::train::streams {

inline constexpr std::uint64_t weights = 1;  ///< initial ones
inline constexpr std::uint64_t dropout = 2;
inline constexpr std::uint64_t order = 3;  ///< of sentences, and the places of contexts

}  // namespace gaze::train::streams
