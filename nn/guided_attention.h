#pragma once

#include <gaze/autograd/tensor.h>

namespace gaze {

/// How far attention is from a gold alignment (Garg et al. 2019, section 3.3.2): -sum_ts G_ts log A_ts, summed over a
/// sentence's queries and averaged over sentences.
/// weights: A [B,T,S]; gold: G [B,T,S] of the same dtype, each row's numbers adding up to 1, or all 0 for a query
/// without gold. scores [B,T,S]: what the weights are a softmax of, masked or not. With them log A is right, and its
/// gradient is A - G, where a weight is too small for its dtype, too; without them such a weight counts as the smallest
/// normal number and has no gradient.
Tensor guided_attention_loss(const Tensor& weights, const Tensor& gold, const Tensor& scores = {});

}  // namespace gaze
