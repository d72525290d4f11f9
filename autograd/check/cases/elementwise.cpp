#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include <gaze/autograd/check/cases/cases.h>

namespace gaze::cases {
namespace {

using Make = Tensor (*)(const Shape&, int salt);
using Scalar = double (*)(double);
using ScalarOfTwo = double (*)(double, double);

Tensor positive(const Shape& shape, int salt) { return between(shape, 0.3, 2.5, salt); }

OpCase::Call map(Scalar f) {
  return [f](Inputs in) { return table(in[0].shape(), [&](const Index& i) { return f(at(in[0], i)); }); };
}

OpCase::Call map(ScalarOfTwo f) {
  return [f](Inputs in) {
    const Tensor &a = in.front(), &b = in.back();
    return table(broadcast("reference", a.shape(), b.shape()), [&](const Index& i) { return f(at(a, i), at(b, i)); });
  };
}

template <class Op>
void unary(Table& cases, const char* name, const Op& op, Scalar f, Make make, const char* form = "") {
  const OpCase::Call call = [op](Inputs in) { return op(in[0]); };
  const auto add = [&](const char* variant, const Shape& shape) {
    cases.push_back({name, std::string(variant) + form, {make(shape, 0)}, call, map(f)});
  };
  add("ordinary", {3, 4});
  add("longer than a vector", {37});
  add("scalar", {});
  add("size one", {1, 1});
  add("empty", {2, 0, 3});
}

void binary(Table& cases, const char* name, Tensor (*op)(const Tensor&, const Tensor&), ScalarOfTwo f, Make make,
            Make make_other) {
  const OpCase::Call call = [op](Inputs in) { return op(in[0], in[1]); };
  const auto add = [&](const char* variant, const Shape& a, const Shape& b) {
    cases.push_back({name, variant, {make(a, 0), make_other(b, 1)}, call, map(f)});
  };
  add("ordinary", {3, 4}, {3, 4});
  add("longer than a vector", {35}, {35});
  add("broadcast row", {3, 4}, {4});
  add("broadcast rows", {4}, {3, 4});
  add("broadcast both", {3, 1}, {1, 4});
  add("broadcast inner axis", {2, 3, 4}, {3, 1});
  add("broadcast scalar", {2, 3}, {});
  add("size one", {1}, {1, 1});
  add("empty", {2, 0}, {2, 1});
  add("empty by broadcast", {1}, {0, 3});
  cases.push_back({name, "with itself", {make({3, 4}, 0)}, [op](Inputs in) { return op(in[0], in[0]); }, map(f)});
}

}  // namespace

void add_arithmetic(Table& cases) {
  binary(
      cases, "add", add, [](double a, double b) { return a + b; }, numbers, numbers);
  binary(
      cases, "sub", sub, [](double a, double b) { return a - b; }, numbers, numbers);
  binary(
      cases, "mul", mul, [](double a, double b) { return a * b; }, numbers, numbers);
  binary(
      cases, "div", div, [](double a, double b) { return a / b; }, away_from_zero, away_from_zero);
  binary(
      cases, "pow", pow, [](double a, double b) { return std::pow(a, b); }, positive, positive);
  binary(
      cases, "maximum", maximum, [](double a, double b) { return std::max(a, b); }, numbers, numbers);
  binary(
      cases, "minimum", minimum, [](double a, double b) { return std::min(a, b); }, numbers, numbers);

  unary(
      cases, "neg", neg, [](double x) { return -x; }, numbers);
  unary(
      cases, "exp", exp, [](double x) { return std::exp(x); }, numbers);
  unary(
      cases, "log", log, [](double x) { return std::log(x); }, positive);
  unary(
      cases, "sqrt", sqrt, [](double x) { return std::sqrt(x); }, positive);
  unary(
      cases, "rsqrt", rsqrt, [](double x) { return 1 / std::sqrt(x); }, positive);
  unary(
      cases, "abs", abs, [](double x) { return std::abs(x); }, away_from_zero);
  unary(
      cases, "erf", erf, [](double x) { return std::erf(x); }, numbers);
  unary(
      cases, "clip", [](const Tensor& x) { return clip(x, -0.5, 0.75); },
      [](double x) { return std::clamp(x, -0.5, 0.75); }, numbers);
  unary(
      cases, "clip", [](const Tensor& x) { return clip(x, 0, std::numeric_limits<double>::infinity()); },
      [](double x) { return std::max(x, 0.0); }, away_from_zero, ", no upper bound");
  unary(
      cases, "pow", [](const Tensor& x) { return pow(x, 3); }, [](double x) { return x * x * x; }, away_from_zero,
      ", negative base and whole exponent");

  const OpCase::Call power = [](Inputs in) { return pow(in[0], in[1]); };
  cases.push_back({"pow",
                   "whole exponents, 0 among them",
                   {away_from_zero({4})},
                   [](Inputs in) {
                     return pow(in[0], Tensor::from({4}, std::vector<double>{0, 1, 2, -1}).to(in[0].dtype()));
                   },
                   [](Inputs in) {
                     const std::array<double, 4> exponents = {0, 1, 2, -1};
                     return table({4}, [&](const Index& i) {
                       return std::pow(at(in[0], i), exponents[static_cast<std::size_t>(i[0])]);
                     });
                   }});
  cases.push_back(
      {"pow", "exponent 0", {positive({3}, 0), Tensor::zeros({3}, DType::float64)}, power, map([](double a, double b) {
         return std::pow(a, b);
       })});

  const auto pick = [](Inputs in) { return where(in[0], in[1], in[2]); };
  const auto picked = [](Inputs in) {
    const Shape both = broadcast("reference", in[1].shape(), in[2].shape());
    return table(broadcast("reference", in[0].shape(), both),
                 [&](const Index& i) { return at(at(in[0], i) != 0 ? in[1] : in[2], i); });
  };
  const auto add_where = [&](const char* variant, const Shape& condition, const Shape& a, const Shape& b) {
    cases.push_back({"where", variant, {below(condition, 2), numbers(a), numbers(b, 1)}, pick, picked});
  };
  add_where("ordinary", {3, 4}, {3, 4}, {3, 4});
  add_where("broadcast condition", {4}, {3, 4}, {3, 4});
  add_where("broadcast operands", {2, 3, 4}, {3, 1}, {});
  add_where("size one", {1}, {1}, {1});
  add_where("empty", {0, 4}, {4}, {1});

  const OpCase::Call itself = [](Inputs in) { return in[0]; };
  cases.push_back(
      {"cast", "same dtype", {numbers({3, 4})}, [](Inputs in) { return cast(in[0], DType::float64); }, itself});
  cases.push_back({"cast", "size one", {numbers({1})}, [](Inputs in) { return cast(in[0], DType::float64); }, itself});
  cases.push_back({"cast", "empty", {numbers({0, 2})}, [](Inputs in) { return cast(in[0], DType::float64); }, itself});
  cases.push_back({"cast",
                   "from int32",
                   {below({3, 4}, 9)},
                   [](Inputs in) { return cast(in[0], DType::float64); },
                   [](Inputs in) {
                     return table({3, 4}, [&](const Index& i) { return at(in[0], i); });
                   },
                   false});
  cases.push_back({"cast",
                   "to int32",
                   {numbers({3, 4})},
                   [](Inputs in) { return cast(in[0], DType::int32); },
                   [](Inputs in) {
                     return table(
                         {3, 4}, [&](const Index& i) { return std::trunc(at(in[0], i)); }, DType::int32);
                   },
                   false});
}

void add_activations(Table& cases) {
  const Make far = [](const Shape& shape, int salt) { return between(shape, 15, 35, salt); };
  const Make far_below = [](const Shape& shape, int salt) { return between(shape, -35, -15, salt); };
  const auto activation = [&](const char* name, const auto& op, Scalar f, const char* form = "") {
    unary(cases, name, op, f, away_from_zero, form);
    unary(cases, name, op, f, far, fmt::format("{}, far above 0", form).c_str());
    unary(cases, name, op, f, far_below, fmt::format("{}, far below 0", form).c_str());
  };
  activation(
      "tanh", [](const Tensor& x) { return tanh(x); }, [](double x) { return std::tanh(x); });
  activation(
      "sigmoid", [](const Tensor& x) { return sigmoid(x); }, [](double x) { return 1 / (1 + std::exp(-x)); });
  activation(
      "relu", [](const Tensor& x) { return relu(x); }, [](double x) { return std::max(x, 0.0); });
  activation(
      "silu", [](const Tensor& x) { return silu(x); }, [](double x) { return x / (1 + std::exp(-x)); });
  activation(
      "softplus", [](const Tensor& x) { return softplus(x); }, [](double x) { return std::log1p(std::exp(x)); });
  activation(
      "gelu", [](const Tensor& x) { return gelu(x); },
      [](double x) { return x * 0.5 * std::erfc(-x / std::numbers::sqrt2); }, ", exact");
  activation(
      "gelu", [](const Tensor& x) { return gelu(x, Gelu::tanh); },
      [](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x))); },
      ", by tanh");
}

