#include <gaze/nn/positions.h>

#include <algorithm>
#include <cmath>

#include <gaze/autograd/check/gradcheck.h>
#include <gaze/autograd/ops.h>
#include <gaze/nn/model.h>
#include <gaze/nn/recorder.h>

#include "../catch.h"
#include "golden.h"

using namespace gaze;

namespace {

Tensor ids(Shape shape, const std::vector<std::int32_t>& values) { return Tensor::from<std::int32_t>(shape, values); }

/// Turns each pair of numbers of a query or key by an angle that grows with its position, so that scores know the
/// distance alone; with one that is learned, to see that gradients come through.
struct Turned final : AttentionPositions {
  explicit Turned(const Scope& scope) : speed(scope.parameter("speed", {1}, init::constant(0.7))) {}

  bool applies() const override { return true; }
  Tensor applied(const Tensor& heads, std::int64_t first) const override {
    const std::int64_t length = heads.size(1), half = heads.size(3) / 2;
    std::vector<double> places;
    for (std::int64_t i = 0; i < length; ++i) places.push_back(static_cast<double>(first + i));
    const Tensor angle = Tensor::from<double>({length, 1, 1}, places) * speed;
    const Tensor a = slice(heads, 3, 0, half), b = slice(heads, 3, half, 2 * half);
    return concat({a * cos(angle) - b * sin(angle), a * sin(angle) + b * cos(angle)}, 3);
  }
  static Tensor cos(const Tensor& x) { return sin(x + std::acos(0.0)); }
  /// Of a sum of odd powers, which is enough for small angles and has gradients.
  static Tensor sin(const Tensor& x) {
    Tensor term = x, sum = x;
    for (int n = 1; n < 16; ++n) {
      term = term * x * x * (-1.0 / ((2 * n) * (2 * n + 1)));
      sum = sum + term;
    }
    return sum;
  }

  Tensor speed;
};

/// A number for each distance, learned or not, is added to scores.
struct Relative final : AttentionPositions {
  Relative(const Scope& scope, std::int64_t heads, bool learned)
      : bias(scope.parameter("relative", {heads, 17}, init::normal(1))) {
    bias.requires_grad(learned);
  }

  Tensor added(std::int64_t first_query, std::int64_t queries, std::int64_t keys) const override {
    std::vector<std::int32_t> distances;
    for (std::int64_t t = 0; t < queries; ++t)
      for (std::int64_t s = 0; s < keys; ++s)
        distances.push_back(static_cast<std::int32_t>(std::clamp<std::int64_t>(first_query + t - s + 8, 0, 16)));
    const Tensor rows = index_select(bias, 1, ids({queries * keys}, distances));
    return reshape(rows, {bias.size(0), queries, keys});
  }

  Tensor bias;
};

PositionalEncoding encoding(const std::string& kind) {
  PositionalEncoding of;
  of.in_attention = [kind](const Scope& scope,
                           const AttentionPositionsOptions& o) -> std::shared_ptr<const AttentionPositions> {
    if (kind == "turned") return std::make_shared<Turned>(scope);
    return std::make_shared<Relative>(scope, o.heads, kind == "relative");
  };
  return of;
}

ModelOptions options(const std::string& kind) {
  return {
      .source_vocab = 9,
      .target_vocab = 7,
      .positions = encoding(kind),
      .transformer = {.encoder_layers = 1, .decoder_layers = 2, .d_model = 8, .heads = 2, .d_ff = 12, .dropout = 0}};
}

const std::vector<std::int32_t> words = {1, 2, 3, 4, 5, 6, 1, 3};

}  // namespace

TEST_CASE("positional encodings have names", "[positions]") {
  CHECK(positions_names().names() == std::vector<std::string>{"learned", "sinusoidal", "none"});
  CHECK_THROWS_WITH(positions_names().named("lerned"), ContainsSubstring("did you mean learned?"));
}

