#pragma once

#include <cstdint>
#include <memory>

#include <gaze/nn/model.h>
#include <gaze/train/config.h>

namespace gaze::train {

/// What a model must be made for, beside its options.
struct ModelSizes {
  std::int64_t source_vocab = 0;  ///< of a model that reads a source
  std::int64_t target_vocab = 0;
  std::int64_t longest = 0;  ///< tokens of a sentence or context, marks included
};

/// How many layers of cross-attention the model that a config describes has: what can be said before it is made.
std::int64_t cross_attention_layers(const Config&);
/// Numbers in the embeddings and matrices of the model that a config describes, which are nearly all of its parameters
/// and never more than them. In floating point: it does not overflow.
double parameters_of(const Config&, const ModelSizes&);
/// The model that a config describes, of any kind in the table of models.cpp. Throws for options that describe none,
/// and before anything is allocated for a model that this machine has no memory for.
std::unique_ptr<SequenceModel> make_model(const Scope&, const Config&, const ModelSizes&);

}  // namespace gaze::train
