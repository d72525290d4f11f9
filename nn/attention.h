#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include <gaze/autograd/ops.h>
#include <gaze/nn/dropout.h>
#include <gaze/nn/linear.h>
#include <gaze/nn/positions.h>
#include <gaze/nn/score.h>

namespace gaze {

/// Which keys a query sees; a key must pass all three. A query that sees no key gets zeros, forward and backward.
struct AttentionMasks {
  bool causal = false;      ///< query t sees keys 0..t
  Tensor key_lengths = {};  ///< int32 [B]: keys at and after a row's length are hidden; undefined: none is
  Tensor additive = {};     ///< broadcasts to [B,H,T,S]: added to the scores, -inf hides; undefined: nothing is added
};

/// What attention looks at, of each row: keys, as its score prepared them, and values. Words are appended into spare
/// rows behind those in use, so that a word does not copy those before it. Copies are apart.
class KeysValues {
 public:
  void append(const Columns& keys, const Columns& values);  ///< [R,T,D] both: of the next words
  void select(const Tensor& rows);                          ///< row i is now what row rows[i] was: int32
  Columns keys() const { return in_use(keys_); }            ///< [R,length,D]
  Columns values() const { return in_use(values_); }
  std::int64_t rows() const { return keys_.defined() ? keys_.size(0) : 0; }
  std::int64_t length() const { return length_; }  ///< words

 private:
  Columns in_use(const Tensor& cache) const;

  Tensor keys_, values_;  ///< [R,S,D], S at least the length
  std::int64_t length_ = 0;
  /// Words in use by any copy: only a copy of that length may append in place.
  std::shared_ptr<std::atomic<std::int64_t>> used_ = {};
};

/// Concat(head_1..head_H) W_O, head_h = softmax(Q_h K_h^T / sqrt(K)) V_h (Vaswani et al. 2017, section 3.2.2), with the
/// parameters and results of torch.nn.MultiheadAttention; or with another score function of Q_h and K_h.
struct MultiHeadAttention {
  /// Registers in_proj_weight [3D,D], in_proj_bias [3D], out_proj.weight [D,D] and out_proj.bias [D], and what the
  /// score and, in self-attention, positions have to learn. `kind` and `layer` are what it is in its model, for those
  /// who tap it. Throws unless heads divides d_model.
  MultiHeadAttention(const Scope&, std::int64_t d_model, std::int64_t heads, double dropout_probability = 0,
                     Score score = Score::scaled_dot, AttentionKind kind = AttentionKind::encoder,
                     std::int64_t layer = 0, const PositionalEncoding& positions = {});

  /// x [B,T,D] asks and memory [B,S,D] answers; self-attention when both are the same tensor -> [B,T,D]. Its points are
  /// queries, keys, values, scores, weights, head_outputs and output.
  Tensor operator()(const Tensor& x, const Tensor& memory, const AttentionMasks&, Context&) const;

  /// Word by word: x [B,1,D] joins the keys and values of the words before, of none before the first, and attends to
  /// all. Gives what the last query of causal self-attention over t + 1 words would: [B,1,D]. A first call
  /// may bring several words, [B,T,D] -> [B,T,D].
  Tensor extend(const Tensor& x, KeysValues& words, Context&) const;
  /// What keys_values() made of a memory answers: x [B,T,D] -> [B,T,D]; or of R / B continuations of each source that
  /// follow one another, x [R,1,D] -> [R,1,D].
  Tensor attend(const Tensor& x, const KeysValues& memory, const AttentionMasks&, Context&) const;
  KeysValues keys_values(const Tensor& memory, Context&) const;  ///< [B,S,D] -> both [B,S,D]

  Tensor w_q() const;  ///< [D,D]: rows [0, D) of in_proj_weight, a differentiable copy
  Tensor w_k() const;  ///< [D,D]: rows [D, 2D)
  Tensor w_v() const;  ///< [D,D]: rows [2D, 3D)

  AttentionSite site;
  std::int64_t d_model, heads;
  Dropout dropout;  ///< of the weights
  Tensor in_proj_weight, in_proj_bias;
  ScoreFunction score;
  std::shared_ptr<const AttentionPositions> positions;  ///< of queries and keys; null: none are told
  Linear out_proj;

 private:
  struct Projections {
    Columns q, k, v;  ///< k as the score prepared them
  };
  /// Queries, keys or values as they were projected: at their positions, and tapped.
  Columns ready(const Columns&, TapPoint, Context&) const;
  Columns ready_queries(const Tensor& x, Context&) const;
  Columns ready_keys(const Columns&, Context&) const;
  /// `continuations` of each source are its queries: q [B,continuations,D] -> [B continuations,1,D]; 1: none are.
  Tensor attend(const Projections&, const AttentionMasks&, Context&, std::int64_t continuations = 1) const;
};

}  // namespace gaze
