#include <gaze/train/pair_source.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include <gaze/train/streams.h>

namespace gaze {
namespace {

ParallelText read(const std::string& source, const std::string& target, const std::string& columns, const char* what) {
  require(source.empty() == target.empty(), "config: {0}src and {0}tgt go together", what);
  require(source.empty() || columns.empty(), "config: give {0}src and {0}tgt or {0}tsv, not both", what);
  return columns.empty() ? ParallelText::read(source, target) : ParallelText::read_columns(columns);
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
  void report(std::vector<std::string>& notices, std::int64_t longest) const {
    if (empty_.count > 0)
      notices.push_back(fmt::format("{}: {} of {} pairs have an empty side and are left out", empty_.first,
                                    empty_.count, text_.size()));
    if (long_.count > 0)
      notices.push_back(fmt::format("{}: {} of {} pairs are longer than {} tokens (config: length) and are left out",
                                    long_.first, long_.count, text_.size(), longest));
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

/// Batches of like length, with their number of tokens bounded.
std::vector<Batch> in_batches(std::vector<PairIds> pairs, bool source_eos) {
  constexpr std::size_t most_tokens = 4096;
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const PairIds& a, const PairIds& b) { return a.target.size() < b.target.size(); });
  std::vector<Batch> batches;
  for (std::size_t first = 0; first < pairs.size();) {
    std::size_t end = first, longest = 0;
    while (end < pairs.size()) {
      longest = std::max({longest, pairs[end].source.size() + 1, pairs[end].target.size() + 1});
      if (end > first && (end - first + 1) * longest > most_tokens) break;
      ++end;
    }
    batches.push_back(make_batch(std::span(pairs).subspan(first, end - first), source_eos));
    first = end;
  }
  return batches;
}

class ToyPairs : public PairSource {
 public:
  ToyPairs(const Config& config, const LanguagePair& languages)
      : task_(toy_task(config)),
        config_(config),
        languages_(languages),
        validation_(toy_batches(config, languages, Split::validation)) {}
  Batch batch(std::int64_t number) override {
    return make_batch(task_->examples(Split::train, config_.batch, number * config_.batch),
                      languages_.source.vocabulary, languages_.target.vocabulary, config_.source_eos);
  }
  BatchPlan::Position position(std::int64_t number) override { return {0, number}; }
  const std::vector<Batch>& validation() const override { return validation_; }
  std::vector<Example> probes(std::int64_t count) const override { return task_->examples(Split::validation, count); }
  std::uint64_t hash() const override { return hash_of(task_->name()); }  // the config says the rest

