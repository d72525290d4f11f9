#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gaze/autograd/tensor.h>

namespace gaze {

/// Who looks at whom: the encoder at the source, the decoder at what it has said (any causal self-attention), or the
/// decoder at the source.
enum class AttentionKind { encoder, decoder, cross };

std::string_view name_of(AttentionKind);
AttentionKind attention_kind(std::string_view name);  ///< its inverse; throws for another name

/// What a recorder keeps of one attention module: its last call.
struct RecordedAttention {
  AttentionKind kind = AttentionKind::cross;
  std::int64_t layer = 0;  ///< the last number in the module's name, from 0; 0 without one
  Tensor weights = {};     ///< [B,H,T,S] before dropout, of the chosen heads in their order
};

/// Collects the attention weights that a model computes while it is in a call's Context. Recording changes no result
/// and uses no random numbers. An empty choice is every one.
struct AttentionRecorder {
  std::vector<AttentionKind> kinds = {};
  std::vector<std::int64_t> layers = {}, heads = {};  ///< from 0
  /// Whether to record the module of this full name ("body.decoder.layers.0.multihead_attn").
  std::function<bool(std::string_view name)> wants = {};
  bool differentiable = false;  ///< gradients flow through what is kept, so that a loss can be put on it

  std::map<std::string, RecordedAttention, std::less<>> modules = {};  ///< by full name

  /// What an attention module calls with itself; weights() gives its weights [B,H,T,S], all heads.
  void offer(std::string_view name, AttentionKind kind, const std::function<Tensor()>& weights);
};

}  // namespace gaze
