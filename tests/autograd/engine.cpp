#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include <gaze/autograd/check/gradcheck.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/parameters.h>
#include <gaze/autograd/random.h>

#include "../catch.h"

using namespace gaze;

namespace {

Tensor leaf(const Nested& values) {
  Tensor t = tensor(values, DType::float64);
  t.requires_grad(true);
  return t;
}

Array drawn(const Shape& shape, std::uint64_t stream, DType dtype = DType::float64) {
  Random random({41, stream});
  Array a(shape, dtype);
  for (std::int64_t i = 0; i < a.size(); ++i) a.set(i, random.normal());
  return a;
}

Tensor drawn_leaf(const Shape& shape, std::uint64_t stream, DType dtype = DType::float64) {
  return Tensor(drawn(shape, stream, dtype), true);
}

/// The largest difference relative to max(1, |numbers|); infinity when one is not finite.
double difference(const Tensor& a, const Tensor& b) {
  double max_error = a.shape() == b.shape() ? 0 : INFINITY;
  for (std::int64_t i = 0; max_error < INFINITY && i < a.size(); ++i) {
    const double d = std::abs(a.array().at(i) - b.array().at(i)) / std::max(1.0, std::abs(b.array().at(i)));
    max_error = std::isfinite(d) ? std::max(max_error, d) : INFINITY;
  }
  return max_error;
}

/// The gradients of leaves after a walk or two from a loss, and then none again.
std::vector<Tensor> walked(const Tensor& loss, std::vector<Tensor> leaves, int walks = 1) {
  for (int walk = 1; walk <= walks; ++walk) loss.backward(walk < walks);
  std::vector<Tensor> gradients;
  for (Tensor& leaf : leaves) {
    REQUIRE(leaf.grad().defined());
    gradients.push_back(leaf.grad().clone());
    leaf.zero_grad();
  }
  return gradients;
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
  CHECK_THROWS_WITH(grad(x.sum(), {x, unused}), ContainsSubstring("input 1"));
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
  CHECK_THROWS_WITH(y.backward(), ContainsSubstring("retain_graph"));
}

TEST_CASE("a tensor changed in place after it was saved is refused, naming both operations") {
  Tensor x = leaf({1, 2});
  Tensor w = tensor({3, 4}, DType::float64);
  const Tensor y = (x * w).sum();
  w.fill(0, "my update");
  CHECK_THROWS_WITH(y.backward(), ContainsSubstring("mul") && ContainsSubstring("my update"));
}

TEST_CASE("outputs that are not one number need a cotangent of their shape") {
  Tensor x = leaf({1, 2});
  const Tensor y = x * 2.0;
  CHECK_THROWS_WITH(y.backward(), ContainsSubstring("[2]"));
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
    CHECK_THROWS_WITH(log(x - 1.0), ContainsSubstring("log"));
    const Tensor y = sqrt(x).sum();  // finite, but its slope at 0 is not
    CHECK_THROWS_WITH(y.backward(), ContainsSubstring("sqrt"));
  }
  CHECK_NOTHROW(log(x - 1.0));
}

