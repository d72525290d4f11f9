#include <gaze/nn/model.h>

namespace gaze {
namespace {

TokenEmbedding embedding_of(const Scope& scope, std::int64_t vocab, const ModelOptions& options) {
  return {scope,
          {.vocab = vocab,
           .d_model = options.transformer.d_model,
           .max_length = options.max_length,
           .positions = options.positions,
           .dropout = options.transformer.dropout,
           .std = options.embedding_std,
           .position_std = options.position_std}};
}

Linear head_of(const Scope& scope, const TokenEmbedding& tgt_embed, const ModelOptions& options) {
  if (!options.tied) return {scope / "head", options.transformer.d_model, options.target_vocab, false};
  scope.tie("head.weight", "tgt_embed.tok.weight");
  return Linear(tgt_embed.tok.weight);
}

}  // namespace

Seq2Seq::Seq2Seq(const Scope& scope, const ModelOptions& options)
    : src_embed(embedding_of(scope / "src_embed", options.source_vocab, options)),
      tgt_embed(embedding_of(scope / "tgt_embed", options.target_vocab, options)),
      body(scope / "body", options.transformer),
      head(head_of(scope, tgt_embed, options)) {}

Tensor Seq2Seq::encode(const Tensor& source, const Tensor& lengths, Context& context) const {
  return body.encoder(src_embed(source, context), {.key_lengths = lengths}, context);
}

Tensor Seq2Seq::features(const Tensor& target, const Tensor& memory, const Tensor& lengths, Context& context) const {
  return body.decoder(tgt_embed(target, context), memory, {.causal = true}, {.key_lengths = lengths}, context);
}

Tensor Seq2Seq::decode(const Tensor& target, const Tensor& memory, const Tensor& lengths, Context& context) const {
  return head(features(target, memory, lengths, context));
}

Tensor Seq2Seq::loss(const Tensor& source, const Tensor& lengths, const Tensor& target, const Tensor& gold,
                     const CrossEntropyOptions& options, Context& context) const {
  const Tensor memory = encode(source, lengths, context);
  return projected_cross_entropy(features(target, memory, lengths, context), head.weight, gold, options);
}

Tensor Seq2Seq::operator()(const Tensor& source, const Tensor& lengths, const Tensor& target, Context& context) const {
  return decode(target, encode(source, lengths, context), lengths, context);
}

LanguageModel::LanguageModel(const Scope& scope, const ModelOptions& options)
    : tgt_embed(embedding_of(scope / "tgt_embed", options.target_vocab, options)),
      body(scope / "body", options.transformer.decoder_layers, options.transformer,
           options.transformer.norm == Norm::pre),
      head(head_of(scope, tgt_embed, options)) {}

Tensor LanguageModel::features(const Tensor& ids, Context& context) const {
  return body(tgt_embed(ids, context), {.causal = true}, context);
}

Tensor LanguageModel::operator()(const Tensor& ids, Context& context) const { return head(features(ids, context)); }

Tensor LanguageModel::loss(const Tensor& ids, const Tensor& gold, const CrossEntropyOptions& options,
                           Context& context) const {
  return projected_cross_entropy(features(ids, context), head.weight, gold, options);
}

}  // namespace gaze
