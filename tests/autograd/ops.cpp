#include <cmath>
#include <functional>
#include <map>
#include <set>

#include <gaze/autograd/check/cases/op_cases.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>

#include "../catch.h"
#include "declared_operations.h"

using namespace gaze;

namespace {

/// The largest difference relative to max(1, |numbers|); NaN and NaN are equal.
double difference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return INFINITY;
  double max_error = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const double x = a.array().at(i), y = b.array().at(i);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double d = std::abs(x - y) / std::max(1.0, std::abs(y));
    max_error = std::isnan(d) ? INFINITY : std::max(max_error, d);
  }
  return max_error;
}

std::vector<Tensor> leaves(const std::vector<Tensor>& inputs, DType dtype) {
  std::vector<Tensor> all;
  for (const Tensor& t : inputs) all.push_back(is_floating(t.dtype()) ? Tensor(t.array().to(dtype).copy(), true) : t);
  return all;
}

/// Gradients of the floating inputs for a cotangent that differs from number to number.
std::vector<Tensor> gradients(const OpCase& c, DType dtype) {
  const std::vector<Tensor> at = leaves(c.inputs, dtype);
  const Tensor y = c.call(at);
  Array up(y.shape(), dtype);
  for (std::int64_t i = 0; i < up.size(); ++i) up.set(i, std::sin(static_cast<double>(i) + 1));
  if (y.requires_grad()) backward(y, {.cotangent = Tensor(up)});
  std::vector<Tensor> all;
  for (const Tensor& t : at)
    if (is_floating(t.dtype())) all.push_back(t.grad().defined() ? t.grad() : Tensor::zeros(t.shape(), dtype));
  return all;
}

}  // namespace

TEST_CASE("every operation of ops.h has ordinary, empty and size-one cases") {
  std::map<std::string, std::set<std::string>> kinds;
  for (const OpCase& c : op_cases()) {
    const bool unit = c.operation.ends_with("_cell") && c.variant == "size one";  // one unit, of several gates
    bool one = true, empty = false;
    for (const Tensor& t : c.inputs) one = one && (unit || t.size() == 1), empty = empty || t.size() == 0;
    kinds[c.operation].insert(one ? "size one" : empty ? "empty" : "ordinary");
  }
  const std::set<std::string> declared = declared_operations();
  CHECK(declared.size() > 60);
  for (const std::string& name : declared) {
    INFO(name);
    CHECK(kinds[name] == std::set<std::string>{"empty", "ordinary", "size one"});
  }
  for (const auto& [name, of] : kinds) {
    INFO(name << " has cases and is not in ops.h");
    CHECK(declared.contains(name));
  }
}

TEST_CASE("operations compute their formulas") {
  for (const OpCase& c : op_cases()) {
    INFO(c.operation << ", " << c.variant);
    const Tensor y = c.call(c.inputs), expected = c.reference(c.inputs);
    CHECK(y.shape() == expected.shape());
    CHECK(y.dtype() == expected.dtype());
    CHECK(difference(y, expected) < 1e-12);
  }
}

TEST_CASE("float32 gives what float64 gives, to its precision") {
  for (const OpCase& c : op_cases()) {
    INFO(c.operation << ", " << c.variant);
    if (c.operation == "cast") continue;  // names its dtype
    const Tensor y = c.call(leaves(c.inputs, DType::float32)), expected = c.call(c.inputs);
    CHECK((y.dtype() == DType::float32 || !c.differentiable));
    // Comparisons and argmax of rounded numbers are the same here because no two are so close.
    CHECK(difference(y, expected) < 2e-5);
    const std::vector<Tensor> low = gradients(c, DType::float32), high = gradients(c, DType::float64);
    REQUIRE(low.size() == high.size());
    for (std::size_t i = 0; i < low.size(); ++i) {
      INFO("gradient of input " << i);
      CHECK(low[i].dtype() == DType::float32);
      CHECK(difference(low[i], high[i]) < 1e-4);
    }
  }
}

TEST_CASE("an input that needs no gradient changes nothing for the others") {
  for (const OpCase& c : op_cases()) {
    const std::vector<Tensor> all = gradients(c, DType::float64);
    if (all.size() < 2) continue;
    for (std::size_t wanted = 0, next = 0; wanted < c.inputs.size(); ++wanted) {
      if (!is_floating(c.inputs[wanted].dtype())) continue;
      INFO(c.operation << ", " << c.variant << ", input " << wanted);
      OpCase alone = c;
      alone.call = [&](const std::vector<Tensor>& at) {
        std::vector<Tensor> some;
        for (std::size_t i = 0; i < at.size(); ++i) some.push_back(i == wanted ? at[i] : at[i].detach());
        return c.call(some);
      };
      CHECK(difference(gradients(alone, DType::float64).at(next), all[next]) < 1e-12);
      ++next;
    }
  }
}

TEST_CASE("a mean over no targets is NaN and pulls at nothing") {
  Tensor logits(Array::zeros({2, 3}, DType::float32), true);
  const Tensor targets = Tensor::from({2}, std::vector<std::int32_t>{7, 7});
  const Tensor loss = cross_entropy(logits, targets, {.ignore_index = 7});
  CHECK(std::isnan(loss.item()));
  loss.backward();
  CHECK(logits.grad().to_string() == Tensor::zeros({2, 3}).to_string());
}

