#pragma once

#include <cstdint>
#include <string>

#include <gaze/autograd/base/names.h>
#include <gaze/autograd/ops.h>
#include <gaze/nn/dropout.h>
#include <gaze/nn/linear.h>

namespace gaze {

const NameTable<Activation>& activation_names();  ///< those of a feed-forward layer: relu, gelu

/// linear2(dropout(activation(linear1(x)))) (Vaswani et al. 2017, equation 2)
struct FeedForward {
  /// Registers linear1 [d_ff,d_model] and linear2 [d_model,d_ff] in the scope itself, as torch's layers do. Its points
  /// are below the scope's "feed_forward": hidden.
  FeedForward(const Scope&, std::int64_t d_model, std::int64_t d_ff, Activation, double dropout_probability);

  Tensor operator()(const Tensor& x, Context&) const;  ///< [...,d_model] -> [...,d_model]

  std::string name;  ///< its path for taps
  Linear linear1, linear2;
  Activation activation;
  Dropout dropout;
};

}  // namespace gaze
