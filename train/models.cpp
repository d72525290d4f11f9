#include <gaze/train/models.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <gaze/nn/bahdanau.h>

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
};

constexpr auto each_layer = [](const ModelConfig& m) { return m.layers; };
constexpr auto none = [](const ModelConfig&) { return std::int64_t{0}; };
constexpr auto one_if_any = [](const ModelConfig& m) { return std::int64_t{m.attends}; };

constexpr std::array table = {
    ModelRow{ModelKind::seq2seq, Architecture::transformer, translating_transformer, each_layer},
    ModelRow{ModelKind::decoder, Architecture::transformer, language_transformer, none},
    ModelRow{ModelKind::seq2seq, Architecture::rnn, translating_rnn, one_if_any},
};

const ModelRow* row_of(const Config& c) {
  const auto row = std::find_if(table.begin(), table.end(), [&](const ModelRow& r) {
    return r.kind == c.model.kind && r.architecture == c.model.architecture;
  });
  return row == table.end() ? nullptr : &*row;
}

}  // namespace

std::int64_t cross_attention_layers(const Config& c) {
  const ModelRow* const row = row_of(c);
  return row ? row->cross_layers(c.model) : 0;
}

std::unique_ptr<SequenceModel> make_model(const Scope& scope, const Config& c, const ModelSizes& sizes) {
  const ModelRow* const row = row_of(c);
  require(row != nullptr, "config: there is no {} of kind {}", name_of(c.model.architecture), name_of(c.model.kind));
  return row->make(scope, c, sizes);
}

}  // namespace gaze::train
