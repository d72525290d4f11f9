#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gaze/datasets/batch.h>
#include <gaze/datasets/language.h>
#include <gaze/datasets/toy.h>
#include <gaze/nn/model.h>
#include <gaze/nn/recorder.h>
#include <gaze/train/attention/attention_view.h>
#include <gaze/train/config.h>
#include <gaze/train/models.h>
#include <gaze/train/run_folder.h>
#include <gaze/train/saved_model.h>
#include <gaze/train/text/decoding.h>
#include <gaze/train/toy_task.h>

namespace gaze::train {

/// Source and target.
struct LanguagePair {
  Language source, target;
};
LanguagePair toy_languages(const Config& config);
/// A line of each as tokens, and which words these are pieces of.
Example example_of(const LanguagePair& languages, std::string_view source, std::string_view target);
/// What a model that translates between them is made for.
ModelSizes sizes_of(const LanguagePair& languages);
/// Those that a checkpoint's model was trained with; of a toy task, the words are the checkpoint's own. `file` names it
/// in errors. Throws what language_of() throws.
LanguagePair saved_languages(const Checkpoint& checkpoint, const Config& config, const std::string& file);
/// Whether a model of a toy task has the languages that this program's version of the task has: else the task's
/// sentences are not the model's.
bool has_languages_of_task(const LanguagePair& languages, const Config& config);
/// Throws, naming the run, unless it has.
void require_languages_of_task(const LanguagePair& languages, const Config& config, const std::string& run);
/// Throws for an unknown task, options that do not go together, or another kind of model.
void check_translation(const Config& config);
/// Throws TooLarge, before any is made, when a toy task's sentences are too long for a training on this machine, and an
/// Error when one of its splits has none.
void require_sentences(const Config& config);

/// A translation: its words, and how likely the model holds them to be.
struct Translation {
  std::vector<std::string> words;
  double log_probability = 0, normalised = 0;  ///< see Hypothesis
};

/// Two languages and the model that translates the one into the other.
class Translator {
 public:
  /// With the languages of a toy task. Throws what check_translation() throws.
  explicit Translator(const Config& config);
  Translator(const Config& config, LanguagePair languages);
  /// A trained model: options, languages and weights. `weights` names the file in errors. The words are those that it
  /// was trained with, also where this program's version of its toy task has others.
  static std::unique_ptr<Translator> load(const std::filesystem::path& weights, const Config& local);
  /// The best weights of a run: see RunFolder::weights().
  static std::unique_ptr<Translator> load(const RunFolder& run, const std::string& which = {});
  /// Writes weights, options and languages, which is what load() needs.
  void save(const std::filesystem::path& file) const;
  Metadata metadata() const;  ///< options and languages

  const Config& config() const { return config_; }
  const LanguagePair& languages() const { return languages_; }
  const Language& source() const { return languages_.source; }
  const Language& target() const { return languages_.target; }
  Params& params() { return params_; }
  const SequenceModel& model() const { return *model_; }
  Batch batch_of(std::vector<Example> examples) const;

  const AttentionSites& attentions() const { return attentions_; }
  AttentionView usual_view() const { return train::usual_view(attentions_, config_.guided); }
  /// The full name of a module. Throws for one that the model does not have.
  const std::string& module_of(AttentionKind kind, std::int64_t layer) const {
    return site_of(attentions_, kind, layer).name;
  }
  /// Whether there is cross-attention to look at.
  bool has_attention() const { return !sites_of(attentions_, AttentionKind::cross).empty(); }
  /// What `recorder` asks for, over sentence pairs, the right words given so far: weights [B,H,T,S] where T counts the
  /// begin mark and S of cross-attention the source's end mark, if the config has one. Throws for a sentence that is
  /// longer than the model's positions.
  void record(const std::vector<Example>& examples, AttentionRecorder& recorder) const;
  /// One map of it: for cross-attention words against words and the source's end mark, if the config has one, of an
  /// empty target the end mark's row; for self-attention with the marks that the model sees.
  AttentionMap attention(const std::vector<std::string>& source, const std::vector<std::string>& target,
                         const AttentionView& view) const;
  AttentionMap attention(const std::vector<std::string>& source, const std::vector<std::string>& target) const {
    return attention(source, target, usual_view());
  }
  /// For each source its translations, the best first, as many as `beam`. Sources are taken together in batches of like
  /// length. A source of no words has one of no words; one that is longer than the model's positions is cut. With
  /// `replace_unknown` the unknown word gives way to the source word that the usual attention is strongest on. No
  /// translation is longer than the longest target of the training. Throws as check_decoding() does.
  std::vector<std::vector<Translation>> translate(const std::vector<std::vector<std::string>>& sources,
                                                  std::int64_t beam, double length_penalty,
                                                  bool replace_unknown = false, const LengthLimit& limit = {}) const;
  /// The best of one, with the config's beam.
  std::vector<std::string> translate(const std::vector<std::string>& source) const;

 private:
  void check_length(const char* side, std::size_t words, std::int64_t longest) const;

  Config config_;
  LanguagePair languages_;
  Params params_;
  std::unique_ptr<SequenceModel> model_;
  AttentionSites attentions_;
};

}  // namespace gaze::train
