#include <gaze/train/text/pair_data.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include <gaze/train/streams.h>

namespace gaze::train {
namespace {

ParallelText read(const std::string& source, const std::string& target, const std::string& columns, const char* what,
                  Unicode unicode) {
  require(source.empty() == target.empty(), "config: {0}src and {0}tgt go together", what);
  require(source.empty() || columns.empty(), "config: give {0}src and {0}tgt or {0}tsv, not both", what);
  return columns.empty() ? ParallelText::read(source, target, unicode) : ParallelText::read_columns(columns, unicode);
}

bool named(const std::string& source, const std::string& target, const std::string& columns) {
  return !source.empty() || !target.empty() || !columns.empty();
}

/// Why pairs of a text cannot be used, counted; the first of each is named.
class LeftOut {
 public:
  explicit LeftOut(const ParallelText& text) : text_(text) {}

  /// Whether pair i can be used.
  bool fits(std::size_t i, std::size_t source, std::size_t target, const LanguagePair& languages) {
    if (source == 0 || target == 0) return note(empty_, i, source == 0);
    const bool long_source = std::cmp_greater(source, languages.source.longest);
    if (long_source || std::cmp_greater(target, languages.target.longest)) return note(long_, i, long_source);
    return true;
  }
  std::vector<std::string> notices(std::int64_t longest) const {
    std::vector<std::string> notices;
    if (empty_.count > 0)
      notices.push_back(fmt::format("{}: {} of {} pairs have an empty side and are left out", empty_.first,
                                    empty_.count, text_.size()));
    if (long_.count > 0)
      notices.push_back(fmt::format("{}: {} of {} pairs are longer than {} tokens (config: length) and are left out",
                                    long_.first, long_.count, text_.size(), longest));
    return notices;
  }

 private:
  struct Reason {
    std::size_t count = 0;
    std::string first;  ///< file:line
  };
  bool note(Reason& reason, std::size_t i, bool source) {
    if (reason.count++ == 0)
      reason.first = fmt::format("{}:{}", source ? text_.source_file : text_.target_file, text_.line_of(i));
    return false;
  }
  const ParallelText& text_;
  Reason empty_, long_;
};

/// take(i, source, target) with the tokens of each pair i that can be used; returns what was left out, a line for a
/// reason.
template <class Take>
std::vector<std::string> for_usable_pairs(const ParallelText& text, const LanguagePair& languages, const Take& take) {
  LeftOut left_out(text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto source = languages.source.tokenizer.tokenize(text.source[i]);
    auto target = languages.target.tokenizer.tokenize(text.target[i]);
    if (left_out.fits(i, source.size(), target.size(), languages)) take(i, std::move(source), std::move(target));
  }
  return left_out.notices(languages.source.longest);
}

PairIds ids_of(const Example& e, const LanguagePair& languages) {
  return {languages.source.vocabulary.encode(e.source), languages.target.vocabulary.encode(e.target)};
}

/// What the model sees of a pair: end marks included.
PairLength length_of(const PairIds& pair, bool source_eos) {
  return {static_cast<std::int32_t>(pair.source.size()) + source_eos,
          static_cast<std::int32_t>(pair.target.size()) + 1};
}

/// Batches of like length, with their number of tokens bounded.
std::vector<SequenceBatch> in_batches(std::vector<PairIds> pairs, bool source_eos) {
  constexpr std::int64_t max_tokens = 4096;
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const PairIds& a, const PairIds& b) { return a.target.size() < b.target.size(); });
  std::vector<PairLength> lengths;
  for (const PairIds& pair : pairs) lengths.push_back(length_of(pair, true));
  std::vector<SequenceBatch> batches;
  for (const auto& [first, end] : batch_ranges(lengths, 0, max_tokens))
    batches.push_back(sequence_batch(make_batch(std::span(pairs).subspan(first, end - first), source_eos)));
  return batches;
}

class ToyPairs : public PairData {
 public:
  ToyPairs(const Config& config, const LanguagePair& languages)
      : task_(toy_task(config)),
        config_(config),
        languages_(languages),
        validation_(toy_batches(config, languages, Split::validation)) {}
  SequenceBatch batch(std::int64_t number) override {
    const std::int64_t size = config_.training.batch;
    return sequence_batch(make_batch(task_->examples(Split::train, size, (number - 1) * size),
                                     languages_.source.vocabulary, languages_.target.vocabulary,
                                     config_.data.source_eos));
  }
  const std::vector<SequenceBatch>& validation() const override { return validation_; }
  std::vector<Example> probes(std::int64_t count) const override {
    Config fixed = config_;
    fixed.seed = streams::probe_seed;
    return toy_task(fixed)->examples(Split::validation, count);
  }
  std::uint64_t hash() const override { return hash_of(task_->name()); }  // the config says the rest

 private:
  std::shared_ptr<const ToyTask> task_;
  Config config_;
  LanguagePair languages_;
  std::vector<SequenceBatch> validation_;
};

}  // namespace

