#include <gaze/nn/scope.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include <gaze/nn/linear.h>

#include "../catch.h"

using namespace gaze;

TEST_CASE("a scope gives parameters their full names") {
  Params params;
  const Scope root(params);
  CHECK((root / "encoder" / "layers" / 0).path() == "encoder.layers.0");
  Linear(root / "layers" / 12, 3, 2);
  (root / "layers").parameter("scale", {}, init::constant(7));
  CHECK(params.list()[0].name == "layers.12.weight");
  CHECK(params["layers.12.weight"].shape() == Shape{2, 3});
  CHECK(params["layers.12.bias"].shape() == Shape{2});
  CHECK(params["layers.scale"].item() == 7);
  CHECK_THROWS_WITH(Linear(root / "layers" / 12, 3, 2), ContainsSubstring("layers.12.weight"));
  CHECK_THROWS_AS(root / "", Error);
  CHECK_THROWS_WITH(Linear(root / "none", 0, 2), ContainsSubstring("none") && ContainsSubstring("0 -> 2"));
}

TEST_CASE("initial numbers depend on seed and full name only") {
  const auto make = [](std::uint64_t seed, bool reversed, DType dtype = DType::float32) {
    auto params = std::make_unique<Params>(dtype);
    const Scope root(*params, {.seed = seed});
    for (int i = 0; i < 2; ++i) Linear(root / (reversed ? 1 - i : i), 8, 8);
    return params;
  };
  const auto one = make(1, false), reversed = make(1, true), two = make(2, false),
             precise = make(1, false, DType::float64);
  const Params &forward = *one, &backward = *reversed, &other = *two, &wide = *precise;
  REQUIRE(backward.list()[0].name == "1.weight");
  for (const Parameter& p : forward.list()) {
    for (std::int64_t i = 0; i < p.value.size(); ++i) {
      CHECK(backward[p.name].array().at(i) == p.value.array().at(i));
      CHECK(wide[p.name].array().at(i) == p.value.array().at(i));
      CHECK(other[p.name].array().at(i) != p.value.array().at(i));
    }
  }
  CHECK(forward["0.weight"].array().at(0) != forward["1.weight"].array().at(0));
  CHECK(forward["0.weight"].array().at(0) != forward["0.bias"].array().at(0));
}

TEST_CASE("a scope can replace the initialiser of matrices, not of vectors") {
  Params params;
  const Linear linear((Scope(params).matrices(init::constant(3)) / "body"), 4, 4);
  for (const float x : linear.weight.values<float>()) CHECK(x == 3);
  for (const float x : linear.bias.values<float>()) CHECK(std::abs(x) <= 0.5);
}

TEST_CASE("a Linear starts as PyTorch's does") {
  Params params;
  const Linear linear(Scope(params), 64, 256);
  const double bound = 1.0 / 8;
  for (const Tensor& t : {linear.weight, linear.bias}) {
    double max_abs = 0, squares = 0;
    for (const float x : t.values<float>()) max_abs = std::max(max_abs, std::abs(double{x})), squares += double{x} * x;
    CHECK(max_abs <= bound);
    CHECK(max_abs > 0.97 * bound);
    CHECK(squares / static_cast<double>(t.size()) == Approx(bound * bound / 3).epsilon(0.2));
  }
  CHECK_FALSE(Linear(Scope(params) / "head", 4, 4, false).bias.defined());
}
