#include <gaze/autograd/check/cases/op_cases.h>
#include <gaze/autograd/check/gradcheck.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/random.h>

#include "../../catch.h"

using namespace gaze;

namespace {

using Inputs = const std::vector<Tensor>&;

/// x^2 whose vjp is off by a factor, and whose double backward may be missing.
Tensor wrong_square(const Tensor& x, double factor, bool detached) {
  return record("wrong_square", mul(x.detach(), x.detach()).array(), {x}, keep_inputs,
                [=](const Saved& s, const Tensor& g) -> Gradients {
                  return {g * 2.0 * (detached ? s[0].detach() : s[0]) * factor};
                });
}

const Tensor three = tensor({0.5, -1, 2}, DType::float64);

}  // namespace

TEST_CASE("gradients of every operation agree with central differences") {
  for (const OpCase& c : op_cases()) {
    if (!c.differentiable) continue;
    INFO(c.operation << ", " << c.variant);
    const GradcheckReport report = gradcheck(c.call, c.inputs);
    INFO(report.to_string());
    CHECK(report.passed());
    std::int64_t entries = 0;
    for (const Tensor& t : c.inputs) entries += is_floating(t.dtype()) ? t.size() : 0;
    CHECK(report.compared == entries);
  }
}

TEST_CASE("second derivatives of every operation agree with central differences") {
  for (const OpCase& c : op_cases()) {
    if (!c.differentiable) continue;
    INFO(c.operation << ", " << c.variant);
    const GradcheckReport report = gradgradcheck(c.call, c.inputs);
    INFO(report.to_string());
    CHECK(report.passed());
  }
}

TEST_CASE("gradcheck finds a wrong gradient and names the input") {
  const GradcheckReport report = gradcheck([](Inputs in) { return wrong_square(in[0], 1.001, false) + in[1]; },
                                           {three, three}, {.names = {"weight", "bias"}});
  CHECK_FALSE(report);
  CHECK(report.compared == 6);
  CHECK(report.worst.size() == 3);
  CHECK(report.worst[0].input == "weight");
  const DerivativeComparison& worst = report.worst[0].judgement;
  CHECK(worst.analytic == Approx(worst.numeric * 1.001).epsilon(1e-6));
  CHECK(report.to_string().starts_with("wrong: the gradient of weight["));
  CHECK(report.verdict == Verdict::wrong);
  CHECK(report.digits() == 3);
  REQUIRE(report.inputs.size() == 2);
  CHECK(report.inputs[0].verdict == Verdict::wrong);
  CHECK(report.inputs[1].verdict == Verdict::right);
}

TEST_CASE("a gradient that is lost is found") {
  const GradcheckReport report = gradcheck([](Inputs in) { return in[0].detach() * in[0]; }, {three});
  CHECK_FALSE(report);
  CHECK(gradcheck([](Inputs in) { return in[0] * 0.0; }, {three}));
  CHECK_FALSE(gradcheck([](Inputs in) { return exp(in[0].detach()); }, {three}));
}

TEST_CASE("a sum as the loss would hide what random cotangents show") {
  // The rows of a softmax add up to 1: with equal cotangents every gradient is 0, this wrong one as well.
  const auto wrong = [](Inputs in) {
    const Tensor y = softmax(in[0]).detach();
    return record("wrong_softmax", y.array(), {in[0]}, keep_none,
                  [y](const Saved&, const Tensor& g) -> Gradients { return {(g - sum(g * y, {-1}, true)) * y * 2.0}; });
  };
  CHECK_FALSE(gradcheck(wrong, {tensor({{0.1, 0.5, -1}, {2, 0, 1}}, DType::float64)}));
  CHECK(gradcheck([&](Inputs in) { return wrong(in).sum(); }, {tensor({{0.1, 0.5, -1}, {2, 0, 1}}, DType::float64)}));
}

TEST_CASE("gradgradcheck finds a second derivative that is silently zero") {
  const auto f = [](Inputs in) { return wrong_square(in[0], 1, true); };
  CHECK(gradcheck(f, {three}));
  CHECK_FALSE(gradgradcheck(f, {three}));
}

TEST_CASE("a function that gives other numbers when called again fails with that reason") {
  std::uint64_t calls = 0;
  const auto report = gradcheck(
      [&](Inputs in) {
        return dropout(in[0], 0.5, {1, ++calls});
      },
      {Tensor::ones({64}, DType::float64)});
  CHECK_FALSE(report);
  CHECK(report.verdict == Verdict::not_deterministic);
  CHECK_THAT(report.to_string(), ContainsSubstring("called again") && ContainsSubstring("stream"));
}

TEST_CASE("float32 inputs are checked in float64, int32 inputs go along") {
  const Tensor ids = Tensor::from({2}, std::vector<std::int32_t>{1, 0});
  const auto report =
      gradcheck([](Inputs in) { return embedding(in[0], in[1]) * in[0]; }, {tensor({{1, 2}, {3, 4}}), ids});
  CHECK(report);
  CHECK(report.compared == 4);
  CHECK_THROWS_WITH(gradcheck([](Inputs in) { return argmax(in[0]); }, {three}), ContainsSubstring("int32"));
}

TEST_CASE("other seeds give other cotangents, the same seed the same figures") {
  const auto f = [](Inputs in) { return exp(in[0]); };
  const double once = gradcheck(f, {three}, {.seed = 5}).worst_error;
  CHECK(gradcheck(f, {three}, {.seed = 5}).worst_error == once);
  CHECK(gradcheck(f, {three}, {.seed = 6}).worst_error != once);
}
