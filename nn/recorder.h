#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <gaze/autograd/array.h>

namespace gaze {

/// Collects the attention weights that a model computes while it is in a call's Context. Recording changes no result
/// and uses no random numbers.
struct AttentionRecorder {
  /// Whether to record the attention module of this full name ("body.decoder.layers.0.multihead_attn"); when empty,
  /// every module is recorded.
  std::function<bool(std::string_view name)> wants = {};
  /// The weights of each module's last call, before dropout: [B,H,T,S] by full name.
  std::map<std::string, Array, std::less<>> weights = {};
};

}  // namespace gaze