TEST_CASE("operations that pass no gradient on say so by not requiring one") {
  for (const OpCase& c : op_cases()) {
    INFO(c.operation << ", " << c.variant);
    bool floats = false;
    for (const Tensor& t : c.inputs) floats = floats || is_floating(t.dtype());
    CHECK(c.call(leaves(c.inputs, DType::float64)).requires_grad() == (c.differentiable && floats));
  }
}

TEST_CASE("wrong shapes, dtypes, axes and indices are refused in one line that names the operation and the rule") {
  const Tensor a = Tensor::zeros({8, 16}), b = Tensor::zeros({8, 4}), ids = Tensor::from({2}, std::vector{0, 9});
  const Tensor wide = Tensor::zeros({8, 16}, DType::float64);
  struct Bad {
    std::function<void()> call;
    const char* message;
  };
  const std::vector<Bad> all = {
      {[&] { add(a, b); },
       "add: shapes [8,16] and [8,4] do not broadcast: axis -1 is 16 and 4, which must be equal or 1"},
      {[&] { add(a, wide); }, "add: "},
      {[&] { add(a, ids); }, "add: "},
      {[&] { exp(ids); }, "exp: "},
      {[&] { where(a, a, a); }, "where: "},
      {[&] { clip(a, 2, 1); }, "clip: "},
      {[&] { matmul(a, b); }, "matmul: last axis of a [8,16] must equal second-last axis of b [8,4]"},
      {[&] { matmul(a, wide); }, "matmul: "},
      {[&] { matmul(Tensor::scalar(1), a); }, "matmul: "},
      {[&] { linear(a, b); }, "linear: "},
      {[&] { linear(a, a, b); }, "linear: "},
      {[&] {
         linear(a, a, {}, {4, 9});
       },
       "linear: "},
      {[&] {
         einsum("ij,jk", {a, a});
       },
       "einsum: "},
      {[&] {
         einsum("ij,jk->ik", {a, b});
       },
       "einsum: "},
      {[&] { einsum("ii->i", {a}); }, "einsum: "},
      {[&] { sum(a, {2}); }, "sum: "},
      {[&] {
         sum(a, {0, 0});
       },
       "sum: "},
      {[&] { sum(ids); }, "sum: "},
      {[&] {
         max(Tensor::zeros({0, 3}), {0});
       },
       "max: "},
      {[&] {
         reshape(a, {5, -1});
       },
       "reshape: "},
      {[&] {
         reshape(a, {-1, -1});
       },
       "reshape: "},
      {[&] { transpose(a, 0, 2); }, "transpose: "},
      {[&] {
         permute(a, {0, 0});
       },
       "permute: "},
      {[&] {
         expand(a, {8, 4});
       },
       "expand: "},
      {[&] { squeeze(a, 0); }, "squeeze: "},
      {[&] { unsqueeze(a, 4); }, "unsqueeze: "},
      {[&] { concat({}, 0); }, "concat: "},
      {[&] {
         concat({a, b}, 0);
       },
       "concat: "},
      {[&] {
         stack({a, b});
       },
       "stack: "},
      {[&] { slice(a, 0, 3, 9); }, "slice: "},
      {[&] { slice(a, 0, 0, 8, 0); }, "slice: "},
      {[&] {
         pad(a, {{1, 1}});
       },
       "pad: "},
      {[&] {
         pad(a, {{-1, 0}, {0, 0}});
       },
       "pad: "},
      {[&] { gather(a, 0, ids); }, "gather: "},
      {[&] { index_select(a, 0, ids); }, "index_select: index 9 "},
      {[&] { index_select(a, 2, ids); }, "index_select: "},
      {[&] { index_select(a, 0, a); }, "index_select: "},
      {[&] { scatter_add(a, 0, ids, a); }, "scatter_add: "},
      {[&] { embedding(a, ids); }, "embedding: "},
      {[&] { embedding(a, a); }, "embedding: "},
      {[&] { softmax(a, 2); }, "softmax: "},
      {[&] { softmax(Tensor::scalar(1)); }, "softmax: "},
      {[&] { masked_softmax(a, ids); }, "masked_softmax: "},
      {[&] {
         cross_entropy(Tensor::zeros({2, 9}), ids);
       },
       "cross_entropy: target 9 at position 1 is not in [0, 9)"},
      {[&] { cross_entropy(a, ids); }, "cross_entropy: "},
      {[&] { mse(a, b); }, "mse: "},
      {[&] { layer_norm(a, b, b); }, "layer_norm: "},
      {[&] { dropout(a, 1, {}); }, "dropout: "},
      {[&] { attention(a, a, a); }, "attention: "},
      {[&] { one_hot(ids, 9); }, "one_hot: "},
      {[&] { one_hot(a, 9); }, "one_hot: "},
      {[&] {
         argmax(Tensor::zeros({3, 0}));
       },
       "argmax: "},
      {[&] { equal(a, b); }, "equal: "},
      {[&] { add(Tensor(), a); }, "tensor: "},
  };
  for (const Bad& bad : all) {
    INFO(bad.message);
    std::string said = "nothing";
    try {
      bad.call();
    } catch (const Error& e) {
      said = e.what();
    }
    INFO(said);
    CHECK(said.starts_with(bad.message));
    CHECK(said.find('\n') == said.npos);
  }
}
