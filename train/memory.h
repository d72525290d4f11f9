#pragma once

#include <cstdint>

#include <gaze/autograd/base/error.h>
#include <gaze/train/models.h>

namespace gaze::train {

/// Bytes that this process can have at most: of the machine (swap included), its control group and the shell's limits.
double machine_memory();

/// What is thrown for what a machine has no memory for.
class TooLarge : public Error {
 public:
  using Error::Error;
};

/// The largest batch of a training: rows, and tokens of a row's source and target.
struct BatchSize {
  std::int64_t rows = 0, source = 0, target = 0;
};

// What a config asks for is computed before anything is allocated, in floating point, which does not overflow, and so
// that the truth is no less: each throws TooLarge, naming the bytes, when that is more than the machine has.
void require_memory_for_model(const Config&, const ModelSizes&);
/// Weights, gradients, moments, the held-out sentences of a toy task, and what a backward pass needs of each layer.
void require_memory_for_training(const Config&, const ModelSizes&, const BatchSize& largest);

}  // namespace gaze::train
