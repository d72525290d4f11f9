#include <cmath>
#include <limits>
#include <utility>

#include <gaze/autograd/check/gradcheck.h>
#include <gaze/autograd/ops.h>
#include <gaze/nn/guided_attention.h>

#include "../catch.h"

using namespace gaze;

namespace {

Tensor doubles(const Shape& shape, const std::vector<double>& values) { return Tensor::from<double>(shape, values); }

}  // namespace

TEST_CASE("the loss of guided attention is -sum w log a of the gold links, a sentence's mean") {
  // Two sentences of two queries and three keys; the last query of the second has no gold.
  const Tensor weights = doubles({2, 2, 3}, {.5, .25, .25, .1, .8, .1, .2, .2, .6, 0, 0, 1});
  const Tensor gold = doubles({2, 2, 3}, {1, 0, 0, 0, .5, .5, 0, 0, 1, 0, 0, 0});
  const double expected = -(std::log(.5) + .5 * std::log(.8) + .5 * std::log(.1) + std::log(.6)) / 2;
  CHECK(guided_attention_loss(weights, gold).item() == Approx(expected));
  // Gold that gets no attention at all costs much, and is not infinity.
  const Tensor away = doubles({1, 1, 2}, {0, 1}), there = doubles({1, 1, 2}, {1, 0});
  CHECK(guided_attention_loss(away, there).item() == Approx(-std::log(std::numeric_limits<double>::min())));
  CHECK(guided_attention_loss(there, there).item() == 0);
  CHECK(guided_attention_loss(away, doubles({1, 1, 2}, {0, 0})).item() == 0);
  CHECK_THROWS_WITH(guided_attention_loss(away, gold), ContainsSubstring("[1,1,2]") && ContainsSubstring("[2,2,3]"));
}

TEST_CASE("the gradient of guided attention is softmax minus gold") {
  const Tensor scores(Array::from<double>({1, 2, 3}, std::vector<double>{.3, -1, .7, 2, .1, -.4}), true);
  const Tensor gold = doubles({1, 2, 3}, {0, 1, 0, .5, 0, .5});
  const Tensor weights = softmax(scores);
  guided_attention_loss(weights, gold).backward();
  for (std::int64_t t = 0; t < 2; ++t)
    for (std::int64_t s = 0; s < 3; ++s)
      CHECK(scores.grad().at({0, t, s}) == Approx(weights.at({0, t, s}) - gold.at({0, t, s})).margin(1e-12));
}

TEST_CASE("gold on a weight that is next to nothing still has its gradient") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  const Tensor gold = doubles({1, 1, 2}, {1, 0}).to(dtype);
  const auto gradient = [&](double score, bool with_scores) {
    const Tensor scores(Array::from<double>({1, 1, 2}, std::vector<double>{score, 0}).to(dtype), true);
    const Tensor loss = guided_attention_loss(softmax(scores), gold, with_scores ? scores : Tensor());
    CHECK(loss.item() == Approx(-score));
    loss.backward();
    return std::pair(scores.grad().at({0, 0, 0}), scores.grad().at({0, 0, 1}));
  };
  for (const bool with_scores : {false, true}) {
    const auto [first, second] = gradient(-40, with_scores);
    CHECK(first == Approx(-1));
    CHECK(second == Approx(1));
  }
  const auto [first, second] = gradient(-2000, true);  // a weight of 0 in either
  CHECK(first == Approx(-1));
  CHECK(second == Approx(1));
}

TEST_CASE("with scores the guided loss is what it is of weights, whatever is masked") {
  const Tensor scores =
      doubles({2, 2, 3}, {.3, -1, .7, 2, .1, -.4, .2, .9, 8, -1, .5, 8});  // the last one's end is padding
  const Tensor keep = Tensor::from<std::int32_t>({2, 1, 3}, std::vector<std::int32_t>{1, 1, 1, 1, 1, 0});
  const Tensor weights = masked_softmax(scores, keep);
  const Tensor gold = doubles({2, 2, 3}, {0, 1, 0, .5, 0, .5, 1, 0, 0, 0, 1, 0});
  CHECK(guided_attention_loss(weights, gold, scores).item() == Approx(guided_attention_loss(weights, gold).item()));
  CHECK_THROWS_WITH(guided_attention_loss(weights, gold, doubles({1, 1, 2}, {0, 1})), ContainsSubstring("[1,1,2]"));
}
