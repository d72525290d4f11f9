#pragma once

#include <cstdint>

#include <gaze/nn/context.h>
#include <gaze/nn/score.h>

/// How attentions of any model let themselves be tapped; for those who write one.
namespace gaze {

/// Columns [B,L,HK] -> [B,L,H,K]
Tensor by_head(const Columns& x, std::int64_t heads);

/// Queries, keys or values [B,L,HK], or what a tap puts in their place; taps see [B,L,H,K].
Columns tapped_heads(const Columns& x, std::int64_t heads, TapPoint point, const AttentionSite& site,
                     const Context& context);

struct TappedAttentionOptions {
  /// If above 1, the queries of source b, [B,continuations,HK], are not one after another but beside one another: taps
  /// and the result see [B continuations,1,...].
  std::int64_t continuations = 1;
  Tensor added = {};  ///< to scores, before masks: ~ [B,H,T,S]; undefined: nothing
};

/// score.attend() with taps at scores, weights and head_outputs. Where a tap replaces scores or weights, or wants their
/// gradient, or what is added wants one, the attention is computed in separate operations; else it is the fused one,
/// and taps that look are shown numbers of their own.
Tensor tapped_attention(const ScoreFunction& score, const Columns& queries, const Columns& keys, const Columns& values,
                        AttentionOptions options, const AttentionSite& site, const Context& context,
                        const TappedAttentionOptions& how = {});

}  // namespace gaze
