#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <gaze/autograd/tensor.h>
#include <gaze/datasets/example.h>
#include <gaze/train/attention/alignment.h>
#include <gaze/train/attention/attention_view.h>

// A model looks from pieces to pieces, and gold links, alignments and people speak of words. A map is folded to words:
// the rows of a word's pieces are averaged, their columns summed, so that a row still says where all of its attention
// goes.

namespace gaze::train {

/// Which row (or column) of a folded map each of a map's goes to, where these stand for `begin_marks` marks, a
/// sentence's tokens, and other marks up to `positions`; marks keep rows of their own. `words`: see Example.
std::vector<int> word_places(std::span<const int> words, std::int64_t tokens, std::int64_t begin_marks,
                             std::int64_t positions);

/// A row-major map whose rows and columns go to these places, which rise from 0, or for -1 to none. A place that
/// nothing goes to is a row or column of zeros. Throws unless the map has as many numbers.
std::vector<double> fold(std::span<const double> map, std::span<const int> row_places,
                         std::span<const int> column_places);

/// Cross-attention over a sentence pair, folded to words.
struct WordMap {
  std::vector<double> weights;  ///< [target words, columns], row-major
  std::int64_t source_words = 0;
  std::int64_t columns = 0;  ///< the source's words, and its end mark where that was asked for
};

/// Sentence `b` of weights [B,H,T,S], its pieces read as `choice` says; `end_mark`: with one after the source's words.
/// Throws as attention_map() does.
WordMap word_map(const Tensor& weights, std::int64_t b, const Example& pair, const MapChoice& choice, bool end_mark);

/// The links of its words: see strongest_links(). A word that no piece begins in has no attention of its own and gets
/// none.
std::vector<AlignmentLink> links_of(const WordMap& map, const Example& pair, double null_threshold = 0);

/// Whether a piece begins in target word t.
bool has_pieces(const Example& pair, std::int64_t t);

/// The words of tokens, as text: the tokens themselves where each is a word.
std::vector<std::string> words_as_text(std::span<const std::string> tokens, std::span<const int> words);

/// A map of tokens and marks of this kind, folded to words.
AttentionMap fold_to_words(const AttentionMap& map, AttentionKind kind, const Example& pair);

}  // namespace gaze::train
