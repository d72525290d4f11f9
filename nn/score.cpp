#include <gaze/nn/score.h>

#include <cmath>

namespace gaze {
namespace {

/// Each head's columns times its rows of a packed weight: one product per head, of the rows of all sequences.
Tensor projected(const Columns& c, const Tensor& weight, std::int64_t heads, bool transposed) {
  const Tensor x = c.alone();  // [B,L,HK]
  if (heads == 1) return transposed ? linear(x, weight) : matmul(x, weight);
  const std::int64_t batch = x.size(0), length = x.size(1);
  const Tensor apart = reshape(weight, {heads, weight.size(0) / heads, weight.size(1)});
  const Tensor folded = permute(reshape(x, {batch * length, heads, c.count / heads}), {1, 0, 2});  // [H,BL,K]
  const Tensor y = matmul(folded, apart, {.transpose_b = transposed});                             // [H,BL,A]
  return reshape(permute(y, {1, 0, 2}), {batch, length, heads * y.size(2)});
}

/// Each head's part of every vector at length 1; a vector of zeros stays what it is.
Tensor normalised(const Columns& c, std::int64_t heads) {
  const Tensor x = split_heads(c, heads);
  const Tensor min_square = Tensor::scalar(1e-24, x.dtype());
  return x * rsqrt(maximum(sum(x * x, {-1}, true), min_square));  // [B,H,T,K]
}

}  // namespace

const NameTable<Score>& score_names() {
  static const NameTable<Score> names("score", {{Score::dot, "dot"},
                                                {Score::scaled_dot, "scaled_dot"},
                                                {Score::cosine, "cosine"},
                                                {Score::bilinear, "bilinear"},
                                                {Score::additive, "additive"}});
  return names;
}

std::string_view name_of(Score score) { return score_names().name_of(score); }

ScoreFunction::ScoreFunction(const Scope& scope, const ScoreOptions& o) : score(o.score), heads(o.heads) {
  require(o.query_size > 0 && o.key_size > 0 && heads > 0 && o.query_size % heads == 0 && o.key_size % heads == 0,
          "score {}: {} heads do not divide queries of {} numbers and keys of {}", scope.path(), heads, o.query_size,
          o.key_size);
  const bool learns_sizes = score == Score::bilinear || score == Score::additive;
  require(learns_sizes || o.query_size == o.key_size,
          "score {}: {} needs queries and keys of one size, got {} and {}; bilinear and additive do not", scope.path(),
          name_of(score), o.query_size, o.key_size);
  const std::int64_t query = o.query_size / heads, key = o.key_size / heads, width = o.width > 0 ? o.width : key;
  switch (score) {
    case Score::bilinear:  // scores of normal vectors have a variance near 1
      weight = scope.parameter("weight", {heads * query, key}, init::normal(1 / static_cast<double>(key)));
      break;
    case Score::additive: {
      const auto fan_in = [](std::int64_t n) { return init::uniform(1 / std::sqrt(static_cast<double>(n))); };
      query_weight = (scope / "query").parameter("weight", {heads * width, query}, fan_in(query));
      key_weight = (scope / "key").parameter("weight", {heads * width, key}, fan_in(key));
      v = scope.parameter("v", {heads, width}, fan_in(width));
      break;
    }
    case Score::cosine: strength = scope.parameter("strength", {heads}, init::constant(o.strength)); break;
    default: break;
  }
}

Columns ScoreFunction::prepared_queries(const Columns& queries) const {
  switch (score) {
    case Score::bilinear: return projected(queries, weight, heads, false);  // q.W k is (W^T q).k
    case Score::additive: return projected(queries, query_weight, heads, true);
    case Score::cosine: return join_heads(normalised(queries, heads) * reshape(strength, {heads, 1, 1}));
    default: return queries;
  }
}

Columns ScoreFunction::prepared_keys(const Columns& keys) const {
  switch (score) {
    case Score::additive: return projected(keys, key_weight, heads, true);
    case Score::cosine: return join_heads(normalised(keys, heads));
    default: return keys;
  }
}

Tensor ScoreFunction::operator()(const Tensor& queries, const Tensor& keys) const {
  return scores(prepared_queries(queries), prepared_keys(keys));
}

Tensor ScoreFunction::scores(const Columns& q, const Columns& k) const {
  if (score == Score::additive) return additive_scores(q.packed, k, v);
  const Tensor products = matmul(split_heads(q, heads), split_heads(k, heads), {.transpose_b = true});  // [B,H,T,S]
  return score == Score::scaled_dot ? products / std::sqrt(static_cast<double>(k.count / heads)) : products;
}

AttentionOptions ScoreFunction::completed(AttentionOptions options) const {
  options.heads = heads;
  options.scale.reset();
  if (score != Score::scaled_dot) options.scale = 1;
  return options;
}

Tensor ScoreFunction::attend(const Columns& queries, const Columns& keys, const Columns& values,
                             AttentionOptions given) const {
  const AttentionOptions options = completed(std::move(given));
  if (!composed()) return attention(queries, keys, values, options);
  const Tensor compared = scores(queries, keys);
  if (grad_enabled()) return gaze::attend(compared, values, options).output;
  // Nothing is to be differentiated: as a mask over products of nothing the scores go through the fused operation,
  // which reads values where they lie.
  AttentionOptions with_scores = options;
  with_scores.mask = options.mask.defined() ? compared + options.mask : compared;
  const auto nothing = [&](std::int64_t length) {
    return Tensor::zeros({values.packed.size(0), length, heads}, compared.dtype());
  };
  return attention(nothing(queries.length), nothing(values.length), values, with_scores);
}

Tensor ScoreFunction::weights(const Columns& queries, const Columns& keys, AttentionOptions given) const {
  const AttentionOptions options = completed(std::move(given));
  return composed() ? masked_weights(scores(queries, keys), options) : attention_weights(queries, keys, options);
}

}  // namespace gaze
