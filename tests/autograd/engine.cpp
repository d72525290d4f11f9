#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/parameters.h>

using namespace gaze;

namespace {

Tensor leaf(std::initializer_list<double> values) {
  Tensor t = tensor(values, DType::float64);
  t.requires_grad(true);
  return t;
}

}  // namespace

TEST_CASE("gradients add up over paths and over walks") {
  Tensor x = leaf({2, 3});
  const Tensor y = (x * x + x).sum();
  y.backward(true);
  CHECK(x.grad().to_string() == "[5., 7.] float64");
  y.backward();
  CHECK(x.grad().to_string() == "[10., 14.] float64");
  x.zero_grad();
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("the engine sums broadcast axes") {
  Tensor row = leaf({1, 2, 3});
  Tensor scalar(Array::full({}, DType::float64, 2), true);
  (Tensor::ones({4, 3}, DType::float64) * row * scalar).sum().backward();
  CHECK(row.grad().to_string() == "[8., 8., 8.] float64");
  CHECK(scalar.grad().item() == 24);
}

TEST_CASE("grad() leaves the leaves alone and reaches results in between") {
  Tensor x = leaf({1.5});
  const Tensor y = exp(x), z = (y * y).sum();
  const auto g = grad(z, {y, x});
  CHECK(g[0].item() == Approx(2 * std::exp(1.5)));
  CHECK(g[1].item() == Approx(2 * std::exp(3.0)));
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("grad() says which input is unused") {
  Tensor x = leaf({1}), unused = leaf({1});
  CHECK_THROWS_WITH(grad(x.sum(), {x, unused}), Catch::Contains("input 1"));
  const auto g = grad(x.sum(), {x, unused}, {.cotangents = {}, .allow_unused = true});
  CHECK(g[0].item() == 1);
  CHECK_FALSE(g[1].defined());
}

TEST_CASE("gradients of gradients") {
  Tensor x = leaf({0.7});
  Tensor d = sum(x * x * x * x);
  double factor = 1;
  for (int order = 1; order <= 4; ++order) {
    factor *= 5 - order;
    d = grad(d, {x}, {.cotangents = {}, .create_graph = true})[0].sum();
    CHECK(d.item() == Approx(factor * std::pow(0.7, 4 - order)));
  }
  CHECK_THROWS_AS(grad(d, {x}), Error);  // a constant depends on nothing: an error, not a silent zero
}

TEST_CASE("backward() does not build a graph") {
  Tensor x = leaf({1, 2});
  (x * x).sum().backward();
  CHECK_FALSE(x.grad().requires_grad());
}

TEST_CASE("a graph walked twice without being retained is refused") {
  Tensor x = leaf({1});
  const Tensor y = (x * x).sum();
  y.backward();
  CHECK_THROWS_WITH(y.backward(), Catch::Contains("retain_graph"));
}

TEST_CASE("a tensor changed in place after it was saved is refused, naming both operations") {
  Tensor x = leaf({1, 2});
  Tensor w = tensor({3, 4}, DType::float64);
  const Tensor y = (x * w).sum();
  w.fill(0, "my update");
  CHECK_THROWS_WITH(y.backward(), Catch::Contains("mul") && Catch::Contains("my update"));
}

TEST_CASE("outputs that are not one number need a cotangent of their shape") {
  Tensor x = leaf({1, 2});
  const Tensor y = x * 2.0;
  CHECK_THROWS_WITH(y.backward(), Catch::Contains("[2]"));
  CHECK_THROWS_AS(backward(y, {.cotangent = tensor({1, 2, 3}, DType::float64)}), Error);
  CHECK_THROWS_AS(backward(y, {.cotangent = tensor({1, 2})}), Error);
  backward(y, {.cotangent = tensor({1, 10}, DType::float64)});
  CHECK(x.grad().to_string() == "[ 2., 20.] float64");
  CHECK_THROWS_AS(tensor({1}).backward(), Error);
}

TEST_CASE("NoGrad records nothing") {
  Tensor x = leaf({1});
  {
    const NoGrad no_grad;
    CHECK_FALSE((x * x).requires_grad());
  }
  CHECK((x * x).requires_grad());
}

TEST_CASE("hooks see a whole gradient and may replace it") {
  Tensor x = leaf({1, 2});
  Tensor y = x * 3.0;
  int calls = 0;
  y.register_hook([&](const Tensor& g) {
    ++calls;
    CHECK(g.to_string() == "[2., 2.] float64");
    return g * 10.0;
  });
  (y + y).sum().backward();
  CHECK(calls == 1);
  CHECK(x.grad().to_string() == "[60., 60.] float64");
  x.zero_grad();
  x.register_hook([](const Tensor& g) { return g * 0.5; });
  (x + x).sum().backward();
  CHECK(x.grad().to_string() == "[1., 1.] float64");
  CHECK_THROWS_AS(tensor({1}).register_hook({}), Error);
}

TEST_CASE("anomaly mode names the operation that went wrong") {
  Tensor x = leaf({0, 1});
  {
    const AnomalyMode anomaly;
    CHECK_THROWS_WITH(log(x - 1.0), Catch::Contains("log"));
    const Tensor y = sqrt(x).sum();  // finite, but its slope at 0 is not
    CHECK_THROWS_WITH(y.backward(), Catch::Contains("sqrt"));
  }
  CHECK_NOTHROW(log(x - 1.0));
}

TEST_CASE("a vjp that returns a wrong shape, dtype or count is refused") {
  Tensor x = leaf({1, 2});
  const auto broken = [&](auto rule) { return record("broken", x.array().copy(), {x}, keep_none, rule).sum(); };
  CHECK_THROWS_WITH(
      broken([](const Saved&, const Tensor&) -> Gradients { return {Tensor::ones({3}, DType::float64)}; }).backward(),
      Catch::Contains("broken") && Catch::Contains("[3]"));
  CHECK_THROWS_WITH(broken([](const Saved&, const Tensor&) -> Gradients { return {Tensor::ones({2})}; }).backward(),
                    Catch::Contains("float32"));
  CHECK_THROWS_WITH(broken([](const Saved&, const Tensor&) -> Gradients { return {}; }).backward(),
                    Catch::Contains("0 gradients for 1 inputs"));
}

TEST_CASE("a weight used twice collects both products, also in parts") {
  Params params(DType::float64);
  Tensor w = params.add("w", Array::full({4, 2}, DType::float64, 0.5));
  params.pack();
  const Tensor x = tensor({{1, 2}, {3, 4}}, DType::float64);
  const auto loss = [&] {
    const Tensor once = linear(x, w, {}, {.first = 1, .count = 2});
    return linear(once, w).sum() + embedding(w, tensor({3, 3}, DType::int32)).sum();
  };
  loss().backward();
  const Tensor in_place = w.grad().clone();
  // The same through tensors: grad() never writes a leaf in place.
  const Tensor apart = grad(loss(), {w})[0];
  CHECK(in_place.to_string() == apart.to_string());
  // By hand: d/dw of sum(x w[1:3]^T w^T) + 2 sum(w[3]).
  CHECK(apart.to_string() == "[[ 5.,  5.],\n [13., 17.],\n [13., 17.],\n [ 7.,  7.]] float64");
}

TEST_CASE("a chain of 1,000,000 operations lives and dies") {
  Tensor x(Array::full({1}, DType::float32, 0.5), true);
  Tensor y = x;
  for (int i = 0; i < 1'000'000; ++i) y = y * 1.0;
  y.backward();
  CHECK(x.grad().item() == 1);
}

TEST_CASE("a chain that nobody walks dies too") {
  Tensor x(Array::full({1}, DType::float32, 0.5), true);
  Tensor y = x;
  for (int i = 0; i < 1'000'000; ++i) y = neg(y);
  y = Tensor();
  CHECK(x.requires_grad());
}

TEST_CASE("the graph as a picture") {
  Tensor x = leaf({1});
  const std::string dot = to_dot((x * x).sum());
  CHECK_THAT(dot, Catch::Contains("digraph") && Catch::Contains("mul [1]") && Catch::Contains("shape=box"));
}
