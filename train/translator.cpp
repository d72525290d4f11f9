#include <gaze/train/translator.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include <gaze/autograd/ops.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/nn/guided_attention.h>
#include <gaze/train/model_options.h>

namespace gaze {
namespace {

constexpr std::uint64_t weights_stream = 1;

ToyOptions toy_options(const Config& c) {
  return {.seed = c.seed,
          .symbols = static_cast<int>(c.vocab),
          .min_length = static_cast<int>(c.min_length),
          .max_length = static_cast<int>(c.length)};
}

/// A vocabulary as a checkpoint's metadata has it.
std::string listed(const Vocabulary& v) { return nlohmann::json(v.tokens()).dump(); }

/// Words and the mark that begins or ends them.
constexpr std::int64_t marks = 1;

}  // namespace

void Translator::check(const Config& config) {
  check_config(config);
  require(config.kind == "seq2seq", "config: tasks train models of kind seq2seq, not {}", config.kind);
  const auto task = make_toy_task(config.task, toy_options(config));
  for (const Split split : {Split::train, Split::validation, Split::test}) task->example(split, 0);
}

Translator::Translator(const Config& config)
    : config_((check(config), config)),
      task_(make_toy_task(config.task, toy_options(config))),
      source_words_(task_->source_vocabulary()),
      target_words_(task_->target_vocabulary()) {
  ModelOptions options = model_options(config);
  options.source_vocab = source_words_.size(), options.target_vocab = target_words_.size();
  // Token vectors, scaled by sqrt(D), start at unit length a coordinate, and positions no shorter than half of that:
  // attention sees from the first step which word it looks at and where the word stands.
  options.embedding_std = 1 / std::sqrt(static_cast<double>(config.d_model));
  options.position_std = 0.5;
  options.max_length = std::max(task_->max_source_length(), task_->max_target_length()) + marks;
  model_ = std::make_unique<Seq2Seq>(Scope(params_, {config.seed, weights_stream}), options);
  params_.pack();
}

std::unique_ptr<Translator> Translator::load(const RunFolder& run) {
  const Checkpoint checkpoint = load_safetensors(run.checkpoint());
  const std::string file = run.checkpoint().string();
  const auto note = [&](const char* name) -> const std::string& {
    const auto found = checkpoint.metadata.find(name);
    require(found != checkpoint.metadata.end(), "{}: it holds no {}; it is not a checkpoint of a run", file, name);
    return found->second;
  };
  Config config = run.config();
  read_config(config, nlohmann::json::parse(note("config"), nullptr, false), file);
  auto translator = std::make_unique<Translator>(config);
  require(note("source_vocabulary") == listed(translator->source_words_) &&
              note("target_vocabulary") == listed(translator->target_words_),
          "{}: its vocabulary is not that of the task {}; it was trained with another version", file, config.task);
  gaze::load(translator->params_, checkpoint, {}, file);
  return translator;
}

void Translator::save(const RunFolder& run) const {
  nlohmann::json config = to_json(config_);
  config.erase("threads");  // the same weights make the same file
  gaze::save(params_, run.checkpoint(),
             {{"config", config.dump()},
              {"source_vocabulary", listed(source_words_)},
              {"target_vocabulary", listed(target_words_)}});
}

Batch Translator::batch_of(std::vector<Example> examples) const {
  return make_batch(std::move(examples), source_words_, target_words_, config_.source_eos);
}

Tensor Translator::logits(const Batch& batch, Context& context) const {
  return (*model_)(Tensor(batch.source), Tensor(batch.source_lengths), Tensor(batch.target_in), context);
}

StepLoss Translator::loss(std::int64_t step, Context& context) const {
  std::vector<Example> examples;
  for (std::int64_t i = 0; i < config_.batch; ++i)
    examples.push_back(task_->example(Split::train, static_cast<std::uint64_t>((step - 1) * config_.batch + i)));
  const Batch batch = batch_of(std::move(examples));
  const auto lengths = batch.target_lengths.values<std::int32_t>();
  const CrossEntropyOptions options{.label_smoothing = config_.label_smoothing, .ignore_index = Vocabulary::pad};
  const auto loss = [&] {
    return model_->loss(Tensor(batch.source), Tensor(batch.source_lengths), Tensor(batch.target_in),
                        Tensor(batch.target_out), options, context);
  };
  const std::int64_t tokens = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
  if (config_.guided == 0) return {loss(), tokens};

  const AttentionView view = usual_view();
  const std::string guided = module_of(view.kind, view.layer);
  AttentionRecorder recorder{.heads = {view.choice.head},
                             .wants = [&](std::string_view name) { return name == guided; },
                             .differentiable = true};
  AttentionRecorder* const watching = std::exchange(context.recorder, &recorder);
  const Tensor likelihood = loss();
  context.recorder = watching;
  const Tensor weights = recorder.modules.at(guided).weights;  // [B,1,T,S]
  return {likelihood + config_.guided *
                           guided_attention_loss(reshape(weights, {weights.size(0), weights.size(2), weights.size(3)}),
                                                 gold_of(batch)),
          tokens};
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

Evaluation Translator::evaluate(Split split, std::int64_t sentences) const {
  const NoGrad no_grad;
  constexpr std::int64_t at_once = 256;
  Evaluation result;
  const AttentionView view = usual_view();
  const std::string module = module_of(view.kind, view.layer);
  std::int64_t tokens = 0, right = 0;
  for (std::int64_t first = 0; first < sentences; first += at_once) {
    std::vector<Example> examples;
    for (std::int64_t i = first; i < std::min(first + at_once, sentences); ++i)
      examples.push_back(task_->example(split, static_cast<std::uint64_t>(i)));
    const Batch batch = batch_of(std::move(examples));
    AttentionRecorder recorder{.wants = [&](std::string_view name) { return name == module; }};
    Context context{.recorder = &recorder};
    const Tensor scores = logits(batch, context), gold = Tensor(batch.target_out);
    result.loss += cross_entropy(scores, gold, {.ignore_index = Vocabulary::pad, .reduction = Reduction::sum}).item();
    const Tensor best = argmax(scores);
    for (std::int64_t i = 0; i < gold.size(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      const std::int32_t id = gold.values<std::int32_t>()[at];
      tokens += id != Vocabulary::pad;
      right += id != Vocabulary::pad && id == best.values<std::int32_t>()[at];
    }
    const Tensor& weights = recorder.modules.at(module).weights;
    for (std::size_t b = 0; b < batch.examples.size(); ++b) {
      const Example& e = batch.examples[b];
      const auto rows = static_cast<std::int64_t>(e.target.size()),
                 columns = static_cast<std::int64_t>(e.source.size());
      const auto map = attention_map(weights, static_cast<std::int64_t>(b), rows, columns, view.choice);
      result.alignment.add(e.gold, strongest_links(map, columns));
    }
  }
  result.loss /= static_cast<double>(tokens);
  result.token_accuracy = static_cast<double>(right) / static_cast<double>(tokens);
  result.aer = result.alignment.aer();
  return result;
}

void Translator::check_length(const char* side, std::size_t words, std::int64_t longest) const {
  require(static_cast<std::int64_t>(words) <= longest, "the {} has {} tokens; this model was trained on at most {}",
          side, words, longest);
}

AttentionView usual_view(const Config& config) {
  AttentionView view{.layer = config.layers - 1};
  if (config.guided == 0) return view;
  if (config.guided_layer >= 0) view.layer = config.guided_layer;
  view.choice.head = static_cast<int>(config.guided_head);
  return view;
}

std::string attention_module(AttentionKind kind, std::int64_t layer) {
  return fmt::format("body.{}.layers.{}.{}", kind == AttentionKind::encoder ? "encoder" : "decoder", layer,
                     kind == AttentionKind::cross ? "multihead_attn" : "self_attn");
}

std::string Translator::module_of(AttentionKind kind, std::int64_t layer) const {
  require(layer >= 0 && layer < config_.layers, "there is no layer {}; the model has {}, counted from 0", layer,
          config_.layers);
  return attention_module(kind, layer);
}

void Translator::record(const std::vector<Example>& examples, AttentionRecorder& recorder) const {
  for (const Example& e : examples) {
    check_length("source", e.source.size(), task_->max_source_length());
    check_length("target", e.target.size(), task_->max_target_length());
  }
  const NoGrad no_grad;
  Context context{.recorder = &recorder};
  logits(batch_of(examples), context);
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
    if (view.kind == AttentionKind::encoder && config_.source_eos) map.source.emplace_back(end_label);
    if (view.kind == AttentionKind::decoder) map.target.insert(map.target.begin(), begin_label);
    (view.kind == AttentionKind::encoder ? map.target : map.source) =
        view.kind == AttentionKind::encoder ? map.source : map.target;
  }
  map.weights = attention_map(recorder.modules.at(module).weights, 0, static_cast<std::int64_t>(map.target.size()),
                              static_cast<std::int64_t>(map.source.size()), choice);
  return map;
}

std::vector<std::string> Translator::translate(const std::vector<std::string>& source) const {
  check_length("source", source.size(), task_->max_source_length());
  const NoGrad no_grad;
  const Batch batch = batch_of({{.source = source, .target = {}, .gold = {}}});
  Context context;
  const Tensor lengths(batch.source_lengths), memory = model_->encode(Tensor(batch.source), lengths, context);
  std::vector<std::int32_t> words = {Vocabulary::bos};
  while (static_cast<std::int64_t>(words.size()) <= task_->max_target_length()) {
    const auto length = static_cast<std::int64_t>(words.size());
    const Tensor scores = model_->decode(Tensor::from<std::int32_t>({1, length}, words), memory, lengths, context);
    // The last row's likeliest word; padding and the begin mark are none.
    const Array last = slice(scores, 1, length - 1, length).array();
    std::int32_t next = Vocabulary::eos;
    for (std::int32_t id = next; id < last.size(); ++id)
      if (last.at(id) > last.at(next)) next = id;
    if (next == Vocabulary::eos) break;
    words.push_back(next);
  }
  return target_words_.decode(std::span(words).subspan(1));
}

}  // namespace gaze
