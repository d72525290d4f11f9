#pragma once

#include <memory>

#include <gaze/nn/bahdanau.h>
#include <gaze/nn/model.h>
#include <gaze/optim/optimizer.h>
#include <gaze/train/config.h>
#include <gaze/train/trainer.h>

namespace gaze::train {

/// The Transformer that a config describes; the vocabularies are for the caller to set.
ModelOptions model_options(const Config&);
/// The translation model that a config describes, for vocabularies of these sizes and for sentences of so many tokens,
/// marks included.
std::unique_ptr<EncoderDecoder> make_encoder_decoder(const Scope&, const Config&, std::int64_t source_vocab,
                                                     std::int64_t target_vocab, std::int64_t longest);
/// The language model that a config describes.
std::unique_ptr<LanguageModel> make_language_model(const Scope&, const Config&, std::int64_t vocab);
/// The optimizer that a config names.
std::unique_ptr<Optimizer> make_optimizer(Params&, const Config&);
/// Learning rate, schedule, clipping and the stream of dropout that a config names.
TrainerOptions trainer_options(const Config&);

}  // namespace gaze::train
