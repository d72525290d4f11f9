#include <gaze/train/text/sequence_learner.h>

#include <algorithm>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include <gaze/autograd/ops.h>
#include <gaze/nn/guided_attention.h>
#include <gaze/nn/recorder.h>
#include <gaze/train/attention/attention_view.h>
#include <gaze/train/attention/word_map.h>
#include <gaze/train/options.h>

namespace gaze::train {
namespace {

/// The tokens of one word: from `begin` on, before `end`.
struct Pieces {
  int begin = 0, end = 0;
  int count() const { return end - begin; }
};

/// Of each word; `words`: see Example.
std::vector<Pieces> pieces_of(const std::vector<std::string>& tokens, const std::vector<int>& words) {
  std::vector<Pieces> pieces(static_cast<std::size_t>(count_words(tokens, words)));
  for (int i = 0; i < static_cast<int>(tokens.size()); ++i) {
    const int word = words.empty() ? i : words[static_cast<std::size_t>(i)];
    if (word < 0) continue;
    Pieces& own = pieces[static_cast<std::size_t>(word)];
    if (own.count() == 0) own.begin = i;
    own.end = i + 1;
  }
  return pieces;
}

/// What a guided head should look at: [B,T,S]. A word's sure links share its row evenly, or its possible ones when
/// none is sure. Of a word in pieces, each has that row, and the pieces of the word that it links to share the link's
/// part evenly.
Tensor gold_attention(const SequenceBatch& batch) {
  const std::int64_t rows = batch.ids.target.size(1), columns = batch.ids.source.size(1);
  Array gold = Array::zeros({batch.ids.source.size(0), rows, columns}, DType::float32);
  float* numbers = gold.write<float>();
  for (const Example& e : batch.examples) {
    const std::vector<Pieces> pieces = pieces_of(e.source, e.source_words);
    for (int t = 0; t < static_cast<int>(e.target.size()); ++t) {
      const int word = e.target_words.empty() ? t : e.target_words[static_cast<std::size_t>(t)];
      const auto of_source = [&](const Link& l) { return pieces[static_cast<std::size_t>(l.source)]; };
      const auto of_word = [&](const Link& l) { return l.target == word && of_source(l).count() > 0; };
      const bool any_sure =
          std::any_of(e.gold.begin(), e.gold.end(), [&](const Link& l) { return of_word(l) && l.sure; });
      const auto counts = [&](const Link& l) { return of_word(l) && l.sure == any_sure; };
      const auto links = std::count_if(e.gold.begin(), e.gold.end(), counts);
      for (const Link& l : e.gold)
        if (counts(l))
          std::fill_n(numbers + t * columns + of_source(l).begin, of_source(l).count(),
                      1.0F / static_cast<float>(links * of_source(l).count()));
    }
    numbers += rows * columns;
  }
  return Tensor(std::move(gold));
}

/// What a pass recorded of one attention. Throws where the pass did not come to it.
const RecordedAttention& recorded_at(const AttentionRecorder& recorder, const std::string& module) {
  const auto found = recorder.modules.find(module);
  require(found != recorder.modules.end(),
          "{}: the model lists this attention, but a pass does not come to its weights", module);
  return found->second;
}

/// The scores that an attention's weights are made of, so that a loss can be put on their logarithms.
class ScoreRecorder {
 public:
  explicit ScoreRecorder(std::string module) : module_(std::move(module)) {}
  ScoreRecorder(const ScoreRecorder&) = delete;
  ScoreRecorder& operator=(const ScoreRecorder&) = delete;

  void add_to(Taps& taps) {
    const TapFilter where(TapPoint::scores, [this](const TapPlace& place) { return place.module == module_; });
    taps.replace(where, [this](const TapPlace& place, const Tensor& scores) {
      if (place.first_query == 0) steps_.clear();
      steps_.push_back(scores);
      return scores;
    });
  }
  /// [B,T,S]; undefined of a model of one's own that has no such point.
  Tensor of_head(std::int64_t head) const {
    return steps_.empty() ? Tensor() : squeeze(slice(concat(steps_, 2), 1, head, head + 1), 1);
  }

 private:
  std::string module_;
  std::vector<Tensor> steps_;  ///< [B,H,T,S]; several where T was walked in steps
};

/// The error of the alignments of batches, read from one cross-attention while a model reads them.
class AlignmentReader {
 public:
  AlignmentReader(const SequenceModel& model, const GuidedConfig& guided) {
    const AttentionSites sites = model.anatomy().attentions;
    if (sites_of(sites, AttentionKind::cross).empty()) return;
    view_ = usual_view(sites, guided);
    module_ = site_of(sites, view_.kind, view_.layer).name;
    recorder_.wants = [this](std::string_view name) { return name == module_; };
  }
  AlignmentReader(const AlignmentReader&) = delete;
  AlignmentReader& operator=(const AlignmentReader&) = delete;

