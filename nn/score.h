#pragma once

#include <cstdint>
#include <string_view>

#include <gaze/autograd/base/names.h>
#include <gaze/autograd/ops.h>
#include <gaze/nn/scope.h>

namespace gaze {

/// How well a key k answers a query q, before softmax.
enum class Score {
  dot,         ///< q.k (Luong et al. 2015, equation 8)
  scaled_dot,  ///< q.k / sqrt(K) (Vaswani et al. 2017, equation 1)
  cosine,      ///< g q.k / (|q| |k|), with a learned strength g (Graves et al. 2014, equations 5 and 6)
  bilinear,    ///< q.W k (Luong et al. 2015, equation 8: general)
  additive     ///< v.tanh(W q + U k) (Bahdanau et al. 2015, section A.1.2)
};

const NameTable<Score>& score_names();
std::string_view name_of(Score);

struct ScoreOptions {
  Score score = Score::scaled_dot;
  std::int64_t query_size = 0;  ///< numbers of a query, all heads together
  std::int64_t key_size = 0;    ///< of a key; that of a query unless the score is bilinear or additive
  std::int64_t heads = 1;       ///< must divide both; every head scores its own columns
  std::int64_t width = 0;       ///< units per head of an additive score; 0: a head's part of a key
  double strength = 1;          ///< of a cosine, in the beginning
};

/// A score function and its parameters. All of them compare a prepared query with a prepared key: what can be done to
/// each of the two alone is done once.
struct ScoreFunction {
  /// Registers, for H heads: bilinear: weight [Q,K/H] (rows [h Q/H, (h+1) Q/H) are head h's W); additive: query.weight
  /// [HA,Q/H], key.weight [HA,K/H] and v [H,A]; cosine: strength [H]. Throws for sizes that do not go together.
  ScoreFunction(const Scope&, const ScoreOptions&);

  Tensor operator()(const Tensor& queries, const Tensor& keys) const;  ///< [B,T,Q], [B,S,K] -> scores [B,H,T,S]

  Columns prepared_queries(const Columns& queries) const;  ///< [B,T,Q] -> [B,T,HA]
  Columns prepared_keys(const Columns& keys) const;        ///< [B,S,K] -> [B,S,HA]
  /// Of prepared queries and keys: [B,H,T,S]
  Tensor scores(const Columns& queries, const Columns& keys) const;
  /// softmax(scores + masks) V of prepared queries and keys, v [B,S,HC] -> output [B,T,HC]. `heads` and `scale` of the
  /// options are the score's.
  Tensor attend(const Columns& queries, const Columns& keys, const Columns& v, AttentionOptions) const;
  /// The weights of the above before dropout: [B,H,T,S]
  Tensor weights(const Columns& queries, const Columns& keys, AttentionOptions) const;
  /// Whether attend() makes scores and weights in operations of their own, not within a fused one.
  bool composed() const { return score == Score::additive; }

  Score score;
  std::int64_t heads;
  Tensor weight;                    ///< of a bilinear score
  Tensor query_weight, key_weight;  ///< of an additive one
  Tensor v;
  Tensor strength;  ///< of a cosine

 private:
  AttentionOptions completed(AttentionOptions) const;
};

}  // namespace gaze
