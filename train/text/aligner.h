#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gaze/train/text/translator.h>

namespace gaze::train {

/// How alignments are read from a model's cross-attention.
struct Extraction {
  std::int64_t layer = 0;  ///< from 0
  MapChoice choice = {};
  double null_threshold = 0;  ///< words whose strongest weight is below get no link
  bool end_competes = false;  ///< a word that looks most at the source's end mark gets no link
};

/// The usual one of a model: see Translator::usual_view().
Extraction usual_extraction(const Translator&);

/// The links of every pair between its words, the right target words given (teacher forcing). Throws as
/// Translator::record() does.
std::vector<std::vector<AlignmentLink>> align(const Translator&, const std::vector<Example>& pairs, const Extraction&);

/// Throws for a gold link past the end of its sentence, naming file:line; words are counted from 0.
void check_links(const std::filesystem::path& file, std::size_t line, const std::vector<Link>& links,
                 std::int64_t source_words, std::int64_t target_words);

/// The layer, head (or mean) and shift of the lowest AER on pairs with gold links; the first of equals, layers from 0,
/// the mean before the heads, produced before consumed. Threshold and end mark are as in `given`.
struct BestExtraction {
  Extraction extraction;
  AlignmentCounts counts;
};
BestExtraction best_extraction(const Translator&, const std::vector<Example>& pairs, const Extraction& given);

/// Whether a pair has words on both sides, and no more than the model was trained on.
bool can_align(const Translator&, const Example& pair);

/// Two files of sentences as pairs, tokenised as the model's task does; with their words (see example_of()). Throws for
/// unequal numbers of lines.
std::vector<Example> read_pairs(const Translator&, const std::filesystem::path& source,
                                const std::filesystem::path& target);

/// What to tell whoever gave a file, read from base 0, of which no link names word 0 on either side: that counting is
/// from 0, and the remedy. Nothing where a link does, or there are none.
std::optional<std::string> note_on_base(const std::filesystem::path& file, const std::vector<std::vector<Link>>& links,
                                        std::string_view remedy);

/// The links of every line of a file of Pharaoh lines: see parse_pharaoh().
std::vector<std::vector<Link>> read_pharaoh(const std::filesystem::path& file, int base);

}  // namespace gaze::train
