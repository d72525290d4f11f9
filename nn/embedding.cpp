#include <gaze/nn/embedding.h>

#include <cmath>
#include <utility>

#include <gaze/autograd/ops.h>

namespace gaze {

Embedding::Embedding(const Scope& scope, std::int64_t vocab, std::int64_t size, double std) {
  require(vocab > 0 && size > 0, "embedding {}: needs sizes above 0, got {} ids of {} numbers", scope.path(), vocab,
          size);
  weight = scope.parameter("weight", {vocab, size}, init::normal(std));
}

Tensor Embedding::operator()(const Tensor& ids) const { return embedding(weight, ids); }

TokenEmbedding::TokenEmbedding(const Scope& scope, const TokenEmbeddingOptions& options)
    : TokenEmbedding(scope, options, Embedding(scope / "tok", options.vocab, options.d_model, options.std)) {}

TokenEmbedding::TokenEmbedding(const Scope& scope, const TokenEmbeddingOptions& options, Embedding shared)
    : name(scope.path()), tok(std::move(shared)), dropout(options.dropout) {
  if (options.positions.in_embedding)
    positions = options.positions.in_embedding(
        scope, {.d_model = options.d_model, .max_length = options.max_length, .std = options.position_std});
}

Tensor TokenEmbedding::operator()(const Tensor& ids, Context& context, std::int64_t first) const {
  require(ids.rank() == 2, "embedding {}: needs ids [B,T], got shape {}", name, ids.shape());
  const Tensor tokens = tok(ids) * std::sqrt(static_cast<double>(tok.weight.size(1)));  // [B,T] -> [B,T,D]
  const Tensor placed = positions ? (*positions)(tokens, first) : tokens;
  return context.tap(name, TapPoint::output, dropout(placed, context));
}

TokenEmbedding target_embedding(const Scope& scope, const TokenEmbeddingOptions& options,
                                const TokenEmbedding& src_embed, bool shared) {
  if (!shared) return {scope / "tgt_embed", options};
  const std::int64_t source_vocab = src_embed.tok.weight.size(0);
  require(source_vocab == options.vocab, "seq2seq: a shared embedding needs one vocabulary, not {} and {} ids",
          source_vocab, options.vocab);
  scope.tie("tgt_embed.tok.weight", "src_embed.tok.weight");
  return {scope / "tgt_embed", options, src_embed.tok};
}

Linear output_head(const Scope& scope, const TokenEmbedding& tgt_embed, bool tied) {
  const Tensor& vectors = tgt_embed.tok.weight;  // [V,D]
  if (!tied) return {scope / "head", vectors.size(1), vectors.size(0), false};
  scope.tie("head.weight", "tgt_embed.tok.weight");
  return Linear(vectors);
}

}  // namespace gaze
