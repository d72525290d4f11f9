#pragma once

#include <cstdint>

#include <gaze/nn/scope.h>

namespace gaze {

/// y = x W^T + b
struct Linear {
  /// Registers weight [out,in] and, with a bias, bias [out]; both start uniform in +-1/sqrt(in) as torch.nn.Linear
  /// does, the bias by `bias_init` where that is given.
  Linear(const Scope&, std::int64_t in, std::int64_t out, bool with_bias = true, const Initializer& bias_init = {});
  /// Uses parameters that exist: weight [out,in], bias [out] or undefined.
  explicit Linear(Tensor shared_weight, Tensor shared_bias = {});

  Tensor operator()(const Tensor& x) const;  ///< [...,in] -> [...,out]

  Tensor weight;  ///< [out,in]
  Tensor bias;    ///< [out], or undefined
};

}  // namespace gaze
