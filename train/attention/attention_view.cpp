#include <gaze/train/attention/attention_view.h>

#include <algorithm>

namespace gaze::train {

AttentionView usual_view(const Config& config) {
  AttentionView view{.layer = std::max<std::int64_t>(cross_attention_layers(config) - 1, 0)};
  if (config.guided.weight == 0) return view;
  if (config.guided.layer >= 0) view.layer = config.guided.layer;
  view.choice.head = static_cast<int>(config.guided.head);
  return view;
}

std::string attention_module(const Config& config, AttentionKind kind, std::int64_t layer) {
  const bool recurrent = config.model.architecture == Architecture::rnn;
  require(!recurrent || config.model.attends, "this model has no attention (config: score none)");
  require(!recurrent || kind == AttentionKind::cross, "an rnn has no attention of kind {}, only cross", name_of(kind));
  const std::int64_t layers = cross_attention_layers(config);
  require(layer >= 0 && layer < layers, "there is no layer {}; the model has {}, counted from 0", layer, layers);
  if (recurrent) return "body.attention";
  return fmt::format("body.{}.layers.{}.{}", kind == AttentionKind::encoder ? "encoder" : "decoder", layer,
                     kind == AttentionKind::cross ? "multihead_attn" : "self_attn");
}

}  // namespace gaze::train
