#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <gaze/nn/dropout.h>
#include <gaze/nn/linear.h>
#include <gaze/nn/positions.h>
#include <gaze/nn/scope.h>

namespace gaze {

/// A vector for each id.
struct Embedding {
  /// Registers weight [vocab,size], normal with this standard deviation.
  Embedding(const Scope&, std::int64_t vocab, std::int64_t size, double std = 1);

  Tensor operator()(const Tensor& ids) const;  ///< int32 [...] in [0, vocab) -> [...,size]

  Tensor weight;  ///< [vocab,size]
};

struct TokenEmbeddingOptions {
  std::int64_t vocab = 0;
  std::int64_t d_model = 0;
  std::int64_t max_length = 0;  ///< positions; without positions there is no maximum
  PositionalEncoding positions = Positions::learned;
  double dropout = 0;
  double std = 0.02;           ///< of the initial embeddings
  double position_std = 0.02;  ///< of the initial learned positions
};

/// What enters a Transformer: dropout(tok(id) sqrt(D) + position) (Vaswani et al. 2017, sections 3.4 and 3.5). Its
/// point is output.
struct TokenEmbedding {
  /// Registers tok.weight [V,D] and what the positions have to learn: pos.weight [max_length,D].
  TokenEmbedding(const Scope&, const TokenEmbeddingOptions&);
  /// With token vectors that are another's.
  TokenEmbedding(const Scope&, const TokenEmbeddingOptions&, Embedding shared);

  /// int32 [B,T] -> [B,T,D]; the first id stands at position `first`. Throws for positions over the maximum.
  Tensor operator()(const Tensor& ids, Context&, std::int64_t first = 0) const;

  std::string name;  ///< its path
  Embedding tok;
  std::shared_ptr<const EmbeddingPositions> positions;  ///< null: none are told to embeddings
  Dropout dropout;
};

/// The embedding tgt_embed of a translation model: one of its own, or with the token vectors of src_embed, which then
/// must be of one vocabulary.
TokenEmbedding target_embedding(const Scope&, const TokenEmbeddingOptions&, const TokenEmbedding& src_embed,
                                bool shared);
/// What gives every id a logit: head.weight [V,D], or the vectors of `tgt_embed` when they are tied.
Linear output_head(const Scope&, const TokenEmbedding& tgt_embed, bool tied);

}  // namespace gaze
