#pragma once

#include <cstdint>

/// The streams of random numbers that a run's seed has: see RandomStream.
namespace gaze::train::streams {

inline constexpr std::uint64_t weights = 1;  ///< initial ones
inline constexpr std::uint64_t dropout = 2;
inline constexpr std::uint64_t order = 3;  ///< of sentences, and the places of contexts

/// The seed of the sentences of a toy task whose attention is recorded: one for all runs of a task, so that they can be
/// compared sentence by sentence. It is the seed that a run has by default.
inline constexpr std::uint64_t probe_seed = 1;

}  // namespace gaze::train::streams
