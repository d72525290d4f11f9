#pragma once

#include <memory>

#include <gaze/optim/optimizer.h>
#include <gaze/train/config.h>
#include <gaze/train/trainer.h>

namespace gaze::train {

/// The optimizer that a config names.
std::unique_ptr<Optimizer> make_optimizer(Params&, const Config&);
/// Learning rate, schedule, clipping and the stream of dropout that a config names.
TrainerOptions trainer_options(const Config&);

}  // namespace gaze::train
