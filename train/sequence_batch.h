#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <gaze/datasets/batch.h>
#include <gaze/nn/model.h>

namespace gaze::train {

/// What a model reads, what it should say, and what is known about it.
struct SequenceBatch {
  TokenBatch ids;
  std::int32_t ignored = CrossEntropyOptions{}.ignore_index;  ///< gold ids that count for nothing: padding
  std::vector<Example> examples = {};  ///< a sentence per row, with gold links if it has any; none where not known

  std::int64_t predictions() const;  ///< gold ids that count
  /// Throws unless the sentences are as many as the rows and fit into them, and gold links lie within the sentences.
  void check() const;
};

/// Of sentence pairs, whose padding is ignored.
SequenceBatch sequence_batch(Batch pairs);

/// Throws for a gold link past the words of its sentence, and for numbers of words that are not one per token, never
/// falling, from 0 (or all -1). `where` begins the message.
void check_gold(const Example& example, std::string_view where);

}  // namespace gaze::train
