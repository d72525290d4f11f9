#include <cmath>

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
  CHECK(guided_attention_loss(away, there).item() == Approx(-std::log(1e-12)));
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
