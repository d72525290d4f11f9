#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/check/find_wrong_vjp.h>
#include <gaze/autograd/check/gradcheck.h>
#include <gaze/autograd/custom_op.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>

#include "../catch.h"

using namespace gaze;

namespace {

using Inputs = const std::vector<Tensor>&;
using Verdicts = std::vector<Verdict>;
using enum Verdict;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr auto fast = GradcheckOptions::Mode::fast;
constexpr double few_digits = 0.02;  ///< what can be seen of a gradient of a function that has few

/// A function whose gradient is right, and hard to see.
struct Nasty {
  std::string what;
  std::vector<Tensor> inputs;
  TensorFunction call;
  Verdicts verdicts;           ///< of which gradcheck must give one
  double off = 0.01;           ///< an error that must be found, relative to the gradient
  std::string unseen = {};     ///< why differences cannot see that a gradient is wrong; empty: they can
  std::string no_second = {};  ///< why its double backward is not checked; empty: it is
  bool float32 = false;        ///< inside: find_wrong_vjp() wants float64

  void in_float32() {
    float32 = true;
    off = few_digits;
  }
};

/// Rows of them: add(...).unseen = "..." says what is special about one.
struct Table {
  Nasty& add(std::string what, std::vector<Tensor> inputs, TensorFunction call, Verdicts verdicts = {right}) {
    return rows.emplace_back(Nasty{std::move(what), std::move(inputs), std::move(call), std::move(verdicts)});
  }
  std::vector<Nasty> rows;
};

Tensor numbers(const Nested& values) { return tensor(values, DType::float64); }
Tensor whole(Shape shape, const std::vector<std::int32_t>& values) { return Tensor::from(std::move(shape), values); }
Tensor full(Shape shape, double value) { return Tensor::full(std::move(shape), value, DType::float64); }
/// Numbers around 1 that are all different.
Tensor various(const Shape& shape) {
  std::vector<double> values(static_cast<std::size_t>(full(shape, 0).size()));
  constexpr double golden = 0.6180339887498949;
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = 0.3 + 1.4 * std::fmod(golden * static_cast<double>(i + 1), 1.0);
  return Tensor::from(shape, values);
}

Tensor in_float32(const Tensor& x, Tensor (*f)(const Tensor&)) {
  return cast(f(cast(x, DType::float32)), DType::float64);
}
Tensor power(Inputs in) { return pow(in[0], in[1]); }
Tensor normalised(Inputs in) { return layer_norm(in[0], in[1], in[2]); }
Tensor attended(Inputs in, AttentionOptions options) { return attention(in[0], in[1], in[2], options); }
std::vector<Tensor> queries_keys_values() { return {various({2, 3, 4}), various({2, 3, 4}) - 1.0, various({2, 3, 4})}; }
Tensor shifted(const Tensor& x, double by) { return (x + by) - by; }

Table kinks_and_jumps() {
  Table all;
  const auto rectified = [](Inputs in) { return relu(in[0]); };
  all.add("relu at its kink", {numbers({0, 1, -1})}, rectified, {kink_nearby});
  all.add("relu at -0", {numbers({-0.0, 1})}, rectified, {kink_nearby});
  all.add("relu 1e-3 beside its kink", {numbers({1e-3, -1e-3, 1})}, rectified, {right});
  // Steps that are smaller than the distance see no kink, and decide: a slope between 0 and 1 is wrong there.
  all.add("relu 1e-6 beside its kink", {numbers({1e-6, -1e-6, 1})}, rectified, {right});
  all.add("relu 1e-9 beside its kink", {numbers({1e-9, -1e-9, 1})}, rectified, {right, kink_nearby});
  // |x| has slope 0 at 0, the mean of -1 and 1: the central difference agrees.
  // The gradient itself jumps here, the same way on both sides: its differences agree, and go on growing.
  all.add("abs at its kink", {numbers({0, 2})}, [](Inputs in) { return abs(in[0]); }, {right});
  all.add("abs beside its kink", {numbers({1e-3, -1e-6, 1e-9})}, [](Inputs in) { return abs(in[0]); },
          {right, kink_nearby});
  all.add("clip at both bounds", {numbers({-1, 0.5, 1, 2})}, [](Inputs in) { return clip(in[0], -1, 1); },
          {kink_nearby});
  all.add("clip 1e-7 beside its bounds", {numbers({-1 + 1e-7, 0.5, 1 - 1e-7})},
          [](Inputs in) { return clip(in[0], -1, 1); }, {right});
  all.add("ties of maximum share in halves, the mean of the slopes", {numbers({1, 2, 3}), numbers({1, 2, 4})},
          [](Inputs in) { return maximum(in[0], in[1]); });
  all.add("ties of minimum share in halves", {numbers({1, 2, 3}), numbers({1, 2, 4})},
          [](Inputs in) { return minimum(in[0], in[1]); });
  all.add("maximum with itself", {numbers({1, -2})}, [](Inputs in) { return maximum(in[0], in[0]); });
  all.add("max with two ties", {numbers({{3, 3, 1}, {1, 2, 5}})}, [](Inputs in) { return max(in[0], {1}); }, {right});
  all.add("max with three ties, a third each, where the mean of the slopes is a half",
          {numbers({{3, 3, 3}, {1, 2, 5}})}, [](Inputs in) { return max(in[0], {1}); }, {kink_nearby});
  all.add("max with a tie all but for 1e-8", {numbers({{3, 3 + 1e-8, 1}, {1, 2, 5}})},
          [](Inputs in) { return max(in[0], {1}); }, {right, kink_nearby});
  all.add("max over an axis of length one", {numbers({{3}, {3}})}, [](Inputs in) { return max(in[0], {1}); }, {right});
  all.add("min with four ties", {numbers({{2, 2, 2, 2, 7}, {1, 3, 5, 6, 7}})},
          [](Inputs in) { return min(in[0], {1}); }, {kink_nearby});
  all.add("a slope that changes where a comparison does", {numbers({0, 1, -1})},
          [](Inputs in) { return where(greater(in[0], full({}, 0)), in[0] * 2.0, in[0] * 3.0); }, {kink_nearby});
  all.add("a jump where a comparison changes", {numbers({0, 1, -1})},
          [](Inputs in) { return where(greater(in[0], full({}, 0)), in[0] + 1.0, in[0]); }, {kink_nearby});
  all.add("a jump 1e-6 beside the point", {numbers({1e-6, -1e-6})},
          [](Inputs in) { return where(greater(in[0], full({}, 0)), in[0] + 1.0, in[0]); }, {right});
  all.add("a choice by argmax", {numbers({0.5, 2, -1})},
          [](Inputs in) { return in[0] * one_hot(argmax(in[0]), 3, DType::float64); }, {right});
  all.add("a choice by argmax with a tie", {numbers({{2, 2, -1}, {0.5, 2, -1}})},
          [](Inputs in) { return in[0] * one_hot(argmax(in[0]), 3, DType::float64); }, {kink_nearby});
  all.add("relu of a product that is 0", {numbers({0, 2})}, [](Inputs in) { return relu(in[0] * in[0]); }, {right})
      .no_second = "relu has slope 0 at 0: that of relu(x x) is 2 x everywhere else, and its own derivative is lost";
  // Each result has a slope in [0, 1] of its own: 0 need not lie between the sums of all left and of all right ones.
  all.add("relu in a dense layer whose results are all 0", {numbers({{0, 0}, {1, 3}})},
          [](Inputs in) {
            return dense(in[0], numbers({{1, -1}, {2, 1}}), {}, Activation::relu);
          },
          {kink_nearby});
  all.add("smooth, but like a kink from afar", {numbers({0, 1e-6, 1})},
          [](Inputs in) { return softplus(in[0] * 1e6) / 1e6; }, {right});
  return all;
}

Table scales_and_noise() {
  Table all;
  const auto square = [](Inputs in) { return in[0] * in[0]; };
  all.add("results of 1e-12", {numbers({1, -2})}, [](Inputs in) { return in[0] * in[0] * 1e-12; }).unseen =
      "rounding is taken for that of numbers around 1 on the way";
  all.add("results of 1e+12", {numbers({1, -2})}, [](Inputs in) { return in[0] * in[0] * 1e+12; });
  all.add("inputs of 1e-12", {numbers({1e-12, -2e-12})}, square).unseen =
      "rounding is taken for that of numbers around 1 on the way";
  all.add("inputs of 1e+12", {numbers({1e+12, -2e+12})}, square);
  all.add("inputs of 1e-12, exp", {numbers({1e-12, -2e-12})}, [](Inputs in) { return exp(in[0]); });
  all.add("inputs of 1e-12 made large", {numbers({1e-12, -2e-12})}, [](Inputs in) { return exp(in[0] * 1e12); });
  all.add("inputs of 1e+12 made small", {numbers({1e+12, -2e+12})}, [](Inputs in) { return exp(in[0] / 1e12); });
  all.add("inputs of 1e-100", {numbers({1e-100, 3})}, [](Inputs in) { return exp(in[0]); });
  all.add("inputs of 1e+100", {numbers({1e+100})}, [](Inputs in) { return sqrt(in[0]); });
  all.add("inputs of 1e-5 and of 1e+5 in one tensor", {numbers({1e-5, 1e5})}, square);
  all.add("a sum of huge and small terms", {numbers({2, 1}), numbers({1, 3})},
          [](Inputs in) { return sum(in[0] * 1e12) + sum(in[1] * in[1]); });
  all.add("a product of huge and small factors", {numbers({2e10, 1e10}), numbers({1e-10, 3e-10})},
          [](Inputs in) { return in[0] * in[1]; });
  all.add("results of scales 1e-8 and 1e+8 side by side", {numbers({1, 2})}, [](Inputs in) {
    return concat({in[0] * in[0] * 1e-8, in[0] * in[0] * 1e8}, 0);
  });
  all.add("results of scales 1e-8 and 1e+8, each of an input of its own", {numbers({1, 2}), numbers({1, 2})},
          [](Inputs in) {
            return concat({in[0] * in[0] * 1e-8, in[1] * in[1] * 1e8}, 0);
          });
  // Larger steps see a jump, which leaves their central differences a slope that is flat and has no meaning.
  all.add("steep: all happens within 1e-6", {numbers({0, 1e-6})}, [](Inputs in) { return tanh(in[0] * 1e6); });
  all.add("steep beside 1", {numbers({1, 1 + 1e-4})}, [](Inputs in) { return sigmoid((in[0] - 1.0) * 1e4); });
  all.add("flat: nothing happens within 1e+6", {numbers({0, 1e3})}, [](Inputs in) { return tanh(in[0] * 1e-6); });
  all.add("a large power", {numbers({0.9, 1.1})}, [](Inputs in) { return pow(in[0], 40); });
  all.add("exp of 300", {numbers({300, 1})}, [](Inputs in) { return exp(in[0]); });
  all.add("division by 1e-8", {numbers({1, 2}), numbers({1e-8, -1e-8})}, [](Inputs in) { return in[0] / in[1]; });
  all.add("division by 1e-100", {numbers({1}), numbers({1e-100})}, [](Inputs in) { return in[0] / in[1]; });
  all.add("division by 1e+100", {numbers({1}), numbers({1e+100})}, [](Inputs in) { return in[0] / in[1]; }).unseen =
      "rounding is taken for that of numbers around 1 on the way";
  all.add("a sum of 10,000 terms", {various({4})}, [](Inputs in) { return sum(exp(expand(in[0], {2500, 4}))); });
  all.add("a mean of 10,000 terms", {various({4})}, [](Inputs in) { return mean(exp(expand(in[0], {2500, 4}))); });
  all.add("400 inputs, each of which counts little", {various({400})}, [](Inputs in) { return mean(tanh(in[0])); });
  // Where rounding swallows the whole change differences are 0, the same at every step: no slope.
  all.add("cancellation of 1e+8", {numbers({0.3, 1, -2.7, 1e-3})}, [](Inputs in) { return shifted(in[0], 1e8); },
          {right, float32_only})
      .off = few_digits;
  all.add("cancellation of 1e+8 in a curve", {numbers({0.3, 1, -2.7})},
          [](Inputs in) { return tanh(shifted(exp(in[0]), 1e8)); }, {right, float32_only})
      .off = few_digits;
  all.add("cancellation of 1e+10 in a sum", {various({12})},
          [](Inputs in) { return sum(shifted(in[0] * in[0], 1e10)); }, {right, float32_only})
      .off = few_digits;
  all.add("a difference of equal numbers", {numbers({0.3, 1, -2.7})},
          [](Inputs in) { return exp(in[0]) - exp(in[0] * 1.0); })
      .unseen = "its gradient is 0";
  Nasty& squares = all.add("a difference of squares", {numbers({1e4, 3})},
                           [](Inputs in) { return in[0] * in[0] - (in[0] - 1e-4) * (in[0] + 1e-4); });
  squares.unseen = "its gradient is 0";
  // A fault of gradgradcheck: the derivative 0 of 2 x - 2 x at x = 1e4 has noise of 2e4, and rounding is taken for that
  // of numbers around 1, so that a slope of 1e-14 beside nothing else is called wrong.
  squares.no_second = "noise of 1e4 in a gradient that is 0 is taken for a slope";
  // The same, and noise whose left and right slopes are not a kink.
  all.add("float32 inside: exp", {numbers({0.3, 1, -2})}, [](Inputs in) { return in_float32(in[0], exp); },
          {right, float32_only})
      .in_float32();
  all.add("float32 inside: tanh", {various({7})}, [](Inputs in) { return in_float32(in[0], tanh); },
          {right, float32_only})
      .in_float32();
  all.add("float32 inside: a sum of sigmoids", {various({30})},
          [](Inputs in) { return cast(sum(sigmoid(cast(in[0], DType::float32))), DType::float64); },
          {right, float32_only})
      .in_float32();
  all.add("float32 inside: a matmul", {various({3, 4}), various({4, 2})},
          [](Inputs in) {
            return cast(matmul(cast(in[0], DType::float32), cast(in[1], DType::float32)), DType::float64);
          },
          {right, float32_only})
      .in_float32();
  all.add("float32 results", {various({5})}, [](Inputs in) { return exp(cast(in[0], DType::float32)); },
          {right, float32_only})
      .in_float32();
  return all;
}

Table saturated_functions() {
  Table all;
  all.add("softmax of which one takes all", {numbers({{700, 0, -700}, {0.5, 0, 1}})},
          [](Inputs in) { return softmax(in[0]); });
  all.add("softmax, saturated to 1e-10", {numbers({23, 0, -1})}, [](Inputs in) { return softmax(in[0]); });
  all.add("softmax over one", {numbers({{3}, {-700}})}, [](Inputs in) { return softmax(in[0]); }).unseen =
      "its gradient is 0";
  all.add("softmax of equal logits of 1e8", {numbers({1e8, 1e8, 1e8 - 1})}, [](Inputs in) { return softmax(in[0]); })
      .off = few_digits;
  all.add("log softmax of +-700", {numbers({700, 0, -700})}, [](Inputs in) { return log_softmax(in[0]); });
  all.add("logsumexp of +-700", {numbers({{700, 0, -700}, {-700, -700, -700}})},
          [](Inputs in) { return logsumexp(in[0], {1}); });
  all.add("logsumexp of 1e+300", {numbers({1e300, 3})}, [](Inputs in) { return logsumexp(in[0]); });
  all.add("logsumexp over one", {numbers({5})}, [](Inputs in) { return logsumexp(in[0]); });
  // find_wrong_vjp() sees minus infinity on the way.
  all.add("logsumexp of logits, one of which is masked", {numbers({1, 2, 3})}, [](Inputs in) {
    return logsumexp(where(whole({3}, {1, 0, 1}), in[0], full({}, -infinity)));
  });
  all.add("cross entropy of logits of +-700", {numbers({{700, -700, 0}, {-700, 700, 0}})}, [](Inputs in) {
    return cross_entropy(in[0], whole({2}, {0, 0}));
  });
  all.add("cross entropy that is 0", {numbers({{700, -700, 0}})},
          [](Inputs in) { return cross_entropy(in[0], whole({1}, {0})); })
      .unseen = "its gradient is 0";
  all.add("cross entropy with smoothing, of logits of +-700", {numbers({{700, -700, 0}})},
          [](Inputs in) { return cross_entropy(in[0], whole({1}, {1}), {.label_smoothing = 0.1}); });
  all.add("cross entropy of which a row is ignored", {numbers({{1, 2, 0}, {3, 2, 1}})}, [](Inputs in) {
    return cross_entropy(in[0], whole({2}, {1, -100}), {.ignore_index = -100});
  });
  all.add("cross entropy of one class", {numbers({{3}, {-2}})},
          [](Inputs in) {
            return cross_entropy(in[0], whole({2}, {0, 0}));
          })
      .unseen = "its gradient is 0";
  all.add("sigmoid of +-40 and +-800", {numbers({40, -40, 800, -800, 1})}, [](Inputs in) { return sigmoid(in[0]); });
  all.add("log of sigmoid", {numbers({-30, 30, 0})}, [](Inputs in) { return log(sigmoid(in[0])); });
  all.add("tanh of +-20 and +-400", {numbers({20, -20, 400, -400, 1})}, [](Inputs in) { return tanh(in[0]); });
  all.add("tanh of 18, whose slope is 1e-15", {numbers({18})}, [](Inputs in) { return tanh(in[0]); }).unseen =
      "its gradient is smaller than rounding";
  all.add("gelu of +-40", {numbers({40, -40, 8, -8, 1})}, [](Inputs in) { return gelu(in[0]); });
  all.add("gelu by tanh of +-40", {numbers({40, -40, 8, -8, 1})}, [](Inputs in) { return gelu(in[0], Gelu::tanh); });
  all.add("silu of +-800", {numbers({800, -800, 1})}, [](Inputs in) { return silu(in[0]); });
  all.add("softplus of +-800", {numbers({800, -800, 0})}, [](Inputs in) { return softplus(in[0]); });
  all.add("erf of +-6 and +-30", {numbers({6, -6, 30, -30, 1})}, [](Inputs in) { return erf(in[0]); });
  all.add("a saturated GRU cell", {full({2, 6}, 50), various({2, 6}), various({2, 2})},
          [](Inputs in) { return gru_cell(in[0], in[1], in[2]); });
  all.add("a GRU cell with gates shut", {full({2, 6}, -50), various({2, 6}), various({2, 2})},
          [](Inputs in) { return gru_cell(in[0], in[1], in[2]); })
      .unseen = "its gradients are smaller than rounding";
  all.add("a GRU cell of which a row stands still", {various({2, 6}), various({2, 6}), various({2, 2})}, [](Inputs in) {
    return gru_cell(in[0], in[1], in[2], whole({2}, {1, 0}));
  });
  all.add("a saturated LSTM cell", {full({2, 8}, 50), various({2, 8}), various({2, 4}) * 30.0},
          [](Inputs in) { return lstm_cell(in[0], in[1], in[2]); });
  all.add("an LSTM cell with gates shut", {full({2, 8}, -50), various({2, 8}), various({2, 4})},
          [](Inputs in) { return lstm_cell(in[0], in[1], in[2]); })
      .unseen = "its gradients are smaller than rounding";
  all.add("attention of which one key takes all",
          {various({1, 2, 4}) * 100.0, various({1, 3, 4}) * 10.0, various({1, 3, 4})},
          [](Inputs in) { return attended(in, {}); });
  all.add("additive scores, saturated", {various({1, 2, 4}) * 20.0, various({1, 3, 4}), various({1, 4})},
          [](Inputs in) { return additive_scores(in[0], in[1], in[2]); });
  return all;
}

Table edges_of_domains() {
  Table all;
  all.add("log of 1e-10", {numbers({1e-10, 1})}, [](Inputs in) { return log(in[0]); });
  // The square of this gradient overflows.
  all.add("log of 1e-300", {numbers({1e-300})}, [](Inputs in) { return log(in[0]); }).no_second = "it is not finite";
  all.add("sqrt of 1e-10", {numbers({1e-10, 1})}, [](Inputs in) { return sqrt(in[0]); });
  all.add("rsqrt of 1e-10", {numbers({1e-10, 1})}, [](Inputs in) { return rsqrt(in[0]); });
  all.add("x log x near 0", {numbers({1e-10, 0.5})}, [](Inputs in) { return in[0] * log(in[0]); });
  // An infinite gradient must not make the others negligible.
  all.add("sqrt at 0, the end of its domain", {numbers({0, 1, 4})}, [](Inputs in) { return sqrt(in[0]); },
          {kink_nearby})
      .no_second = "it is not finite";
  all.add("0 to the power of 2, of 1 and of 3", {numbers({0, 0, 0}), numbers({2, 1, 3})}, power);
  all.add("0 to the power of a half", {numbers({0, 1}), numbers({0.5, 0.5})}, power, {kink_nearby}).no_second =
      "it is not finite";
  all.add("1e-10 to the power of 2 and of a half", {numbers({1e-10, 1e-10}), numbers({2, 0.5})}, power);
  all.add("1e-300 to the power of 0.01", {numbers({1e-300}), numbers({0.01})}, power);
  all.add("a power of 0", {numbers({2, 1e-5}), numbers({0, 0})}, power);
  all.add("powers of numbers below 0", {numbers({-2, -1e-5})}, [](Inputs in) { return pow(in[0], 3); });
  all.add("layer norm of a constant row", {full({2, 4}, 3), various({4}), various({4})}, normalised);
  all.add("layer norm of zeros with a tiny eps", {full({1, 4}, 0), various({4}), various({4})},
          [](Inputs in) { return layer_norm(in[0], in[1], in[2], 1e-12); });
  all.add("layer norm of size one", {numbers({{3}, {-2}}), various({1}), various({1})}, normalised);
  all.add("layer norm of huge numbers", {various({2, 4}) * 1e8, various({4}), various({4})}, normalised);
  all.add("layer norm of tiny numbers", {various({2, 4}) * 1e-8, various({4}), various({4})}, normalised);
  all.add("layer norm of numbers far from 0", {various({2, 4}) + 1e5, various({4}), various({4})}, normalised);
  all.add("variance of a constant row", {numbers({{2, 2, 2}})}, [](Inputs in) { return var(in[0], {1}); }).unseen =
      "its gradient is 0";
  all.add("variance of one", {numbers({{2}, {3}})}, [](Inputs in) { return var(in[0], {1}, false, 0); }).unseen =
      "its gradient is 0";
  all.add("a deviation with eps", {numbers({{2, 2, 2}})}, [](Inputs in) { return sqrt(var(in[0], {1}) + 1e-12); })
      .unseen = "its gradient is 0";
  // Few steps stay inside.
  all.add("the end of a domain 1e-9 beside", {numbers({1 - 1e-9, 0.5})}, [](Inputs in) { return sqrt(1.0 - in[0]); },
          {right, kink_nearby});
  all.add("the end of a domain, by a power", {numbers({1, 0.5})}, [](Inputs in) { return pow(1.0 - in[0], 1.5); },
          {kink_nearby})
      .no_second = "it is not finite";
  return all;
}

Table empty_masked_and_unused() {
  Table all;
  const Tensor none = full({0, 3}, 0);
  const auto repeated = whole({4}, {1, 1, 0, 1});
  all.add("an empty input", {none}, [](Inputs in) { return exp(in[0]); }).unseen = "nothing flows";
  all.add("the sum of an empty input", {none}, [](Inputs in) { return sum(in[0]); }).unseen = "nothing flows";
  all.add("an empty input beside another", {none, various({2, 3})}, [](Inputs in) {
    return concat({in[0], exp(in[1])}, 0);
  });
  all.add("sums over an axis of length 0, which are 0", {various({2, 3})},
          [](Inputs in) { return sum(slice(in[0], 1, 0, 0), {1}); })
      .unseen = "nothing flows";
  all.add("a matmul over an axis of length 0", {full({2, 0}, 0), full({0, 3}, 0), various({3})},
          [](Inputs in) { return matmul(in[0], in[1]) + in[2]; });
  all.add("axes of length one against others", {various({1, 3, 1}), various({2, 1, 4})},
          [](Inputs in) { return in[0] * exp(in[1]); });
  all.add("one number against many", {various({}), various({1, 1, 1}), various({2, 3})},
          [](Inputs in) { return in[0] * in[1] / in[2]; });
  all.add("a matmul of 1 by 1", {various({1, 1}), various({1, 1})}, [](Inputs in) { return matmul(in[0], in[1]); });
  all.add("a row of masked softmax that keeps nothing", {various({2, 3})}, [](Inputs in) {
    return masked_softmax(in[0], whole({2, 3}, {0, 0, 0, 1, 1, 0}));
  });
  all.add("masked softmax that keeps nothing", {various({2, 3})},
          [](Inputs in) {
            return masked_softmax(in[0], whole({3}, {0, 0, 0}));
          })
      .unseen = "its gradient is 0";
  all.add("attention to no key", queries_keys_values(), [](Inputs in) {
    return attended(in, {.heads = 2, .key_lengths = whole({2}, {0, 2})});
  });
  all.add("composed attention to no key", queries_keys_values(), [](Inputs in) {
    return composed_attention(in[0], in[1], in[2], {.heads = 2, .key_lengths = whole({2}, {0, 2})}).output;
  });
  all.add("attention with a mask of -inf", queries_keys_values(), [](Inputs in) {
    return attended(in, {.mask = numbers({{0, -infinity, 0}, {-infinity, -infinity, -infinity}, {0, 0, -infinity}})});
  });
  all.add("causal attention with a mask of -inf", queries_keys_values(), [](Inputs in) {
    return attended(in, {.heads = 2, .causal = true, .mask = numbers({-infinity, 0, 0})});
  });
  all.add("attention with a mask of -1e9", queries_keys_values(), [](Inputs in) {
    return attended(in, {.mask = numbers({0, -1e9, 0})});
  });
  all.add("weights of attention to no key", queries_keys_values(), [](Inputs in) {
    return attention_weights(in[0], in[1], {.key_lengths = whole({2}, {0, 1})}) + sum(in[2]);
  });
  all.add("repeated ids of an embedding, and ids never used", {various({5, 2}), repeated},
          [](Inputs in) { return embedding(in[0], in[1]); });
  all.add("no ids of an embedding", {various({5, 2}), whole({0}, {})},
          [](Inputs in) { return embedding(in[0], in[1]); })
      .unseen = "nothing flows";
  all.add("repeated ids of gather", {various({3, 2}), whole({4, 2}, {1, 1, 1, 0, 1, 1, 0, 0})},
          [](Inputs in) { return gather(in[0], 0, in[1]); });
  all.add("repeated ids of index_select", {various({3, 2}), repeated},
          [](Inputs in) { return exp(index_select(in[0], 0, in[1])); });
  all.add("repeated ids of scatter_add", {various({3}), repeated, various({4})},
          [](Inputs in) { return exp(scatter_add(in[0], 0, in[1], in[2])); });
  all.add("a function that returns its input", {various({3})}, [](Inputs in) { return in[0]; });
  all.add("a constant", {various({3})}, [](Inputs) { return full({2}, 3); }).unseen = "nothing flows";
  all.add("an input times 0", {various({3})}, [](Inputs in) { return in[0] * 0.0; }).unseen = "its gradient is 0";
  all.add("an input that does not matter", {various({3}), various({2})}, [](Inputs in) { return exp(in[1]); });
  all.add("an input of which a part does not matter", {various({6})},
          [](Inputs in) { return exp(slice(in[0], 0, 1, 3)); });
  all.add("an input used many times", {various({3})},
          [](Inputs in) { return in[0] * in[0] + in[0] / in[0] - exp(in[0]) * in[0]; });
  all.add("a chain of 300 operations", {numbers({0.3, -1})}, [](Inputs in) {
    Tensor y = in[0];
    for (int i = 0; i < 100; ++i) y = tanh(y) * 1.01 + 0.01;
    return y;
  });
  all.add("a chain that grows to 1e+9", {numbers({0.3, -1})}, [](Inputs in) {
    Tensor y = in[0];
    for (int i = 0; i < 30; ++i) y = y + y;
    return y * y;
  });
  all.add("a chain that shrinks to 1e-9", {numbers({0.3, -1})}, [](Inputs in) {
    Tensor y = in[0];
    for (int i = 0; i < 30; ++i) y = y * 0.5;
    return exp(y);
  });
  all.add("dropout of a fixed stream", {various({20})}, [](Inputs in) { return dropout(exp(in[0]), 0.5, {7}); });
  all.add("dropout that keeps next to nothing", {various({20})}, [](Inputs in) { return dropout(in[0], 0.999, {7}); })
      .unseen = "it keeps nothing here";
  return all;
}

/// Leaves with the inputs' numbers.
std::vector<Tensor> leaves_of(Inputs inputs) {
  std::vector<Tensor> leaves;
  for (const Tensor& x : inputs) leaves.push_back(is_floating(x.dtype()) ? Tensor(x.array().copy(), true) : x);
  return leaves;
}

/// f whose gradients are off by a factor.
TensorFunction spoiled(const TensorFunction& f, double factor) {
  return custom_op("spoiled", f, [f, factor](Inputs in, const Tensor&, const Tensor& gradient) {
    const EnableGrad enable_grad;
    const std::vector<Tensor> leaves = leaves_of(in);
    const Tensor result = f(leaves);
    std::vector<Tensor> wrong_ones;
    for (const Tensor& leaf : leaves) {
      Tensor found;
      if (leaf.requires_grad())
        found = grad(result, {leaf}, {.cotangents = {gradient}, .retain_graph = true, .allow_unused = true}).front();
      wrong_ones.push_back(found.defined() ? found * factor : found);
    }
    return wrong_ones;
  });
}

WrongVjps find_around(const TensorFunction& f, Inputs inputs) {
  const std::vector<Tensor> leaves = leaves_of(inputs);
  return find_wrong_vjp([&] {
    const Tensor result = f(leaves);
    return sum(result * various(result.shape()));
  });
}

void check_that_no_wolf_is_cried(const Table& table) {
  for (const Nasty& c : table.rows) {
    INFO(c.what);
    const GradcheckReport report = gradcheck(c.call, c.inputs);
    INFO(report.to_string());
    CHECK_THAT(c.verdicts, Catch::Matchers::VectorContains(report.verdict));
    const GradcheckReport quick = gradcheck(c.call, c.inputs, {.mode = fast});
    INFO("fast: " << quick.to_string());
    CHECK(quick.passed());
    if (c.no_second.empty()) {
      for (const auto mode : {GradcheckOptions::Mode::full, fast}) {
        const GradcheckReport second = gradgradcheck(c.call, c.inputs, {.mode = mode});
        INFO("second: " << second.to_string());
        CHECK(second.passed());
      }
    }
    if (c.float32) continue;
    const WrongVjps found = find_around(c.call, c.inputs);
    INFO(found.to_string());
    CHECK(found.wrong.empty());
  }
}

/// With a gradient that is off, and with one that is lost.
void check_that_wrong_ones_are_found(const Table& table) {
  for (const Nasty& c : table.rows) {
    if (!c.unseen.empty()) continue;
    for (const double factor : {1 + c.off, 1 - c.off, 0.0}) {
      INFO(c.what << ", times " << factor);
      const TensorFunction wrong_one = spoiled(c.call, factor);
      CHECK(gradcheck(wrong_one, c.inputs).verdict == wrong);
      CHECK(gradcheck(wrong_one, c.inputs, {.mode = fast}).verdict == wrong);
      if (c.float32) continue;
      const WrongVjps found = find_around(wrong_one, c.inputs);
      REQUIRE(found.wrong.size() == 1);
      CHECK(found.wrong.front().operation == "spoiled");
    }
  }
}

}  // namespace