PairTexts PairTexts::read(const Config& c) {
  require(named(c.files.src, c.files.tgt, c.files.tsv),
          "config: pairs needs src and tgt, or tsv: the sentences to learn from");
  PairTexts texts{train::read(c.files.src, c.files.tgt, c.files.tsv, "", c.data.unicode), {}, {}, false};
  if (named(c.files.valid_src, c.files.valid_tgt, c.files.valid_tsv)) {
    texts.validation = train::read(c.files.valid_src, c.files.valid_tgt, c.files.valid_tsv, "valid_", c.data.unicode);
  } else {
    constexpr std::size_t max_count = 1000;
    texts.validation = texts.train.take_held_out(max_count);
    texts.held_out = true;
  }
  if (named(c.files.test_src, c.files.test_tgt, c.files.test_tsv))
    texts.test = train::read(c.files.test_src, c.files.test_tgt, c.files.test_tsv, "test_", c.data.unicode);
  return texts;
}

LanguagePair learn_languages(const Config& config, const ParallelText& text) {
  std::vector<std::string_view> lines(text.source.begin(), text.source.end());
  const std::vector<std::string_view> target(text.target.begin(), text.target.end());
  if (!config.model.shared) return {learn_language(config, lines), learn_language(config, target)};
  lines.insert(lines.end(), target.begin(), target.end());
  const Language both = learn_language(config, lines);
  return {both, both};
}

std::vector<SequenceBatch> toy_batches(const Config& config, const LanguagePair& languages, Split split) {
  constexpr std::int64_t at_once = 256;
  const auto task = toy_task(config);
  std::vector<SequenceBatch> batches;
  for (std::int64_t first = 0; first < config.data.validation; first += at_once)
    batches.push_back(
        sequence_batch(make_batch(task->examples(split, std::min(at_once, config.data.validation - first), first),
                                  languages.source.vocabulary, languages.target.vocabulary, config.data.source_eos)));
  return batches;
}

std::unique_ptr<PairData> toy_pairs(const Config& config, const LanguagePair& languages) {
  return std::make_unique<ToyPairs>(config, languages);
}

TextPairs::TextPairs(const Config& config, const PairTexts& texts, const LanguagePair& languages)
    : source_eos_(config.data.source_eos),
      hash_(hash_of(fmt::format("{} {}", texts.train.hash(), texts.validation.hash()))) {
  const auto note = [&](const std::vector<std::string>& more) {
    notices_.insert(notices_.end(), more.begin(), more.end());
  };
  if (texts.held_out)
    note({fmt::format("{}: {} of {} pairs are held out for validation", texts.train.source_file,
                      texts.validation.size(), texts.validation.size() + texts.train.size())});
  std::vector<PairLength> lengths;
  note(for_usable_pairs(texts.train, languages, [&](std::size_t, auto source, auto target) {
    train_.push_back(ids_of({std::move(source), std::move(target), {}}, languages));
    lengths.push_back(length_of(train_.back(), source_eos_));
  }));
  require(!train_.empty(), "{}: no pair is left to learn from", texts.train.source_file);
  const PairLength longest = *std::ranges::max_element(
      lengths, {}, [](const PairLength& length) { return static_cast<std::int64_t>(length.first) + length.second; });
  const std::int64_t of_tokens = config.training.tokens / std::max(longest.first, longest.second);
  largest_ = {
      .rows = std::min(config.training.tokens > 0 ? std::max<std::int64_t>(of_tokens, 1) : config.training.batch,
                       static_cast<std::int64_t>(lengths.size())),
      .source = longest.first,
      .target = longest.second};
  plan_ = std::make_unique<BatchPlan>(std::move(lengths), BatchPlan::Options{.sentences = config.training.batch,
                                                                             .tokens = config.training.tokens,
                                                                             .stream = {config.seed, streams::order}});

  std::vector<PairIds> validation;
  note(for_usable_pairs(texts.validation, languages, [&](std::size_t i, auto, auto) {
    held_out_.push_back(example_of(languages, texts.validation.source[i], texts.validation.target[i]));
    validation.push_back(ids_of(held_out_.back(), languages));
  }));
  require(!held_out_.empty(), "{}: no pair is left to validate on", texts.validation.source_file);
  validation_ = in_batches(std::move(validation), source_eos_);
}

SequenceBatch TextPairs::batch(std::int64_t number) {
  std::vector<PairIds> pairs;
  for (const std::uint32_t i : plan_->batch(number - 1)) pairs.push_back(train_[i]);
  return sequence_batch(make_batch(pairs, source_eos_));
}

std::vector<Example> TextPairs::probes(std::int64_t count) const {
  const auto max_count = std::min(static_cast<std::size_t>(count), held_out_.size());
  return {held_out_.begin(), held_out_.begin() + static_cast<std::ptrdiff_t>(max_count)};
}

std::vector<SequenceBatch> evaluation_batches(const ParallelText& text, const LanguagePair& languages,
                                              bool source_eos) {
  std::vector<PairIds> pairs;
  for_usable_pairs(text, languages, [&](std::size_t, auto source, auto target) {
    pairs.push_back(ids_of({std::move(source), std::move(target), {}}, languages));
  });
  return in_batches(std::move(pairs), source_eos);
}

}  // namespace gaze::train
