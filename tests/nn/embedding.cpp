#include <gaze/nn/embedding.h>

#include <cmath>

#include <gaze/autograd/ops.h>

#include "../catch.h"

using namespace gaze;

namespace {

Tensor ids(Shape shape, std::vector<std::int32_t> values) { return Tensor::from<std::int32_t>(shape, values); }

}  // namespace

TEST_CASE("sinusoidal positions are those of the paper") {
  const Tensor table = sinusoidal_positions(50, 6, DType::float64);
  CHECK(table.shape() == Shape{50, 6});
  for (std::int64_t t : {0, 1, 49}) {
    for (std::int64_t i : {0, 1, 2}) {
      const double angle = static_cast<double>(t) * std::exp(-std::log(10000.0) * static_cast<double>(2 * i) / 6);
      CHECK(table.at({t, 2 * i}) == Approx(std::sin(angle)).margin(1e-12));
      CHECK(table.at({t, 2 * i + 1}) == Approx(std::cos(angle)).margin(1e-12));
    }
  }
  CHECK(sinusoidal_positions(3, 5).shape() == Shape{3, 5});  // an odd width ends with a sine
  CHECK(sinusoidal_positions(3, 1).at({2, 0}) == Approx(std::sin(2.0)));
}

TEST_CASE("a token's embedding is scaled and meets its position") {
  const Positions kind = GENERATE(Positions::learned, Positions::sinusoidal, Positions::none);
  Params params(DType::float64);
  const TokenEmbedding embed(Scope(params) / "src_embed",
                             {.vocab = 5, .d_model = 4, .max_length = 3, .positions = kind, .dropout = 0.5});
  Context context;
  const Tensor y = embed(ids({2, 2}, {4, 0, 1, 4}), context);
  REQUIRE(y.shape() == Shape{2, 2, 4});
  const Tensor& tok = params["src_embed.tok.weight"];
  REQUIRE(params.contains("src_embed.pos.weight") == (kind == Positions::learned));
  const auto position = [&](std::int64_t t, std::int64_t d) {
    if (kind == Positions::learned) return params["src_embed.pos.weight"].at({t, d});
    return kind == Positions::none ? 0 : sinusoidal_positions(3, 4, DType::float64).at({t, d});
  };
  for (std::int64_t d = 0; d < 4; ++d) {
    CHECK(y.at({0, 0, d}) == Approx(2 * tok.at({4, d}) + position(0, d)));
    CHECK(y.at({1, 1, d}) == Approx(2 * tok.at({4, d}) + position(1, d)));
  }
}

TEST_CASE("embeddings start with the standard deviation asked for") {
  Params params;
  const TokenEmbedding embed(Scope(params), {.vocab = 100, .d_model = 32, .max_length = 100});
  for (const Tensor& weight : {embed.tok.weight, params["pos.weight"]})
    CHECK(var(weight).item() == Approx(0.02 * 0.02).epsilon(0.1));
  CHECK(var(Embedding(Scope(params) / "plain", 100, 32).weight).item() == Approx(1).epsilon(0.1));
}

TEST_CASE("wrong ids are refused") {
  Params params;
  const TokenEmbedding embed(Scope(params) / "tgt_embed", {.vocab = 5, .d_model = 4, .max_length = 3});
  Context context;
  CHECK_NOTHROW(embed(ids({1, 3}, {0, 1, 2}), context));
  CHECK_THROWS_WITH(embed(ids({1, 4}, {0, 0, 0, 0}), context),
                    ContainsSubstring("tgt_embed") && ContainsSubstring("length 4") && ContainsSubstring("maximum 3"));
  CHECK_THROWS_WITH(embed(ids({3}, {0, 0, 0}), context), ContainsSubstring("[B,T]"));
  CHECK_THROWS_WITH(embed(ids({1, 1}, {5}), context), ContainsSubstring("5"));
  CHECK_THROWS_AS(embed(Tensor::zeros({1, 1}), context), Error);
  CHECK_THROWS_AS(TokenEmbedding(Scope(params) / "other", {.vocab = 5, .d_model = 4}), Error);

  Params free;
  const TokenEmbedding endless(Scope(free), {.vocab = 5, .d_model = 4, .positions = Positions::none});
  CHECK(endless(ids({1, 4}, {0, 0, 0, 0}), context).shape() == Shape{1, 4, 4});
}