TEST_CASE("no wolf is cried at kinks, ties and jumps") { check_that_no_wolf_is_cried(kinks_and_jumps()); }

TEST_CASE("no wolf is cried at tiny and huge scales, cancellation and float32") {
  check_that_no_wolf_is_cried(scales_and_noise());
}

TEST_CASE("no wolf is cried at saturated functions") { check_that_no_wolf_is_cried(saturated_functions()); }

TEST_CASE("no wolf is cried at the edges of domains") { check_that_no_wolf_is_cried(edges_of_domains()); }

TEST_CASE("no wolf is cried at empty, masked, repeated and unused inputs, and at long chains") {
  check_that_no_wolf_is_cried(empty_masked_and_unused());
}

TEST_CASE("nasty functions with wrong gradients are still wrong") {
  for (const auto& table :
       {kinks_and_jumps(), scales_and_noise(), saturated_functions(), edges_of_domains(), empty_masked_and_unused()})
    check_that_wrong_ones_are_found(table);
}

TEST_CASE("one wrong entry is found beside nasty ones") {
  // Each function works entry by entry: so its cotangent's factor is that of its gradient.
  const Tensor which = numbers({1, 1.01, 1});
  const std::vector<std::tuple<const char*, Tensor, TensorFunction>> table = {
      {"beside kinks", numbers({0, 2, 0}), [](Inputs in) { return relu(in[0]); }},
      {"beside an infinite slope", numbers({0, 1, 4}), [](Inputs in) { return sqrt(in[0]); }},
      {"1e-6 beside a kink", numbers({0, 1e-6, 0}), [](Inputs in) { return relu(in[0]); }},
      {"1e-6 beside a jump", numbers({1, -1e-6, 1}),
       [](Inputs in) { return where(greater(in[0], full({}, 0)), in[0] + 1.0, in[0]); }},
      {"beside saturated ones", numbers({-800, 0.3, 800}), [](Inputs in) { return sigmoid(in[0]); }},
  };
  for (const auto& [what, x, f] : table) {
    INFO(what);
    const TensorFunction one_off = custom_op("one_off", f, [&which, f = f](Inputs in, const Tensor&, const Tensor& g) {
      const EnableGrad enable_grad;
      const std::vector<Tensor> leaves = leaves_of(in);
      return std::vector<Tensor>{grad(f(leaves), leaves, {.cotangents = {g * which}}).front()};
    });
    const GradcheckReport report = gradcheck(one_off, {x});
    INFO(report.to_string());
    REQUIRE(report.verdict == wrong);
    CHECK(report.worst.front().index == 1);
    CHECK(gradcheck(one_off, {x}, {.mode = fast}).verdict == wrong);
  }
}

