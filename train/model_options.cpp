#include <gaze/train/model_options.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <gaze/optim/adam.h>
#include <gaze/optim/sgd.h>
#include <gaze/train/streams.h>

namespace gaze::train {
namespace {

template <class O>
std::unique_ptr<Optimizer> make_adam(Params& params, const TrainingConfig& t) {
  return std::make_unique<O>(params, AdamOptions{.betas = t.betas, .eps = t.eps, .weight_decay = t.weight_decay});
}

std::unique_ptr<Optimizer> make_sgd(Params& params, const TrainingConfig& t) {
  return std::make_unique<Sgd>(params, SgdOptions{.momentum = t.momentum, .weight_decay = t.weight_decay});
}

struct OptimizerRow {
  OptimizerKind value;
  std::string_view name;
  std::unique_ptr<Optimizer> (*make)(Params&, const TrainingConfig&);
};

constexpr std::array optimizers = {
    OptimizerRow{OptimizerKind::adam, "adam", make_adam<Adam>},
    OptimizerRow{OptimizerKind::adamw, "adamw", make_adam<AdamW>},
    OptimizerRow{OptimizerKind::sgd, "sgd", make_sgd},
};

}  // namespace

ModelOptions model_options(const Config& c) {
  return {.max_length = c.data.length,
          .positions = c.model.positions,
          .tied = c.model.tied,
          .shared = c.model.shared,
          .transformer = {.encoder_layers = c.model.layers,
                          .decoder_layers = c.model.layers,
                          .d_model = c.model.d_model,
                          .heads = c.model.heads,
                          .d_ff = c.model.d_ff,
                          .dropout = c.model.dropout,
                          .activation = c.model.activation,
                          .norm = c.model.norm,
                          .score = c.model.score.value_or(Score::scaled_dot)}};
}

std::unique_ptr<EncoderDecoder> make_encoder_decoder(const Scope& scope, const Config& c, std::int64_t source_vocab,
                                                     std::int64_t target_vocab, std::int64_t longest) {
  if (c.model.architecture == Architecture::rnn) {
    BahdanauOptions options{.source_vocab = source_vocab,
                            .target_vocab = target_vocab,
                            .d_model = c.model.d_model,
                            .layers = c.model.layers,
                            .heads = c.model.heads,
                            .cell = c.model.cell,
                            .dropout = c.model.dropout,
                            .tied = c.model.tied,
                            .shared = c.model.shared};
    if (!c.model.attends)
      options.score.reset();
    else if (c.model.score)
      options.score = c.model.score;
    return std::make_unique<Bahdanau>(scope, options);
  }
  ModelOptions options = model_options(c);
  options.source_vocab = source_vocab, options.target_vocab = target_vocab;
  // Token vectors, scaled by sqrt(D), start at unit length a coordinate, and positions no shorter than half of that:
  // attention sees from the first step which word it looks at and where the word stands.
  options.embedding_std = 1 / std::sqrt(static_cast<double>(c.model.d_model));
  options.position_std = 0.5;
  options.max_length = longest;
  return std::make_unique<Seq2Seq>(scope, options);
}

std::unique_ptr<LanguageModel> make_language_model(const Scope& scope, const Config& c, std::int64_t vocab) {
  ModelOptions options = model_options(c);
  options.target_vocab = vocab;
  options.max_length = c.data.length;
  options.position_std = 0.5;  // attention tells places apart from the first step
  return std::make_unique<LanguageModel>(scope, options);
}

const NameTable<OptimizerKind>& optimizer_names() {
  static const auto names = NameTable<OptimizerKind>::of("optimizer", optimizers);
  return names;
}

std::unique_ptr<Optimizer> make_optimizer(Params& params, const Config& c) {
  const auto row = std::find_if(optimizers.begin(), optimizers.end(),
                                [&](const OptimizerRow& r) { return r.value == c.training.optimizer; });
  require(row != optimizers.end(), "config: there is no optimizer {}", static_cast<int>(c.training.optimizer));
  return row->make(params, c.training);
}

TrainerOptions trainer_options(const Config& c) {
  return {.lr = c.training.lr,
          .schedule = make_schedule(c.training.schedule, c.training.warmup, c.training.steps, c.training.lr_end),
          .clip = c.training.clip,
          .accumulate = c.training.accumulate,
          .stream = {c.seed, streams::dropout}};
}

}  // namespace gaze::train
