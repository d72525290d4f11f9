#include <gaze/train/text/text_model.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include <gaze/autograd/ops.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/nn/recorder.h>
#include <gaze/train/attention/alignment.h>
#include <gaze/train/options.h>
#include <gaze/train/streams.h>

namespace gaze::train {
void check_text(const Config& config) {
  check_config(config);
  require(config.model.kind == ModelKind::decoder, "config: {} trains models of kind decoder, not {}", config.task,
          name_of(config.model.kind));
}

void for_each_token(const Tokenizer& tokenizer, std::string_view text, const Tokenizer::Take& take) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    tokenizer.for_each(text.substr(0, end), take);
    if (end == text.npos) break;
    take(line_end);
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string> text_tokens(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::string> tokens;
  for_each_token(tokenizer, text, [&](std::string_view token) { tokens.emplace_back(token); });
  return tokens;
}

std::string JoinedText::add(const std::string& token) {
  if (token == line_end) {
    last_.clear();
    return token;
  }
  const std::string before = tokenizer_.join(last_);
  last_.push_back(token);
  const std::string after = tokenizer_.join(last_);
  // A mark of a space alone shows nothing until something stands behind it, and then after what stands before.
  constexpr std::size_t max_unseen = 16;
  if (!tokenizer_.join(std::span(last_).last(1)).empty())
    last_.erase(last_.begin(), last_.end() - 1);
  else if (last_.size() > max_unseen)
    last_.erase(last_.begin() + 1);
  return after.starts_with(before) ? after.substr(before.size()) : "";
}

ModelSizes sizes_of(const Config& config, const Language& language) {
  return {.target_vocab = language.vocabulary.size(), .longest = config.data.length};
}

TextModel::TextModel(const Config& config, Language language)
    : config_((check_text(config), config)), language_(std::move(language)) {
  model_ = make_model(Scope(params_, {config.seed, streams::weights}), config_, sizes_of(config_, language_));
  params_.pack();
}

std::unique_ptr<TextModel> TextModel::load(const std::filesystem::path& weights, const Config& local) {
  const Checkpoint checkpoint = load_safetensors(weights);
  const std::string file = weights.string();
  const Config config = config_of(checkpoint, local, file);
  require(is_plain_text(config), "{}: it is not a language model but was trained on {}", file, config.task);
  Language language = language_of(checkpoint, "text", config, file);
  check_text(config);
  require_as_many_numbers(checkpoint, parameters_of(config, sizes_of(config, language)), file);
  auto model = std::make_unique<TextModel>(config, std::move(language));
  gaze::load(model->params_, checkpoint, {}, file);
  return model;
}

std::unique_ptr<TextModel> TextModel::load(const RunFolder& run, const std::string& which) {
  const Config config = run.config();
  require_known_kind(config, run.path().string());
  return load(run.weights(which), config);
}

Metadata TextModel::metadata() const {
  Metadata metadata{{"config", portable(config_).dump()}};
  add_language(metadata, "text", language_);
  return metadata;
}

std::vector<std::string> TextModel::prompt(std::string_view text) const {
  auto tokens = text_tokens(language_.tokenizer, text);
  if (tokens.empty()) tokens.emplace_back(line_end);
  return tokens;
}

/// The last tokens that the model has positions for, as ids.
std::vector<std::int32_t> TextModel::window(const std::vector<std::string>& tokens) const {
  const std::size_t count = std::min(tokens.size(), static_cast<std::size_t>(config_.data.length));
  return language_.vocabulary.encode(std::span(tokens).last(count));
}

/// The marks, which no text has, are not drawn.
SampleOptions TextModel::options_of_text(SampleOptions options) const {
  options.context_length = config_.data.length;
  options.first_id = Vocabulary::unk + 1;
  return options;
}

std::vector<NextToken> TextModel::next(const std::vector<std::string>& tokens, std::size_t count) const {
  const auto p = next_probabilities(*model_, window(tokens), options_of_text({}));
  std::vector<NextToken> likeliest;
  for (const std::size_t id : ranked(p)) {
    if (likeliest.size() == count || p[id] == 0) break;
    likeliest.push_back({language_.vocabulary.token(static_cast<std::int32_t>(id)), p[id]});
  }
  return likeliest;
}

TextModel::Look TextModel::look(const std::vector<std::string>& tokens) const {
  const NoGrad no_grad;
  AttentionRecorder recorder;
  const Taps taps = recorder.taps();
  Context context{.taps = &taps};
  const auto ids = window(tokens);
  const auto size = static_cast<std::int64_t>(ids.size());
  model_->logits({.target = Tensor::from<std::int32_t>({1, size}, ids)}, context);
  Look look{{tokens.end() - static_cast<std::ptrdiff_t>(ids.size()), tokens.end()}, {}};
  look.weights.resize(recorder.modules.size());
  for (const auto& [name, recorded] : recorder.modules)
    look.weights[static_cast<std::size_t>(recorded.site.layer)] =
        attention_map(recorded.weights(), 0, size, size, {.head = -1});
  for (const auto& layer : look.weights) require_numbers(layer);
  for (auto& layer : look.weights) layer.erase(layer.begin(), layer.end() - static_cast<std::ptrdiff_t>(size));
  return look;
}

void TextModel::sample(const std::vector<std::string>& prompt, std::int64_t count, const SampleOptions& options,
                       const std::function<bool(const std::string&)>& say) const {
  train::sample(*model_, window(prompt), count, options_of_text(options),
                [&](std::int32_t id) { return say(language_.vocabulary.token(id)); });
}

}  // namespace gaze::train
