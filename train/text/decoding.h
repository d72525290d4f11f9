#pragma once

#include <cstdint>
#include <vector>

#include <gaze/datasets/batch.h>
#include <gaze/nn/model.h>

namespace gaze::train {

struct DecodingOptions {
  std::int64_t beam = 1;        ///< hypotheses that are followed at a time; 1: greedy, the likeliest word after word
  double length_penalty = 0.6;  ///< alpha; 0: the plain log probability, which likes short sentences
  std::int64_t longest = 0;     ///< words of an output
  const Taps* taps = nullptr;   ///< of the passes; sentences are numbered as in the batch
};

/// One translation as ids, marks left out.
struct Hypothesis {
  std::vector<std::int32_t> ids;
  double log_probability = 0;  ///< of all words and the end mark
  double normalised = 0;  ///< log_probability / ((5 + words) / 6)^alpha, the end mark a word (Wu et al. 2016, eq. 14)
};

/// For each source of the batch its best hypotheses, as many as the beam, the best first. Sources end when as many
/// hypotheses have; what has none after `longest` words is cut there. Throws for
/// a beam below 1 and for logits that are not numbers.
std::vector<std::vector<Hypothesis>> decode(const SequenceModel& model, const Batch& batch,
                                            const DecodingOptions& options);

}  // namespace gaze::train
