#include <cmath>
#include <numbers>

#include <gaze/autograd/graph.h>

#include <gaze/autograd/check/cases/planted/bugs.h>

namespace gaze::planted {

// Arithmetic ------------------------------------------------------------------------------------------------------

void plant_arithmetic(Bugs& bugs) {
  const Tensor square = numbers({3, 4}), other = numbers({3, 4}, 1), row = numbers({4}, 1);
  const auto positive = [](int salt) { return between({3, 4}, 0.3, 2.5, salt); };
  const Tensor apart = away_from_zero({3, 4}), other_apart = away_from_zero({3, 4}, 1);

  bugs.of("add", {square, row}, binary(add));
  bugs.plant("averages over the axis that was broadcast",
             [](const At& a) {
               return Tensors{a.g, mean(a.g, {0})};
             },
             {1});
  bugs.plant("takes the first of the rows that were broadcast", [](const At& a) { return Tensors{a.g, a.g[0]}; }, {1});
  bugs.plant_refused(
      "sums the wrong axis",
      [](const At& a) {
        return Tensors{a.g, sum(a.g, {1})};
      },
      "its vjp returned shape [3] for an input of shape [4]");
  bugs.of("add", {square, numbers({})}, binary(add));
  bugs.plant("gives a scalar the gradient of one entry", [](const At& a) { return Tensors{a.g, a.g[0][0]}; }, {1});

  bugs.of("sub", {square, other}, binary(sub));
  bugs.plant("loses the sign of the second", [](const At& a) { return Tensors{a.g, a.g}; }, {1});
  bugs.plant("swaps the two", [](const At& a) { return Tensors{-a.g, a.g}; }, {0, 1});

  bugs.of("mul", {square, other}, binary(mul));
  bugs.plant("swaps the two", [](const At& a) { return Tensors{a.g * a[0], a.g * a[1]}; }, {0, 1});
  bugs.plant("forgets the second", [](const At& a) { return Tensors{a.g * a[1], {}}; }, {1});
  bugs.plant_second("keeps its inputs as numbers", [](const At& a) {
    return Tensors{a.g * a[1].detach(), a.g * a[0].detach()};
  });
  bugs.of("mul", {square}, [](Inputs in) { return mul(in[0], in[0]); });
  bugs.plant("counts a factor that stands twice once", [](const At& a) { return Tensors{a.g * a[0]}; });
  bugs.of("mul", {square, numbers({3, 1}, 1)}, binary(mul));
  bugs.plant("averages over the axis that was broadcast",
             [](const At& a) {
               return Tensors{a.g * a[1], mean_of_rows(a.g * a[0])};
             },
             {1});

  bugs.of("div", {apart, other_apart}, binary(div));
  bugs.plant("divides by b, not by its square",
             [](const At& a) {
               return Tensors{a.g / a[1], -a.g * a[0] / a[1]};
             },
             {1});
  bugs.plant("loses the sign of the second", [](const At& a) { return Tensors{a.g / a[1], a.g * a.y / a[1]}; }, {1});
  bugs.plant("multiplies where it should divide", [](const At& a) { return Tensors{a.g * a[1], -a.g * a.y / a[1]}; });
  bugs.plant_second("keeps the quotient as numbers", [](const At& a) {
    return Tensors{a.g / a[1], -a.g * a.y.detach() / a[1]};
  });

  bugs.of("neg", {square}, unary(neg));
  bugs.plant("loses the sign", [](const At& a) { return Tensors{a.g}; });

  bugs.of("pow", {positive(0), positive(1)}, binary(pow));
  bugs.plant("forgets the exponent as a factor", [](const At& a) {
    return Tensors{a.g * pow(a[0], a[1] - 1.0), a.g * a.y * log(a[0])};
  });
  bugs.plant("does not lower the exponent", [](const At& a) {
    return Tensors{a.g * a[1] * a.y, a.g * a.y * log(a[0])};
  });
  bugs.plant("takes the logarithm of the exponent",
             [](const At& a) {
               return Tensors{a.g * a[1] * a.y / a[0], a.g * a.y * log(a[1])};
             },
             {1});

  bugs.of("exp", {square}, unary(exp));
  bugs.plant("multiplies by x instead of the result", [](const At& a) { return Tensors{a.g * a[0]}; });
  bugs.plant_second("keeps the result as numbers", [](const At& a) { return Tensors{a.g * a.y.detach()}; });
  bugs.plant_second("keeps the gradient as numbers", [](const At& a) { return Tensors{a.g.detach() * a.y}; });
  // gradcheck() must look whether the walk has changed the function's result, which others may read.
  bugs.plant_in_place("multiplies its result where it lies", [](const At& a) {
    Tensor product = a.y;
    const std::span<double> values = product.change<double>("wrong exp");
    const std::span<const double> g = a.g.array().values<double>();
    std::transform(values.begin(), values.end(), g.begin(), values.begin(), std::multiplies<>());
    return Tensors{product};
  });

  bugs.of("log", {positive(0)}, unary(log));
  bugs.plant("divides by the result", [](const At& a) { return Tensors{a.g / a.y}; });

  bugs.of("sqrt", {positive(0)}, unary(sqrt));
  bugs.plant("forgets the half", [](const At& a) { return Tensors{a.g / a.y}; });

  bugs.of("rsqrt", {positive(0)}, unary(rsqrt));
  bugs.plant("loses the sign", [](const At& a) { return Tensors{a.g * a.y * a.y * a.y * 0.5}; });
  bugs.plant("takes the square for the cube", [](const At& a) { return Tensors{a.g * a.y * a.y * -0.5}; });

  bugs.of("abs", {apart}, unary(abs));
  bugs.plant("loses the sign of x", [](const At& a) { return Tensors{a.g}; });
  bugs.plant("multiplies by x, not by its sign", [](const At& a) { return Tensors{a.g * a[0]}; });
  bugs.of("abs", {tensor({0.5, 0, -2}, DType::float64)}, unary(abs));
  // NaN does not lie between the slopes on both sides. The true one's slope jumps here, which must not count as wrong.
  bugs.plant("divides by |x|, and gives NaN at 0", [](const At& a) { return Tensors{a.g * a[0] / a.y}; });

  bugs.of("erf", {square}, unary(erf));
  bugs.plant("forgets 2 / sqrt(pi)", [](const At& a) { return Tensors{a.g * exp(-(a[0] * a[0]))}; });

  const auto larger = [](const At& a) { return as_numbers(greater(a[0], a[1])); };
  bugs.of("maximum", {square, other}, binary(maximum));
  bugs.plant("gives both the mask of the first",
             [=](const At& a) {
               return Tensors{a.g * larger(a), a.g * larger(a)};
             },
             {1});
  bugs.plant("masks the first alone", [=](const At& a) { return Tensors{a.g * larger(a), a.g}; }, {1});
  bugs.of("minimum", {square, other}, binary(minimum));
  bugs.plant("takes the masks of the maximum",
             [=](const At& a) {
               return Tensors{a.g * larger(a), a.g * (1.0 - larger(a))};
             },
             {0, 1});

  constexpr double low = -0.5, high = 0.75;
  bugs.of("clip", {square}, [](Inputs in) { return clip(in[0], low, high); });
  bugs.plant("looks at the lower bound only",
             [](const At& a) { return Tensors{a.g * as_numbers(greater(a.y, Tensor::scalar(low, DType::float64)))}; });
  bugs.plant("passes everything", [](const At& a) { return Tensors{a.g}; });

  bugs.of("where", {below({3, 4}, 2), square, other}, [](Inputs in) { return where(in[0], in[1], in[2]); });
  bugs.plant("swaps the two",
             [](const At& a) {
               return Tensors{{}, where(a[0], a.g * 0.0, a.g), where(a[0], a.g, a.g * 0.0)};
             },
             {1, 2});
  bugs.plant("masks one side only", [](const At& a) { return Tensors{{}, where(a[0], a.g, a.g * 0.0), a.g}; }, {2});

  bugs.of("cast", {square}, [](Inputs in) { return cast(in[0], DType::float64); });
  bugs.plant("cuts the gradient to whole numbers",
             [](const At& a) { return Tensors{as_numbers(cast(a.g, DType::int32))}; });
  bugs.plant_refused(
      "leaves the gradient in the other dtype", [](const At& a) { return Tensors{cast(a.g, DType::float32)}; },
      "its vjp returned float32 for an input of float64");
}

// Activations -----------------------------------------------------------------------------------------------------

void plant_activations(Bugs& bugs) {
  const Tensor x = away_from_zero({3, 4});
  const auto above_zero = [](const Tensor& t) { return as_numbers(greater(t, zeros({}))); };
  const auto below_point = [](const Tensor& t) { return 0.5 * (1.0 + erf(t / std::numbers::sqrt2)); };
  const auto density = [](const Tensor& t) { return exp(t * t * -0.5) * std::sqrt(0.5 / std::numbers::pi); };

  bugs.of("tanh", {x}, unary(tanh));
  bugs.plant("forgets the square", [](const At& a) { return Tensors{a.g * (1.0 - a.y)}; });
  bugs.plant("takes x for the result", [](const At& a) { return Tensors{a.g * (1.0 - a[0] * a[0])}; });
  bugs.plant_second("keeps the result as numbers",
                    [](const At& a) { return Tensors{a.g * (1.0 - a.y.detach() * a.y.detach())}; });

  bugs.of("sigmoid", {x}, unary(sigmoid));
  bugs.plant("forgets the factor 1 - y", [](const At& a) { return Tensors{a.g * a.y}; });
  bugs.plant("squashes the result once more",
             [](const At& a) { return Tensors{a.g * sigmoid(a.y) * (1.0 - sigmoid(a.y))}; });
  bugs.plant_second("keeps one factor as numbers",
                    [](const At& a) { return Tensors{a.g * a.y * (1.0 - a.y.detach())}; });

  bugs.of("relu", {x}, unary(relu));
  bugs.plant("masks by the gradient's sign", [=](const At& a) { return Tensors{a.g * above_zero(a.g)}; });
  bugs.plant("passes what is below 0", [=](const At& a) { return Tensors{a.g * above_zero(-a[0])}; });
  // gradcheck() must look whether the walk has changed the cotangent, which other operations may share.
  bugs.plant_in_place("masks the gradient where it lies", [](const At& a) {
    Tensor masked = a.g;
    const std::span<double> values = masked.change<double>("wrong relu");
    const std::span<const double> at = a[0].array().values<double>();
    for (std::size_t i = 0; i < values.size(); ++i)
      if (at[i] <= 0) values[i] = 0;
    return Tensors{masked};
  });

  bugs.of("gelu", {x}, [](Inputs in) { return gelu(in[0]); });
  bugs.plant("forgets the density", [=](const At& a) { return Tensors{a.g * below_point(a[0])}; });
  bugs.plant("is the vjp of the form by tanh", vjp_of([](Inputs in) { return gelu(in[0], Gelu::tanh); }));
  bugs.plant_second("keeps the density as numbers",
                    [=](const At& a) { return Tensors{a.g * (below_point(a[0]) + a[0] * density(a[0]).detach())}; });
  // find_wrong_vjp() must compare the plain vjp with the one that builds a graph: each by itself is consistent.
  bugs.plant_second("builds the graph of the form by tanh", [](const At& a) {
    const Gelu form = grad_enabled() ? Gelu::tanh : Gelu::exact;
    return vjp_of([form](Inputs in) { return gelu(in[0], form); })(a);
  });

  bugs.of("silu", {x}, unary(silu));
  bugs.plant("is the slope of the sigmoid",
             [](const At& a) { return Tensors{a.g * sigmoid(a[0]) * (1.0 - sigmoid(a[0]))}; });
  bugs.plant("holds the sigmoid for fixed", [](const At& a) { return Tensors{a.g * sigmoid(a[0])}; });

  bugs.of("softplus", {x}, unary(softplus));
  bugs.plant("has the other sign in the exponent", [](const At& a) { return Tensors{a.g * sigmoid(-a[0])}; });
}

// Reductions ------------------------------------------------------------------------------------------------------

void plant_reductions(Bugs& bugs) {
  constexpr int side = 3, columns = 4;
  const Tensor square = numbers({side, side}), x = numbers({side, columns});

  bugs.of("sum", {square}, [](Inputs in) { return sum(in[0], {1}); });
  bugs.plant("spreads along the wrong axis",
             [](const At& a) { return Tensors{expand(unsqueeze(a.g, 0), a[0].shape())}; });
  bugs.of("sum", {x}, [](Inputs in) { return sum(in[0]); });
  bugs.plant("spreads as a mean",
             [](const At& a) { return Tensors{expand(a.g / static_cast<double>(a[0].size()), a[0].shape())}; });
  bugs.plant("gives the first row alone", [](const At& a) {
    return Tensors{pad(expand(a.g, {1, columns}), {{0, side - 1}, {0, 0}})};
  });
  bugs.plant_refused(
      "does not spread", [](const At& a) { return Tensors{a.g}; }, "its vjp returned shape");

  bugs.of("mean", {x}, [](Inputs in) { return mean(in[0], {1}, true); });
  bugs.plant("forgets to divide", [](const At& a) { return Tensors{expand(a.g, a[0].shape())}; });
  bugs.plant("divides by the wrong axis", [](const At& a) { return Tensors{expand(a.g / side, a[0].shape())}; });

  bugs.of("max", {x}, [](Inputs in) { return max(in[0], {1}, true); });
  bugs.plant("gives every entry the whole", [](const At& a) { return Tensors{expand(a.g, a[0].shape())}; });
  bugs.plant("seeks the largest of all",
             [](const At& a) { return Tensors{a.g * where_equal(a[0], max(a[0], {}, true))}; });
  bugs.of("max", {x}, [](Inputs in) { return max(in[0], {0}, true); });
  bugs.plant("seeks along the wrong axis",
             [](const At& a) { return Tensors{a.g * where_equal(a[0], max(a[0], {1}, true))}; });

  bugs.of("min", {x}, [](Inputs in) { return min(in[0], {1}, true); });
  bugs.plant("seeks the largest", [](const At& a) { return Tensors{a.g * where_equal(a[0], max(a[0], {1}, true))}; });

  const auto off_mean = [](const Tensor& t) { return t - mean_of_rows(t); };
  bugs.of("var", {x}, [](Inputs in) { return var(in[0], {1}, true); });
  bugs.plant("divides by n, not n - 1", [=](const At& a) { return Tensors{a.g * off_mean(a[0]) * (2.0 / columns)}; });
  bugs.plant("forgets the 2", [=](const At& a) { return Tensors{a.g * off_mean(a[0]) / (columns - 1)}; });
  bugs.plant("does not subtract the mean", [](const At& a) { return Tensors{a.g * a[0] * (2.0 / (columns - 1))}; });
  bugs.plant_second("keeps the mean as numbers", [](const At& a) {
    return Tensors{a.g * (a[0] - mean_of_rows(a[0]).detach()) * (2.0 / (columns - 1))};
  });

  bugs.of("logsumexp", {square}, [](Inputs in) { return logsumexp(in[0], {1}, true); });
  bugs.plant("does not divide by the sum", [](const At& a) { return Tensors{a.g * exp(a[0])}; });
  bugs.plant("takes the softmax along the wrong axis", [](const At& a) { return Tensors{a.g * softmax(a[0], 0)}; });
  bugs.plant_second("keeps the sum as numbers", [](const At& a) { return Tensors{a.g * exp(a[0] - a.y.detach())}; });
  bugs.of("logsumexp", {between({2, 5}, 900, 904)}, [](Inputs in) { return logsumexp(in[0], {1}, true); });
  bugs.plant("goes beyond the largest number",
             [](const At& a) { return Tensors{a.g * exp(a[0]) / sum_along(exp(a[0]), 1)}; });
}

}  // namespace gaze::planted
