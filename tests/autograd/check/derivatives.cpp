#include <gaze/autograd/check/derivatives.h>

#include <cmath>

#include <gaze/autograd/check/gradcheck.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>
#include <gaze/nn/model.h>
#include <gaze/optim/adam.h>

#include "../../catch.h"

using namespace gaze;

namespace {

double difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  return a.size() == 0 ? 0 : max(abs(a - b)).item();
}

const Tensor matrix = tensor({{1, 2, -1}, {0.5, 3, 1}}, DType::float64), x = tensor({0.3, -0.7, 1.2}, DType::float64),
             v = tensor({1, -2, 0.5}, DType::float64);

Tensor tanh_of(const Tensor& at) { return tanh(matmul(matrix, at)); }

/// sum x^4 + x0 x1
Tensor quartic(const Tensor& at) { return sum(at * at * at * at) + at[0] * at[1]; }

}  // namespace

TEST_CASE("Jacobians and their products equal closed forms") {
  const Tensor y = tanh_of(x), expected = unsqueeze(1.0 - y * y, 1) * matrix;  // [2,3]
  const Tensor found = jacobian(tanh_of, x);
  CHECK(found.shape() == Shape{2, 3});
  CHECK(difference(found, expected) < 1e-14);
  CHECK(difference(jvp(tanh_of, x, v), matmul(expected, v)) < 1e-14);
  CHECK_FALSE(found.requires_grad());
  CHECK(jacobian([](const Tensor& at) { return softmax(at); }, matrix).shape() == Shape{2, 3, 2, 3});
  CHECK(difference(jacobian([](const Tensor&) { return Tensor::ones({2}, DType::float64); }, x),
                   Tensor::zeros({2, 3}, DType::float64)) == 0);
}

TEST_CASE("Hessians and their products equal closed forms") {
  Array expected = Array::zeros({3, 3}, DType::float64);
  for (std::int64_t i = 0; i < 3; ++i) expected.set(4 * i, 12 * x.at({i}) * x.at({i}));
  expected.set(1, 1), expected.set(3, 1);
  const Tensor found = hessian(quartic, x);
  CHECK(difference(found, Tensor(expected)) < 1e-13);
  CHECK(difference(hvp(quartic, x, v), matmul(Tensor(expected), v)) < 1e-13);
  CHECK(difference(hvp([](const Tensor& at) { return sum(at); }, x, v), Tensor::zeros({3}, DType::float64)) == 0);
  CHECK_THROWS_WITH(hessian(tanh_of, x), ContainsSubstring("one number"));
  CHECK_THROWS_WITH(hvp(quartic, x, matrix), ContainsSubstring("like x"));
  const NoGrad no_grad;  // is for the caller's graph
  CHECK(difference(hessian(quartic, x), Tensor(expected)) < 1e-13);
}

TEST_CASE("a penalty on the gradient's norm trains a Transformer, and its gradient is right") {
  Params params(DType::float64);
  const Seq2Seq model(Scope(params, {.seed = 2}), {.source_vocab = 7,
                                                   .target_vocab = 7,
                                                   .max_length = 4,
                                                   .embedding_std = 0.4,
                                                   .transformer = {.encoder_layers = 1,
                                                                   .decoder_layers = 1,
                                                                   .d_model = 8,
                                                                   .heads = 2,
                                                                   .d_ff = 12,
                                                                   .dropout = 0,
                                                                   .activation = Activation::gelu}});
  const Tensor source = tensor({{1, 2, 3, 0}, {4, 5, 6, 1}}, DType::int32),
               target = tensor({{0, 1, 2}, {3, 4, 5}}, DType::int32);
  std::vector<Tensor> all;
  for (const Parameter& p : params.list()) all.push_back(p.value);
  const auto penalised = [&] {
    Context context;
    const Tensor loss = model.loss({source, {}, target, target}, {}, context);
    Tensor squares = Tensor::scalar(0, DType::float64);
    for (const Tensor& g : grad(loss, all, {.create_graph = true, .allow_unused = true}))
      if (g.defined()) squares += sum(g * g);
    return loss + 0.1 * squares;
  };
  const GradcheckReport report = gradcheck(params, penalised);
  INFO(report.to_string());
  CHECK(report);
  CHECK(report.inputs.size() == params.list().size());
  Adam adam(params);
  const double before = penalised().item();
  for (int step = 0; step < 20; ++step) {
    params.zero_grad();
    penalised().backward();
    adam.step(3e-3);
  }
  CHECK(penalised().item() < 0.7 * before);
}
