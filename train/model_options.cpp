#include <gaze/train/model_options.h>

#include <gaze/optim/adam.h>
#include <gaze/optim/sgd.h>
#include <gaze/train/streams.h>

namespace gaze {

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

BahdanauOptions bahdanau_options(const Config& c) {
  BahdanauOptions options{.d_model = c.d_model,
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
  return options;
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

}  // namespace gaze
