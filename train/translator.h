#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gaze/datasets/batch.h>
#include <gaze/datasets/toy.h>
#include <gaze/datasets/vocabulary.h>
#include <gaze/nn/model.h>
#include <gaze/nn/recorder.h>
#include <gaze/train/alignment.h>
#include <gaze/train/config.h>
#include <gaze/train/run_folder.h>
#include <gaze/train/trainer.h>

namespace gaze {

/// What a model does on held-out sentences, the right words given so far (teacher forcing).
struct Evaluation {
  double loss = 0;            ///< a target token, end marks included
  double token_accuracy = 0;  ///< share of target tokens, end marks included, whose likeliest prediction is right
  double aer = 0;             ///< one link a target word: see alignment.h
  AlignmentScore alignment;
};

/// What the marks are called where attention is shown.
inline constexpr const char *begin_label = "<s>", *end_label = "</s>";

/// Which attention of a model is looked at.
struct AttentionView {
  AttentionKind kind = AttentionKind::cross;
  std::int64_t layer = 0;  ///< from 0
  MapChoice choice = {};   ///< the shift is of cross-attention alone
};

/// The attention that alignments are read from unless another is asked for: the guided head's, else the mean of the
/// last layer's heads.
AttentionView usual_view(const Config&);
/// The full name of a module of a translator.
std::string attention_module(AttentionKind kind, std::int64_t layer);

/// Attention over one sentence pair.
struct AttentionMap {
  std::vector<std::string> source, target;  ///< what the columns and rows stand for
  std::vector<double> weights;              ///< [rows, columns], row-major
};

/// A toy task, its vocabularies and the model that learns it.
class Translator {
 public:
  /// Throws what check() throws.
  explicit Translator(const Config& config);
  /// Throws for an unknown task, options that do not go together or make no sentence, or another kind of model.
  static void check(const Config& config);
  /// The model of a run as its checkpoint has it: options and weights. Throws when this program's task has other words
  /// than the model was trained with.
  static std::unique_ptr<Translator> load(const RunFolder& run);
  /// Writes weights, config and vocabularies into the run's checkpoint.
  void save(const RunFolder& run) const;

  const Config& config() const { return config_; }
  const ToyTask& task() const { return *task_; }
  const Vocabulary& source_words() const { return source_words_; }
  const Vocabulary& target_words() const { return target_words_; }
  Params& params() { return params_; }

  /// The batch of a step is a function of the seed and the step alone.
  StepLoss loss(std::int64_t step, Context& context) const;
  Evaluation evaluate(Split split, std::int64_t sentences) const;
  AttentionView usual_view() const { return gaze::usual_view(config_); }
  /// The full name of a module. Throws for a layer that the model does not have.
  std::string module_of(AttentionKind kind, std::int64_t layer) const;
  /// What `recorder` asks for, over sentence pairs, the right words given so far: weights [B,H,T,S] where T counts the
  /// begin mark and S of cross-attention the source's end mark, if the config has one. Throws for a sentence that is
  /// longer than the model's positions.
  void record(const std::vector<Example>& examples, AttentionRecorder& recorder) const;
  /// One map of it: words against words for cross-attention; for self-attention with the marks that the model sees.
  AttentionMap attention(const std::vector<std::string>& source, const std::vector<std::string>& target,
                         const AttentionView& view) const;
  AttentionMap attention(const std::vector<std::string>& source, const std::vector<std::string>& target) const {
    return attention(source, target, usual_view());
  }
  /// The likeliest word after word, until the end mark or the longest length.
  std::vector<std::string> translate(const std::vector<std::string>& source) const;

 private:
  Batch batch_of(std::vector<Example> examples) const;
  Tensor logits(const Batch& batch, Context& context) const;
  Tensor gold_of(const Batch& batch) const;
  void check_length(const char* side, std::size_t words, std::int64_t longest) const;

  Config config_;
  std::unique_ptr<ToyTask> task_;
  Vocabulary source_words_, target_words_;
  Params params_;
  std::unique_ptr<Seq2Seq> model_;
};

}  // namespace gaze
