#include <gaze/optim/adam.h>

#include <cmath>
#include <limits>

#include "../catch.h"
#include "fixture.h"

using namespace gaze;

namespace {

struct ScalarAdam {
  double lr = 0.05, beta1 = 0.9, beta2 = 0.98, eps = 1e-6;
  double m = 0, v = 0;
  int t = 0;

  double step(double p, double g, double l2, double decoupled) {
    ++t;
    p *= 1 - lr * decoupled;
    g += l2 * p;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    return p - lr / (1 - std::pow(beta1, t)) * m / (std::sqrt(v) / std::sqrt(1 - std::pow(beta2, t)) + eps);
  }
};

}  // namespace

TEST_CASE("ten steps of Adam and AdamW equal a scalar loop") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  const bool decoupled = GENERATE(false, true);
  const double decay = GENERATE(0.0, 0.1);
  Fixture f(dtype);
  std::vector<std::vector<double>> expected;
  for (std::size_t c = 0; c < 2; ++c) {
    expected.push_back(numbers(f.params.list()[c].value));
    std::vector<ScalarAdam> scalars(expected[c].size());
    const double applied = c == 0 ? decay : 0;  // a vector does not decay
    for (int t = 1; t <= 10; ++t) {
      const std::vector<double> g = numbers(f.gradient(c, t));
      for (std::size_t i = 0; i < g.size(); ++i)
        expected[c][i] = scalars[i].step(expected[c][i], g[i], decoupled ? 0 : applied, decoupled ? applied : 0);
    }
  }
  const AdamOptions options{.betas = {0.9, 0.98}, .eps = 1e-6, .weight_decay = decay};
  std::unique_ptr<Optimizer> optimizer;
  if (decoupled) {
    optimizer = std::make_unique<AdamW>(f.params, options);
  } else {
    optimizer = std::make_unique<Adam>(f.params, options);
  }
  f.train(*optimizer, 1, 10);
  for (std::size_t c = 0; c < 2; ++c) {
    const std::vector<double> found = numbers(f.params.list()[c].value);
    double worst = 0;
    for (std::size_t i = 0; i < found.size(); ++i) worst = std::max(worst, std::abs(found[i] - expected[c][i]));
    CHECK(worst <= (dtype == DType::float64 ? 1e-14 : 1e-6));
  }
}

TEST_CASE("the first step of Adam and AdamW by hand") {
  Params params(DType::float64);
  const Tensor w = params.add("w", Array::full({1, 1}, DType::float64, 2));
  Fixture::give(w, Array::full({1, 1}, DType::float64, 0.5));
  SECTION("Adam moves by the learning rate against the sign of the gradient") {
    Adam(params).step(0.1);
    CHECK(w.item() == Approx(2 - 0.1 * 0.5 / (0.5 + 1e-8)).epsilon(1e-15));
  }
  SECTION("with L2 the gradient is 0.5 + 0.5 x 2, whose sign is the same") {
    Adam optimizer(params, {.eps = 0.5, .weight_decay = 0.5});
    optimizer.step(0.1);
    CHECK(w.item() == Approx(2 - 0.1 * 1.5 / (1.5 + 0.5)).epsilon(1e-15));
  }
  SECTION("AdamW shrinks the parameter first") {
    AdamW optimizer(params, {.eps = 0.5, .weight_decay = 0.5});
    optimizer.step(0.1);
    CHECK(w.item() == Approx(2 * (1 - 0.1 * 0.5) - 0.1 * 0.5 / (0.5 + 0.5)).epsilon(1e-15));
  }
}

TEST_CASE("Adam refuses options that make no sense") {
  Fixture f;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(Adam(f.params, {.betas = {1, 0.9}}), ContainsSubstring("adam: betas 1 and 0.9"));
  CHECK_THROWS_AS(Adam(f.params, {.betas = {0.9, 1}}), Error);
  CHECK_THROWS_AS(Adam(f.params, {.betas = {-0.1, 0.9}}), Error);
  CHECK_THROWS_AS(Adam(f.params, {.betas = {0.9, nan}}), Error);
  CHECK_THROWS_WITH(Adam(f.params, {.eps = -1e-8}), ContainsSubstring("eps -1e-08"));
  CHECK_THROWS_AS(Adam(f.params, {.eps = 0}), Error);
  CHECK_THROWS_AS(Adam(f.params, {.eps = nan}), Error);
  CHECK_THROWS_WITH(AdamW(f.params, {.weight_decay = -0.1}), ContainsSubstring("weight decay -0.1"));
  CHECK_NOTHROW(Adam(f.params, {.betas = {0, 0}, .eps = 1e-30}));
}
