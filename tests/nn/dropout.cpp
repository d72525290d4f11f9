#include <gaze/nn/dropout.h>

#include <algorithm>

#include "../catch.h"

using namespace gaze;

TEST_CASE("dropout acts in training only") {
  const Dropout dropout(0.25);
  const Tensor x = Tensor::ones({4000});
  Context evaluation, training{.training = true, .stream = {.seed = 3}};
  CHECK(dropout(x, evaluation).same(x));
  CHECK(Dropout(0)(x, training).same(x));
  CHECK(training.draws == 0);

  const Tensor y = dropout(x, training);
  CHECK(training.draws == 1);
  const auto values = y.values<float>();
  const auto dropped = std::count(values.begin(), values.end(), 0.0f);
  CHECK(dropped + std::count(values.begin(), values.end(), 1 / 0.75f) == 4000);
  CHECK(dropped > 880);
  CHECK(dropped < 1120);
}

TEST_CASE("each dropout of a call draws anew, and the same call draws the same") {
  const Dropout dropout(0.5);
  const Tensor x = Tensor::ones({64});
  const auto bits = [](const Tensor& t) {
    return std::vector<float>(t.values<float>().begin(), t.values<float>().end());
  };
  Context first{.training = true, .stream = {.seed = 3}}, again = first, other{.training = true, .stream = {.seed = 4}};
  const auto a = bits(dropout(x, first)), b = bits(dropout(x, first));
  CHECK(a != b);
  CHECK(bits(dropout(x, again)) == a);
  CHECK(bits(dropout(x, again)) == b);
  CHECK(bits(dropout(x, other)) != a);
}

TEST_CASE("a probability out of range is refused") {
  CHECK_THROWS_WITH(Dropout(1), ContainsSubstring("dropout") && ContainsSubstring("1"));
  CHECK_THROWS_AS(Dropout(-0.1), Error);
}

TEST_CASE("dropout in training without a stream of its own is refused, and told how to get one") {
  Context context{.training = true};
  CHECK_THROWS_WITH(Dropout(0.5)(Tensor::ones({4}), context), ContainsSubstring("stream.split(step)"));
  CHECK_NOTHROW(Dropout(0)(Tensor::ones({4}), context));  // nothing is drawn
  Context step{.training = true, .stream = RandomStream{}.split(1)};
  CHECK_NOTHROW(Dropout(0.5)(Tensor::ones({4}), step));
}
