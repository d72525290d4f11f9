#include <gaze/train/optimizers.h>

#include <algorithm>
#include <array>

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
