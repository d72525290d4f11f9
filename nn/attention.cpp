#include <gaze/nn/attention.h>

#include <gaze/autograd/graph.h>
#include <gaze/autograd/kernels/movement.h>
#include <gaze/nn/tapped_attention.h>

namespace gaze {
namespace {

std::int64_t checked_heads(const Scope& scope, std::int64_t d_model, std::int64_t heads) {
  require(d_model > 0 && heads > 0 && d_model % heads == 0, "attention {}: {} heads do not divide d_model {}",
          scope.path(), heads, d_model);
  return heads;
}

/// Writes words [R,T,D] into a cache [R,S,D] from word `first` on.
void write(Tensor& cache, std::int64_t first, const Columns& words) {
  const std::int64_t width = words.packed.size(2), rows = words.packed.size(1);
  require(words.packed.size(0) == cache.size(0) && words.count == cache.size(2),
          "attention: words of {} rows and {} columns cannot follow those of {}", words.packed.size(0), words.count,
          cache.shape());
  const std::int64_t lengths[] = {cache.size(0), words.length, words.count}, from[] = {rows * width, width, 1},
                     to[] = {cache.size(1) * words.count, words.count, 1};
  for_floating("attention", cache.dtype(), [&]<class T>() {
    kernels::copy_strided(3, lengths, words.packed.array().data<T>() + words.first, from,
                          cache.mutable_array().write<T>() + first * words.count, to);
  });
}

}  // namespace

void KeysValues::append(const Columns& more_keys, const Columns& more_values) {
  require(more_keys.length == more_values.length, "attention: {} keys and {} values", more_keys.length,
          more_values.length);
  const std::int64_t end = length_ + more_keys.length;
  if (length_ == 0) {
    keys_ = more_keys.alone(), values_ = more_values.alone();
    used_ = std::make_shared<std::atomic<std::int64_t>>(end);
  } else if (const Tensor of[] = {keys_, values_, more_keys.packed, more_values.packed}; detail::wants_graph(of)) {
    keys_ = concat({keys().alone(), more_keys.alone()}, 1);
    values_ = concat({values().alone(), more_values.alone()}, 1);
    used_ = std::make_shared<std::atomic<std::int64_t>>(end);
  } else {
    std::int64_t own_end = length_;
    if (end > keys_.size(1) || !used_->compare_exchange_strong(own_end, end)) {
      for (Tensor* cache : {&keys_, &values_})  // twice as much: growing copies each word once more on average
        *cache = concat({in_use(*cache).alone(), Tensor::zeros(cache->shape().with(1, end), cache->dtype())}, 1);
      used_ = std::make_shared<std::atomic<std::int64_t>>(end);
    }
    // No version changes: graphs read the words in use alone, and a cache with a graph has no spare rows.
    write(keys_, length_, more_keys), write(values_, length_, more_values);
  }
  length_ = end;
}

void KeysValues::select(const Tensor& rows) {
  keys_ = index_select(keys_, 0, rows), values_ = index_select(values_, 0, rows);
  used_ = std::make_shared<std::atomic<std::int64_t>>(length_);
}

Columns KeysValues::in_use(const Tensor& cache) const {
  Columns words(cache);
  words.length = length_;
  return words;
}

MultiHeadAttention::MultiHeadAttention(const Scope& scope, std::int64_t model_size, std::int64_t head_count,
                                       double dropout_probability, Score function, AttentionKind kind,
                                       std::int64_t layer, const PositionalEncoding& encoding)
    : site{.name = scope.path(), .kind = kind, .layer = layer, .heads = head_count},
      d_model(model_size),
      heads(checked_heads(scope, model_size, head_count)),
      dropout(dropout_probability),
      in_proj_weight(scope.parameter("in_proj_weight", {3 * d_model, d_model}, init::xavier_uniform())),
      in_proj_bias(scope.parameter("in_proj_bias", {3 * d_model}, init::constant(0))),
      score(scope / "score",
            {.score = function, .query_size = d_model, .key_size = d_model, .heads = heads, .strength = 8}),
      positions(encoding.in_attention && kind != AttentionKind::cross
                    ? encoding.in_attention(scope, {.heads = heads, .head_size = d_model / heads})
                    : nullptr),
      out_proj(scope / "out_proj", d_model, d_model, true, init::constant(0)) {}

Columns MultiHeadAttention::ready(const Columns& x, TapPoint point, Context& context) const {
  if (positions && positions->applies() && point != TapPoint::values) {
    const Tensor placed = positions->applied(by_head(x, heads), context.place(site, point).first());
    return tapped_heads(reshape(placed, {x.packed.size(0), x.length, x.count}), heads, point, site, context);
  }
  return tapped_heads(x, heads, point, site, context);
}

Columns MultiHeadAttention::ready_queries(const Tensor& x, Context& context) const {
  return ready(linear(x, in_proj_weight, in_proj_bias, {0, d_model}), TapPoint::queries,
               context);  // [B,T,D] -> [B,T,D]
}

Columns MultiHeadAttention::ready_keys(const Columns& x, Context& context) const {
  return score.prepared_keys(ready(x, TapPoint::keys, context));
}

Tensor MultiHeadAttention::operator()(const Tensor& x, const Tensor& memory, const AttentionMasks& masks,
                                      Context& context) const {
  const std::int64_t d = d_model;
  if (memory.same(x)) {
    const Tensor qkv = linear(x, in_proj_weight, in_proj_bias);  // [B,T,D] -> [B,T,3D]
    return attend({ready({qkv, 0, d}, TapPoint::queries, context), ready_keys({qkv, d, d}, context),
                   ready({qkv, 2 * d, d}, TapPoint::values, context)},
                  masks, context);
  }
  const Columns q = ready_queries(x, context);
  const Tensor kv = linear(memory, in_proj_weight, in_proj_bias, {d, 2 * d});  // [B,S,D] -> [B,S,2D]
  return attend({q, ready_keys({kv, 0, d}, context), ready({kv, d, d}, TapPoint::values, context)}, masks, context);
}

KeysValues MultiHeadAttention::keys_values(const Tensor& memory, Context& context) const {
  const std::int64_t d = d_model;
  const Tensor kv = linear(memory, in_proj_weight, in_proj_bias, {d, 2 * d});  // [B,S,D] -> [B,S,2D]
  KeysValues all;
  all.append(ready_keys({kv, 0, d}, context), ready({kv, d, d}, TapPoint::values, context));
  return all;
}

Tensor MultiHeadAttention::extend(const Tensor& x, KeysValues& words, Context& context) const {
  const bool first = words.length() == 0;
  require(first || x.size(1) == 1, "attention {}: after the first call one word at a time, got {}", site.name,
          x.shape());
  const std::int64_t d = d_model;
  const Tensor qkv = linear(x, in_proj_weight, in_proj_bias);
  const Columns q = ready({qkv, 0, d}, TapPoint::queries, context);
  words.append(ready_keys({qkv, d, d}, context), ready({qkv, 2 * d, d}, TapPoint::values, context));
  const AttentionMasks masks{.causal = first};  // a single query comes last: it sees all
  return attend({q, words.keys(), words.values()}, masks, context);
}

Tensor MultiHeadAttention::attend(const Tensor& x, const KeysValues& memory, const AttentionMasks& masks,
                                  Context& context) const {
  const std::int64_t sources = memory.rows();
  Columns q = ready_queries(x, context);
  std::int64_t continuations = 1;
  if (x.size(0) != sources) {  // the continuations of a source are its queries: [R,1,D] -> [B,R/B,D]
    require(x.size(1) == 1 && sources > 0 && x.size(0) % sources == 0,
            "attention {}: x {} must be [R,1,D], R a multiple of the {} sources", site.name, x.shape(), sources);
    continuations = x.size(0) / sources;
    q = reshape(q.packed, {sources, continuations, d_model});
  }
  return attend({q, memory.keys(), memory.values()}, masks, context, continuations);
}

Tensor MultiHeadAttention::attend(const Projections& from, const AttentionMasks& masks, Context& context,
                                  std::int64_t continuations) const {
  AttentionOptions options;
  options.causal = masks.causal;
  options.key_lengths = masks.key_lengths;
  options.mask = masks.additive;
  const DropoutOptions drop = dropout.options(context);
  options.dropout = drop.p, options.stream = drop.stream;
  const Tensor added = positions ? positions->added(context.first_query, from.q.length, from.k.length) : Tensor();
  const Tensor heads_joined = tapped_attention(score, score.prepared_queries(from.q), from.k, from.v, options, site,
                                               context, {.continuations = continuations, .added = added});
  return context.tap(site, TapPoint::output, out_proj(heads_joined));
}

Tensor MultiHeadAttention::w_q() const { return in_proj_weight.slice(0, 0, d_model); }
Tensor MultiHeadAttention::w_k() const { return in_proj_weight.slice(0, d_model, 2 * d_model); }
Tensor MultiHeadAttention::w_v() const { return in_proj_weight.slice(0, 2 * d_model, 3 * d_model); }

}  // namespace gaze
