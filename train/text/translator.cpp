#include <gaze/train/text/translator.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <nlohmann/json.hpp>

#include <gaze/autograd/ops.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/nn/recorder.h>
#include <gaze/train/memory.h>
#include <gaze/train/options.h>
#include <gaze/train/streams.h>
#include <gaze/train/text/sequence_learner.h>

namespace gaze::train {
namespace {

/// Sentences that are decoded together at most, and logits of their next words.
constexpr std::size_t max_at_once = 64, max_logits = 16 << 20;

/// Words and the mark that begins or ends them.
constexpr std::int64_t marks = 1;

}  // namespace

void check_translation(const Config& config) {
  check_config(config);
  require(config.model.kind == ModelKind::seq2seq, "config: {} trains models of kind seq2seq, not {}", config.task,
          name_of(config.model.kind));
  if (is_parallel_text(config)) {
    require(config.guided.weight == 0, "config: guided needs gold links, which parallel text has not");
    return;
  }
  require(!config.model.shared, "config: shared is for pairs; {} has two vocabularies", config.task);
  toy_task(config);
}

void require_sentences(const Config& config) {
  const LanguagePair languages = toy_languages(config);
  require_memory_for_training(
      config, sizes_of(languages),
      {.rows = config.training.batch, .source = languages.source.longest, .target = languages.target.longest});
  const auto task = toy_task(config);
  for (const Split split : {Split::train, Split::validation, Split::test}) task->example(split, 0);
}

LanguagePair toy_languages(const Config& config) {
  const auto task = toy_task(config);
  return {{source_tokenizer(task), Vocabulary(task->source_vocabulary()), task->max_source_length()},
          {target_tokenizer(task), Vocabulary(task->target_vocabulary()), task->max_target_length()}};
}

Example example_of(const LanguagePair& languages, std::string_view source, std::string_view target) {
  const Tokenizer &from = languages.source.tokenizer, &to = languages.target.tokenizer;
  return {.source = from.tokenize(source),
          .target = to.tokenize(target),
          .gold = {},
          .source_words = from.words_of_line(source),
          .target_words = to.words_of_line(target)};
}

ModelSizes sizes_of(const LanguagePair& languages) {
  const auto& [from, to] = languages;
  return {.source_vocab = from.vocabulary.size(),
          .target_vocab = to.vocabulary.size(),
          .longest = std::max(from.longest, to.longest) + marks};
}

LanguagePair saved_languages(const Checkpoint& checkpoint, const Config& config, const std::string& file) {
  Config units = config;
  if (!has_text(config)) units.data.units = Units::words;  // a task has tokens of its own, whatever is set
  LanguagePair languages{language_of(checkpoint, "source", units, file),
                         language_of(checkpoint, "target", units, file)};
  if (has_text(config)) return languages;
  const auto task = toy_task(config);
  languages.source.tokenizer = source_tokenizer(task), languages.target.tokenizer = target_tokenizer(task);
  return languages;
}

bool has_languages_of_task(const LanguagePair& languages, const Config& config) {
  const auto same = [](const Language& a, const Language& b) {
    return a.vocabulary.tokens() == b.vocabulary.tokens() && a.longest == b.longest;
  };
  const LanguagePair now = toy_languages(config);
  return same(languages.source, now.source) && same(languages.target, now.target);
}

void require_languages_of_task(const LanguagePair& languages, const Config& config, const std::string& run) {
  require(has_languages_of_task(languages, config),
          "{}: this run was trained on another version of the task {}: its vocabulary differs; it still translates and "
          "can be inspected, but neither be trained further nor scored on the sentences that the task has now",
          run, config.task);
}

Translator::Translator(const Config& config) : Translator((check_translation(config), config), toy_languages(config)) {}

Translator::Translator(const Config& config, LanguagePair languages)
    : config_(config), languages_(std::move(languages)) {
  model_ = make_model(Scope(params_, {config.seed, streams::weights}), config_, sizes_of(languages_));
  attentions_ = model_->anatomy().attentions;
  params_.pack();
}

std::unique_ptr<Translator> Translator::load(const std::filesystem::path& weights, const Config& local) {
  const Checkpoint checkpoint = load_safetensors(weights);
  const std::string file = weights.string();
  const Config config = config_of(checkpoint, local, file);
  require(!is_plain_text(config), "{}: it is a language model and translates nothing; see gaze sample", file);
  check_translation(config);
  LanguagePair languages = saved_languages(checkpoint, config, file);
  require_as_many_numbers(checkpoint, parameters_of(config, sizes_of(languages)), file);
  auto translator = std::make_unique<Translator>(config, std::move(languages));
  gaze::load(translator->params_, checkpoint, {}, file);
  return translator;
}

std::unique_ptr<Translator> Translator::load(const RunFolder& run, const std::string& which) {
  const Config config = run.config();
  require_known_kind(config, run.path().string());
  return load(run.weights(which), config);
}

Metadata Translator::metadata() const {
  Metadata metadata{{"config", portable(config_).dump()}};
  add_language(metadata, "source", source());
  add_language(metadata, "target", target());
  return metadata;
}

void Translator::save(const std::filesystem::path& file) const { gaze::save(params_, file, metadata()); }

Batch Translator::batch_of(std::vector<Example> examples) const {
  return make_batch(std::move(examples), source().vocabulary, target().vocabulary, config_.data.source_eos);
}

void Translator::check_length(const char* side, std::size_t words, std::int64_t longest) const {
  require(static_cast<std::int64_t>(words) <= longest, "the {} has {} tokens; this model was trained on at most {}",
          side, words, longest);
}

void Translator::record(const std::vector<Example>& examples, AttentionRecorder& recorder) const {
  for (const Example& e : examples) {
    check_length("source", e.source.size(), source().longest);
    check_length("target", e.target.size(), target().longest);
  }
  const NoGrad no_grad;
  const Taps taps = recorder.taps();
  Context context{.taps = &taps};
  model_->logits(sequence_batch(batch_of(examples)).ids, context);
}

AttentionMap Translator::attention(const std::vector<std::string>& source, const std::vector<std::string>& target,
                                   const AttentionView& view) const {
  const std::string module = module_of(view.kind, view.layer);
  AttentionRecorder recorder{.wants = [&](std::string_view name) { return name == module; }};
  record({{.source = source, .target = target, .gold = {}}}, recorder);
  AttentionMap map{source, target, {}};
  MapChoice choice = view.choice;
  if (view.kind == AttentionKind::cross && config_.data.source_eos) map.source.emplace_back(end_label);
  if (view.kind != AttentionKind::cross) {
    choice.shift = Shift::produced;
    if (view.kind == AttentionKind::encoder && config_.data.source_eos) map.source.emplace_back(end_label);
    if (view.kind == AttentionKind::decoder) map.target.insert(map.target.begin(), begin_label);
    (view.kind == AttentionKind::encoder ? map.target : map.source) =
        view.kind == AttentionKind::encoder ? map.source : map.target;
  }
  if (map.target.empty()) map.target.emplace_back(end_label), choice.shift = Shift::produced;  // the only query
  map.weights = attention_map(recorder.modules.at(module).weights(), 0, static_cast<std::int64_t>(map.target.size()),
                              static_cast<std::int64_t>(map.source.size()), choice);
  return map;
}

std::vector<std::vector<Translation>> Translator::translate(const std::vector<std::vector<std::string>>& sources,
                                                            std::int64_t beam, double length_penalty,
                                                            bool replace_unknown, const LengthLimit& limit) const {
  const DecodingOptions options{
      .beam = beam, .length_penalty = length_penalty, .longest = target().longest, .limit = limit};
  check_decoding(options);
  std::vector<std::size_t> order(sources.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return sources[a].size() < sources[b].size(); });
  std::vector<std::vector<Translation>> all(sources.size());
  const auto logits = static_cast<std::size_t>(beam * target().vocabulary.size());
  const std::size_t at_once = std::clamp<std::size_t>(max_logits / logits, 1, max_at_once);
  for (std::size_t first = 0; first < order.size(); first += at_once) {
    std::vector<Example> examples;
    const auto some = std::span(order).subspan(first, std::min(at_once, order.size() - first));
    for (const std::size_t i : some) {
      examples.push_back({sources[i], {}, {}});
      auto& words = examples.back().source;
      words.resize(std::min(words.size(), static_cast<std::size_t>(source().longest)));
    }
    const Batch batch = batch_of(std::move(examples));
    const auto found = decode(*model_, batch, options);
    for (std::size_t b = 0; b < some.size(); ++b) {
      const auto& source = batch.examples[b].source;
      if (source.empty()) {
        all[some[b]].push_back({});
        continue;
      }
      for (const Hypothesis& h : found[b]) {
        Translation t{target().vocabulary.decode(h.ids), h.log_probability, h.normalised};
        const bool unknown = std::find(h.ids.begin(), h.ids.end(), Vocabulary::unk) != h.ids.end();
        if (unknown && replace_unknown) {
          const AttentionMap map = attention(source, t.words);
          for (std::size_t i = 0; i < h.ids.size(); ++i) {
            const auto row = map.weights.begin() + static_cast<std::ptrdiff_t>(i * map.source.size());
            const auto strongest = std::max_element(row, row + static_cast<std::ptrdiff_t>(source.size())) - row;
            if (h.ids[i] == Vocabulary::unk) t.words[i] = source[static_cast<std::size_t>(strongest)];
          }
        }
        all[some[b]].push_back(std::move(t));
      }
    }
  }
  return all;
}

std::vector<std::string> Translator::translate(const std::vector<std::string>& source) const {
  return translate(std::vector<std::vector<std::string>>{source}, config_.decoding.beam,
                   config_.decoding.length_penalty)
      .front()
      .front()
      .words;
}

}  // namespace gaze::train
