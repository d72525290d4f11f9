#include <gaze/nn/transformer.h>

namespace gaze {
namespace {

MultiHeadAttention attention_of(const Scope& scope, const TransformerOptions& o, AttentionKind kind,
                                std::int64_t layer) {
  return {scope, o.d_model, o.heads, o.dropout, o.score, kind, layer, o.positions};
}

FeedForward feed_forward_of(const Scope& scope, const TransformerOptions& o) {
  return {scope, o.d_model, o.d_ff, o.activation, o.dropout};
}

/// make(scope, i) for layers.0, layers.1, ...
template <class Layer, class Make>
std::vector<Layer> stack_of(const Scope& scope, std::int64_t count, const Make& make) {
  require(count >= 0, "transformer {}: {} layers", scope.path(), count);
  std::vector<Layer> layers;
  layers.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) layers.push_back(make(scope / "layers" / i, i));
  return layers;
}

}  // namespace

const NameTable<Norm>& norm_names() {
  static const NameTable<Norm> names("norm", {{Norm::pre, "pre"}, {Norm::post, "post"}});
  return names;
}

EncoderLayer::EncoderLayer(const Scope& scope, const TransformerOptions& options, AttentionKind kind,
                           std::int64_t layer)
    : self_attn(attention_of(scope / "self_attn", options, kind, layer)),
      feed_forward(feed_forward_of(scope, options)),
      norm1(scope / "norm1", options.d_model),
      norm2(scope / "norm2", options.d_model),
      residual{options.norm, Dropout(options.dropout)} {}

Tensor EncoderLayer::operator()(const Tensor& x, const AttentionMasks& masks, Context& context) const {
  const Tensor attended = residual(self_attn.site.name, norm1, x, context,
                                   [&](const Tensor& z) { return self_attn(z, z, masks, context); });
  return residual(feed_forward.name, norm2, attended, context,
                  [&](const Tensor& z) { return feed_forward(z, context); });
}

Tensor EncoderLayer::extend(const Tensor& x, KeysValues& words, Context& context) const {
  const Tensor attended = residual(self_attn.site.name, norm1, x, context,
                                   [&](const Tensor& z) { return self_attn.extend(z, words, context); });
  return residual(feed_forward.name, norm2, attended, context,
                  [&](const Tensor& z) { return feed_forward(z, context); });
}

void EncoderLayer::list(Anatomy& anatomy) const {
  anatomy.add(self_attn.site).add(self_attn.site.name, TapPoint::residual);
  anatomy.add(feed_forward.name, TapPoint::hidden).add(feed_forward.name, TapPoint::residual);
}

DecoderLayer::DecoderLayer(const Scope& scope, const TransformerOptions& options, std::int64_t layer)
    : self_attn(attention_of(scope / "self_attn", options, AttentionKind::decoder, layer)),
      multihead_attn(attention_of(scope / "multihead_attn", options, AttentionKind::cross, layer)),
      feed_forward(feed_forward_of(scope, options)),
      norm1(scope / "norm1", options.d_model),
      norm2(scope / "norm2", options.d_model),
      norm3(scope / "norm3", options.d_model),
      residual{options.norm, Dropout(options.dropout)} {}

template <class AttendSelf, class AttendMemory>
Tensor DecoderLayer::layer(const Tensor& x, Context& context, const AttendSelf& attend_self,
                           const AttendMemory& attend_memory) const {
  const Tensor attended = residual(self_attn.site.name, norm1, x, context, attend_self);
  const Tensor informed = residual(multihead_attn.site.name, norm2, attended, context, attend_memory);
  return residual(feed_forward.name, norm3, informed, context,
                  [&](const Tensor& z) { return feed_forward(z, context); });
}

Tensor DecoderLayer::operator()(const Tensor& x, const Tensor& memory, const AttentionMasks& self_masks,
                                const AttentionMasks& memory_masks, Context& context) const {
  return layer(
      x, context, [&](const Tensor& z) { return self_attn(z, z, self_masks, context); },
      [&](const Tensor& z) { return multihead_attn(z, memory, memory_masks, context); });
}