 private:
  std::shared_ptr<const ToyTask> task_;
  Config config_;
  LanguagePair languages_;
  std::vector<Batch> validation_;
};

}  // namespace

PairTexts PairTexts::read(const Config& c) {
  require(named(c.src, c.tgt, c.tsv), "config: pairs needs src and tgt, or tsv: the sentences to learn from");
  PairTexts texts{gaze::read(c.src, c.tgt, c.tsv, ""), {}, {}, false};
  if (named(c.valid_src, c.valid_tgt, c.valid_tsv)) {
    texts.validation = gaze::read(c.valid_src, c.valid_tgt, c.valid_tsv, "valid_");
  } else {
    constexpr std::size_t most = 1000;
    texts.validation = texts.train.take_held_out(most);
    texts.held_out = true;
  }
  if (named(c.test_src, c.test_tgt, c.test_tsv)) texts.test = gaze::read(c.test_src, c.test_tgt, c.test_tsv, "test_");
  return texts;
}

LanguagePair learn_languages(const Config& config, const ParallelText& text) {
  if (!config.shared) return {learn_language(config, text.source), learn_language(config, text.target)};
  std::vector<std::string> lines = text.source;
  lines.insert(lines.end(), text.target.begin(), text.target.end());
  const Language both = learn_language(config, lines);
  return {both, both};
}

std::vector<Batch> toy_batches(const Config& config, const LanguagePair& languages, Split split) {
  constexpr std::int64_t at_once = 256;
  const auto task = toy_task(config);
  std::vector<Batch> batches;
  for (std::int64_t first = 0; first < config.validation; first += at_once)
    batches.push_back(make_batch(task->examples(split, std::min(at_once, config.validation - first), first),
                                 languages.source.vocabulary, languages.target.vocabulary, config.source_eos));
  return batches;
}

std::unique_ptr<PairSource> toy_pairs(const Config& config, const LanguagePair& languages) {
  return std::make_unique<ToyPairs>(config, languages);
}

TextPairs::TextPairs(const Config& config, const PairTexts& texts, const LanguagePair& languages)
    : source_eos_(config.source_eos),
      hash_(hash_of(fmt::format("{} {}", texts.train.hash(), texts.validation.hash()))) {
  std::vector<PairLength> lengths;
  if (texts.held_out)
    notices_.push_back(fmt::format("{}: {} of {} pairs are held out for validation", texts.train.source_file,
                                   texts.validation.size(), texts.validation.size() + texts.train.size()));
  LeftOut left_out(texts.train);
  for (std::size_t i = 0; i < texts.train.size(); ++i) {
    PairIds pair{languages.source.ids(texts.train.source[i]), languages.target.ids(texts.train.target[i])};
    if (!left_out.fits(i, pair.source.size(), pair.target.size(), languages)) continue;
    lengths.emplace_back(static_cast<std::int32_t>(pair.source.size()) + source_eos_,
                         static_cast<std::int32_t>(pair.target.size()) + 1);
    train_.push_back(std::move(pair));
  }
  left_out.report(notices_, config.length);
  require(!train_.empty(), "{}: no pair is left to learn from", texts.train.source_file);
  plan_ = std::make_unique<BatchPlan>(
      std::move(lengths),
      BatchPlan::Options{.sentences = config.batch, .tokens = config.tokens, .stream = {config.seed, streams::order}});

  LeftOut not_validated(texts.validation);
  for (std::size_t i = 0; i < texts.validation.size(); ++i) {
    Example e{languages.source.tokenizer.tokenize(texts.validation.source[i]),
              languages.target.tokenizer.tokenize(texts.validation.target[i]),
              {}};
    if (not_validated.fits(i, e.source.size(), e.target.size(), languages)) held_out_.push_back(std::move(e));
  }
  not_validated.report(notices_, config.length);
  require(!held_out_.empty(), "{}: no pair is left to validate on", texts.validation.source_file);
  validation_ = evaluation_batches(texts.validation, languages, source_eos_);
}

Batch TextPairs::batch(std::int64_t number) {
  std::vector<PairIds> pairs;
  for (const std::uint32_t i : plan_->batch(number)) pairs.push_back(train_[i]);
  return make_batch(pairs, source_eos_);
}

std::vector<Example> TextPairs::probes(std::int64_t count) const {
  const auto most = std::min(static_cast<std::size_t>(count), held_out_.size());
  return {held_out_.begin(), held_out_.begin() + static_cast<std::ptrdiff_t>(most)};
}

std::vector<Batch> evaluation_batches(const ParallelText& text, const LanguagePair& languages, bool source_eos) {
  std::vector<PairIds> pairs;
  LeftOut left_out(text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    PairIds pair{languages.source.ids(text.source[i]), languages.target.ids(text.target[i])};
    if (left_out.fits(i, pair.source.size(), pair.target.size(), languages)) pairs.push_back(std::move(pair));
  }
  return in_batches(std::move(pairs), source_eos);
}

TranslationLearner::TranslationLearner(const Config& config, LanguagePair languages, std::unique_ptr<PairSource> pairs)
    : translator_(config, std::move(languages)), pairs_(std::move(pairs)) {}

StepLoss TranslationLearner::loss(std::int64_t batch, Context& context) {
  return translator_.loss(pairs_->batch(batch - 1), context);
}

}  // namespace gaze
