#pragma once

#include <memory>

#include <gaze/nn/bahdanau.h>
#include <gaze/nn/model.h>
#include <gaze/optim/optimizer.h>
#include <gaze/train/config.h>
#include <gaze/train/trainer.h>

namespace gaze {

/// The Transformer that a config describes; the vocabularies are for the caller to set.
ModelOptions model_options(const Config&);
/// The same of an rnn.
BahdanauOptions bahdanau_options(const Config&);
/// The optimizer that a config names.
std::unique_ptr<Optimizer> make_optimizer(Params&, const Config&);
/// Learning rate, schedule, clipping and the stream of dropout that a config names.
TrainerOptions trainer_options(const Config&);

}  // namespace gaze
