#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gaze/nn/taps.h>

namespace gaze {

/// What a recorder keeps of one attention: its last pass.
struct RecordedAttention {
  AttentionSite site = {};
  std::vector<Tensor> steps =
      {};  ///< [B,H,T,S] of the chosen heads in their order; several where T was walked in steps

  /// [B,H,T,S] before dropout, of all T. Throws when rows were selected between the steps.
  Tensor weights() const;
};

/// A tap that keeps the attention weights of a pass. It changes no result and uses no random numbers. An empty choice
/// is every one.
///
///     AttentionRecorder recorder{.kinds = {AttentionKind::cross}};
///     const Taps taps = recorder.taps();
///     Context context{.taps = &taps};
struct AttentionRecorder {
  std::vector<AttentionKind> kinds = {};
  std::vector<std::int64_t> layers = {}, heads = {};  ///< from 0
  /// Whether to record the module of this full name ("body.decoder.layers.0.multihead_attn").
  std::function<bool(std::string_view name)> wants = {};
  bool differentiable = false;  ///< gradients flow through what is kept, so that a loss can be put on it

  std::map<std::string, RecordedAttention, std::less<>> modules = {};  ///< by full name

  /// Puts it at the weights that it asks for. The recorder must live as long as the taps are used, and stay in place.
  void add_to(Taps& taps);
  Taps taps();  ///< with this tap alone

 private:
  void keep(const TapPlace& place, const Tensor& weights);
};

}  // namespace gaze
