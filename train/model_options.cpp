#include <gaze/train/model_options.h>

#include <cmath>

#include <gaze/optim/adam.h>
#include <gaze/optim/sgd.h>
#include <gaze/train/streams.h>

namespace gaze::train {

ModelOptions model_options(const Config& c) {
  return {.max_length = c.length,
          .positions = c.positions == "learned"      ? Positions::learned
                       : c.positions == "sinusoidal" ? Positions::sinusoidal
                                                     : Positions::none,
          .tied = c.tied,
          .shared = c.shared,
          .transformer = {.encoder_layers = c.layers,
                          .decoder_layers = c.layers,
                          .d_model = c.d_model,
                          .heads = c.heads,
                          .d_ff = c.d_ff,
                          .dropout = c.dropout,
                          .activation = c.activation == "gelu" ? Activation::gelu : Activation::relu,
                          .norm = c.norm == "pre" ? Norm::pre : Norm::post,
                          .score = c.score == "auto" ? Score::scaled_dot : score_named(c.score)}};
}

std::unique_ptr<EncoderDecoder> make_encoder_decoder(const Scope& scope, const Config& c, std::int64_t source_vocab,
                                                     std::int64_t target_vocab, std::int64_t longest) {
  if (c.model == "rnn") {
    BahdanauOptions options{.source_vocab = source_vocab,
                            .target_vocab = target_vocab,
                            .d_model = c.d_model,
                            .layers = c.layers,
                            .heads = c.heads,
                            .cell = cell_named(c.cell),
                            .dropout = c.dropout,
                            .tied = c.tied,
                            .shared = c.shared};
    if (c.score == "none")
      options.score.reset();
    else if (c.score != "auto")
      options.score = score_named(c.score);
    return std::make_unique<Bahdanau>(scope, options);
  }
  ModelOptions options = model_options(c);
  options.source_vocab = source_vocab, options.target_vocab = target_vocab;
  // Token vectors, scaled by sqrt(D), start at unit length a coordinate, and positions no shorter than half of that:
  // attention sees from the first step which word it looks at and where the word stands.
  options.embedding_std = 1 / std::sqrt(static_cast<double>(c.d_model));
  options.position_std = 0.5;
  options.max_length = longest;
  return std::make_unique<Seq2Seq>(scope, options);
}

std::unique_ptr<LanguageModel> make_language_model(const Scope& scope, const Config& c, std::int64_t vocab) {
  ModelOptions options = model_options(c);
  options.target_vocab = vocab;
  options.max_length = c.length;
  options.position_std = 0.5;  // attention tells places apart from the first step
  return std::make_unique<LanguageModel>(scope, options);
}

std::unique_ptr<Optimizer> make_optimizer(Params& params, const Config& c) {
  if (c.optimizer == "sgd")
    return std::make_unique<Sgd>(params, SgdOptions{.momentum = c.momentum, .weight_decay = c.weight_decay});
  const AdamOptions options{.betas = c.betas, .eps = c.eps, .weight_decay = c.weight_decay};
  if (c.optimizer == "adamw") return std::make_unique<AdamW>(params, options);
  return std::make_unique<Adam>(params, options);
}

TrainerOptions trainer_options(const Config& c) {
  return {.lr = c.lr,
          .schedule = make_schedule(c.schedule, c.warmup, c.steps, c.lr_end),
          .clip = c.clip,
          .accumulate = c.accumulate,
          .stream = {c.seed, streams::dropout}};
}

}  // namespace gaze::train
