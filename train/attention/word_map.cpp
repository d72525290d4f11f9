#include <gaze/train/attention/word_map.h>

#include <algorithm>
#include <string_view>

#include <gaze/autograd/base/error.h>

namespace gaze::train {
namespace {

std::int64_t count_of(std::span<const int> places) {
  return places.empty() ? 0 : std::max(*std::max_element(places.begin(), places.end()) + 1, 0);
}

/// Without the mark of a space and the white space that lead to a word or follow it; what is nothing else stays. A
/// second mark is the text's own.
std::string trimmed(const std::string& word) {
  constexpr std::string_view space_mark = "\u2581", blanks = " \t\n\v\f\r";
  std::string_view text = word;
  const auto drop_blanks = [&] { text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size())); };
  drop_blanks();
  if (text.starts_with(space_mark)) text.remove_prefix(space_mark.size());
  drop_blanks();
  text.remove_suffix(text.size() - std::min(text.find_last_not_of(blanks) + 1, text.size()));
  return text.empty() ? word : std::string(text);
}

/// One side of a map: the labels of its places, and where its rows or columns go.
struct Side {
  std::vector<std::string> labels;
  std::vector<int> places;
};

Side side_of(const std::vector<std::string>& labels, std::int64_t begin_marks, const std::vector<std::string>& tokens,
             const std::vector<int>& words) {
  Side side{.labels = words_as_text(tokens, words),
            .places = word_places(words, std::ssize(tokens), begin_marks, std::ssize(labels))};
  side.labels.insert(side.labels.begin(), labels.begin(), labels.begin() + begin_marks);
  side.labels.insert(side.labels.end(), labels.begin() + begin_marks + std::ssize(tokens), labels.end());
  return side;
}

}  // namespace

std::vector<int> word_places(std::span<const int> words, std::int64_t tokens, std::int64_t begin_marks,
                             std::int64_t positions) {
  require((words.empty() || std::ssize(words) == tokens) && begin_marks + tokens <= positions,
          "attention: words of {} tokens for {} tokens and {} marks at {} positions", words.size(), tokens, begin_marks,
          positions);
  std::vector<int> places;
  const auto begin = static_cast<int>(begin_marks);
  int next = 0;
  for (; next < begin; ++next) places.push_back(next);
  for (std::int64_t i = 0; i < tokens; ++i) {
    const int word = words.empty() ? static_cast<int>(i) : words[static_cast<std::size_t>(i)];
    places.push_back(word < 0 ? -1 : begin + word);
    next = std::max(next, places.back() + 1);
  }
  while (std::ssize(places) < positions) places.push_back(next++);
  return places;
}

std::vector<double> fold(std::span<const double> map, std::span<const int> row_places,
                         std::span<const int> column_places) {
  require(map.size() == row_places.size() * column_places.size(), "attention: {} numbers for {} rows and {} columns",
          map.size(), row_places.size(), column_places.size());
  const auto columns = static_cast<std::size_t>(count_of(column_places));
  std::vector<std::int64_t> pieces(static_cast<std::size_t>(count_of(row_places)));
  for (const int place : row_places)
    if (place >= 0) ++pieces[static_cast<std::size_t>(place)];
  std::vector<double> folded(pieces.size() * columns, 0);
  for (std::size_t t = 0; t < row_places.size(); ++t) {
    if (row_places[t] < 0) continue;
    const auto row = static_cast<std::size_t>(row_places[t]);
    for (std::size_t s = 0; s < column_places.size(); ++s)
      if (column_places[s] >= 0)
        folded[row * columns + static_cast<std::size_t>(column_places[s])] +=
            map[t * column_places.size() + s] / static_cast<double>(pieces[row]);
  }
  return folded;
}

WordMap word_map(const Tensor& weights, std::int64_t b, const Example& pair, const MapChoice& choice, bool end_mark) {
  const std::int64_t rows = std::ssize(pair.target), tokens = std::ssize(pair.source), columns = tokens + end_mark,
                     words = source_word_count(pair);
  std::vector<double> map = attention_map(weights, b, rows, columns, choice);
  if (!pair.source_words.empty() || !pair.target_words.empty())
    map = fold(map, word_places(pair.target_words, rows, 0, rows), word_places(pair.source_words, tokens, 0, columns));
  return {.weights = std::move(map), .source_words = words, .columns = words + end_mark};
}

bool has_pieces(const Example& pair, std::int64_t t) {
  return pair.target_words.empty() ||
         std::binary_search(pair.target_words.begin(), pair.target_words.end(), static_cast<int>(t));
}

std::vector<AlignmentLink> links_of(const WordMap& map, const Example& pair, double null_threshold) {
  if (map.source_words == 0) return {};
  std::vector<AlignmentLink> links = strongest_links(map.weights, map.source_words, map.columns, null_threshold);
  std::erase_if(links, [&](const AlignmentLink& link) { return !has_pieces(pair, link.second); });
  return links;
}

std::vector<std::string> words_as_text(std::span<const std::string> tokens, std::span<const int> words) {
  if (words.empty()) return {tokens.begin(), tokens.end()};
  std::vector<std::string> text(static_cast<std::size_t>(count_of(words)));
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (words[i] >= 0) text[static_cast<std::size_t>(words[i])] += tokens[i];
  for (std::string& word : text) word = trimmed(word);
  return text;
}

AttentionMap fold_to_words(const AttentionMap& map, AttentionKind kind, const Example& pair) {
  if (pair.source_words.empty() && pair.target_words.empty()) return map;
  const auto side = [&](const std::vector<std::string>& labels, bool of_source) {
    return side_of(labels, kind == AttentionKind::decoder, of_source ? pair.source : pair.target,
                   of_source ? pair.source_words : pair.target_words);
  };
  const Side rows = side(map.target, kind == AttentionKind::encoder),
             columns = side(map.source, kind != AttentionKind::decoder);
  return {columns.labels, rows.labels, fold(map.weights, rows.places, columns.places)};
}

}  // namespace gaze::train
