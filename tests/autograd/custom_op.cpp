#include <gaze/autograd/custom_op.h>

#include <cmath>

#include <gaze/autograd/check/catch2.h>
#include <gaze/autograd/check/derivatives.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>

#include "../catch.h"

using namespace gaze;

namespace {

const auto cube = custom_op(
    "cube", [](const auto& in) { return in[0] * in[0] * in[0]; },
    [](const auto& in, const Tensor&, const Tensor& g) { return std::vector<Tensor>{g * 3.0 * in[0] * in[0]}; });

const Tensor x = tensor({0.5, -1, 2}, DType::float64), w = tensor({{1, 2, 3}, {0.1, -0.2, 0.3}}, DType::float64);

}  // namespace

TEST_CASE("an operation of one's own is differentiated like any other, twice as well") {
  const TensorFunction f = [](const std::vector<Tensor>& in) { return cube({in[0] * in[1]}) + in[0]; };
  CHECK(gradcheck(f, {x, w}));
  CHECK(gradgradcheck(f, {x, w}));
  const Tensor leaf(x.array().copy(), true);
  const Tensor y = cube({leaf}).sum();
  const Tensor slope = grad(y, {leaf}, {.create_graph = true}).front();
  CHECK(grad(slope.sum(), {leaf}).front().at({2}) == Approx(12));
  const NoGrad no_grad;
  CHECK_FALSE(cube({leaf}).requires_grad());
}

TEST_CASE("what a custom vjp returns is checked under the operation's name") {
  const auto identity = [](const std::vector<Tensor>& in) { return in[0] * 1.0; };
  const auto shaped = custom_op("shaped", identity, [](const auto&, const auto&, const auto&) {
    return std::vector{Tensor::ones({7}, DType::float64)};
  });
  const auto none =
      custom_op("counted", identity, [](const auto&, const auto&, const auto&) { return std::vector<Tensor>{}; });
  const auto unused =
      custom_op("unused", identity, [](const auto&, const auto&, const auto&) { return std::vector<Tensor>(1); });
  const Tensor leaf(x.array().copy(), true);
  CHECK_THROWS_WITH(shaped({leaf}).sum().backward(), ContainsSubstring("shaped"));
  CHECK_THROWS_WITH(none({leaf}).sum().backward(), ContainsSubstring("counted: its vjp returned 0 gradients"));
  unused({leaf}).sum().backward();
  CHECK_FALSE(leaf.grad().defined());
}

TEST_CASE("a matcher checks gradients of any callable") {
  REQUIRE_THAT([](const Tensor& a, const Tensor& b) { return matmul(b, a); }, HasCorrectGradient(x, w));
  REQUIRE_THAT([](const std::vector<Tensor>& in) { return exp(in[0]); }, HasCorrectGradient(x));
  REQUIRE_THAT([](const Tensor& a) { return cube({a}); }, HasCorrectGradient(x));
  const auto wrong = [](const Tensor& a) { return a * a.detach(); };
  const GradientMatcher matcher = HasCorrectGradient(x);
  CHECK_FALSE(matcher.match(wrong));
  CHECK_THAT(matcher.toString(), ContainsSubstring("has a correct gradient") && ContainsSubstring("input 0[") &&
                                     ContainsSubstring("numeric"));
}

namespace {

/// f by a loop over raw numbers: what the graph does not see.
Tensor raw(const Tensor& t, double (*f)(double)) {
  Array a = t.array().copy();
  for (std::int64_t i = 0; i < a.size(); ++i) a.set(i, f(a.at(i)));
  return Tensor(a);
}

}  // namespace

TEST_CASE("a second derivative through a custom vjp is right or it throws") {
  const auto in_operations = [](const auto& in) { return in[0] * in[0]; };
  using All = std::vector<Tensor>;
  const auto all_raw = custom_op("all raw", in_operations, [](const All& in, const Tensor&, const Tensor& g) {
    return All{Tensor(mul(g.detach(), raw(in[0], [](double v) { return 2 * v; })).array())};
  });
  const auto raw_slope = custom_op("raw slope", in_operations, [](const All& in, const Tensor&, const Tensor& g) {
    return All{g * raw(in[0], [](double v) { return 2 * v; })};
  });
  const auto raw_result = custom_op(
      "raw result", [](const All& in) { return exp(in[0]); },
      [](const All&, const Tensor& y, const Tensor& g) { return All{g * y.detach()}; });
  const auto raw_gradient = custom_op(
      "raw gradient", [](const All& in) { return in[0] * 2.0; },
      [](const All&, const Tensor&, const Tensor& g) { return All{g.detach() * 2.0}; });
  const auto by_result = custom_op(
      "by result", [](const All& in) { return exp(in[0]); },
      [](const All&, const Tensor& y, const Tensor& g) { return All{g * y}; });
  const auto linear_raw = custom_op(
      "linear", [](const All& in) { return in[0] * 2.0; },
      [](const All&, const Tensor&, const Tensor& g) { return All{g * 2.0}; });
  const auto step = custom_op(
      "step", [](const All& in) { return relu(in[0]); },
      [](const All& in, const Tensor&, const Tensor& g) {
        return All{g * raw(in[0], [](double v) { return v > 0 ? 1.0 : 0.0; })};
      });
  const Tensor at = tensor({0.5, -1, 2, 0}, DType::float64), v = Tensor::ones({4}, DType::float64);
  for (const auto& op : {all_raw, raw_slope, raw_result}) {
    const TensorFunction f = [&](const All& in) { return op(in).sum(); };
    CHECK(gradcheck(f, {at}));  // once is as good as ever
    CHECK_THROWS_WITH(hvp([&](const Tensor& t) { return op({t}).sum(); }, at, v),
                      ContainsSubstring("cannot be differentiated twice") && ContainsSubstring("input 0"));
  }
  CHECK_THROWS_WITH(jvp([&](const Tensor& t) { return raw_gradient({t}); }, at, v),
                    ContainsSubstring("raw gradient: it cannot be differentiated twice"));
  CHECK(hvp([&](const Tensor& t) { return by_result({t}).sum(); }, at, v).at({2}) == Approx(std::exp(2)));
  for (const auto& op : {linear_raw, step})  // slopes that do not change
    CHECK(hvp([&](const Tensor& t) { return op({t}).sum(); }, at, v).at({2}) == 0);
  CHECK(jvp([&](const Tensor& t) { return linear_raw({t}); }, at, v).at({1}) == 2);
}
