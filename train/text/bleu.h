#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace gaze::train {

/// BLEU of a corpus (Papineni et al. 2002) with one reference a sentence: 100 times the brevity penalty times the
/// geometric mean of the precisions of n-grams of 1 to 4 words. Words stand between white space, and an n-gram order
/// that nothing matches counts as half, then a quarter, ... of a match (the "exp" smoothing): sacrebleu's numbers with
/// "--tokenize none".
struct Bleu {
  double value = 0;                       ///< 0 to 100
  std::array<double, 4> precisions = {};  ///< 0 to 100
  double brevity_penalty = 1;
  std::int64_t hypothesis_words = 0, reference_words = 0;
};

/// Throws for unequal numbers of sentences.
Bleu bleu(const std::vector<std::string>& hypotheses, const std::vector<std::string>& references);

}  // namespace gaze::train
