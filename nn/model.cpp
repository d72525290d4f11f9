#include <gaze/nn/model.h>

#include <gaze/autograd/ops.h>

namespace gaze {
namespace {

TokenEmbeddingOptions embedding_options(std::int64_t vocab, const ModelOptions& options) {
  return {.vocab = vocab,
          .d_model = options.transformer.d_model,
          .max_length = options.max_length,
          .positions = options.positions,
          .dropout = options.transformer.dropout,
          .std = options.embedding_std,
          .position_std = options.position_std};
}

TokenEmbedding embedding_of(const Scope& scope, std::int64_t vocab, const ModelOptions& options) {
  return {scope, embedding_options(vocab, options)};
}

}  // namespace

void DecodingState::select_rows(const Tensor& rows) {
  for (Tensor& layer : self) layer = index_select(layer, 0, rows);
}

void DecodingState::select_sources(const Tensor& sources) {
  for (Tensor& layer : memory) layer = index_select(layer, 0, sources);
  const auto all = memory_lengths.values<std::int32_t>();
  std::vector<std::int32_t> lengths;
  for (const std::int32_t i : sources.values<std::int32_t>()) lengths.push_back(all[static_cast<std::size_t>(i)]);
  memory_lengths = Tensor::from({sources.size()}, lengths);
}

Tensor EncoderDecoder::decode(const Tensor& target, const Tensor& memory, const Tensor& lengths,
                              Context& context) const {
  return output()(features(target, memory, lengths, context));
}

Tensor EncoderDecoder::operator()(const Tensor& source, const Tensor& lengths, const Tensor& target,
                                  Context& context) const {
  return decode(target, encode(source, lengths, context), lengths, context);
}

Tensor EncoderDecoder::loss(const Tensor& source, const Tensor& lengths, const Tensor& target, const Tensor& gold,
                            const CrossEntropyOptions& options, Context& context) const {
  const Tensor memory = encode(source, lengths, context);
  return projected_cross_entropy(features(target, memory, lengths, context), output().weight, gold, options);
}

Seq2Seq::Seq2Seq(const Scope& scope, const ModelOptions& options)
    : src_embed(embedding_of(scope / "src_embed", options.source_vocab, options)),
      tgt_embed(target_embedding(scope, embedding_options(options.target_vocab, options), src_embed, options.shared)),
      body(scope / "body", options.transformer),
      head(output_head(scope, tgt_embed, options.tied)) {}

Tensor Seq2Seq::encode(const Tensor& source, const Tensor& lengths, Context& context) const {
  return body.encoder(src_embed(source, context), {.key_lengths = lengths}, context);
}

Tensor Seq2Seq::features(const Tensor& target, const Tensor& memory, const Tensor& lengths, Context& context) const {
  return body.decoder(tgt_embed(target, context), memory, {.causal = true}, {.key_lengths = lengths}, context);
}

DecodingState Seq2Seq::begin(const Tensor& memory, const Tensor& lengths) const {
  DecodingState state{.self = {}, .memory = {}, .memory_lengths = lengths, .length = 0};
  for (const DecoderLayer& layer : body.decoder.layers)
    state.memory.push_back(layer.multihead_attn.keys_values(memory));
  return state;
}

Tensor Seq2Seq::next(const Tensor& words, DecodingState& state, Context& context) const {
  const Tensor x = tgt_embed(words, context, state.length);
  const Tensor y =
      body.decoder.extend(x, state.self, state.memory, {.key_lengths = state.memory_lengths}, context);  // [R,1,D]
  ++state.length;
  return head(reshape(y, {y.size(0), y.size(2)}));
}

LanguageModel::LanguageModel(const Scope& scope, const ModelOptions& options)
    : tgt_embed(embedding_of(scope / "tgt_embed", options.target_vocab, options)),
      body(scope / "body", options.transformer.decoder_layers, options.transformer,
           options.transformer.norm == Norm::pre),
      head(output_head(scope, tgt_embed, options.tied)) {}

Tensor LanguageModel::features(const Tensor& ids, Context& context) const {
  return body(tgt_embed(ids, context), {.causal = true}, context);
}

Tensor LanguageModel::operator()(const Tensor& ids, Context& context) const { return head(features(ids, context)); }

Tensor LanguageModel::next(const Tensor& ids, DecodingState& state, Context& context) const {
  const Tensor y = body.extend(tgt_embed(ids, context, state.length), state.self, context);  // [B,T,D]
  state.length += ids.size(1);
  return head(reshape(slice(y, 1, y.size(1) - 1, y.size(1)), {y.size(0), y.size(2)}));
}

Tensor LanguageModel::loss(const Tensor& ids, const Tensor& gold, const CrossEntropyOptions& options,
                           Context& context) const {
  return projected_cross_entropy(features(ids, context), head.weight, gold, options);
}

}  // namespace gaze
