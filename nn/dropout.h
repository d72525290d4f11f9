#pragma once

#include <gaze/autograd/ops.h>
#include <gaze/nn/context.h>

namespace gaze {

/// In training, each element is 0 with probability p and x / (1 - p) otherwise (Srivastava et al. 2014); else x itself.
struct Dropout {
  explicit Dropout(double probability);  ///< throws unless 0 <= p < 1

  Tensor operator()(const Tensor& x, Context&) const;
  /// For an operation that drops out itself: p and the next stream in training, else p = 0.
  DropoutOptions options(Context&) const;

  double p;
};

}  // namespace gaze
