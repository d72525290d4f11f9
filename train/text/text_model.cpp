#include <gaze/train/text/text_model.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

#include <gaze/autograd/ops.h>
#include <gaze/datasets/lines.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/nn/recorder.h>
#include <gaze/train/attention/alignment.h>
#include <gaze/train/models.h>
#include <gaze/train/options.h>
#include <gaze/train/streams.h>

namespace gaze::train {
namespace {

constexpr const char* line_end = "\n";

Tensor matrix(const std::vector<std::int32_t>& ids, std::int64_t rows) {
  return Tensor::from<std::int32_t>({rows, static_cast<std::int64_t>(ids.size()) / rows}, ids);
}

}  // namespace

void check_text(const Config& config) {
  check_config(config);
  require(config.model.kind == ModelKind::decoder, "config: {} trains models of kind decoder, not {}", config.task,
          name_of(config.model.kind));
}

std::vector<std::string> text_tokens(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::string> tokens;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    for (std::string& token : tokenizer.tokenize(text.substr(0, end))) tokens.push_back(std::move(token));
    if (end == text.npos) break;
    tokens.emplace_back(line_end);
    text.remove_prefix(end + 1);
  }
  return tokens;
}

TextModel::TextModel(const Config& config, Language language)
    : config_((check_text(config), config)), language_(std::move(language)) {
  model_ = make_model(Scope(params_, {config.seed, streams::weights}), config_,
                      {.target_vocab = language_.vocabulary.size(), .longest = config_.data.length});
  params_.pack();
}

std::unique_ptr<TextModel> TextModel::load(const std::filesystem::path& weights, const Config& local) {
  const Checkpoint checkpoint = load_safetensors(weights);
  const std::string file = weights.string();
  const Config config = config_of(checkpoint, local, file);
  require(is_plain_text(config), "{}: it is not a language model but was trained on {}", file, config.task);
  auto model = std::make_unique<TextModel>(config, language_of(checkpoint, "text", config, file));
  gaze::load(model->params_, checkpoint, {}, file);
  return model;
}

std::unique_ptr<TextModel> TextModel::load(const RunFolder& run, const std::string& which) {
  return load(run.weights(which), run.config());
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
  model_->logits({.target = matrix(ids, 1)}, context);
  Look look{{tokens.end() - static_cast<std::ptrdiff_t>(ids.size()), tokens.end()}, {}};
  look.weights.resize(recorder.modules.size());
  const auto size = static_cast<std::int64_t>(ids.size());
  for (const auto& [name, recorded] : recorder.modules)
    look.weights[static_cast<std::size_t>(recorded.site.layer)] =
        attention_map(recorded.weights(), 0, size, size, {.head = -1});
  for (auto& layer : look.weights) layer.erase(layer.begin(), layer.end() - static_cast<std::ptrdiff_t>(size));
  return look;
}

void TextModel::sample(const std::vector<std::string>& prompt, std::int64_t count, const SampleOptions& options,
                       const std::function<bool(const std::string&)>& say) const {
  train::sample(*model_, window(prompt), count, options_of_text(options),
                [&](std::int32_t id) { return say(language_.vocabulary.token(id)); });
}

TextLearner::Text TextLearner::read(const Config& config) {
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

Language TextLearner::learn_language(const Config& config, const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return train::learn_language(config, lines, line_end);
}

TextLearner::TextLearner(const Config& config, Language language, const Text& text)
    : model_(config, std::move(language)), hash_(hash_of(text.validation, hash_of("\t", hash_of(text.train)))) {
  const auto ids = [&](const std::string& part, const char* what, std::int64_t min_tokens) {
    const auto tokens = text_tokens(model_.language().tokenizer, part);
    require(std::cmp_greater_equal(tokens.size(), min_tokens),
            "config: the {} text has {} tokens, and at least {} are needed", what, tokens.size(), min_tokens);
    return model_.language().vocabulary.encode(tokens);
  };
  train_ = ids(text.train, "training", config.data.length + 1), validation_ = ids(text.validation, "validation", 2);
}

StepLoss TextLearner::loss(std::int64_t batch, Context& context) {
  const Config& c = config();
  Random random(RandomStream{c.seed, streams::order}.split(static_cast<std::uint64_t>(batch)));
  std::vector<std::int32_t> in, out;
  for (std::int64_t b = 0; b < c.training.batch; ++b) {
    const auto places = train_.size() - static_cast<std::size_t>(c.data.length);
    const auto first = train_.begin() + random.below(static_cast<std::uint32_t>(places));
    in.insert(in.end(), first, first + c.data.length);
    out.insert(out.end(), first + 1, first + 1 + c.data.length);
  }
  return {model_.model().loss({.target = matrix(in, c.training.batch), .gold = matrix(out, c.training.batch)},
                              {.label_smoothing = c.training.label_smoothing}, context),
          static_cast<std::int64_t>(in.size())};
}

/// Every token but the first is predicted once, from at most `length` before it.
Evaluation TextLearner::evaluate() const {
  const NoGrad no_grad;
  const std::size_t length = static_cast<std::size_t>(config().data.length), all = validation_.size() - 1;
  constexpr std::size_t max_logits = 4 << 20;
  const auto vocabulary = static_cast<std::size_t>(model_.language().vocabulary.size());
  const std::size_t rows_at_once = std::clamp<std::size_t>(max_logits / (length * vocabulary), 1, 64);
  Evaluation result;
  std::int64_t right = 0;
  for (std::size_t first = 0; first < all;) {
    const std::size_t rows = std::clamp<std::size_t>((all - first) / length, 1, rows_at_once);
    const std::size_t count = std::min(rows * length, all - first);
    const auto from = validation_.begin() + static_cast<std::ptrdiff_t>(first);
    const auto n = static_cast<std::ptrdiff_t>(count);
    const auto r = static_cast<std::int64_t>(rows);
    const Tensor gold = matrix({from + 1, from + 1 + n}, r);
    Context context;
    const Tensor scores = model_.model().logits({.target = matrix({from, from + n}, r)}, context),
                 best = argmax(scores);
    result.loss += cross_entropy(scores, gold, {.reduction = Reduction::sum}).item();
    for (std::size_t i = 0; i < count; ++i) right += best.values<std::int32_t>()[i] == gold.values<std::int32_t>()[i];
    first += count;
  }
  result.loss /= static_cast<double>(all);
  result.token_accuracy = static_cast<double>(right) / static_cast<double>(all);
  return result;
}

}  // namespace gaze::train
