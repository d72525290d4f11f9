#include <gaze/nn/model.h>

#include <algorithm>
#include <utility>

#include <gaze/autograd/ops.h>

namespace gaze {
namespace {

TokenEmbeddingOptions embedding_options(std::int64_t vocab, const ModelOptions& options) {
  return {.vocab = vocab,
          .d_model = options.transformer.d_model,
          .max_length = options.max_length,
          .positions = options.positions,
          .dropout = options.transformer.dropout,
          .std = options.embedding_std,
          .position_std = options.position_std};
}

/// The layers' options, to whom positions in attention are told, too.
TransformerOptions layer_options(const ModelOptions& options) {
  TransformerOptions layers = options.transformer;
  layers.positions = options.positions;
  return layers;
}

/// Of each of some rows, as many of each source one after another, which source it is of.
std::vector<std::int32_t> sources_of_rows(std::int64_t rows, std::int64_t sources) {
  require(rows == 0 || rows % sources == 0, "decoding: {} continuations of {} sources", rows, sources);
  std::vector<std::int32_t> all;
  for (std::int64_t row = 0; row < rows; ++row) all.push_back(static_cast<std::int32_t>(row / (rows / sources)));
  return all;
}

}  // namespace

void DecodingState::select_rows(const Tensor& rows) {
  if (length == 0 && self.empty() && words.empty()) return;  // no word yet: the rows of a source are all alike
  const auto chosen = rows.values<std::int32_t>();
  const auto count = static_cast<std::int32_t>(sentences.size());  // 0: a model that does not count them
  if (count > 0) {
    for (const std::int32_t row : chosen) require(row >= 0 && row < count, "decoding: row {} of {}", row, count);
    std::int32_t next = 0;
    const bool same = std::all_of(chosen.begin(), chosen.end(), [&](std::int32_t row) { return row == next++; });
    if (same && next == count) return;  // greedy: caches stay where they are
  }
  for (Tensor& layer : self) layer = index_select(layer, 0, rows);
  for (KeysValues& layer : words) layer.select(rows);
  if (count == 0) return;
  std::vector<std::int32_t> of_chosen;
  for (const std::int32_t row : chosen) of_chosen.push_back(sentences[static_cast<std::size_t>(row)]);
  sentences = std::move(of_chosen);
}

void DecodingState::begin_rows(std::int64_t rows) {
  const std::int64_t sources = memory_lengths.defined() ? memory_lengths.size(0)
                               : memory.empty()         ? 0
                                                        : memory.front().size(0);
  const std::vector<std::int32_t> chosen =
      std::exchange(sentences, sources_of_rows(rows, sources > 0 ? sources : rows));
  if (chosen.empty() || std::ssize(chosen) != sources) return;
  for (std::int32_t& i : sentences) i = chosen[static_cast<std::size_t>(i)];
}

void DecodingState::select_sources(const Tensor& sources) {
  for (Tensor& layer : memory) layer = index_select(layer, 0, sources);
  for (KeysValues& layer : memory_words) layer.select(sources);
  if (memory_lengths.defined()) memory_lengths = index_select(memory_lengths, 0, sources);
  if (length > 0 || !self.empty() || !words.empty()) return;
  // Until there are rows, `sentences` says which of the sources begun with are left.
  std::vector<std::int32_t> chosen;
  for (const std::int32_t i : sources.values<std::int32_t>())
    chosen.push_back(sentences.empty() ? i : sentences.at(static_cast<std::size_t>(i)));
  sentences = std::move(chosen);
}

Tensor SequenceModel::loss(const TokenBatch& batch, const CrossEntropyOptions& options, Context& context) const {
  return cross_entropy(logits(batch, context), batch.gold, options);
}

DecodingState SequenceModel::begin(const Tensor& source, const Tensor& source_lengths, Context&) const {
  DecodingState state{.self = {}, .memory = {}, .memory_lengths = source_lengths, .length = 0};
  if (source.defined()) state.memory = {source};
  return state;
}

/// All of the words so far are read anew.
Tensor SequenceModel::next(const Tensor& words, DecodingState& state, Context& context) const {
  const NoGrad no_grad;
  if (state.length == 0) state.begin_rows(words.size(0));
  state.self = {state.self.empty() ? words : concat({state.self.front(), words}, 1)};  // int32 [R,t]
  state.length += words.size(1);
  TokenBatch batch{.target = state.self.front()};
  if (!state.memory.empty()) {
    const std::int64_t rows = words.size(0), sources = state.memory.front().size(0);
    require(sources > 0, "decoding: {} continuations of no source", rows);
    const Tensor of_rows = Tensor::from({rows}, sources_of_rows(rows, sources));
    batch.source = index_select(state.memory.front(), 0, of_rows);
    if (state.memory_lengths.defined()) batch.source_lengths = index_select(state.memory_lengths, 0, of_rows);
  }
  const WordByWord whole(context, 0, state.sentences);
  const Tensor all = logits(batch, context);  // [R,t,V]
  return squeeze(slice(all, 1, all.size(1) - 1, all.size(1)), 1);
}

void SequenceModel::enter(const Context& context) const {
  if (!context.taps || !context.taps->name_points()) return;
  if (const auto points = anatomy().points; !points.empty()) context.taps->require_among(points);
}

Tensor SequenceModel::logits_of(const Tensor& features, const Linear& output, const Context& context) {
  return context.tap("", TapPoint::logits, output(features));
}

Tensor SequenceModel::loss_of(const Tensor& features, const Linear& output, const Tensor& gold,
                              const CrossEntropyOptions& options, const Context& context) {
  if (output.bias.defined()) return cross_entropy(logits_of(features, output, context), gold, options);
  if (context.taps) switch (context.taps->interest(context.place("", TapPoint::logits))) {
      case Taps::Interest::none: break;
      case Taps::Interest::look: {
        const NoGrad no_grad;
        logits_of(features, output, context);
        break;
      }
      case Taps::Interest::replace: return cross_entropy(logits_of(features, output, context), gold, options);
    }
  return projected_cross_entropy(features, output.weight, gold, options);
}

Tensor EncoderDecoder::decode(const Tensor& target, const Tensor& memory, const Tensor& lengths,
                              Context& context) const {
  return logits_of(features(target, memory, lengths, context), output(), context);
}

Tensor EncoderDecoder::operator()(const Tensor& source, const Tensor& lengths, const Tensor& target,
                                  Context& context) const {
  return decode(target, encode(source, lengths, context), lengths, context);
}

Tensor EncoderDecoder::logits(const TokenBatch& batch, Context& context) const {
  return (*this)(batch.source, batch.source_lengths, batch.target, context);
}

Tensor EncoderDecoder::loss(const TokenBatch& batch, const CrossEntropyOptions& options, Context& context) const {
  const Tensor memory = encode(batch.source, batch.source_lengths, context);
  return loss_of(features(batch.target, memory, batch.source_lengths, context), output(), batch.gold, options, context);
}

DecodingState EncoderDecoder::begin(const Tensor& source, const Tensor& lengths, Context& context) const {
  require(source.defined(), "decoding: this model reads a source, and there is none");
  return state_of(encode(source, lengths, context), lengths, context);
}

Seq2Seq::Seq2Seq(const Scope& scope, const ModelOptions& options)
    : src_embed(scope / "src_embed", embedding_options(options.source_vocab, options)),
      tgt_embed(target_embedding(scope, embedding_options(options.target_vocab, options), src_embed, options.shared)),
      body(scope / "body", layer_options(options)),
      head(output_head(scope, tgt_embed, options.tied)) {}

Tensor Seq2Seq::encode(const Tensor& source, const Tensor& lengths, Context& context) const {
  enter(context);
  return body.encoder(src_embed(source, context), {.key_lengths = lengths}, context);
}

Tensor Seq2Seq::features(const Tensor& target, const Tensor& memory, const Tensor& lengths, Context& context) const {
  enter(context);
  return body.decoder(tgt_embed(target, context), memory, {.causal = true}, {.key_lengths = lengths}, context);
}

DecodingState Seq2Seq::state_of(const Tensor& memory, const Tensor& lengths, Context& context) const {
  // The memory itself says how many sources there are, with no layers, too.
  DecodingState state{.self = {}, .memory = {memory}, .memory_lengths = lengths, .length = 0};
  for (const DecoderLayer& layer : body.decoder.layers)
    state.memory_words.push_back(layer.multihead_attn.keys_values(memory, context));
  return state;
}

Tensor Seq2Seq::next(const Tensor& words, DecodingState& state, Context& context) const {
  enter(context);
  if (state.length == 0) state.begin_rows(words.size(0));
  const WordByWord step(context, state.length, state.sentences);
  const Tensor x = tgt_embed(words, context, state.length);
  const Tensor y =
      body.decoder.extend(x, state.words, state.memory_words, {.key_lengths = state.memory_lengths}, context);
  ++state.length;
  const Tensor logits = logits_of(y, head, context);  // [R,1,V]
  return reshape(logits, {logits.size(0), logits.size(2)});
}

Anatomy Seq2Seq::anatomy() const {
  Anatomy all;
  all.add(src_embed.name, TapPoint::output);
  body.encoder.list(all);
  all.add(tgt_embed.name, TapPoint::output);
  body.decoder.list(all);
  return all.add("", TapPoint::logits);
}

LanguageModel::LanguageModel(const Scope& scope, const ModelOptions& options)
    : tgt_embed(scope / "tgt_embed", embedding_options(options.target_vocab, options)),
      body(scope / "body", options.transformer.decoder_layers, layer_options(options),
           options.transformer.norm == Norm::pre, AttentionKind::decoder),
      head(output_head(scope, tgt_embed, options.tied)) {}

Tensor LanguageModel::features(const Tensor& ids, Context& context) const {
  enter(context);
  return body(tgt_embed(ids, context), {.causal = true}, context);
}

Tensor LanguageModel::operator()(const Tensor& ids, Context& context) const {
  return logits_of(features(ids, context), head, context);
}

Tensor LanguageModel::logits(const TokenBatch& batch, Context& context) const { return (*this)(batch.target, context); }

Tensor LanguageModel::loss(const TokenBatch& batch, const CrossEntropyOptions& options, Context& context) const {
  return loss_of(features(batch.target, context), head, batch.gold, options, context);
}

Tensor LanguageModel::next(const Tensor& ids, DecodingState& state, Context& context) const {
  enter(context);
  if (state.length == 0) state.begin_rows(ids.size(0));
  Tensor y;
  {
    const WordByWord step(context, state.length, state.sentences);
    y = body.extend(tgt_embed(ids, context, state.length), state.words, context);  // [B,T,D]
  }
  state.length += ids.size(1);
  const WordByWord last(context, state.length - 1, state.sentences);
  const Tensor logits = logits_of(slice(y, 1, y.size(1) - 1, y.size(1)), head, context);  // [B,1,V]
  return reshape(logits, {logits.size(0), logits.size(2)});
}

Anatomy LanguageModel::anatomy() const {
  Anatomy all;
  all.add(tgt_embed.name, TapPoint::output);
  body.list(all);
  return all.add("", TapPoint::logits);
}

}  // namespace gaze
