#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <gaze/nn/attention.h>
#include <gaze/nn/feed_forward.h>
#include <gaze/nn/layer_norm.h>
#include <gaze/nn/positions.h>

/// The Transformer of Vaswani et al. 2017, with the parameter names, defaults and results of torch.nn.Transformer
/// (batch first).
namespace gaze {

/// Where LayerNorm stands: post (Vaswani et al. 2017) LayerNorm(x + Sublayer(x)), pre (Xiong et al. 2020)
/// x + Sublayer(LayerNorm(x)).
enum class Norm { pre, post };

const NameTable<Norm>& norm_names();

struct TransformerOptions {
  std::int64_t encoder_layers = 6;
  std::int64_t decoder_layers = 6;
  std::int64_t d_model = 512;
  std::int64_t heads = 8;  ///< must divide d_model
  std::int64_t d_ff = 2048;
  double dropout = 0.1;  ///< of attention weights, of the inner feed-forward activations and of every sublayer's output
  Activation activation = Activation::relu;
  Norm norm = Norm::post;
  Score score = Score::scaled_dot;    ///< of all attention
  PositionalEncoding positions = {};  ///< of self-attention; what is in embeddings is the models' own
};

/// A sublayer's output joins its input: LayerNorm(x + dropout(f(x))), or x + dropout(f(LayerNorm(x))).
/// The point behind it is the residual of `sublayer`, a path.
struct Residual {
  template <class Sublayer>
  Tensor operator()(std::string_view sublayer, const LayerNorm& layer_norm, const Tensor& x, Context& context,
                    Sublayer&& f) const {
    return context.tap(sublayer, TapPoint::residual, joined(layer_norm, x, context, f));
  }
  Norm norm;
  Dropout dropout;

 private:
  template <class Sublayer>
  Tensor joined(const LayerNorm& layer_norm, const Tensor& x, Context& context, const Sublayer& f) const {
    const Tensor y = f(norm == Norm::pre ? layer_norm(x) : x);
    const DropoutOptions drop = dropout.options(context);
    if (norm == Norm::pre) return gaze::residual(x, y, drop);
    return residual_norm(x, y, layer_norm.weight, layer_norm.bias, drop, layer_norm.eps);
  }
};

/// Registers self_attn, linear1, linear2, norm1 and norm2.
struct EncoderLayer {
  /// `kind` and `layer` are those of its attention.
  EncoderLayer(const Scope&, const TransformerOptions&, AttentionKind kind = AttentionKind::encoder,
               std::int64_t layer = 0);

  Tensor operator()(const Tensor& x, const AttentionMasks&, Context&) const;  ///< [B,S,D] -> [B,S,D]
  /// Causal self-attention word by word: see MultiHeadAttention::extend().
  Tensor extend(const Tensor& x, KeysValues& words, Context&) const;
  void list(Anatomy&) const;

  MultiHeadAttention self_attn;
  FeedForward feed_forward;
  LayerNorm norm1, norm2;
  Residual residual;
};

/// Registers self_attn, multihead_attn (to the memory), linear1, linear2, norm1, norm2 and norm3.
struct DecoderLayer {
  DecoderLayer(const Scope&, const TransformerOptions&, std::int64_t layer = 0);

  /// x [B,T,D], memory [B,S,D] -> [B,T,D]
  Tensor operator()(const Tensor& x, const Tensor& memory, const AttentionMasks& self_masks,
                    const AttentionMasks& memory_masks, Context&) const;
  /// The same word by word: x [R,1,D] where R / B continuations of each of B sources follow one another; `words` as in
  /// MultiHeadAttention::extend(), `memory` as keys_values() made it.
  Tensor extend(const Tensor& x, KeysValues& words, const KeysValues& memory, const AttentionMasks& memory_masks,
                Context&) const;
  void list(Anatomy&) const;

  MultiHeadAttention self_attn, multihead_attn;
  FeedForward feed_forward;
  LayerNorm norm1, norm2, norm3;
  Residual residual;

 private:
  template <class AttendSelf, class AttendMemory>
  Tensor layer(const Tensor& x, Context&, const AttendSelf&, const AttendMemory&) const;
};

/// Registers layers.0, layers.1, ... and, with a final norm, norm.
struct Encoder {
  Encoder(const Scope&, std::int64_t layer_count, const TransformerOptions&, bool final_norm = true,
          AttentionKind kind = AttentionKind::encoder);

  Tensor operator()(const Tensor& x, const AttentionMasks&, Context&) const;  ///< [B,S,D] -> [B,S,D]
  /// With causal self-attention word by word; keys and values for each layer: see EncoderLayer::extend().
  Tensor extend(const Tensor& x, std::vector<KeysValues>& words, Context&) const;
  void list(Anatomy&) const;

  std::vector<EncoderLayer> layers;
  std::optional<LayerNorm> norm;
};

/// Registers layers.0, layers.1, ... and, with a final norm, norm.
struct Decoder {
  Decoder(const Scope&, std::int64_t layer_count, const TransformerOptions&, bool final_norm = true);

  /// x [B,T,D], memory [B,S,D] -> [B,T,D]
  Tensor operator()(const Tensor& x, const Tensor& memory, const AttentionMasks& self_masks,
                    const AttentionMasks& memory_masks, Context&) const;
  /// Word by word; keys and values for each layer: see DecoderLayer::extend().
  Tensor extend(const Tensor& x, std::vector<KeysValues>& words, const std::vector<KeysValues>& memory,
                const AttentionMasks& memory_masks, Context&) const;
  void list(Anatomy&) const;

  std::vector<DecoderLayer> layers;
  std::optional<LayerNorm> norm;
};

struct TransformerMasks {
  AttentionMasks source = {};                ///< of the encoder's self-attention
  AttentionMasks target = {.causal = true};  ///< of the decoder's self-attention
  AttentionMasks memory = {};                ///< of the decoder's attention to the encoder's output
};

/// Registers encoder and decoder, both with a final norm. Every matrix below it starts Xavier-uniform, as in
/// torch.nn.Transformer.
struct Transformer {
  Transformer(const Scope&, const TransformerOptions&);

  /// source [B,S,D], target [B,T,D] -> [B,T,D]
  Tensor operator()(const Tensor& source, const Tensor& target, const TransformerMasks&, Context&) const;

  Encoder encoder;
  Decoder decoder;
};

}  // namespace gaze