TEST_CASE("a NaN gradient is wrong, at a kink as well") {
  CHECK(gradcheck([](Inputs in) { return sqrt(sum(in[0] * in[0])); }, {numbers({0, 0})}).verdict == Verdict::wrong);
  // The root of 0 has an infinite slope, which is multiplied by 0.
  CHECK(gradcheck([](Inputs in) { return sqrt(pow(in[0], 4)); }, {numbers({0, 1})}).verdict == wrong);
  // What where() does not take still gives 0 times NaN.
  const TensorFunction masked_too_late = [](Inputs in) {
    return where(greater(in[0], full({}, 0)), sqrt(in[0]), in[0]);
  };
  CHECK(gradcheck(masked_too_late, {numbers({-1, 1})}).verdict == wrong);
  CHECK(gradcheck(masked_too_late, {numbers({0.5, 1})}).verdict == right);
}

TEST_CASE("a function that changes from call to call is told so, and how to mend it") {
  std::uint64_t calls = 0;
  const TensorFunction changing = [&](Inputs in) { return dropout(in[0], 0.5, {1, ++calls}); };
  const std::vector<Tensor> inputs = {full({64}, 1)};
  const WrongVjps found = find_around(changing, inputs);
  REQUIRE(found.wrong.size() == 1);
  for (const GradcheckReport& report : {gradcheck(changing, inputs), gradcheck(changing, inputs, {.mode = fast}),
                                        gradgradcheck(changing, inputs), found.wrong.front().report}) {
    CHECK(report.verdict == not_deterministic);
    CHECK_FALSE(report.passed());
    CHECK_THAT(report.reason, ContainsSubstring("called again") && ContainsSubstring("the same random stream"));
  }
}

