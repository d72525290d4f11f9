#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gaze/datasets/language.h>
#include <gaze/nn/model.h>
#include <gaze/train/learner.h>
#include <gaze/train/run_folder.h>
#include <gaze/train/text/sampling.h>

namespace gaze::train {

/// Throws for options of a language model that do not go together.
void check_text(const Config& config);

/// A text's tokens, line by line, with the token "\n" where a line ends.
std::vector<std::string> text_tokens(const Tokenizer& tokenizer, std::string_view text);

/// A token that may come next.
struct NextToken {
  std::string token;
  double probability = 0;
};

/// A language model of one text's tokens.
class TextModel {
 public:
  TextModel(const Config& config, Language language);
  /// A trained model: options, tokens and weights. Throws, naming the file, for anything else.
  static std::unique_ptr<TextModel> load(const std::filesystem::path& weights, const Config& local);
  static std::unique_ptr<TextModel> load(const RunFolder& run, const std::string& which = {});
  Metadata metadata() const;

  const Config& config() const { return config_; }
  const Language& language() const { return language_; }
  Params& params() { return params_; }
  const SequenceModel& model() const { return *model_; }

  /// A prompt as tokens; without any it is a line's end.
  std::vector<std::string> prompt(std::string_view text) const;
  /// The likeliest tokens after these, the likeliest first. The model sees the last `length` tokens (config).
  std::vector<NextToken> next(const std::vector<std::string>& tokens, std::size_t count) const;
  /// The tokens that the model sees of these, and how much attention the last of them pays each, the mean over the
  /// heads of a layer.
  struct Look {
    std::vector<std::string> tokens;
    std::vector<std::vector<double>> weights;  ///< [layers][tokens]
  };
  Look look(const std::vector<std::string>& tokens) const;
  /// Goes on from the prompt: say(token) with each new token, until there are `count` or it returns false.
  void sample(const std::vector<std::string>& prompt, std::int64_t count, const SampleOptions& options,
              const std::function<bool(const std::string& token)>& say) const;

 private:
  std::vector<std::int32_t> window(const std::vector<std::string>& tokens) const;
  SampleOptions options_of_text(SampleOptions) const;

  Config config_;
  Language language_;
  Params params_;
  std::unique_ptr<SequenceModel> model_;
};

/// Trains a language model on a text: contexts from random places, held-out figures over all of the validation text.
class TextLearner : public Learner {
 public:
  /// A text's training and validation part.
  struct Text {
    std::string train, validation;
  };
  /// As the config says; the last tenth of the characters is for validation unless that is another file.
  static Text read(const Config& config);
  /// The tokens of a training text.
  static Language learn_language(const Config& config, const std::string& text);

  /// Throws when a part of the text is too short for a context.
  TextLearner(const Config& config, Language language, const Text& text);

  const Config& config() const override { return model_.config(); }
  Params& params() override { return model_.params(); }
  StepLoss loss(std::int64_t batch, Context& context) override;
  Evaluation evaluate() const override;
  Metadata metadata() const override { return model_.metadata(); }
  std::uint64_t data_hash() const override { return hash_; }
  BatchPlan::Position position(std::int64_t batch) override { return {0, batch}; }

  const TextModel& model() const { return model_; }
  std::size_t size() const { return train_.size(); }  ///< tokens to learn from
  std::size_t held_out_size() const { return validation_.size(); }

 private:
  TextModel model_;
  std::vector<std::int32_t> train_, validation_;
  std::uint64_t hash_;
};

}  // namespace gaze::train
