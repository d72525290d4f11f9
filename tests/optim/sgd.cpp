#include <gaze/optim/sgd.h>

#include <cmath>
#include <limits>

#include "../catch.h"
#include "fixture.h"

using namespace gaze;

TEST_CASE("ten steps of SGD equal a scalar loop") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  const double momentum = GENERATE(0.0, 0.9), decay = GENERATE(0.0, 0.1);
  const bool nesterov = GENERATE(false, true);
  if (nesterov && momentum == 0) return;
  Fixture f(dtype);
  std::vector<std::vector<double>> expected;
  for (std::size_t c = 0; c < 2; ++c) {
    expected.push_back(numbers(f.params.list()[c].value));
    std::vector<double> buffer(expected[c].size());
    for (int t = 1; t <= 10; ++t) {
      const std::vector<double> gradient = numbers(f.gradient(c, t));
      for (std::size_t i = 0; i < buffer.size(); ++i) {
        const double g = gradient[i] + (c == 0 ? decay * expected[c][i] : 0);  // a vector does not decay
        buffer[i] = t == 1 ? g : momentum * buffer[i] + g;
        expected[c][i] -= 0.05 * (nesterov ? g + momentum * buffer[i] : buffer[i]);
      }
    }
  }
  Sgd optimizer(f.params, {.momentum = momentum, .weight_decay = decay, .nesterov = nesterov});
  f.train(optimizer, 1, 10);
  for (std::size_t c = 0; c < 2; ++c) {
    const std::vector<double> found = numbers(f.params.list()[c].value);
    double worst = 0;
    for (std::size_t i = 0; i < found.size(); ++i) worst = std::max(worst, std::abs(found[i] - expected[c][i]));
    CHECK(worst <= (dtype == DType::float64 ? 1e-14 : 1e-6));
  }
}

TEST_CASE("two steps of SGD by hand") {
  Params params(DType::float64);
  const Tensor w = params.add("w", Array::full({1, 1}, DType::float64, 2));
  const auto step = [&](Sgd& optimizer, double gradient) {
    Fixture::give(w, Array::full({1, 1}, DType::float64, gradient));
    optimizer.step(0.5);
  };
  SECTION("plain, with weight decay") {
    Sgd optimizer(params, {.weight_decay = 0.25});
    step(optimizer, 1);
    CHECK(w.item() == 2 - 0.5 * (1 + 0.25 * 2));
  }
  SECTION("momentum") {
    Sgd optimizer(params, {.momentum = 0.5});
    step(optimizer, 1);
    CHECK(w.item() == 1.5);
    step(optimizer, 2);
    CHECK(w.item() == 1.5 - 0.5 * (0.5 * 1 + 2));
  }
  SECTION("Nesterov's form") {
    Sgd optimizer(params, {.momentum = 0.5, .nesterov = true});
    step(optimizer, 1);
    CHECK(w.item() == 2 - 0.5 * (1 + 0.5 * 1));
    step(optimizer, 2);
    CHECK(w.item() == 1.25 - 0.5 * (2 + 0.5 * (0.5 * 1 + 2)));
  }
}

TEST_CASE("SGD keeps a momentum only where it has one") {
  Fixture f;
  CHECK(Sgd(f.params).state().size() == 2);
  CHECK(Sgd(f.params, {.momentum = 0.9}).state().size() == 4);
}

TEST_CASE("SGD refuses options that make no sense") {
  Fixture f;
  CHECK_THROWS_WITH(Sgd(f.params, {.momentum = 1}), ContainsSubstring("sgd: momentum 1"));
  CHECK_THROWS_AS(Sgd(f.params, {.momentum = -0.5}), Error);
  CHECK_THROWS_AS(Sgd(f.params, {.momentum = std::numeric_limits<double>::quiet_NaN()}), Error);
  CHECK_THROWS_WITH(Sgd(f.params, {.nesterov = true}), ContainsSubstring("Nesterov"));
  CHECK_THROWS_WITH(Sgd(f.params, {.weight_decay = -1}), ContainsSubstring("weight decay -1"));
}
