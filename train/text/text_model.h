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
#include <gaze/train/models.h>
#include <gaze/train/run_folder.h>
#include <gaze/train/saved_model.h>
#include <gaze/train/text/sampling.h>

namespace gaze::train {

/// Throws for options of a language model that do not go together.
void check_text(const Config& config);

/// The token where a line ends.
inline constexpr const char* line_end = "\n";

/// take(token) with a text's tokens, line by line, and with line_end where a line ends.
void for_each_token(const Tokenizer& tokenizer, std::string_view text, const Tokenizer::Take& take);
/// All of them.
std::vector<std::string> text_tokens(const Tokenizer& tokenizer, std::string_view text);

/// Text as its tokens come, each in the time that it takes itself, however long the line is.
class JoinedText {
 public:
  explicit JoinedText(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  /// What a token adds to the text of those before it.
  std::string add(const std::string& token);

 private:
  const Tokenizer& tokenizer_;
  std::vector<std::string> last_;  ///< of the line, from the last token that can be seen: what the next one joins
};

/// What a language model of a text's tokens is made for.
ModelSizes sizes_of(const Config& config, const Language& language);

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

  /// A prompt as tokens; without any it is a line's end. The model sees the last `length` of them (config).
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

}  // namespace gaze::train
