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
  if (options.positions == Positions::none) return;
  require(options.max_length > 0, "embedding {}: needs a maximum length above 0, got {}", name, options.max_length);
  pos = options.positions == Positions::learned
            ? Embedding(scope / "pos", options.max_length, options.d_model, options.position_std).weight
            : sinusoidal_positions(options.max_length, options.d_model, scope.dtype());
}

Tensor TokenEmbedding::operator()(const Tensor& ids, Context& context, std::int64_t first) const {
  require(ids.rank() == 2, "embedding {}: needs ids [B,T], got shape {}", name, ids.shape());
  const std::int64_t end = first + ids.size(1), d_model = tok.weight.size(1);
  const Tensor tokens = tok(ids) * std::sqrt(static_cast<double>(d_model));  // [B,T] -> [B,T,D]
  if (!pos.defined()) return dropout(tokens, context);
  require(end <= pos.size(0), "embedding {}: length {} is over the maximum {}", name, end, pos.size(0));
  return dropout(tokens + (ids.size(1) == pos.size(0) ? pos : pos.slice(0, first, end)), context);  // + [T,D]
}

}  // namespace gaze
