#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <gaze/autograd/random.h>

namespace gaze::train {

/// The numbers of tokens of a sentence pair: source, target.
using PairLength = std::pair<std::int32_t, std::int32_t>;

/// Cuts a row of pairs into batches [first, end), in their order: as many pairs as `sentences`, or, where `tokens` is
/// not 0, as many as fit into so many, pairs times the longest side. A pair that does not fit by itself is a batch.
std::vector<std::pair<std::size_t, std::size_t>> batch_ranges(std::span<const PairLength> lengths,
                                                              std::int64_t sentences, std::int64_t tokens);

/// Which pairs make up which batch. An epoch takes every pair once: shuffled, then sorted by length within stretches of
/// some batches, so that there is little padding, and the batches shuffled again. All of it is a function of the
/// stream and the epoch.
class BatchPlan {
 public:
  struct Options {
    std::int64_t sentences = 64;  ///< a batch, unless tokens are given
    std::int64_t tokens = 0;      ///< a batch at most: sentences times the longest side, padding included; 0: no matter
    RandomStream stream = {};
  };
  /// Where a batch lies, both from 0.
  struct Position {
    std::int64_t epoch = 0, batch = 0;
    bool operator==(const Position&) const = default;
  };

  /// Throws without pairs.
  BatchPlan(std::vector<PairLength> lengths, Options options);

  /// The pairs of batch `number`, counted from 0 through all epochs. Quickest when asked in order.
  std::span<const std::uint32_t> batch(std::int64_t number);
  Position position(std::int64_t number);
  std::int64_t batches(std::int64_t epochs);  ///< in the first `epochs` epochs

 private:
  void make_epoch(std::int64_t epoch);
  void seek(std::int64_t number);

  std::vector<PairLength> lengths_;
  Options options_;
  std::int64_t epoch_ = -1, first_ = 0;  ///< the epoch that is made, and its first batch
  std::vector<std::uint32_t> order_;
  std::vector<std::pair<std::size_t, std::size_t>> batches_;  ///< ranges of order_
};

}  // namespace gaze::train
