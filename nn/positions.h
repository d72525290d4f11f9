#pragma once

#include <cstdint>

#include <gaze/autograd/tensor.h>

namespace gaze {

/// How a model knows the order of its tokens.
enum class Positions { learned, sinusoidal, none };

/// PE(t, 2i) = sin(t / 10000^(2i/D)), PE(t, 2i+1) = cos(t / 10000^(2i/D)) (Vaswani et al. 2017, section 3.5):
/// [length, d_model]
Tensor sinusoidal_positions(std::int64_t length, std::int64_t d_model, DType dtype = DType::float32);

}  // namespace gaze
