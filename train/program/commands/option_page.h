#pragma once

#include <optional>

#include <gaze/train/config.h>

namespace gaze::train {

/// Prints every option with its default, what it expects and what it does, by sections, in 80 columns. Of a config:
/// only what a run with it has a use for, and its values.
void print_options(const std::optional<Config>& config);

}  // namespace gaze::train
