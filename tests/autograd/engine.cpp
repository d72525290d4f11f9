#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/parameters.h>

using namespace gaze;

namespace {

Tensor leaf(const Nested& values) {
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

TEST_CASE("attention notices when its mask or lengths change before the walk") {
  const Tensor q(Array::full({1, 2, 2}, DType::float64, 0.5), true);
  for (const bool weights : {false, true}) {
    AttentionOptions o;
    o.mask = Tensor::zeros({2, 2}, DType::float64);
    o.key_lengths = Tensor::from({1}, std::vector<std::int32_t>{2});
    for (Tensor* changed : {&o.mask, &o.key_lengths}) {
      const Tensor y = weights ? attention_weights(q, q, o) : attention(q, q, q, o);
      changed->fill(1);
      CHECK_THROWS_WITH(y.sum().backward(), Catch::Contains("fill") && Catch::Contains("attention"));
    }
  }
  AttentionOptions learned;
  learned.mask = Tensor(Array::zeros({2, 2}, DType::float64), true);
  CHECK_THROWS_WITH(attention(q, q, q, learned), Catch::Contains("the mask gets no gradient"));
}

TEST_CASE("a gradient that is held survives zero_grad and the next walk, a cotangent may be the leaf's own gradient") {
  Tensor x = leaf({1, 2});
  (x * x).sum().backward();
  const Tensor held = x.grad();
  x.zero_grad();
  (x * 100.0).sum().backward();
  CHECK(held.to_string() == "[2., 4.] float64");
  backward(x + x * 2.0, {.cotangent = x.grad()});
  CHECK(x.grad().to_string() == "[400., 400.] float64");
}

TEST_CASE("what a vjp returns for a leaf is checked before it is written") {
  const auto run = [](const Shape& shape, const Contribution& c) {
    Tensor x(Array::zeros(shape, DType::float64), true);
    record("custom", Array::zeros({}, DType::float64), {x}, keep_none, [c](const Saved&, const Tensor&) -> Gradients {
      return {c};
    }).backward();
  };
  const auto zeros = [](const Shape& shape) { return Tensor::zeros(shape, DType::float64); };
  const auto ids = [](std::int32_t id) { return Tensor::from({1}, std::vector<std::int32_t>{id}); };
  CHECK_NOTHROW(run({4, 3}, Contribution::part(zeros({2, 3}), 2)));
  CHECK_THROWS_WITH(run({4, 3}, Contribution::part(zeros({2, 4}), 0)), Catch::StartsWith("custom: its vjp returned"));
  CHECK_THROWS_WITH(run({4, 3}, Contribution::part(zeros({2, 3}), 3)), Catch::StartsWith("custom: its vjp returned"));
  CHECK_THROWS_WITH(run({2, 2}, Contribution::product(zeros({2, 500}), false, zeros({1, 2}), false)),
                    "custom: its vjp returned a product of [2,500] and [1,2]");
  CHECK_THROWS_WITH(run({2, 2}, Contribution::rows(ids(0), zeros({1, 1}))), Catch::StartsWith("custom: its vjp"));
  CHECK_THROWS_WITH(run({2, 2}, Contribution::rows(ids(2), zeros({1, 2}))), Catch::Contains("returned row 2"));
  CHECK_THROWS_WITH(run({2, 2}, Tensor::zeros({2, 2})), Catch::Contains("returned float32"));
}

TEST_CASE("a graph of gradients is made inside a NoGrad too") {
  const Tensor x = leaf({3});
  const Tensor y = (x * x * x).sum();
  const NoGrad no_grad;
  const Tensor slope = grad(y, {x}, {.create_graph = true})[0];
  CHECK(grad(slope, {x}, {.cotangents = {Tensor::ones({1}, DType::float64)}})[0].item() == 18);
}

TEST_CASE("anomaly mode blames for NaN and infinity alone") {
  const AnomalyMode watch;
  const Tensor x = leaf({1, 2});
  Tensor w = leaf({3, 4});
  const Tensor y = (x * w).sum();
  w.fill(5);
  CHECK_THROWS_WITH(y.backward(), !Catch::Contains("not finite"));
  const Tensor zero = leaf({0});
  CHECK_THROWS_WITH((-sqrt(zero)).sum().backward(), Catch::Contains("sqrt") && Catch::Contains("not finite"));
  CHECK_NOTHROW(logsumexp(Tensor::full({2, 3}, -INFINITY), {1}));
}

TEST_CASE("NaN is not lost on the way") {
  const Tensor x = tensor({NAN, -INFINITY, -1}, DType::float32);
  CHECK(std::isnan(clip(x, 0, 1).at({0})));
  Array row = Array::full({64}, DType::float32, -INFINITY);
  row.set(0, NAN);
  CHECK(std::isnan(softmax(Tensor(row)).at({0})));
  CHECK(softmax(Tensor::full({64}, -INFINITY)).at({0}) == 0);
}
