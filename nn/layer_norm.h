#pragma once

#include <cstdint>

#include <gaze/nn/scope.h>

namespace gaze {

/// (x - mean) / sqrt(var + eps) weight + bias over the last axis (Ba et al. 2016)
struct LayerNorm {
  /// Registers weight [size], ones, and bias [size], zeros.
  LayerNorm(const Scope&, std::int64_t size, double epsilon = 1e-5);

  Tensor operator()(const Tensor& x) const;  ///< [...,size] -> [...,size]

  Tensor weight, bias;  ///< [size]
  double eps;
};

}  // namespace gaze
