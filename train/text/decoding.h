#pragma once

#include <cstdint>
#include <vector>

#include <gaze/datasets/batch.h>
#include <gaze/nn/model.h>

namespace gaze::train {

/// How long an output may be: so many words for each of the source, and some more.
struct LengthLimit {
  double per_word = 1.5;
  std::int64_t more = 10;
};

struct DecodingOptions {
  std::int64_t beam = 1;        ///< hypotheses that are followed at a time; 1: greedy, the likeliest word after word
  double length_penalty = 0.6;  ///< alpha, from 0 to 10; 0: the plain log probability, which likes short sentences
  std::int64_t longest = 0;     ///< words of an output at most; the model reads the begin mark and as many words
  LengthLimit limit = {};       ///< a source's own, where that is less
  const Taps* taps = nullptr;   ///< of the passes; sentences are numbered as in the batch
};

/// Throws for options outside their ranges.
void check_decoding(const DecodingOptions& options);

/// One translation as ids, marks left out.
struct Hypothesis {
  std::vector<std::int32_t> ids;
  double log_probability = 0;  ///< of all words and the end mark
  double normalised = 0;  ///< log_probability / ((5 + words) / 6)^alpha, the end mark a word (Wu et al. 2016, eq. 14)
};

/// For each source of the batch its best hypotheses, as many as the beam, the best by `normalised` first.
///
/// A hypothesis that is as long as it may be ends there, with the probability of the end mark. A source is done when
/// none that is running can become better than the last of those that are kept: a log probability only falls, so that
/// none gets beyond what it would have at the longest output without losing more. The greedy hypothesis is always among
/// those that are followed: a beam finds nothing worse.
///
/// Throws for options outside their ranges and for logits that are not numbers.
std::vector<std::vector<Hypothesis>> decode(const SequenceModel& model, const Batch& batch,
                                            const DecodingOptions& options);

}  // namespace gaze::train
