#include <gaze/nn/bahdanau.h>

#include <algorithm>
#include <cmath>

#include <gaze/autograd/ops.h>
#include <gaze/nn/tapped_attention.h>

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
      site{.name = (scope / "body" / "attention").path(), .kind = AttentionKind::cross, .layer = 0, .heads = o.heads},
      key(key_of(scope / "body" / "attention", o)),
      score(score_of(scope / "body" / "attention", o)),
      decoder(decoder_of(scope / "body" / "decoder", o)),
      out(scope / "body" / "out", 3 * o.d_model, o.d_model),
      head(output_head(scope, tgt_embed, o.tied)),
      dropout(o.dropout) {}

Tensor Bahdanau::encode(const Tensor& source, const Tensor& lengths, Context& context) const {
  enter(context);
  return encoder(src_embed(source, context), lengths, context);
}

Bahdanau::Sources Bahdanau::sources(const Tensor& memory, const Tensor& lengths, Context& context) const {
  if (score) {
    const Columns keys = tapped_heads(key ? (*key)(memory) : memory, site.heads, TapPoint::keys, site, context);
    return {tapped_heads(memory, site.heads, TapPoint::values, site, context), score->prepared_keys(keys), lengths};
  }
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
  state.context = score ? Tensor::zeros({memory.size(0), 2 * d}, memory.dtype()) : squeeze(from.values.packed, 1);
  return state;
}

void Bahdanau::step(const Tensor& word, State& state, const Sources& from, Context& context) const {
  Tensor x = concat({word, state.context}, 1);
  for (std::size_t i = 0; i < decoder.size(); ++i) {
    if (i > 0) x = dropout(x, context);
    state.layers[i] = decoder[i](x, state.layers[i]);
    x = decoder[i].output(state.layers[i]);
  }
  if (!score) return;
  const Columns query = tapped_heads(unsqueeze(x, 1), site.heads, TapPoint::queries, site, context);  // [R,1,D]
  // The continuations of a source are its queries.
  const std::int64_t sources = from.values.packed.size(0), continuations = sources > 0 ? x.size(0) / sources : 1;
  const Columns queries = score->prepared_queries(reshape(query.packed, {sources, continuations, x.size(1)}));
  const DropoutOptions drop = dropout.options(context);
  AttentionOptions options;
  options.key_lengths = from.lengths;
  options.dropout = drop.p, options.stream = drop.stream;
  const Tensor answer = tapped_attention(*score, queries, from.keys, from.values, options, site, context,
                                         {.continuations = continuations});  // [R,1,2D]
  state.context = squeeze(context.tap(site, TapPoint::output, answer), 1);
}

Tensor Bahdanau::read_out(const Tensor& outputs, const Tensor& contexts, Context& context) const {
  return dropout(tanh(out(concat({outputs, contexts}, -1))), context);
}

Tensor Bahdanau::features(const Tensor& target, const Tensor& memory, const Tensor& lengths, Context& context) const {
  enter(context);
  const Tensor words = transpose(tgt_embed(target, context), 0, 1);  // [B,T,D] -> [T,B,D]
  const Sources from = sources(memory, lengths, context);
  State state = first_state(memory, from);
  std::vector<Tensor> outputs, contexts;
  for (std::int64_t t = 0; t < words.size(0); ++t) {
    const WordByWord at(context, t, context.sentences);
    step(words[t], state, from, context);
    outputs.push_back(decoder.back().output(state.layers.back()));
    contexts.push_back(state.context);
  }
  return read_out(stack(outputs, 1), stack(contexts, 1), context);
}

DecodingState Bahdanau::state_of(const Tensor& memory, const Tensor& lengths, Context& context) const {
  const Sources from = sources(memory, lengths, context);
  const State first = first_state(memory, from);
  DecodingState state{.self = {}, .memory = {from.values.packed}, .memory_lengths = lengths, .length = 0};
  if (score) state.memory.push_back(from.keys.packed);
  // Until the first words come, a source's first state is known of the source alone.
  state.memory.insert(state.memory.end(), first.layers.begin(), first.layers.end());
  state.memory.push_back(first.context);
  return state;
}

Tensor Bahdanau::next(const Tensor& words, DecodingState& kept, Context& context) const {
  enter(context);
  const std::size_t of_sources = score ? 2 : 1;  // values and keys; behind them, the first state
  if (kept.length == 0) {
    const std::int64_t rows = words.size(0), sources = kept.memory.front().size(0);
    require(sources > 0, "decoding: {} continuations of no source", rows);
    kept.begin_rows(rows);
    for (std::size_t i = of_sources; i < kept.memory.size(); ++i)
      kept.self.push_back(repeated(kept.memory[i], rows / sources));
    kept.memory.resize(of_sources);
  }
  const Sources from{kept.memory.front(), score ? kept.memory.back() : Tensor(), kept.memory_lengths};
  const WordByWord at(context, kept.length, kept.sentences);
  State state{{kept.self.begin(), kept.self.end() - 1}, kept.self.back()};
  step(squeeze(tgt_embed(words, context), 1), state, from, context);
  kept.self = state.layers;
  kept.self.push_back(state.context);
  ++kept.length;
  const Tensor features = read_out(decoder.back().output(state.layers.back()), state.context, context);  // [R,D]
  return squeeze(logits_of(unsqueeze(features, 1), head, context), 1);
}

Anatomy Bahdanau::anatomy() const {
  Anatomy all;
  all.add(src_embed.name, TapPoint::output).add(tgt_embed.name, TapPoint::output);
  if (score) all.add(site);
  return all.add("", TapPoint::logits);
}

}  // namespace gaze