TEST_CASE("a vjp that returns a wrong shape, dtype or count is refused") {
  Tensor x = leaf({1, 2});
  const auto broken = [&](auto rule) { return record("broken", x.array().copy(), {x}, keep_none, rule).sum(); };
  CHECK_THROWS_WITH(
      broken([](const Saved&, const Tensor&) -> Gradients { return {Tensor::ones({3}, DType::float64)}; }).backward(),
      ContainsSubstring("broken") && ContainsSubstring("[3]"));
  CHECK_THROWS_WITH(broken([](const Saved&, const Tensor&) -> Gradients { return {Tensor::ones({2})}; }).backward(),
                    ContainsSubstring("float32"));
  CHECK_THROWS_WITH(broken([](const Saved&, const Tensor&) -> Gradients { return {}; }).backward(),
                    ContainsSubstring("0 gradients for 1 inputs"));
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

TEST_CASE("a weight of many steps collects the products of all, whatever comes between") {
  const DType dtype = DType::float64;
  Params params(dtype);
  Tensor w = params.add("w", drawn({6, 5}, 60, dtype));
  params.pack();
  const std::int64_t steps = 75, rows = GENERATE(3, 200);  // few wait for one another, many do not
  const auto loss = [&] {
    Tensor h(drawn({rows, 5}, 61, dtype)), all = Tensor::scalar(0, dtype);
    for (std::int64_t t = 0; t < steps; ++t) {
      const auto stream = static_cast<std::uint64_t>(100 + t);
      h = tanh(slice(linear(h, w), 1, 0, 5) + Tensor(drawn({rows, 5}, stream, dtype)));
      all = all + h.mean();
      if (t % 30 == 7) all = all + (linear(h, w, {}, {.first = 2, .count = 3}).mean() + w.sum());
      if (t % 30 == 9) all = all + embedding(w, tensor({5, 0}, DType::int32)).sum();
      if (t % 30 == 11) all = all + matmul(h, w, {.transpose_b = true}).mean() + matmul(w, transpose(h)).mean();
    }
    return all;
  };
  loss().backward();
  const Tensor in_place = w.grad().clone();
  CHECK(difference(in_place, grad(loss(), {w})[0]) < 1e-13);
  loss().backward();  // on top of what is there
  CHECK(difference(w.grad(), in_place * 2.0) < 1e-13);
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

TEST_CASE("attention notices when its mask or lengths change before the walk") {
  const Tensor q(Array::full({1, 2, 2}, DType::float64, 0.5), true);
  for (const bool weights : {false, true}) {
    AttentionOptions o;
    o.mask = Tensor::zeros({2, 2}, DType::float64);
    o.key_lengths = Tensor::from({1}, std::vector<std::int32_t>{2});
    for (Tensor* changed : {&o.mask, &o.key_lengths}) {
      const Tensor y = weights ? attention_weights(q, q, o) : attention(q, q, q, o);
      changed->fill(1);
      CHECK_THROWS_WITH(y.sum().backward(), ContainsSubstring("fill") && ContainsSubstring("attention"));
    }
  }
  AttentionOptions learned;
  learned.mask = Tensor(Array::zeros({2, 2}, DType::float64), true);
  CHECK_THROWS_WITH(attention(q, q, q, learned), ContainsSubstring("the mask gets no gradient"));
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
  CHECK_THROWS_WITH(run({4, 3}, Contribution::part(zeros({2, 4}), 0)), StartsWith("custom: its vjp returned"));
  CHECK_THROWS_WITH(run({4, 3}, Contribution::part(zeros({2, 3}), 3)), StartsWith("custom: its vjp returned"));
  CHECK_THROWS_WITH(run({2, 2}, Contribution::product(zeros({2, 500}), false, zeros({1, 2}), false)),
                    "custom: its vjp returned a product of [2,500] and [1,2]");
  CHECK_THROWS_WITH(run({2, 2}, Contribution::rows(ids(0), zeros({1, 1}))), StartsWith("custom: its vjp"));
  CHECK_THROWS_WITH(run({2, 2}, Contribution::rows(ids(2), zeros({1, 2}))), ContainsSubstring("returned row 2"));
  CHECK_THROWS_WITH(run({2, 2}, Tensor::zeros({2, 2})), ContainsSubstring("returned float32"));
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
  CHECK_THROWS_WITH(y.backward(), !ContainsSubstring("not finite"));
  const Tensor zero = leaf({0});
  CHECK_THROWS_WITH((-sqrt(zero)).sum().backward(), ContainsSubstring("sqrt") && ContainsSubstring("not finite"));
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

TEST_CASE("products are added to what is pending for a result, whatever comes before and after them") {
  const Tensor x = drawn_leaf({2, 3, 4}, 1), other = drawn_leaf({2, 3, 4}, 2), once = drawn_leaf({5, 4}, 3),
               twice = drawn_leaf({6, 4}, 4), factor = Tensor(drawn({2, 3, 4}, 5));
  const std::vector<Tensor> leaves = {x, other, once, twice};
  const auto result = [](const Tensor& t) { return t * 1.5; };
  // Consumers of y. The sum gives one gradient to y and to z: what is added for y must not arrive at z.
  using Loss = std::function<Tensor(const Tensor& y, const Tensor& z)>;
  const std::vector<Loss> losses = {
      [&](const Tensor& y, const Tensor&) {
        const Tensor h = linear(y, once);
        return (h * h).sum();
      },
      [&](const Tensor& y, const Tensor&) { return tanh(linear(y, twice)).sum(); },
      [&](const Tensor& y, const Tensor&) { return (y * factor).sum(); },
      [](const Tensor& y, const Tensor& z) {
        const Tensor sum = y + z;
        return (sum * sum).sum();
      },
  };
  std::vector<Tensor> apart;
  for (const Tensor& leaf : leaves) apart.push_back(Tensor::zeros(leaf.shape(), DType::float64));
  for (const Loss& loss : losses) {
    const auto part = grad(loss(result(x), result(other)), leaves, {.cotangents = {}, .allow_unused = true});
    for (std::size_t i = 0; i < leaves.size(); ++i)
      if (part[i].defined()) apart[i] = apart[i] + part[i];
  }
  std::array<std::size_t, 4> order = {0, 1, 2, 3};
  do {
    const Tensor y = result(x), z = result(other);
    std::vector<Tensor> parts(losses.size());
    for (const std::size_t i : order) parts[i] = losses[i](y, z);
    const auto together = walked(parts[0] + parts[1] + parts[2] + parts[3], leaves);
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      CAPTURE(order, i);
      CHECK(difference(together[i], apart[i]) < 1e-12);
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("a product never lands in a gradient that somebody else holds") {
  const Tensor x = drawn_leaf({3, 4}, 6), w = drawn_leaf({5, 4}, 7);
  Tensor held;
  const Tensor y = x * 1.0, product = linear(y, w).sum(), copy = y * 2.0;
  Tensor loss = (copy + copy).sum() + product;
  // The hook keeps the gradient that becomes y's before the product's turn comes.
  Tensor passed = record("pass", y.array().copy(), {y}, keep_none, [&](const Saved&, const Tensor& g) -> Gradients {
    held = g;
    return {g};
  });
  loss = loss + (passed * 3.0).sum();
  const auto gradients = walked(loss, {x, w});
  CHECK(difference(held, Tensor::full({3, 4}, 3, DType::float64)) == 0);
  const Tensor expected =
      Tensor::full({3, 4}, 7, DType::float64) + matmul(Tensor::ones({3, 5}, DType::float64), w.detach());
  CHECK(difference(gradients[0], expected) < 1e-14);
}

TEST_CASE("cross_entropy writes its gradient over no logits that anybody still reads") {
  const Tensor x = drawn_leaf({7, 4}, 8), w = drawn_leaf({9, 4}, 9);
  const Tensor targets = tensor({0, 3, 8, 2, 2, 5, 7}, DType::int32);
  const auto expected = walked(cross_entropy(linear(x, w).clone(), targets), {x, w});
  const auto check = [&](const std::vector<Tensor>& gradients, double factor) {
    for (std::size_t i = 0; i < gradients.size(); ++i) CHECK(difference(gradients[i], expected[i] * factor) < 1e-14);
  };
  SECTION("held by the caller") {
    const Tensor logits = linear(x, w), before = logits.detach().clone();
    check(walked(cross_entropy(logits, targets), {x, w}), 1);
    CHECK(difference(logits, before) == 0);
  }
  SECTION("held in another shape") {
    Tensor logits = linear(x, w);
    const Tensor view = logits.detach().reshape({63}), before = view.clone();
    const Tensor loss = cross_entropy(logits, targets);
    logits = {};
    check(walked(loss, {x, w}), 1);
    CHECK(difference(view, before) == 0);
  }
  SECTION("held by nobody") { check(walked(cross_entropy(linear(x, w), targets), {x, w}), 1); }
  SECTION("read by a second walk") {
    check(walked(cross_entropy(linear(x, w), targets), {x, w}, 2), 2);
    check(walked(cross_entropy(linear(x, w), targets), {x, w}, 3), 3);
  }
  SECTION("read by grad() first") {
    const Tensor loss = cross_entropy(linear(x, w), targets);
    check(grad(loss, {x, w}, {.cotangents = {}, .retain_graph = true}), 1);
    check(walked(loss, {x, w}), 1);
  }
  SECTION("read by another operation, whose turn comes later") {
    const auto loss = [&](bool copied) {
      const Tensor logits = linear(x, w), squares = (logits * logits).sum();
      return cross_entropy(copied ? logits.clone() : logits, targets) + squares;
    };
    const auto apart = walked(loss(true), {x, w}), together = walked(loss(false), {x, w});
    for (std::size_t i = 0; i < apart.size(); ++i) CHECK(difference(together[i], apart[i]) < 1e-14);
  }
  SECTION("that are a leaf") {
    const Tensor logits = drawn_leaf({7, 9}, 10), before = logits.detach().clone();
    walked(cross_entropy(logits, targets), {logits});
    CHECK(difference(logits, before) == 0);
  }
}

TEST_CASE("projected_cross_entropy is cross_entropy of linear, value and gradients") {
  // The last makes its logits some rows at a time.
  struct Row {
    std::int64_t rows, classes, width;
  };
  const Row row = GENERATE(Row{12, 9, 5}, Row{1, 1, 1}, Row{300, 6000, 3});
  const double smoothing = GENERATE(0.0, 0.1);
  const bool ignores = GENERATE(false, true), tied = GENERATE(false, true);
  const Reduction reduction = GENERATE(Reduction::mean, Reduction::sum);
  const double factor = GENERATE(1.0, 3.0);
  const int walks = GENERATE(1, 2);
  // The large one takes a while with every access checked: once with everything, tied and not, will do.
  if (row.classes > 1000 && !(smoothing > 0 && ignores && reduction == Reduction::mean && factor > 1 && walks == 1))
    return;
  CAPTURE(row.classes, smoothing, ignores, tied, factor, walks);
  Array ids({row.rows}, DType::int32), words = ids.copy();
  Random random({43, 0});
  for (std::int64_t i = 0; i < row.rows; ++i) {
    ids.set(i, random.below(static_cast<std::uint32_t>(row.classes)));
    words.set(i, random.below(static_cast<std::uint32_t>(row.classes)));
    if (ignores && i % 3 == 1) ids.set(i, -100);
  }
  const Tensor w = drawn_leaf({row.classes, row.width}, 11), x = drawn_leaf({row.rows, row.width}, 12);
  CrossEntropyOptions o{.label_smoothing = smoothing, .reduction = reduction};
  if (ignores) o.ignore_index = -100;
  const auto loss = [&](bool projected) {
    const Tensor h = tied ? tanh(x + embedding(w, Tensor(words))) : x * 1.0;
    const Tensor one =
        projected ? projected_cross_entropy(h, w, Tensor(ids), o) : cross_entropy(linear(h, w), Tensor(ids), o);
    return one * factor;
  };
  const Tensor plain = loss(false), projected = loss(true);
  CHECK(difference(projected, plain) < 1e-12);
  const auto expected = walked(plain, {x, w}, walks), gradients = walked(projected, {x, w}, walks);
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(difference(gradients[i], expected[i]) < 1e-12);
}

TEST_CASE("projected_cross_entropy of which one input wants no gradient") {
  const Array x = drawn({6, 4}, 13), w = drawn({5, 4}, 14);
  const Tensor targets = tensor({0, 1, 2, 3, 4, 0}, DType::int32);
  const Tensor both_x(x, true), both_w(w, true);
  const auto expected = walked(cross_entropy(linear(both_x, both_w), targets), {both_x, both_w});
  const Tensor alone_x(x, true), alone_w(w, true);
  CHECK(difference(walked(projected_cross_entropy(alone_x, Tensor(w), targets), {alone_x})[0], expected[0]) < 1e-14);
  CHECK(difference(walked(projected_cross_entropy(Tensor(x), alone_w, targets), {alone_w})[0], expected[1]) < 1e-14);
}

TEST_CASE("the gradient of residual_norm is that of layer_norm of the sum, whatever the weights") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  // The last three leave a result that is denormal, and flushed to zero, or are denormal themselves.
  const double weight = GENERATE(0.7, 0.0, -0.0, 1e-20, -1e-20, 1e-30, 1e-37, 1e-40, 1e-308),
               bias = GENERATE(0.0, 0.4, -1e-20, 5.0);
  const double p = GENERATE(0.0, 0.3);
  CAPTURE(name_of(dtype), weight, bias, p);
  const Shape shape = {3, 5, 19};
  const Tensor x = drawn_leaf(shape, 15, dtype), f = drawn_leaf(shape, 16, dtype);
  Array weights = drawn({19}, 17, dtype), biases = drawn({19}, 18, dtype);
  for (std::int64_t i = 0; i < 19; ++i) weights.set(i, 0.5 + std::abs(weights.at(i)));
  weights.set(4, weight), biases.set(4, bias);
  const Tensor w(weights, true), b(biases, true), up = Tensor(drawn(shape, 19, dtype));
  const DropoutOptions drop{p, {3, 4}};
  const std::vector<Tensor> leaves = {x, f, w, b};
  const Tensor plain = layer_norm(x + dropout(f, p, drop.stream), w, b), fused = residual_norm(x, f, w, b, drop);
  const double max_error = dtype == DType::float32 ? 3e-5 : 1e-13;
  CHECK(difference(fused, plain) <= max_error);
  const auto expected = walked((plain * up).sum(), leaves), gradients = walked((fused * up).sum(), leaves);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    CAPTURE(i);
    CHECK(difference(gradients[i], expected[i]) <= max_error);
  }
}

TEST_CASE("fused operations can be differentiated twice where they lead into one another") {
  using Inputs = const std::vector<Tensor>&;
  const Tensor x(drawn({4, 3}, 20)), f(drawn({4, 3}, 21)), bias(drawn({3}, 22)), w(drawn({3, 3}, 23)),
      classes(drawn({5, 3}, 24)), targets = tensor({0, 4, -1, 2}, DType::int32);
  const DropoutOptions drop{0.2, {5, 6}};
  const auto check = [](const TensorFunction& function, const std::vector<Tensor>& inputs) {
    const GradcheckReport first = gradcheck(function, inputs), second = gradgradcheck(function, inputs);
    INFO(first.to_string() << "\n" << second.to_string());
    CHECK(first);
    CHECK(second);
  };
  SECTION("residual_norm, also where a weight is next to nothing") {
    for (const double weight : {0.7, 0.0, 1e-20})
      for (const double offset : {0.0, 0.4}) {
        CAPTURE(weight, offset);
        const Tensor weights = tensor({1.1, weight, -0.6}, DType::float64),
                     biases = tensor({0.3, offset, -0.2}, DType::float64);
        check([&](Inputs in) { return residual_norm(in[0], in[1], in[2], in[3], drop, 1e-2); },
              {x, f, weights, biases});
      }
  }
  SECTION("dense, twice over one weight") {
    check(
        [&](Inputs in) {
          return dense(dense(in[0], in[1], in[2], Activation::gelu, drop), in[1], in[2], Activation::gelu);
        },
        {x, w, bias});
  }
  SECTION("projected_cross_entropy, its weight an embedding too") {
    const CrossEntropyOptions o{.label_smoothing = 0.1, .ignore_index = -1};
    check(
        [&](Inputs in) {
          const Tensor h = tanh(in[0] + embedding(in[1], tensor({4, 0, 1, 1}, DType::int32)));
          return projected_cross_entropy(h, in[1], targets, o) * 3.0;
        },
        {x, classes});
  }
  SECTION("a layer of all three") {
    const CrossEntropyOptions o{.label_smoothing = 0.1, .ignore_index = -1};
    check(
        [&](Inputs in) {
          const Tensor h = residual_norm(in[0], dense(in[0], in[1], in[2], Activation::gelu), in[3], in[2], drop, 1e-2);
          return projected_cross_entropy(h, in[4], targets, o);
        },
        {x, w, bias, tensor({1.1, 0.8, -0.6}, DType::float64), classes});
  }
}