TEST_CASE("an encoding of one's own acts in attention, word by word as in training", "[positions]") {
  const std::string kind = GENERATE(as<std::string>(), "turned", "relative", "fixed");
  CAPTURE(kind);
  const NoGrad no_grad;
  Params params(DType::float64);
  const Seq2Seq model(Scope(params, {.seed = 3}), options(kind));
  const LanguageModel language(Scope(params, {.seed = 3}) / "language", options(kind));
  CHECK(params.contains(kind == "turned" ? "body.decoder.layers.1.self_attn.speed"
                                         : "body.encoder.layers.0.self_attn.relative"));
  CHECK_FALSE(params.contains("body.decoder.layers.1.multihead_attn.speed"));
  CHECK_FALSE(params.contains("tgt_embed.pos.weight"));
  Context context;
  const Tensor source = ids({2, 4}, words), lengths = ids({2}, {4, 2}), target = ids({2, 4}, words);
  const Tensor logits = model(source, lengths, target, context), continued = language(target, context);
  DecodingState state = model.begin(source, lengths, context), text;
  for (std::int64_t t = 0; t < 4; ++t) {
    const Tensor word = slice(target, 1, t, t + 1);
    CHECK(distance(model.next(word, state, context), squeeze(slice(logits, 1, t, t + 1), 1).array()) < 1e-12);
    if (t > 1 || t == 0)  // the first call may bring several words
      CHECK(
          distance(
              language.next(t == 0 ? slice(target, 1, 0, 2) : word, text, context),
              squeeze(slice(continued, 1, std::max<std::int64_t>(t, 1), std::max<std::int64_t>(t, 1) + 1), 1).array()) <
          1e-12);
  }
}

TEST_CASE("an encoding in attention tells the order of words", "[positions]") {
  const std::string kind = GENERATE(as<std::string>(), "turned", "relative", "fixed");
  CAPTURE(kind);
  Params params(DType::float64);
  const LanguageModel model(Scope(params, {.seed = 3}), options(kind));
  Context context;
  // The last word sees the same words in another order.
  const Tensor one = model(ids({1, 3}, {1, 2, 3}), context), other = model(ids({1, 3}, {2, 1, 3}), context);
  CHECK(distance(slice(one, 1, 2, 3), slice(other, 1, 2, 3).array()) > 1e-4);
}

TEST_CASE("gradients come through an encoding in attention, the fused one where nothing is learned", "[positions]") {
  const std::string kind = GENERATE(as<std::string>(), "turned", "relative", "fixed");
  CAPTURE(kind);
  Params params(DType::float64);
  const Seq2Seq model(Scope(params, {.seed = 3}), options(kind));
  const Tensor source = ids({2, 4}, words), lengths = ids({2}, {4, 2}), target = ids({2, 4}, words);
  const auto loss = [&](const Taps* taps) {
    Context context{.taps = taps};
    return model.loss({source, lengths, target, ids({2, 4}, {2, 3, 0, 5, 6, 1, 1, 2})}, {}, context);
  };
  const GradcheckReport report = gradcheck(params, [&] { return loss(nullptr); });
  INFO(report.to_string());
  CHECK(report);
  // Scores that are looked at have what is added to them, and weights are their softmax.
  std::map<std::string, Tensor> seen;
  Taps taps;
  for (const char* point : {"scores", "weights"})
    taps.look(fmt::format("body.encoder.layers.0.self_attn.{}", point),
              [&](const TapPlace& place, const Tensor& value) { seen[std::string(name_of(place.point))] = value; });
  CHECK(loss(&taps).item() == Approx(loss(nullptr).item()).epsilon(1e-13));
  AttentionOptions masks;
  masks.key_lengths = lengths;
  CHECK(distance(masked_weights(seen.at("scores"), masks), seen.at("weights").array()) < 1e-13);
}

TEST_CASE("a position that is not known is refused", "[positions]") {
  Params params;
  const TokenEmbedding embed(Scope(params) / "tgt_embed",
                             {.vocab = 5, .d_model = 4, .max_length = 3, .positions = Positions::sinusoidal});
  Context context;
  CHECK_THROWS_WITH(embed(ids({1, 2}, {1, 2}), context, 2), ContainsSubstring("length 4 is over the maximum 3"));
  CHECK_THROWS_WITH(TokenEmbedding(Scope(params) / "other", {.vocab = 5, .d_model = 4}),
                    ContainsSubstring("maximum length above 0"));
}
