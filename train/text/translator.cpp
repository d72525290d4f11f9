#include <gaze/train/text/translator.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <nlohmann/json.hpp>

#include <gaze/autograd/ops.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/nn/guided_attention.h>
#include <gaze/nn/recorder.h>
#include <gaze/train/models.h>
#include <gaze/train/options.h>
#include <gaze/train/streams.h>

namespace gaze::train {
namespace {

/// Sentences that are decoded together at most, and scores of their next words.
constexpr std::size_t max_at_once = 64, max_scores = 16 << 20;

TokenBatch ids_of(const Batch& batch) {
  return {.source = Tensor(batch.source),
          .source_lengths = Tensor(batch.source_lengths),
          .target = Tensor(batch.target_in),
          .gold = Tensor(batch.target_out)};
}

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
  const auto task = toy_task(config);
  for (const Split split : {Split::train, Split::validation, Split::test}) task->example(split, 0);
}

LanguagePair toy_languages(const Config& config) {
  const auto task = toy_task(config);
  return {{source_tokenizer(task), Vocabulary(task->source_vocabulary()), task->max_source_length()},
          {target_tokenizer(task), Vocabulary(task->target_vocabulary()), task->max_target_length()}};
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
  const auto& [from, to] = languages_;
  model_ = make_model(Scope(params_, {config.seed, streams::weights}), config_,
                      {.source_vocab = from.vocabulary.size(),
                       .target_vocab = to.vocabulary.size(),
                       .longest = std::max(from.longest, to.longest) + marks});
  attentions_ = model_->anatomy().attentions;
  params_.pack();
}

std::unique_ptr<Translator> Translator::load(const std::filesystem::path& weights, const Config& local) {
  const Checkpoint checkpoint = load_safetensors(weights);
  const std::string file = weights.string();
  const Config config = config_of(checkpoint, local, file);
  require(!is_plain_text(config), "{}: it is a language model and translates nothing; see gaze sample", file);
  check_translation(config);
  auto translator = std::make_unique<Translator>(config, saved_languages(checkpoint, config, file));
  gaze::load(translator->params_, checkpoint, {}, file);
  return translator;
}

std::unique_ptr<Translator> Translator::load(const RunFolder& run, const std::string& which) {
  return load(run.weights(which), run.config());
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

StepLoss Translator::loss(const Batch& batch, Context& context) const {
  const CrossEntropyOptions options{.label_smoothing = config_.training.label_smoothing,
                                    .ignore_index = Vocabulary::pad};
  const auto loss = [&](Context& of_pass) { return model_->loss(ids_of(batch), options, of_pass); };
  if (config_.guided.weight == 0) return {loss(context), batch.tokens};

  const AttentionView view = usual_view();
  const std::string guided = module_of(view.kind, view.layer);
  AttentionRecorder recorder{.heads = {view.choice.head},
                             .wants = [&](std::string_view name) { return name == guided; },
                             .differentiable = true};
  Taps taps = context.taps ? *context.taps : Taps();
  recorder.add_to(taps);
  Context guided_pass = context;
  guided_pass.taps = &taps;
  const Tensor likelihood = loss(guided_pass);
  context.draws = guided_pass.draws;
  const Tensor weights = recorder.modules.at(guided).weights();  // [B,1,T,S]
  return {likelihood + config_.guided.weight *
                           guided_attention_loss(reshape(weights, {weights.size(0), weights.size(2), weights.size(3)}),
                                                 gold_of(batch)),
          batch.tokens};
}

/// What a guided head should look at: [B,T,S]. A word's sure links share its row evenly, or its possible ones when
/// none is sure.
Tensor Translator::gold_of(const Batch& batch) const {
  const std::int64_t rows = batch.target_in.shape()[1], columns = batch.source.shape()[1];
  Array gold = Array::zeros({batch.source.shape()[0], rows, columns}, DType::float32);
  float* numbers = gold.write<float>();
  for (const Example& e : batch.examples) {
    for (int t = 0; t < static_cast<int>(e.target.size()); ++t) {
      const auto of_word = [&](const Link& l) { return l.target == t; };
      const bool any_sure =
          std::any_of(e.gold.begin(), e.gold.end(), [&](const Link& l) { return of_word(l) && l.sure; });
      const auto counts = [&](const Link& l) { return of_word(l) && l.sure == any_sure; };
      const auto links = std::count_if(e.gold.begin(), e.gold.end(), counts);
      for (const Link& l : e.gold)
        if (counts(l)) numbers[t * columns + l.source] = 1.0F / static_cast<float>(links);
    }
    numbers += rows * columns;
  }
  return Tensor(std::move(gold));
}

Evaluation Translator::evaluate(std::span<const Batch> batches) const {
  const NoGrad no_grad;
  Evaluation result;
  const AttentionView view = usual_view();
  const std::string module = has_attention() ? module_of(view.kind, view.layer) : "";
  AlignmentCounts alignment;
  std::int64_t tokens = 0, right = 0;
  bool any_gold = false;
  for (const Batch& batch : batches) {
    AttentionRecorder recorder{.wants = [&](std::string_view name) { return name == module; }};
    const bool aligns = has_attention() && !batch.examples.empty();
    const Taps taps = aligns ? recorder.taps() : Taps();
    Context context{.taps = &taps};
    const Tensor logits = model_->logits(ids_of(batch), context), gold = Tensor(batch.target_out);
    result.loss += cross_entropy(logits, gold, {.ignore_index = Vocabulary::pad, .reduction = Reduction::sum}).item();
    const Tensor best = argmax(logits), weights = aligns ? recorder.modules.at(module).weights() : Tensor();
    for (std::int64_t i = 0; i < gold.size(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      const std::int32_t id = gold.values<std::int32_t>()[at];
      tokens += id != Vocabulary::pad;
      right += id != Vocabulary::pad && id == best.values<std::int32_t>()[at];
    }
    for (std::size_t b = 0; aligns && b < batch.examples.size(); ++b) {
      const Example& e = batch.examples[b];
      any_gold = any_gold || !e.gold.empty();
      const auto rows = static_cast<std::int64_t>(e.target.size()),
                 columns = static_cast<std::int64_t>(e.source.size());
      const auto map = attention_map(weights, static_cast<std::int64_t>(b), rows, columns, view.choice);
      alignment.add(e.gold, strongest_links(map, columns));
    }
  }
  result.loss /= static_cast<double>(tokens);
  result.token_accuracy = static_cast<double>(right) / static_cast<double>(tokens);
  if (any_gold) result.aer = alignment.aer();
  return result;
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
  model_->logits(ids_of(batch_of(examples)), context);
}

AttentionMap Translator::attention(const std::vector<std::string>& source, const std::vector<std::string>& target,
                                   const AttentionView& view) const {
  const std::string module = module_of(view.kind, view.layer);
  AttentionRecorder recorder{.wants = [&](std::string_view name) { return name == module; }};
  record({{.source = source, .target = target, .gold = {}}}, recorder);
  AttentionMap map{source, target, {}};
  MapChoice choice = view.choice;
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
                                                            bool replace_unknown) const {
  std::vector<std::size_t> order(sources.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return sources[a].size() < sources[b].size(); });
  std::vector<std::vector<Translation>> all(sources.size());
  const auto scores = static_cast<std::size_t>(beam * target().vocabulary.size());
  const std::size_t at_once = std::clamp<std::size_t>(max_scores / scores, 1, max_at_once);
  for (std::size_t first = 0; first < order.size(); first += at_once) {
    std::vector<Example> examples;
    const auto some = std::span(order).subspan(first, std::min(at_once, order.size() - first));
    for (const std::size_t i : some) {
      examples.push_back({sources[i], {}, {}});
      auto& words = examples.back().source;
      words.resize(std::min(words.size(), static_cast<std::size_t>(source().longest)));
    }
    const Batch batch = batch_of(std::move(examples));
    const auto found =
        decode(*model_, batch, {.beam = beam, .length_penalty = length_penalty, .longest = target().longest});
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
            const auto row = map.weights.begin() + static_cast<std::ptrdiff_t>(i * source.size());
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
