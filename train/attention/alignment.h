#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <gaze/autograd/tensor.h>
#include <gaze/datasets/example.h>

namespace gaze::train {

/// A predicted link: source position, target position, both from 0.
using AlignmentLink = std::pair<int, int>;

/// Predicted links A against sure links S and possible links P (S among them), counted over a corpus
/// (Och and Ney 2003, section 4). A sentence without gold links says nothing about predictions and is left out.
struct AlignmentCounts {
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

/// When attention is read for a target word: at the query that produces it, or at the next one, which has just read it.
enum class Shift { produced, consumed };
std::string_view name_of(Shift);

/// One attention map [target words, source words] out of weights [B,H,T,S] where T counts the begin mark and S may
/// count an end mark.
struct MapChoice {
  int head = -1;  ///< from 0; -1: the mean of all
  Shift shift = Shift::produced;
};

/// A head as JSON has it: its number, or "mean" for -1.
nlohmann::json head_name(int head);

/// Sentence `b` of weights [B,H,T,S] as a row-major map of `rows` target words and `columns` source positions. Throws
/// for what the weights do not have.
std::vector<double> attention_map(const Tensor& weights, std::int64_t b, std::int64_t rows, std::int64_t columns,
                                  const MapChoice& choice = {});
/// Throws for a map with weights that are not numbers, as those of a model too large.
void require_numbers(std::span<const double> map);

/// One link per target word: its strongest source word, the first of equals. A word whose strongest weight is below
/// `null_threshold`, or that looks most at a column from `source_words` on (an end mark), gets none. The map has
/// `columns` columns.
std::vector<AlignmentLink> strongest_links(std::span<const double> map, std::int64_t source_words, std::int64_t columns,
                                           double null_threshold = 0);
inline std::vector<AlignmentLink> strongest_links(std::span<const double> map, std::int64_t source_words) {
  return strongest_links(map, source_words, source_words);
}

/// The best that one link per target word can do: a sure link where there is one, else a possible one, else a wrong one
/// (source -1). Its AER is the floor of every such extraction.
std::vector<AlignmentLink> best_links(std::span<const Link> gold, std::int64_t target_words);
/// Target word t goes with the source word at the same part of its sentence: what needs no model.
std::vector<AlignmentLink> diagonal_links(std::int64_t source_words, std::int64_t target_words);

/// How the links of two directions become one set. grow_diag: from the intersection, links of the union are added that
/// touch one that is there (diagonally too) and whose source or target word has none yet, until none can be added
/// (Koehn et al. 2005, "Edinburgh system description").
enum class Symmetrization { intersection, either, grow_diag };

/// `forward` and `backward` both as (source, target); the result is sorted by target, then source.
std::vector<AlignmentLink> symmetrize(std::span<const AlignmentLink> forward, std::span<const AlignmentLink> backward,
                                      Symmetrization how);

/// "0-0 2-1": source-target.
std::string to_pharaoh(std::span<const AlignmentLink> links);
/// Links as Pharaoh lines have them: i-j sure, ipj possible, counted from `base`. A link that is there twice counts
/// once, as sure if one of them is. Throws for anything else, `where` ("file:line") standing in the message.
std::vector<Link> parse_pharaoh(std::string_view line, int base, std::string_view where);

}  // namespace gaze::train
