#pragma once

#include <memory>

#include <gaze/datasets/toy.h>
#include <gaze/train/config.h>

namespace gaze::train {

/// The toy task that a config names. Throws for an unknown one and for options that make no sentence.
std::shared_ptr<const ToyTask> toy_task(const Config& config);

}  // namespace gaze::train
