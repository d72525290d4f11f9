#include <gaze/train/text/text_model.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

#include <gaze/autograd/ops.h>
#include <gaze/datasets/lines.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/nn/recorder.h>
#include <gaze/train/attention/alignment.h>
#include <gaze/train/model_options.h>
#include <gaze/train/options.h>
#include <gaze/train/streams.h>

namespace gaze::train {
namespace {

constexpr const char* line_end = "\n";

Tensor matrix(const std::vector<std::int32_t>& ids, std::int64_t rows) {
  return Tensor::from<std::int32_t>({rows, static_cast<std::int64_t>(ids.size()) / rows}, ids);
}

/// Probabilities of the next token by id from logits [1,V]; the marks, which no text has, get none.
std::vector<double> probabilities_of(const Tensor& logits, double temperature) {
  const auto numbers = logits.values<float>();
  std::vector<double> p(numbers.size(), 0);
  const auto first = static_cast<std::size_t>(Vocabulary::unk) + 1;
  if (first >= p.size()) return p;
  const double largest = *std::max_element(numbers.begin() + static_cast<std::ptrdiff_t>(first), numbers.end());
  for (std::size_t i = first; i < p.size(); ++i)
    p[i] = temperature > 0 ? std::exp((static_cast<double>(numbers[i]) - largest) / temperature)
                           : static_cast<double>(numbers[i] == static_cast<float>(largest));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
  return p;
}

/// Ids by falling probability; equal ones by id.
std::vector<std::size_t> ranked(const std::vector<double>& p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
  return order;
}

std::int32_t draw(const std::vector<double>& p, const SampleOptions& options, Random& random) {
  const auto order = ranked(p);
  const auto possible = static_cast<std::size_t>(std::count_if(p.begin(), p.end(), [](double x) { return x > 0; }));
  require(possible > 0, "sample: the model's scores are not numbers");
  std::size_t count = options.temperature == 0 ? 1 : possible;
  if (options.top_k > 0) count = std::min(count, static_cast<std::size_t>(options.top_k));
  double kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    kept += p[order[i]];
    if (kept >= options.top_p) count = i + 1;
  }
  double place = random.uniform() * kept;
  for (std::size_t i = 0; i < count; ++i)
    if ((place -= p[order[i]]) < 0) return static_cast<std::int32_t>(order[i]);
  return static_cast<std::int32_t>(order[count - 1]);
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
  model_ = make_language_model(Scope(params_, {config.seed, streams::weights}), config_, language_.vocabulary.size());
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

std::vector<NextToken> TextModel::next(const std::vector<std::string>& tokens, std::size_t count) const {
  const NoGrad no_grad;
  Context context;
  DecodingState state;
  const auto p = probabilities_of(model_->next(matrix(window(tokens), 1), state, context), 1);
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
  (*model_)(matrix(ids, 1), context);
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
  require(options.temperature >= 0 && options.top_k >= 0 && options.top_p > 0 && options.top_p <= 1,
          "sample: temperature {} and top-k {} must not be negative, top-p {} must be above 0 and at most 1",
          options.temperature, options.top_k, options.top_p);
  const NoGrad no_grad;
  Context context;
  Random random({options.seed, 0});
  std::vector<std::string> tokens = prompt;
  std::vector<std::int32_t> unread = window(tokens);
  DecodingState state;
  for (std::int64_t i = 0; i < count; ++i) {
    if (state.length + static_cast<std::int64_t>(unread.size()) > config_.data.length) {
      state = {};  // every token moves to another position: what was read is of no use
      unread = window(tokens);
    }
    const Tensor logits = model_->next(matrix(unread, 1), state, context);
    const std::int32_t id = draw(probabilities_of(logits, options.temperature), options, random);
    tokens.push_back(language_.vocabulary.token(id));
    unread = {id};
    if (!say(tokens.back())) return;
  }
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
  return {model_.model().loss(matrix(in, c.training.batch), matrix(out, c.training.batch),
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
    const Tensor scores = model_.model()(matrix({from, from + n}, r), context), best = argmax(scores);
    result.loss += cross_entropy(scores, gold, {.reduction = Reduction::sum}).item();
    for (std::size_t i = 0; i < count; ++i) right += best.values<std::int32_t>()[i] == gold.values<std::int32_t>()[i];
    first += count;
  }
  result.loss /= static_cast<double>(all);
  result.token_accuracy = static_cast<double>(right) / static_cast<double>(all);
  return result;
}

}  // namespace gaze::train
