#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <gaze/autograd/array.h>
#include <gaze/datasets/example.h>
#include <gaze/datasets/vocabulary.h>

namespace gaze::train {

/// A sentence and its translation as ids, without marks.
struct PairIds {
  std::vector<std::int32_t> source, target;
};

/// Sentence pairs as ids (int32), rows filled up with padding to the longest of the batch.
struct Batch {
  Array source;                   ///< [B,S]: words, and the end mark if asked for
  Array source_lengths;           ///< [B]: words and mark
  Array target_in;                ///< [B,T]: the begin mark and words
  Array target_out;               ///< [B,T]: words and the end mark
  std::int64_t tokens = 0;        ///< target words and end marks in all rows
  std::vector<Example> examples;  ///< what it was made from, where that was words; else none
};

/// With source_eos an end mark closes the source, which attention can rest on. Throws for an empty list.
Batch make_batch(std::span<const PairIds> pairs, bool source_eos = false);
Batch make_batch(std::vector<Example> examples, const Vocabulary& source, const Vocabulary& target,
                 bool source_eos = false);

}  // namespace gaze::train
