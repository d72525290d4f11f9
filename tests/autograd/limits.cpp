#include <cmath>
#include <functional>
#include <limits>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>

#include "../catch.h"

using namespace gaze;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("every activation and its slopes have their limits at huge numbers") {
  struct Row {
    const char* name;
    std::function<Tensor(const Tensor&)> f;
    bool grows;                              // as x, above 0; else to 1
    double below, slope_above, slope_below;  // limits
  };
  const Row rows[] = {
      {"tanh", [](const Tensor& x) { return tanh(x); }, false, -1, 0, 0},
      {"sigmoid", [](const Tensor& x) { return sigmoid(x); }, false, 0, 0, 0},
      {"erf", [](const Tensor& x) { return erf(x); }, false, -1, 0, 0},
      {"relu", [](const Tensor& x) { return relu(x); }, true, 0, 1, 0},
      {"gelu", [](const Tensor& x) { return gelu(x); }, true, 0, 1, 0},
      {"gelu by tanh", [](const Tensor& x) { return gelu(x, Gelu::tanh); }, true, 0, 1, 0},
      {"silu", [](const Tensor& x) { return silu(x); }, true, 0, 1, 0},
      {"softplus", [](const Tensor& x) { return softplus(x); }, true, 0, 1, 0},
  };
  for (const Row& row : rows)
    for (const DType dtype : {DType::float32, DType::float64})
      for (const double size : {1e3, 1e4, 3e4, 1e10, 1e20, 1e30, infinity})
        for (const double at : {size, -size}) {
          if (std::string(row.name) == "erf" && std::isinf(at)) continue;  // no activation: 0 times infinity there
          INFO(row.name << " in " << name_of(dtype) << " at " << at);
          const Tensor x(Array::full({19}, dtype, at), true);  // some vectors and a rest
          const Tensor y = row.f(x);
          const double value = at < 0 ? row.below : row.grows ? x.at({3}) : 1;
          const double slope = at < 0 ? row.slope_below : row.slope_above;
          CHECK(y.at({0}) == value);
          CHECK(y.at({18}) == value);
          y.sum().backward(true);
          CHECK(x.grad().at({0}) == slope);
          CHECK(x.grad().at({18}) == slope);
          const Tensor first = grad(y.sum(), {x}, {.create_graph = true}).front();
          CHECK(first.at({0}) == slope);
          if (first.requires_grad()) {
            const Tensor second = grad(first.sum(), {x}, {.allow_unused = true}).front();
            if (second.defined()) CHECK(second.at({0}) == 0);
          }
        }
}

TEST_CASE("not a number stays so in activations") {
  const Tensor nan = Tensor::full({19}, std::nan(""));
  for (const Tensor& y :
       {tanh(nan), sigmoid(nan), relu(nan), gelu(nan), gelu(nan, Gelu::tanh), silu(nan), softplus(nan)})
    CHECK(std::isnan(y.at({7})));
  Tensor x(nan.array().copy(), true);
  (gelu(x).sum() + gelu(x, Gelu::tanh).sum() + silu(x).sum()).backward();
  CHECK(std::isnan(x.grad().at({7})));
}

TEST_CASE("numbers below the smallest normal one count as 0, as ops.h says") {
  CHECK(log(Tensor::full({3}, 1e-40)).at({0}) == -infinity);
  CHECK(std::isfinite(log(Tensor::full({3}, 1.2e-38)).at({0})));
}

TEST_CASE("options of operations that make no sense are refused by name") {
  const Tensor x = Tensor::ones({2, 3}), w = Tensor::ones({3}), q = Tensor::ones({1, 2, 4});
  const Tensor ids = Tensor::zeros({2}, DType::int32);
  const double nan = std::nan("");
  for (const double eps : {-1.0, nan, 0.0, infinity, 1e-50}) {
    CHECK_THROWS_WITH(layer_norm(x, w, w, eps), ContainsSubstring("layer_norm: eps"));
    CHECK_THROWS_WITH(residual_norm(x, x, w, w, {}, eps), ContainsSubstring("residual_norm: eps"));
  }
  for (const double p : {-0.1, 1.0, nan, infinity}) {
    CHECK_THROWS_WITH(dropout(x, p, {}), ContainsSubstring("dropout: p"));
    CHECK_THROWS_WITH(residual(x, x, {.p = p}), ContainsSubstring("residual: p"));
    CHECK_THROWS_WITH(attention(q, q, q, {.dropout = p}), ContainsSubstring("attention: dropout"));
  }
  for (const double smoothing : {-0.1, 1.1, nan})
    CHECK_THROWS_WITH(cross_entropy(x, ids, {.label_smoothing = smoothing}), ContainsSubstring("label smoothing"));
  for (const double scale : {nan, infinity})
    CHECK_THROWS_WITH(attention(q, q, q, {.scale = scale}), ContainsSubstring("attention: scale"));
  CHECK_THROWS_WITH(clip(x, nan, 1), ContainsSubstring("clip: low"));
  CHECK_THROWS_WITH(clip(x, 0, nan), ContainsSubstring("clip: low"));
}
