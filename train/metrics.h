#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <gaze/autograd/array.h>
#include <gaze/datasets/example.h>

namespace gaze {

/// A predicted link: source position, target position, both from 0.
using AlignmentLink = std::pair<int, int>;

/// Predicted links A against sure links S and possible links P (S among them), counted over a corpus
/// (Och and Ney 2003, section 4).
struct AlignmentScore {
  std::int64_t predicted = 0;      ///< |A|
  std::int64_t sure = 0;           ///< |S|
  std::int64_t sure_hits = 0;      ///< |A and S|
  std::int64_t possible_hits = 0;  ///< |A and P|

  void add(std::span<const Link> gold, std::span<const AlignmentLink> prediction);
  double precision() const;  ///< |A and P| / |A|; 1 when nothing is predicted
  double recall() const;     ///< |A and S| / |S|; 1 when nothing is sure
  /// 1 - (|A and S| + |A and P|) / (|A| + |S|), 0 being best; 0 when both are empty
  double aer() const;
};

/// Sentence `b` of weights [B,H,T,S], averaged over the heads: rows and columns of words alone, [words_out, words_in]
/// row-major. The end-of-sentence marks that follow the words are left out.
std::vector<double> mean_attention(const Array& weights, std::int64_t b, std::int64_t target_words,
                                   std::int64_t source_words);

/// One link a target word: its strongest source word. No source words, no links.
std::vector<AlignmentLink> strongest_links(std::span<const double> attention, std::int64_t target_words,
                                           std::int64_t source_words);

}  // namespace gaze