Tensor DecoderLayer::extend(const Tensor& x, KeysValues& words, const KeysValues& memory,
                            const AttentionMasks& memory_masks, Context& context) const {
  return layer(
      x, context, [&](const Tensor& z) { return self_attn.extend(z, words, context); },
      [&](const Tensor& z) { return multihead_attn.attend(z, memory, memory_masks, context); });
}

void DecoderLayer::list(Anatomy& anatomy) const {
  for (const MultiHeadAttention* attention : {&self_attn, &multihead_attn})
    anatomy.add(attention->site).add(attention->site.name, TapPoint::residual);
  anatomy.add(feed_forward.name, TapPoint::hidden).add(feed_forward.name, TapPoint::residual);
}

Encoder::Encoder(const Scope& scope, std::int64_t layer_count, const TransformerOptions& options, bool final_norm,
                 AttentionKind kind)
    : layers(stack_of<EncoderLayer>(
          scope, layer_count, [&](const Scope& at, std::int64_t i) { return EncoderLayer(at, options, kind, i); })) {
  if (final_norm) norm.emplace(scope / "norm", options.d_model);
}

Tensor Encoder::operator()(const Tensor& x, const AttentionMasks& masks, Context& context) const {
  Tensor y = x;
  for (const EncoderLayer& layer : layers) y = layer(y, masks, context);
  return norm ? (*norm)(y) : y;
}

Tensor Encoder::extend(const Tensor& x, std::vector<KeysValues>& words, Context& context) const {
  words.resize(layers.size());
  Tensor y = x;
  for (std::size_t i = 0; i < layers.size(); ++i) y = layers[i].extend(y, words[i], context);
  return norm ? (*norm)(y) : y;
}

void Encoder::list(Anatomy& anatomy) const {
  for (const EncoderLayer& layer : layers) layer.list(anatomy);
}

Decoder::Decoder(const Scope& scope, std::int64_t layer_count, const TransformerOptions& options, bool final_norm)
    : layers(stack_of<DecoderLayer>(scope, layer_count,
                                    [&](const Scope& at, std::int64_t i) { return DecoderLayer(at, options, i); })) {
  if (final_norm) norm.emplace(scope / "norm", options.d_model);
}

Tensor Decoder::operator()(const Tensor& x, const Tensor& memory, const AttentionMasks& self_masks,
                           const AttentionMasks& memory_masks, Context& context) const {
  Tensor y = x;
  for (const DecoderLayer& layer : layers) y = layer(y, memory, self_masks, memory_masks, context);
  return norm ? (*norm)(y) : y;
}

Tensor Decoder::extend(const Tensor& x, std::vector<KeysValues>& words, const std::vector<KeysValues>& memory,
                       const AttentionMasks& memory_masks, Context& context) const {
  words.resize(layers.size());
  Tensor y = x;
  for (std::size_t i = 0; i < layers.size(); ++i)
    y = layers[i].extend(y, words[i], memory.at(i), memory_masks, context);
  return norm ? (*norm)(y) : y;
}

void Decoder::list(Anatomy& anatomy) const {
  for (const DecoderLayer& layer : layers) layer.list(anatomy);
}

Transformer::Transformer(const Scope& scope, const TransformerOptions& options)
    : encoder(scope.matrices(init::xavier_uniform()) / "encoder", options.encoder_layers, options),
      decoder(scope.matrices(init::xavier_uniform()) / "decoder", options.decoder_layers, options) {}

Tensor Transformer::operator()(const Tensor& source, const Tensor& target, const TransformerMasks& masks,
                               Context& context) const {
  const Tensor memory = encoder(source, masks.source, context);
  return decoder(target, memory, masks.target, masks.memory, context);
}

}  // namespace gaze
