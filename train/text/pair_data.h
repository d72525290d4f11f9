#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gaze/datasets/batch_plan.h>
#include <gaze/datasets/parallel_text.h>
#include <gaze/train/memory.h>
#include <gaze/train/text/sequence_learner.h>
#include <gaze/train/text/translator.h>

namespace gaze::train {

/// The texts that a config names for task "pairs".
struct PairTexts {
  ParallelText train, validation;
  std::optional<ParallelText> test;
  bool held_out = false;  ///< the validation pairs were taken from the training text
  /// Throws for files that are missing, are named in part, or are not parallel text. Without validation files some of
  /// the training pairs are held out.
  static PairTexts read(const Config& config);
};

/// Both languages of a text: their units, learned from its training part.
LanguagePair learn_languages(const Config& config, const ParallelText& text);

/// Sentence pairs to learn from, and held-out ones.
class PairData : public TrainingData {
 public:
  /// Held-out pairs, as words: the same in all runs on the same data, whatever their seed.
  virtual std::vector<Example> probes(std::int64_t count) const = 0;
};

/// As many sentences of a toy task as a config's figures are taken on.
std::vector<SequenceBatch> toy_batches(const Config& config, const LanguagePair& languages, Split split);
/// The sentences of a toy task: batch after batch of new ones.
std::unique_ptr<PairData> toy_pairs(const Config& config, const LanguagePair& languages);

/// A text's sentences, epoch after epoch. Pairs with an empty side, or with one that is longer than the language's
/// longest, are left out of training and validation figures.
class TextPairs : public PairData {
 public:
  TextPairs(const Config& config, const PairTexts& texts, const LanguagePair& languages);

  SequenceBatch batch(std::int64_t number) override;
  BatchPlan::Position position(std::int64_t number) override { return plan_->position(number); }
  const std::vector<SequenceBatch>& validation() const override { return validation_; }
  std::vector<Example> probes(std::int64_t count) const override;
  std::uint64_t hash() const override { return hash_; }

  std::int64_t batches(std::int64_t epochs) { return plan_->batches(epochs); }
  std::size_t size() const { return train_.size(); }
  const BatchSize& largest_batch() const { return largest_; }  ///< about: that of the longest pair
  /// What was left out, a line for a file and a reason.
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  bool source_eos_;
  std::vector<PairIds> train_;
  std::vector<SequenceBatch> validation_;
  std::vector<Example> held_out_;
  std::unique_ptr<BatchPlan> plan_;
  BatchSize largest_;
  std::vector<std::string> notices_;
  std::uint64_t hash_;
};

/// A text in batches of like length for evaluation: about as many tokens each. What has an empty or too long side is
/// left out.
std::vector<SequenceBatch> evaluation_batches(const ParallelText& text, const LanguagePair& languages, bool source_eos);

}  // namespace gaze::train