TEST_CASE("where the result is not finite there is an Error that says so, and no verdict") {
  const std::vector<std::tuple<const char*, Tensor, TensorFunction>> table = {
      {"the mean over nothing", numbers({1, 2}), [](Inputs in) { return mean(slice(in[0], 0, 0, 0)); }},
      {"the logarithm of 0", numbers({1, 0}), [](Inputs in) { return log(in[0]); }},
      {"the logarithm of a negative number", numbers({1, -1}), [](Inputs in) { return log(in[0]); }},
      {"division by 0", numbers({1, 0}), [](Inputs in) { return 1.0 / in[0]; }},
      {"exp that overflows", numbers({1, 1000}), [](Inputs in) { return exp(in[0]); }},
      {"a variance of one, corrected", numbers({{1}}), [](Inputs in) { return var(in[0], {1}); }},
      {"cross entropy of which all rows are ignored", numbers({{1, 2}}),
       [](Inputs in) { return cross_entropy(in[0], whole({1}, {-100}), {.ignore_index = -100}); }},
      {"a root of a negative number", numbers({-1}), [](Inputs in) { return sqrt(in[0]); }},
      {"an infinite input", numbers({infinity, 1}), [](Inputs in) { return in[0] * 2.0; }},
  };
  for (const auto& [what, x, f] : table) {
    INFO(what);
    for (const auto mode : {GradcheckOptions::Mode::full, fast})
      CHECK_THROWS_WITH(gradcheck(f, {x}, {.mode = mode}), ContainsSubstring("no slope there"));
  }
}
