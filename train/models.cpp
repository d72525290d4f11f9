#include <gaze/train/models.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <gaze/nn/bahdanau.h>
#include <gaze/train/memory.h>

namespace gaze::train {
namespace {

using Made = std::unique_ptr<SequenceModel>;

ModelOptions transformer_options(const Config& c, const ModelSizes& sizes) {
  return {.source_vocab = sizes.source_vocab,
          .target_vocab = sizes.target_vocab,
          .max_length = sizes.longest,
          .positions = c.model.positions,
          .tied = c.model.tied,
          .shared = c.model.shared,
          .position_std = 0.5,  // attention tells places apart from the first step
          .transformer = {.encoder_layers = c.model.layers,
                          .decoder_layers = c.model.layers,
                          .d_model = c.model.d_model,
                          .heads = c.model.heads,
                          .d_ff = c.model.d_ff,
                          .dropout = c.model.dropout,
                          .activation = c.model.activation,
                          .norm = c.model.norm,
                          .score = c.model.score.value_or(Score::scaled_dot)}};
}

Made translating_transformer(const Scope& scope, const Config& c, const ModelSizes& sizes) {
  ModelOptions options = transformer_options(c, sizes);
  // Token vectors, scaled by sqrt(D), start at unit length per coordinate, and positions no shorter than half of that:
  // attention sees from the first step which word it looks at and where the word stands.
  options.embedding_std = 1 / std::sqrt(static_cast<double>(c.model.d_model));
  return std::make_unique<Seq2Seq>(scope, options);
}

Made language_transformer(const Scope& scope, const Config& c, const ModelSizes& sizes) {
  return std::make_unique<LanguageModel>(scope, transformer_options(c, sizes));
}

Made translating_rnn(const Scope& scope, const Config& c, const ModelSizes& sizes) {
  BahdanauOptions options{.source_vocab = sizes.source_vocab,
                          .target_vocab = sizes.target_vocab,
                          .d_model = c.model.d_model,
                          .layers = c.model.layers,
                          .heads = c.model.heads,
                          .cell = c.model.cell,
                          .dropout = c.model.dropout,
                          .tied = c.model.tied,
                          .shared = c.model.shared};
  if (!c.model.attends)
    options.score.reset();
  else if (c.model.score)
    options.score = c.model.score;
  return std::make_unique<Bahdanau>(scope, options);
}

struct ModelRow {
  ModelKind kind;
  Architecture architecture;
  Made (*make)(const Scope&, const Config&, const ModelSizes&);
  std::int64_t (*cross_layers)(const ModelConfig&);
  double (*parameters)(const ModelConfig&);  ///< in the matrices of its layers
};

constexpr auto each_layer = [](const ModelConfig& m) { return m.layers; };
constexpr auto none = [](const ModelConfig&) { return std::int64_t{0}; };
constexpr auto one_if_any = [](const ModelConfig& m) { return std::int64_t{m.attends}; };

// Matrices of the layers: of an attention four [D,D], of a feed-forward network two [F,D].
double of_language_layers(const ModelConfig& m) {
  const auto d = static_cast<double>(m.d_model), ff = static_cast<double>(m.d_ff);
  return static_cast<double>(m.layers) * (4 * d * d + 2 * d * ff);
}
double of_translating_layers(const ModelConfig& m) {
  const auto d = static_cast<double>(m.d_model);
  return 2 * of_language_layers(m) + static_cast<double>(m.layers) * 4 * d * d;
}
/// Of a recurrent cell, by gate, one matrix for its input and one for its state; the encoder runs both ways.
double of_recurrent_layers(const ModelConfig& m) {
  const auto d = static_cast<double>(m.d_model), layers = static_cast<double>(m.layers);
  const double gates = m.cell == Cell::lstm ? 4 : m.cell == Cell::gru ? 3 : 1;
  const double encoder = 2 * (2 * d * d + (layers - 1) * 3 * d * d), decoder = 4 * d * d + (layers - 1) * 2 * d * d;
  return gates * (encoder + decoder) + (layers + 3) * d * d;
}

constexpr std::array table = {
    ModelRow{ModelKind::seq2seq, Architecture::transformer, translating_transformer, each_layer, of_translating_layers},
    ModelRow{ModelKind::decoder, Architecture::transformer, language_transformer, none, of_language_layers},
    ModelRow{ModelKind::seq2seq, Architecture::rnn, translating_rnn, one_if_any, of_recurrent_layers},
};

const ModelRow* row_of(const Config& c) {
  const auto row = std::find_if(table.begin(), table.end(), [&](const ModelRow& r) {
    return r.kind == c.model.kind && r.architecture == c.model.architecture;
  });
  return row == table.end() ? nullptr : &*row;
}

const ModelRow& known_row_of(const Config& c) {
  const ModelRow* const row = row_of(c);
  require(row != nullptr, "config: there is no {} of kind {}", name_of(c.model.architecture), name_of(c.model.kind));
  return *row;
}

}  // namespace

double parameters_of(const Config& c, const ModelSizes& sizes) {
  const auto number = [](std::int64_t n) { return static_cast<double>(n); };
  const double d = number(c.model.d_model);
  const double source = number(sizes.source_vocab) * d, target = number(sizes.target_vocab) * d,
               positions = c.model.positions == Positions::learned && c.model.architecture == Architecture::transformer
                               ? number(sizes.longest) * d
                               : 0;
  const bool reads_source = c.model.kind == ModelKind::seq2seq;
  const double embeddings =
      (reads_source ? source + positions : 0) + (c.model.shared && reads_source ? 0 : target) + positions;
  return embeddings + (c.model.tied ? 0 : target) + known_row_of(c).parameters(c.model);
}

std::int64_t cross_attention_layers(const Config& c) {
  const ModelRow* const row = row_of(c);
  return row ? row->cross_layers(c.model) : 0;
}

std::unique_ptr<SequenceModel> make_model(const Scope& scope, const Config& c, const ModelSizes& sizes) {
  require_memory_for_model(c, sizes);
  return known_row_of(c).make(scope, c, sizes);
}

}  // namespace gaze::train
