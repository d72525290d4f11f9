#include <gaze/train/text/text_data.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
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
  const auto whole = [&](const std::string& file) {
    std::string text;
    std::error_code none;
    if (const auto bytes = std::filesystem::file_size(file, none); !none) text.reserve(bytes + 1);
    for_each_line(file, config.data.unicode, [&](std::string_view line) { text.append(line).append(line_end); });
    require(!text.empty(), "{}:1: the file is empty", file);
    return text;
  };
  Text text{whole(config.files.text), {}};
  if (!config.files.valid_text.empty()) {
    text.validation = whole(config.files.valid_text);
    return text;
  }
  std::size_t characters = 0, kept = 0;
  for (std::size_t i = 0; i < text.train.size(); ++characters) i += character_at(text.train, i).bytes;
  for (std::size_t i = 0; i < characters - characters / 10; ++i) kept += character_at(text.train, kept).bytes;
  text.validation = text.train.substr(kept);
  text.train.resize(kept);
  return text;
}

Language TextData::learn_language(const Config& config, const std::string& text) {
  std::vector<std::string_view> lines;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    lines.push_back(rest.substr(0, end));
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  }
  return train::learn_language(config, lines, line_end);
}

TextData::TextData(const Config& config, const Language& language, Text text)
    : length_(config.data.length),
      rows_(config.training.batch),
      stream_{config.seed, streams::order},
      hash_(hash_of(text.validation, hash_of("\t", hash_of(text.train)))) {
  // Four bytes a token, and the text no longer than needed: room that is reserved and not written takes no memory.
  const auto ids = [&](std::string& part, const char* what, std::int64_t min_tokens) {
    std::vector<std::int32_t> all;
    all.reserve(part.size());
    for_each_token(language.tokenizer, part,
                   [&](std::string_view token) { all.push_back(language.vocabulary.id(token)); });
    require(std::cmp_greater_equal(all.size(), min_tokens),
            "config: the {} text has {} tokens, and at least {} are needed", what, all.size(), min_tokens);
    part = {};
    return all;
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
