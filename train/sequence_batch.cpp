#include <gaze/train/sequence_batch.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace gaze::train {

std::int64_t SequenceBatch::predictions() const {
  const auto gold = ids.gold.values<std::int32_t>();
  return ids.gold.size() - std::count(gold.begin(), gold.end(), ignored);
}

void SequenceBatch::check() const {
  if (examples.empty()) return;
  const std::int64_t rows = ids.target.size(0), target = ids.target.size(1),
                     source = ids.source.defined() ? ids.source.size(1) : 0;
  require(std::cmp_equal(examples.size(), rows), "batch: {} sentences for {} rows of ids", examples.size(), rows);
  require(!ids.source.defined() || ids.source.size(0) == rows, "batch: {} rows of source ids for {} of target ids",
          source == 0 ? 0 : ids.source.size(0), rows);
  require(!ids.source_lengths.defined() || ids.source_lengths.size() == rows, "batch: {} source lengths for {} rows",
          ids.source_lengths.defined() ? ids.source_lengths.size() : 0, rows);
  for (std::size_t b = 0; b < examples.size(); ++b) {
    const Example& e = examples[b];
    require(std::cmp_less_equal(e.source.size(), source) && std::cmp_less_equal(e.target.size(), target),
            "batch: sentence {} has {} source and {} target words, its rows {} and {} ids", b, e.source.size(),
            e.target.size(), source, target);
    if (!e.gold.empty() || !e.source_words.empty() || !e.target_words.empty())
      check_gold(e, fmt::format("batch: sentence {}", b));
  }
}

SequenceBatch sequence_batch(Batch pairs) {
  return {.ids = {.source = Tensor(std::move(pairs.source)),
                  .source_lengths = Tensor(std::move(pairs.source_lengths)),
                  .target = Tensor(std::move(pairs.target_in)),
                  .gold = Tensor(std::move(pairs.target_out))},
          .ignored = Vocabulary::pad,
          .examples = std::move(pairs.examples)};
}

void check_gold(const Example& e, std::string_view where) {
  for (const auto& [side, tokens, words] :
       {std::tuple("source", &e.source, &e.source_words), {"target", &e.target, &e.target_words}}) {
    if (words->empty()) continue;
    require(words->size() == tokens->size(), "{}: {} numbers of words for {} {} tokens", where, words->size(),
            tokens->size(), side);
    require(std::is_sorted(words->begin(), words->end()) && words->front() >= -1 &&
                (words->front() >= 0 || words->back() < 0),
            "{}: the numbers of the {}'s words are not 0, 0, 1 and so on: {}", where, side, fmt::join(*words, " "));
  }
  for (const Link& l : e.gold)
    require(l.source >= 0 && l.target >= 0 && l.source < source_word_count(e) && l.target < target_word_count(e),
            "{}: a gold link {}-{} past its sentence", where, l.source, l.target);
}

}  // namespace gaze::train
