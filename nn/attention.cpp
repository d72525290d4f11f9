#include <gaze/nn/attention.h>

namespace gaze {
namespace {

std::int64_t checked_heads(const Scope& scope, std::int64_t d_model, std::int64_t heads) {
  require(d_model > 0 && heads > 0 && d_model % heads == 0, "attention {}: {} heads do not divide d_model {}",
          scope.path(), heads, d_model);
  return heads;
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(const Scope& scope, std::int64_t model_size, std::int64_t head_count,
                                       double dropout_probability, Score kind)
    : name(scope.path()),
      d_model(model_size),
      heads(checked_heads(scope, model_size, head_count)),
      dropout(dropout_probability),
      in_proj_weight(scope.parameter("in_proj_weight", {3 * d_model, d_model}, init::xavier_uniform())),
      in_proj_bias(scope.parameter("in_proj_bias", {3 * d_model}, init::constant(0))),
      score(scope / "score",
            {.score = kind, .query_size = d_model, .key_size = d_model, .heads = heads, .strength = 8}),
      out_proj(scope / "out_proj", d_model, d_model, true, init::constant(0)) {}

MultiHeadAttention::Projections MultiHeadAttention::project(const Tensor& x, const Tensor& memory) const {
  const std::int64_t d = d_model;
  if (memory.same(x)) {
    const Tensor qkv = linear(x, in_proj_weight, in_proj_bias);  // [B,T,D] -> [B,T,3D]
    return {{qkv, 0, d}, {qkv, d, d}, {qkv, 2 * d, d}};
  }
  const Tensor q = linear(x, in_proj_weight, in_proj_bias, {0, d});  // [B,T,D] -> [B,T,D]
  const Tensor kv = keys_values(memory);
  return {q, {kv, 0, d}, {kv, d, d}};
}

Tensor MultiHeadAttention::keys_values(const Tensor& memory) const {
  return linear(memory, in_proj_weight, in_proj_bias, {d_model, 2 * d_model});  // [B,S,D] -> [B,S,2D]
}

AttentionResult MultiHeadAttention::operator()(const Tensor& x, const Tensor& memory, const AttentionMasks& masks,
                                               Context& context, bool with_weights) const {
  const AttentionKind kind = !memory.same(x) ? AttentionKind::cross
                             : masks.causal  ? AttentionKind::decoder
                                             : AttentionKind::encoder;
  return attend(project(x, memory), kind, masks, context, with_weights);
}

Tensor MultiHeadAttention::extend(const Tensor& x, Tensor& keys_values, Context& context) const {
  const bool first = !keys_values.defined();
  require(first || x.size(1) == 1, "attention {}: after the first call one word at a time, got {}", name, x.shape());
  const std::int64_t d = d_model;
  const Tensor qkv = linear(x, in_proj_weight, in_proj_bias), kv = slice(qkv, 2, d, 3 * d);
  keys_values = first ? kv : concat({keys_values, kv}, 1);
  const AttentionMasks masks{.causal = first};  // a single query comes last: it sees all
  return attend({{qkv, 0, d}, {keys_values, 0, d}, {keys_values, d, d}}, AttentionKind::decoder, masks, context, false)
      .output;
}

Tensor MultiHeadAttention::attend(const Tensor& x, const Tensor& keys_values, const AttentionMasks& masks,
                                  Context& context) const {
  const std::int64_t d = d_model;
  const Tensor q = linear(x, in_proj_weight, in_proj_bias, {0, d});
  return attend({q, {keys_values, 0, d}, {keys_values, d, d}}, AttentionKind::cross, masks, context, false).output;
}

AttentionResult MultiHeadAttention::attend(const Projections& projections, AttentionKind kind,
                                           const AttentionMasks& masks, Context& context, bool with_weights) const {
  const Columns q = score.prepared_queries(projections.q), k = score.prepared_keys(projections.k);
  AttentionOptions options;
  options.causal = masks.causal;
  options.key_lengths = masks.key_lengths;
  options.mask = masks.additive;
  if (context.recorder) context.recorder->offer(name, kind, [&] { return score.weights(q, k, options); });
  const DropoutOptions drop = dropout.options(context);
  options.dropout = drop.p, options.stream = drop.stream;
  AttentionResult result = score.attend(q, k, projections.v, options, with_weights);
  result.output = out_proj(result.output);
  return result;
}

Tensor MultiHeadAttention::w_q() const { return in_proj_weight.slice(0, 0, d_model); }
Tensor MultiHeadAttention::w_k() const { return in_proj_weight.slice(0, d_model, 2 * d_model); }
Tensor MultiHeadAttention::w_v() const { return in_proj_weight.slice(0, 2 * d_model, 3 * d_model); }

}  // namespace gaze