  /// For the pass of a batch.
  Taps taps(const SequenceBatch& batch) {
    return module_.empty() || batch.examples.empty() ? Taps() : recorder_.taps();
  }
  /// After that pass.
  void add(const SequenceBatch& batch) {
    if (module_.empty() || batch.examples.empty()) return;
    const Tensor weights = recorded_at(recorder_, module_).weights();
    for (std::size_t b = 0; b < batch.examples.size(); ++b) {
      const Example& e = batch.examples[b];
      any_gold_ = any_gold_ || !e.gold.empty();
      counts_.add(e.gold, links_of(word_map(weights, static_cast<std::int64_t>(b), e, view_.choice, false), e));
    }
    recorder_.modules.clear();
  }
  std::optional<double> aer() const { return any_gold_ ? std::optional(counts_.aer()) : std::nullopt; }

 private:
  AttentionView view_;
  std::string module_;
  AttentionRecorder recorder_;
  AlignmentCounts counts_;
  bool any_gold_ = false;
};

}  // namespace

StepLoss training_loss(const SequenceModel& model, const SequenceBatch& batch, const Config& config, Context& context,
                       const std::optional<LossCounts>& step) {
  batch.check();
  const std::int64_t predictions = batch.predictions();
  require(predictions > 0, "training: a batch has nothing to predict");
  const CrossEntropyOptions options{.label_smoothing = config.training.label_smoothing, .ignore_index = batch.ignored};
  if (config.guided.weight == 0) return {model.loss(batch.ids, options, context), predictions};

  const AttentionSites sites = model.anatomy().attentions;
  const AttentionView view = usual_view(sites, config.guided);
  const AttentionSite& site = site_of(sites, view.kind, view.layer);
  const std::string guided = site.name;
  AttentionRecorder recorder{.heads = {view.choice.head},
                             .wants = [&](std::string_view name) { return name == guided; },
                             .differentiable = true};
  Taps taps = context.taps ? *context.taps : Taps();
  ScoreRecorder scores(guided);
  scores.add_to(taps);
  recorder.add_to(taps);
  Context guided_pass = context;
  guided_pass.taps = &taps;
  const Tensor likelihood = model.loss(batch.ids, options, guided_pass);
  context.draws = guided_pass.draws;
  const Tensor weights = recorded_at(recorder, guided).weights();  // [B,1,T,S]
  const bool others_weights =                                      // a tap's own are of no scores
      context.taps && context.taps->interest(context.place(site, TapPoint::weights)) == Taps::Interest::replace;
  double weight = config.guided.weight;
  if (step) {  // likelihoods are added up by predictions, this part by sentences
    const LossCounts own{predictions, weights.size(0)};
    weight *= static_cast<double>(own.sentences) / static_cast<double>(step->sentences) *
              (static_cast<double>(step->predictions) / static_cast<double>(own.predictions));
  }
  return {likelihood + weight * guided_attention_loss(squeeze(weights, 1), gold_attention(batch),
                                                      others_weights ? Tensor() : scores.of_head(view.choice.head)),
          predictions};
}

Evaluation evaluate(const SequenceModel& model, std::span<const SequenceBatch> batches, const GuidedConfig& guided) {
  const NoGrad no_grad;
  Evaluation result;
  AlignmentReader alignments(model, guided);
  std::int64_t all = 0, right = 0;
  for (const SequenceBatch& batch : batches) {
    batch.check();
    const Taps taps = alignments.taps(batch);
    Context context{.taps = &taps};
    const Tensor logits = model.logits(batch.ids, context), &gold = batch.ids.gold;
    result.loss += cross_entropy(logits, gold, {.ignore_index = batch.ignored, .reduction = Reduction::sum}).item();
    const Tensor best = argmax(logits);
    const auto said = best.values<std::int32_t>(), wanted = gold.values<std::int32_t>();
    for (std::size_t i = 0; i < wanted.size(); ++i) right += said[i] == wanted[i] && wanted[i] != batch.ignored;
    all += batch.predictions();
    alignments.add(batch);
  }
  require(all > 0, "evaluation: there is nothing to predict");
  result.loss /= static_cast<double>(all);
  result.token_accuracy = static_cast<double>(right) / static_cast<double>(all);
  result.aer = alignments.aer();
  return result;
}

SequenceLearner::SequenceLearner(const Config& config, Params& params, const SequenceModel& model, TrainingData& data,
                                 Metadata notes)
    : config_(config), params_(params), model_(model), data_(data), notes_(std::move(notes)) {
  require(!data_.validation().empty(), "training: the data hold nothing to validate on");
}

StepLoss SequenceLearner::loss(std::int64_t batch, Context& context) {
  std::optional<LossCounts> step;
  if (config_.guided.weight > 0 && config_.training.accumulate > 1) step = counts_of_step(batch);
  return training_loss(model_, data_.batch(batch), config_, context, step);
}

const LossCounts& SequenceLearner::counts_of_step(std::int64_t batch) {
  const std::int64_t batches = config_.training.accumulate, step = (batch - 1) / batches;
  if (step == counted_step_) return counts_;
  counts_ = {};
  for (std::int64_t i = 1; i <= batches; ++i) {
    const SequenceBatch one = data_.batch(step * batches + i);
    counts_.predictions += one.predictions(), counts_.sentences += one.ids.target.size(0);
  }
  counted_step_ = step;
  return counts_;
}

Evaluation SequenceLearner::evaluate() const { return train::evaluate(model_, data_.validation(), config_.guided); }

Metadata SequenceLearner::metadata() const {
  Metadata all = notes_;
  all["config"] = portable(config_).dump();
  return all;
}

}  // namespace gaze::train
