#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <gaze/autograd/base/names.h>
#include <gaze/nn/scope.h>

/// How a model knows the order of its tokens. A positional encoding acts at up to three places, the same in training
/// and word by word: it is added to embeddings, applied to queries and keys, or added to scores.
namespace gaze {

/// At embeddings.
struct EmbeddingPositions {
  virtual ~EmbeddingPositions() = default;
  /// x [B,T,D], whose first token stands at position `first` -> [B,T,D]. Throws for a position that it does not know.
  virtual Tensor operator()(const Tensor& x, std::int64_t first) const = 0;
};

/// In a self-attention; what it does not override changes nothing.
struct AttentionPositions {
  virtual ~AttentionPositions() = default;
  /// Queries or keys [B,L,H,K], the first at position `first` -> [B,L,H,K]. Keys are asked for once, when they are
  /// made.
  virtual Tensor applied(const Tensor& heads, std::int64_t /*first*/) const { return heads; }
  /// Whether applied() does anything.
  virtual bool applies() const { return false; }
  /// What is added to scaled scores ~ [B,H,T,S], the first query at position `first_query` and the first key at 0; or
  /// undefined. One that wants a gradient has the attention computed in separate operations.
  virtual Tensor added(std::int64_t /*first_query*/, std::int64_t /*queries*/, std::int64_t /*keys*/) const {
    return {};
  }
};

struct EmbeddingPositionsOptions {
  std::int64_t d_model = 0;
  std::int64_t max_length = 0;  ///< positions that there must be
  double std = 0.02;            ///< of initial vectors, where they are learned
};

struct AttentionPositionsOptions {
  std::int64_t heads = 1;
  std::int64_t head_size = 0;  ///< K
};

enum class Positions {
  learned,     ///< a vector for each position is added to embeddings: pos.weight [max_length,D]
  sinusoidal,  ///< sinusoidal_positions() are added to embeddings
  none
};

const NameTable<Positions>& positions_names();

/// A positional encoding: what it puts into each embedding and into each self-attention of a model, where parameters
/// are registered in the embedding's or attention's own scope. Empty functions, or null results: nothing.
struct PositionalEncoding {
  PositionalEncoding() = default;
  PositionalEncoding(Positions);  // NOLINT: the name of one is one

  std::function<std::shared_ptr<const EmbeddingPositions>(const Scope&, const EmbeddingPositionsOptions&)> in_embedding;
  std::function<std::shared_ptr<const AttentionPositions>(const Scope&, const AttentionPositionsOptions&)> in_attention;
};

/// PE(t, 2i) = sin(t / 10000^(2i/D)), PE(t, 2i+1) = cos(t / 10000^(2i/D)) (Vaswani et al. 2017, section 3.5):
/// [length, d_model]
Tensor sinusoidal_positions(std::int64_t length, std::int64_t d_model, DType dtype = DType::float32);

}  // namespace gaze
