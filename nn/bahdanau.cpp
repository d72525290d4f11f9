#include <gaze/nn/bahdanau.h>

#include <algorithm>
#include <cmath>

#include <gaze/autograd/ops.h>

namespace gaze {
namespace {

TokenEmbeddingOptions embedding_options(std::int64_t vocab, const BahdanauOptions& o) {
  return {.vocab = vocab,
          .d_model = o.d_model,
          .positions = Positions::none,
          .dropout = o.dropout,
          .std = 1 / std::sqrt(static_cast<double>(o.d_model))};  // once scaled, 1 per coordinate
}

bool compares_like_with_like(Score score) { return score != Score::bilinear && score != Score::additive; }

std::optional<Linear> key_of(const Scope& scope, const BahdanauOptions& o) {
  if (!o.score || !compares_like_with_like(*o.score)) return {};
  return Linear(scope / "key", 2 * o.d_model, o.d_model, false);
}

std::optional<ScoreFunction> score_of(const Scope& scope, const BahdanauOptions& o) {
  if (!o.score) return {};
  constexpr double strength = 8;  // of a cosine: weights up to e^16 times one another
  return ScoreFunction(scope / "score", {.score = *o.score,
                                         .query_size = o.d_model,
                                         .key_size = compares_like_with_like(*o.score) ? o.d_model : 2 * o.d_model,
                                         .heads = o.heads,
                                         .width = o.d_model / o.heads,
                                         .strength = strength});
}

std::vector<RecurrentCell> decoder_of(const Scope& scope, const BahdanauOptions& o) {
  std::vector<RecurrentCell> cells;
  for (std::int64_t i = 0; i < o.layers; ++i)
    cells.emplace_back(scope, o.cell, i == 0 ? 3 * o.d_model : o.d_model, o.d_model, fmt::format("_l{}", i));
  return cells;
}

/// Row i of [B,D] as rows [i n, (i + 1) n) of [B n,D].
Tensor repeated(const Tensor& x, std::int64_t n) {
  if (n == 1) return x;
  const std::int64_t batch = x.size(0), size = x.size(1);
  return reshape(expand(unsqueeze(x, 1), {batch, n, size}), {batch * n, size});
}

/// [B,S,2D] -> [B,2D]
Tensor first_word(const Tensor& memory) { return squeeze(slice(memory, 1, 0, 1), 1); }

}  // namespace

Bahdanau::Bahdanau(const Scope& scope, const BahdanauOptions& o)
    : src_embed(scope / "src_embed", embedding_options(o.source_vocab, o)),
      tgt_embed(target_embedding(scope, embedding_options(o.target_vocab, o), src_embed, o.shared)),
      encoder(scope / "body" / "encoder", {.cell = o.cell,
                                           .input_size = o.d_model,
                                           .hidden_size = o.d_model,
                                           .layers = o.layers,
                                           .bidirectional = true,
                                           .dropout = o.dropout}),
      start(scope / "body" / "start", o.d_model, o.layers * o.d_model),
      attention_name((scope / "body" / "attention").path()),
      key(key_of(scope / "body" / "attention", o)),
      score(score_of(scope / "body" / "attention", o)),
      decoder(decoder_of(scope / "body" / "decoder", o)),
      out(scope / "body" / "out", 3 * o.d_model, o.d_model),
      head(output_head(scope, tgt_embed, o.tied)),
      dropout(o.dropout) {}

Tensor Bahdanau::encode(const Tensor& source, const Tensor& lengths, Context& context) const {
  return encoder(src_embed(source, context), lengths, context);
}

Bahdanau::Sources Bahdanau::sources(const Tensor& memory, const Tensor& lengths) const {
  if (score) return {memory, score->prepared_keys(key ? (*key)(memory) : memory), lengths};
  // The last states: of the direction from the start at a row's end, of the one from the end at its start.
  const std::int64_t batch = memory.size(0), steps = memory.size(1), d = memory.size(2) / 2;
  std::vector<std::int32_t> ends;
  for (std::int64_t b = 0; b < batch; ++b) {
    const std::int64_t length = lengths.defined() ? lengths.values<std::int32_t>()[static_cast<std::size_t>(b)] : steps;
    ends.push_back(static_cast<std::int32_t>(b * steps + std::max<std::int64_t>(length - 1, 0)));
  }
  const Tensor last = index_select(reshape(memory, {batch * steps, 2 * d}), 0, Tensor::from({batch}, ends));
  return {unsqueeze(concat({slice(last, 1, 0, d), slice(first_word(memory), 1, d, 2 * d)}, 1), 1), Tensor(), lengths};
}

Bahdanau::State Bahdanau::first_state(const Tensor& memory, const Sources& from) const {
  const std::int64_t d = memory.size(2) / 2;
  const Tensor h = tanh(start(slice(first_word(memory), 1, d, 2 * d)));  // [B,D] -> [B,layers D]
  State state;
  for (std::size_t i = 0; i < decoder.size(); ++i) {
    const auto first = static_cast<std::int64_t>(i) * d;
    state.layers.push_back(decoder[i].state(slice(h, 1, first, first + d)));
  }
  state.context = score ? Tensor::zeros({memory.size(0), 2 * d}, memory.dtype()) : squeeze(from.memory, 1);
  return state;
}

Tensor Bahdanau::step(const Tensor& word, State& state, const Sources& from, Context& context) const {
  Tensor x = concat({word, state.context}, 1);
  for (std::size_t i = 0; i < decoder.size(); ++i) {
    if (i > 0) x = dropout(x, context);
    state.layers[i] = decoder[i](x, state.layers[i]);
    x = decoder[i].output(state.layers[i]);
  }
  if (!score) return {};
  // The continuations of a source are its queries.
  const Tensor query = score->prepared_queries(reshape(x, {from.memory.size(0), -1, x.size(1)})).packed;
  const DropoutOptions drop = dropout.options(context);
  AttentionOptions options;
  options.key_lengths = from.lengths;
  options.dropout = drop.p, options.stream = drop.stream;
  const Tensor answer = score->attend(query, from.keys, from.memory, options).output;  // [B,R/B,2D]
  state.context = reshape(answer, {-1, answer.size(2)});
  return query;
}

Tensor Bahdanau::read_out(const Tensor& outputs, const Tensor& contexts, Context& context) const {
  return dropout(tanh(out(concat({outputs, contexts}, -1))), context);
}

Tensor Bahdanau::attention_weights(const Tensor& queries, const Sources& from) const {
  AttentionOptions options;
  options.key_lengths = from.lengths;
  return score->weights(queries, from.keys, options);
}

Tensor Bahdanau::features(const Tensor& target, const Tensor& memory, const Tensor& lengths, Context& context) const {
  const Tensor words = transpose(tgt_embed(target, context), 0, 1);  // [B,T,D] -> [T,B,D]
  const Sources from = sources(memory, lengths);
  State state = first_state(memory, from);
  std::vector<Tensor> outputs, contexts, queries;
  for (std::int64_t t = 0; t < words.size(0); ++t) {
    queries.push_back(step(words[t], state, from, context));
    outputs.push_back(decoder.back().output(state.layers.back()));
    contexts.push_back(state.context);
  }
  if (score && context.recorder)
    context.recorder->offer(attention_name, AttentionKind::cross,
                            [&] { return attention_weights(concat(queries, 1), from); });
  return read_out(stack(outputs, 1), stack(contexts, 1), context);
}

DecodingState Bahdanau::begin(const Tensor& memory, const Tensor& lengths) const {
  const Sources from = sources(memory, lengths);
  const State first = first_state(memory, from);
  DecodingState state{.self = first.layers, .memory = {from.memory}, .memory_lengths = lengths, .length = 0};
  state.self.push_back(first.context);
  if (score) state.memory.push_back(from.keys.packed);
  return state;
}

Tensor Bahdanau::next(const Tensor& words, DecodingState& kept, Context& context) const {
  const Sources from{kept.memory.front(), kept.memory.back(), kept.memory_lengths};
  if (kept.length == 0)
    for (Tensor& of_source : kept.self) of_source = repeated(of_source, words.size(0) / of_source.size(0));
  State state{{kept.self.begin(), kept.self.end() - 1}, kept.self.back()};
  const Tensor query = step(squeeze(tgt_embed(words, context), 1), state, from, context);
  if (score && context.recorder)
    context.recorder->offer(attention_name, AttentionKind::cross, [&] { return attention_weights(query, from); });
  kept.self = state.layers;
  kept.self.push_back(state.context);
  ++kept.length;
  return head(read_out(decoder.back().output(state.layers.back()), state.context, context));
}

}  // namespace gaze
