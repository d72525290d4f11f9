#include <gaze/train/text/text_data.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include <gaze/datasets/lines.h>
#include <gaze/train/saved_model.h>
#include <gaze/train/streams.h>
#include <gaze/train/text/text_model.h>

namespace gaze::train {
namespace {

Tensor matrix(const std::vector<std::int32_t>& ids, std::int64_t rows) {
  return Tensor::from<std::int32_t>({rows, static_cast<std::int64_t>(ids.size()) / rows}, ids);
}

/// Each id and the one before it, in rows of `length`, several at a time as far as their logits have room; the last
/// row may be shorter.
std::vector<SequenceBatch> in_rows(const std::vector<std::int32_t>& ids, std::size_t length, std::size_t vocabulary) {
  constexpr std::size_t max_logits = 4 << 20;
  const std::size_t all = ids.size() - 1,
                    rows_at_once = std::clamp<std::size_t>(max_logits / (length * vocabulary), 1, 64);
  std::vector<SequenceBatch> batches;
  for (std::size_t first = 0; first < all;) {
    const std::size_t rows = std::clamp<std::size_t>((all - first) / length, 1, rows_at_once);
    const auto count = static_cast<std::ptrdiff_t>(std::min(rows * length, all - first));
    const auto from = ids.begin() + static_cast<std::ptrdiff_t>(first);
    const auto r = static_cast<std::int64_t>(rows);
    batches.push_back(
        {.ids = {.target = matrix({from, from + count}, r), .gold = matrix({from + 1, from + 1 + count}, r)}});
    first += static_cast<std::size_t>(count);
  }
  return batches;
}

}  // namespace

TextData::Text TextData::read(const Config& config) {
  require(!config.files.text.empty(), "config: {} needs text, a file to learn from", config.task);
  const auto whole = [](const std::string& file) {
    std::string text;
    for (const std::string& line : read_lines(file)) text += line + line_end;
    require(!text.empty(), "{}:1: the file is empty", file);
    return text;
  };
  Text text{whole(config.files.text), {}};
  if (!config.files.valid_text.empty()) {
    text.validation = whole(config.files.valid_text);
    return text;
  }
  const auto characters = characters_of(text.train);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < characters.size() - characters.size() / 10; ++i) kept += characters[i].size();
  text.validation = text.train.substr(kept);
  text.train.resize(kept);
  return text;
}

Language TextData::learn_language(const Config& config, const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return train::learn_language(config, lines, line_end);
}

TextData::TextData(const Config& config, const Language& language, const Text& text)
    : length_(config.data.length),
      rows_(config.training.batch),
      stream_{config.seed, streams::order},
      hash_(hash_of(text.validation, hash_of("\t", hash_of(text.train)))) {
  const auto ids = [&](const std::string& part, const char* what, std::int64_t min_tokens) {
    const auto tokens = text_tokens(language.tokenizer, part);
    require(std::cmp_greater_equal(tokens.size(), min_tokens),
            "config: the {} text has {} tokens, and at least {} are needed", what, tokens.size(), min_tokens);
    return language.vocabulary.encode(tokens);
  };
  train_ = ids(text.train, "training", length_ + 1);
  const auto held_out = ids(text.validation, "validation", 2);
  held_out_size_ = held_out.size();
  validation_ =
      in_rows(held_out, static_cast<std::size_t>(length_), static_cast<std::size_t>(language.vocabulary.size()));
}

SequenceBatch TextData::batch(std::int64_t number) {
  Random random(stream_.split(static_cast<std::uint64_t>(number)));
  std::vector<std::int32_t> in, out;
  for (std::int64_t b = 0; b < rows_; ++b) {
    const auto places = train_.size() - static_cast<std::size_t>(length_);
    const auto first = train_.begin() + random.below(static_cast<std::uint32_t>(places));
    in.insert(in.end(), first, first + length_);
    out.insert(out.end(), first + 1, first + 1 + length_);
  }
  return {.ids = {.target = matrix(in, rows_), .gold = matrix(out, rows_)}};
}

}  // namespace gaze::train
