#pragma once

#include <gaze/autograd/tensor.h>

namespace gaze {

/// How far attention is from a gold alignment (Garg et al. 2019, section 3.3.2): -sum_ts G_ts log A_ts, summed over a
/// sentence's queries and averaged over sentences.
/// weights: A [B,T,S]; gold: G [B,T,S] of the same dtype, each row's numbers adding up to 1, or all 0 for a query
/// without gold. A row of gold that attention gives no weight at all counts as 1e-12.
Tensor guided_attention_loss(const Tensor& weights, const Tensor& gold);

}  // namespace gaze