void add_comparisons(Table& cases) {
  const auto compare = [&](const char* name, Tensor (*op)(const Tensor&, const Tensor&), bool (*f)(double, double)) {
    const OpCase::Call call = [op](Inputs in) { return op(in[0], in[1]); };
    const OpCase::Call reference = [f](Inputs in) {
      return table(
          broadcast("reference", in[0].shape(), in[1].shape()),
          [&](const Index& i) { return f(at(in[0], i), at(in[1], i)); }, DType::int32);
    };
    const auto add = [&](const char* variant, const Tensor& a, const Tensor& b) {
      cases.push_back({name, variant, {a, b}, call, reference, false});
    };
    add("ordinary", numbers({3, 4}), numbers({3, 4}, 1));
    add("equal numbers", numbers({3, 4}), numbers({3, 4}));
    add("whole numbers, broadcast", below({3, 1}, 3), below({5}, 3));
    add("size one", numbers({1}), numbers({}));
    add("empty", numbers({0, 4}), numbers({4}));
  };
  compare("equal", equal, [](double a, double b) { return a == b; });
  compare("not_equal", not_equal, [](double a, double b) { return a != b; });
  compare("less", less, [](double a, double b) { return a < b; });
  compare("less_equal", less_equal, [](double a, double b) { return a <= b; });
  compare("greater", greater, [](double a, double b) { return a > b; });
  compare("greater_equal", greater_equal, [](double a, double b) { return a >= b; });

  const auto add_argmax = [&](const char* variant, const Tensor& x, int axis) {
    cases.push_back({"argmax",
                     variant,
                     {x},
                     [axis](Inputs in) { return argmax(in[0], axis); },
                     [axis](Inputs in) {
                       const int along = in[0].shape().normal_axis(axis);
                       return table(
                           in[0].shape().without(axis),
                           [&](Index i) {
                             i.insert(i.begin() + along, 0);
                             Index best = i;
                             for (auto& place = i[static_cast<std::size_t>(along)]; place < in[0].size(along); ++place)
                               if (at(in[0], i) > at(in[0], best)) best = i;
                             return static_cast<double>(best[static_cast<std::size_t>(along)]);
                           },
                           DType::int32);
                     },
                     false});
  };
  add_argmax("ordinary", numbers({3, 4}), -1);
  add_argmax("first axis", numbers({3, 4, 2}), 0);
  add_argmax("equal numbers", Tensor::zeros({2, 3}, DType::float64), 1);
  add_argmax("size one", numbers({1}), 0);
  add_argmax("empty", numbers({0, 3}), 1);

  const auto add_one_hot = [&](const char* variant, const Tensor& ids, std::int64_t classes) {
    cases.push_back({"one_hot",
                     variant,
                     {ids},
                     [classes](Inputs in) { return one_hot(in[0], classes, DType::float64); },
                     [classes](Inputs in) {
                       Shape shape = in[0].shape();
                       shape.append(classes);
                       return table(shape, [&](const Index& i) {
                         return id_at(in[0], std::span(i).first(i.size() - 1)) == i.back();
                       });
                     },
                     false});
  };
  add_one_hot("ordinary", below({3, 2}, 5), 5);
  add_one_hot("scalar", below({}, 4), 4);
  add_one_hot("size one", whole({1}, {0}), 1);
  add_one_hot("empty", below({0, 2}, 5), 5);
}

}  // namespace gaze::cases
