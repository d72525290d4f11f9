#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numbers>
#include <set>

#include <gaze/autograd/custom_op.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/find_wrong_vjp.h>
#include <gaze/autograd/gradcheck.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/op_cases/cases.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/parameters.h>

#include "declared_operations.h"

using namespace gaze;
using namespace gaze::cases;

/// Operations whose vjp is wrong in a way that a person could have written. The checker must find every one.
namespace {

using Tensors = std::vector<Tensor>;
using Call = std::function<Tensor(Inputs)>;

/// What a vjp is given.
struct At {
  Inputs inputs;
  const Tensor& y;  ///< the result
  const Tensor& g;  ///< its gradient
  const Tensor& operator[](std::size_t i) const { return inputs[i]; }
};
using Rule = std::function<Tensors(const At&)>;

/// What a planted bug is caught by.
enum class Caught {
  first,    ///< its gradients are not the slopes
  second,   ///< its gradients are right, what they are differentiated to is not
  in_place  ///< its gradients are right, but the walk changes numbers that others read
};

struct Bug {
  std::string operation;  ///< of ops.h, that it imitates
  std::string fault;
  Tensors inputs;                       ///< float64 ones are differentiated by
  Call right;                           ///< the true operation
  Call wrong;                           ///< the same numbers, recorded as "wrong <operation>"
  std::set<std::size_t> spoiled = {0};  ///< inputs whose gradient is wrong
  Caught caught = Caught::first;

  std::string name() const { return "wrong " + operation; }
};

/// A vjp that the engine refuses.
struct Refused {
  Bug bug;
  std::string message;  ///< part of it
};

class Bugs {
 public:
  /// The operation that the next ones imitate, and how it is called.
  void of(std::string operation, Tensors inputs, Call right) {
    operations.push_back({std::move(operation), "", std::move(inputs), std::move(right), {}});
  }
  void plant(std::string fault, Rule rule, std::set<std::size_t> spoiled = {0}) {
    all.push_back(made(operations.back(), std::move(fault), std::move(rule), std::move(spoiled), Caught::first));
  }
  void plant_second(std::string fault, Rule rule) {
    plant_second(operations.back(), std::move(fault), std::move(rule));
  }
  void plant_second(const Bug& operation, std::string fault, Rule rule) {
    all.push_back(made(operation, std::move(fault), std::move(rule), {}, Caught::second));
  }
  void plant_in_place(std::string fault, Rule rule) {
    all.push_back(made(operations.back(), std::move(fault), std::move(rule), {}, Caught::in_place));
  }
  void plant_refused(std::string fault, Rule rule, std::string message) {
    refused.push_back(
        {made(operations.back(), std::move(fault), std::move(rule), {}, Caught::first), std::move(message)});
  }
  /// One that gaze::record() records, for contributions of a kind that custom_op() does not have.
  void plant_recorded(std::string fault, Call wrong, std::set<std::size_t> spoiled = {0}) {
    Bug bug = operations.back();
    bug.fault = std::move(fault), bug.wrong = std::move(wrong), bug.spoiled = std::move(spoiled);
    all.push_back(std::move(bug));
  }

  std::vector<Bug> all;
  std::vector<Refused> refused;
  std::vector<Bug> operations;  ///< with nothing wrong, each once

 private:
  static Bug made(Bug bug, std::string fault, Rule rule, std::set<std::size_t> spoiled, Caught caught) {
    bug.fault = std::move(fault), bug.spoiled = std::move(spoiled), bug.caught = caught;
    bug.wrong = custom_op(bug.name(), bug.right, [rule = std::move(rule)](Inputs in, const Tensor& y, const Tensor& g) {
      return rule(At{in, y, g});
    });
    return bug;
  }
};

Call unary(Tensor (*op)(const Tensor&)) {
  return [op](Inputs in) { return op(in[0]); };
}
Call binary(Tensor (*op)(const Tensor&, const Tensor&)) {
  return [op](Inputs in) { return op(in[0], in[1]); };
}

// What wrong vjps are written in ----------------------------------------------------------------------------------

constexpr double never = -std::numeric_limits<double>::infinity();

Tensor zeros(const Shape& shape) { return Tensor::zeros(shape, DType::float64); }
Tensor as_numbers(const Tensor& condition) { return cast(condition, DType::float64); }
Tensor sum_along(const Tensor& x, int axis) { return sum(x, {axis}, true); }
Tensor mean_of_rows(const Tensor& x) { return mean(x, {-1}, true); }
/// Where x is the largest, or smallest, of its group.
Tensor where_equal(const Tensor& x, const Tensor& extreme) { return as_numbers(equal(x, extreme)); }

/// The vjp of f: for an operation taken for another, or for one gradient to be spoiled among right ones.
Rule vjp_of(const Call& f) {
  return [f](const At& at) {
    const bool create_graph = grad_enabled();
    const EnableGrad enable_grad;
    Tensors copies, wanted;  // copies cut the graph at the inputs
    for (const Tensor& input : at.inputs) {
      copies.push_back(is_floating(input.dtype()) ? input.clone() : input);
      if (is_floating(input.dtype())) wanted.push_back(copies.back());
    }
    const Tensors found =
        grad(f(copies), wanted, {.cotangents = {at.g}, .create_graph = create_graph, .allow_unused = true});
    Tensors all;
    for (std::size_t i = 0, next = 0; i < copies.size(); ++i)
      all.push_back(is_floating(copies[i].dtype()) ? found[next++] : Tensor());
    return all;
  };
}

/// The vjp of f with one gradient changed.
Rule spoiled(const Call& f, std::size_t input, const std::function<Tensor(const At&, const Tensors&)>& change) {
  return [rule = vjp_of(f), input, change](const At& at) {
    Tensors all = rule(at);
    all[input] = change(at, all);
    return all;
  };
}

/// The vjp of f as numbers: differentiated again, it gives nothing.
Rule numbers_only(const Call& f) {
  return [rule = vjp_of(f)](const At& at) {
    const NoGrad no_grad;
    Tensors all = rule(at);
    for (Tensor& gradient : all)
      if (gradient.defined()) gradient = gradient.detach();
    return all;
  };
}

/// Values written into the rows of zeros one over the other where they should be added: the last of a row's stays.
Tensor overwritten(const Tensor& ids, const Tensor& values, std::int64_t rows) {
  const std::span<const std::int32_t> all = ids.array().values<std::int32_t>();
  Tensors made;
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto last = std::find(all.rbegin(), all.rend(), row);
    made.push_back(last == all.rend() ? zeros(values.shape().without(0)) : values[all.rend() - last - 1]);
  }
  return stack(made);
}

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

// Matrices --------------------------------------------------------------------------------------------------------

void plant_matmul(Bugs& bugs) {
  const Tensor square = numbers({3, 3}), other = numbers({3, 3}, 1);
  const MatmulOptions first{.transpose_a = true}, second{.transpose_b = true};

  bugs.of("matmul", {square, other}, [](Inputs in) { return matmul(in[0], in[1]); });
  bugs.plant("does not transpose b", [=](const At& a) { return Tensors{matmul(a.g, a[1]), matmul(a[0], a.g, first)}; });
  bugs.plant("does not transpose a",
             [=](const At& a) {
               return Tensors{matmul(a.g, a[1], second), matmul(a[0], a.g)};
             },
             {1});
  bugs.plant("transposes the gradient of b",
             [=](const At& a) {
               return Tensors{matmul(a.g, a[1], second), matmul(a.g, a[0], first)};
             },
             {1});
  bugs.plant("multiplies from the wrong side", [=](const At& a) {
    return Tensors{matmul(a[1], a.g, first), matmul(a[0], a.g, first)};
  });
  bugs.plant_recorded("contributes a product that is not transposed",
                      [=](Inputs in) {
                        return record("wrong matmul", matmul(in[0].detach(), in[1].detach()).array(), {in[0], in[1]},
                                      keep_inputs, [=](const Saved& s, const Tensor& g) -> Gradients {
                                        return {matmul(g, s[1], second), Contribution::product(s[0], false, g, false)};
                                      });
                      },
                      {1});
  bugs.plant_second("keeps a as numbers", [=](const At& a) {
    return Tensors{matmul(a.g, a[1], second), matmul(a[0].detach(), a.g, first)};
  });
  bugs.of("matmul", {square, other}, [=](Inputs in) { return matmul(in[0], in[1], second); });
  bugs.plant("forgets that b came transposed",
             [=](const At& a) {
               return Tensors{matmul(a.g, a[1]), matmul(a[0], a.g, first)};
             },
             {1});
  bugs.of("matmul", {numbers({2, 3, 4}), numbers({4, 5}, 1)}, [](Inputs in) { return matmul(in[0], in[1]); });
  bugs.plant("takes the first of the batch for all",
             [=](const At& a) {
               return Tensors{matmul(a.g, a[1], second), matmul(a[0][0], a.g[0], first)};
             },
             {1});
  bugs.plant("overwrites what the batch should add up",
             [=](const At& a) {
               return Tensors{matmul(a.g, a[1], second), matmul(a[0][1], a.g[1], first)};
             },
             {1});
  bugs.plant_refused(
      "transposes the gradient of b",
      [=](const At& a) {
        return Tensors{matmul(a.g, a[1], second), transpose(matmul(a[0], a.g, first))};
      },
      "its vjp returned shape [2,5,4] for an input of shape [4,5]");

  bugs.of("einsum", {square, other}, [](Inputs in) { return einsum("ij,kj->ik", {in[0], in[1]}); });
  bugs.plant("swaps the labels of the second's gradient",
             [](const At& a) {
               return Tensors{einsum("ik,kj->ij", {a.g, a[1]}), einsum("ik,ij->jk", {a.g, a[0]})};
             },
             {1});
  bugs.plant("swaps the labels of the result", [](const At& a) {
    return Tensors{einsum("ki,kj->ij", {a.g, a[1]}), einsum("ik,ij->kj", {a.g, a[0]})};
  });
}

void plant_linear(Bugs& bugs) {
  const Tensor x = numbers({2, 3, 4}), weight = numbers({5, 4}, 1), bias = numbers({5}, 2);
  const Call whole_weight = [](Inputs in) { return linear(in[0], in[1], in[2]); };
  const auto matrix = [](const Tensor& t) { return reshape(t, {-1, t.size(-1)}); };

  bugs.of("linear", {x, weight, bias}, whole_weight);
  bugs.plant("averages the gradient of the bias",
             spoiled(whole_weight, 2, [=](const At& a, const Tensors&) { return mean(matrix(a.g), {0}); }), {2});
  bugs.plant("sums the bias over the batch's first sentence",
             spoiled(whole_weight, 2, [](const At& a, const Tensors&) { return sum(a.g[0], {0}); }), {2});
  bugs.plant("keeps the weight's gradient of the last sentence",
             spoiled(whole_weight, 1,
                     [](const At& a, const Tensors&) { return matmul(a.g[1], a[0][1], {.transpose_a = true}); }),
             {1});
  bugs.plant(
      "averages the gradient of the weight",
      spoiled(whole_weight, 1,
              [=](const At& a, const Tensors& right) { return right[1] / static_cast<double>(matrix(a.g).size(0)); }),
      {1});
  bugs.plant("forgets the bias", spoiled(whole_weight, 2, [](const At&, const Tensors&) { return Tensor(); }), {2});
  bugs.plant_second("keeps the weight as numbers", [=](const At& a) {
    const Tensor g = matrix(a.g);
    return Tensors{matmul(a.g, a[1].detach()), matmul(g, matrix(a[0]), {.transpose_a = true}), sum(g, {0})};
  });

  bugs.of("linear", {numbers({3, 3}), numbers({3, 3}, 1)}, [](Inputs in) { return linear(in[0], in[1]); });
  bugs.plant("multiplies by the transposed weight", [](const At& a) {
    return Tensors{matmul(a.g, a[1], {.transpose_b = true}), matmul(a.g, a[0], {.transpose_a = true})};
  });
  bugs.plant("transposes the gradient of the weight",
             [](const At& a) {
               return Tensors{matmul(a.g, a[1]), matmul(a[0], a.g, {.transpose_a = true})};
             },
             {1});
  bugs.of("linear", {numbers({2, 3}), numbers({4, 3}, 1)},
          [](Inputs in) { return linear(in[0], in[1], {}, {.first = 1, .count = 2}); });
  bugs.plant("puts the rows of a packed weight one too early",
             [](const At& a) {
               return Tensors{matmul(a.g, slice(a[1], 0, 1, 3)),
                              pad(matmul(a.g, a[0], {.transpose_a = true}), {{0, 2}, {0, 0}})};
             },
             {1});
  bugs.plant("reads the rows of a packed weight one too late", [](const At& a) {
    return Tensors{matmul(a.g, slice(a[1], 0, 2, 4)), pad(matmul(a.g, a[0], {.transpose_a = true}), {{1, 1}, {0, 0}})};
  });

  bugs.plant_recorded("contributes a product to rows one too early",
                      [](Inputs in) {
                        const Tensor y = linear(in[0].detach(), in[1].detach(), {}, {.first = 1, .count = 2});
                        return record(
                            "wrong linear", y.array(), {in[0], in[1]}, keep_inputs,
                            [](const Saved& s, const Tensor& g) -> Gradients {
                              return {matmul(g, slice(s[1], 0, 1, 3)), Contribution::product(g, true, s[0], false, 0)};
                            });
                      },
                      {1});

  // One tensor for the first layer and the last: two contributions, of which an operation of one's own must give both.
  const Tensor ids = whole({4}, {1, 0, 1, 3});
  const Call tied = [](Inputs in) { return linear(tanh(embedding(in[0], in[1])), in[0]); };
  bugs.of("linear", {weight, ids}, tied);
  bugs.plant("counts a tied weight as the head only", [](const At& a) {
    return Tensors{matmul(a.g, tanh(embedding(a[0], a[1])), {.transpose_a = true}), {}};
  });
  bugs.of("embedding", {weight, ids}, tied);
  bugs.plant("counts a tied weight as the table only",
             vjp_of([](Inputs in) { return linear(tanh(embedding(in[0], in[1])), in[0].detach()); }));

  const DropoutOptions drop{.p = 0.4, .stream = {3, 5}}, another{.p = 0.4, .stream = {3, 6}};
  const auto dense_of = [](Activation activation, const DropoutOptions& options) {
    return [=](Inputs in) { return dense(in[0], in[1], in[2], activation, options); };
  };
  bugs.of("dense", {x, weight, bias}, dense_of(Activation::relu, {}));
  bugs.plant("forgets the slope of the activation", vjp_of(whole_weight), {0, 1, 2});
  bugs.plant(
      "forgets the slope for the bias",
      spoiled(dense_of(Activation::relu, {}), 2, [=](const At& a, const Tensors&) { return sum(matrix(a.g), {0}); }),
      {2});
  bugs.of("dense", {x, weight, bias}, dense_of(Activation::gelu, drop));
  bugs.plant("takes relu for gelu", vjp_of(dense_of(Activation::relu, drop)), {0, 1, 2});
  bugs.plant("drops nothing", vjp_of(dense_of(Activation::gelu, {})), {0, 1, 2});
  bugs.plant("drops others", vjp_of(dense_of(Activation::gelu, another)), {0, 1, 2});
}

// Shapes ----------------------------------------------------------------------------------------------------------

void plant_shapes(Bugs& bugs) {
  const Tensor square = numbers({3, 3}), x = numbers({2, 6}), cube = numbers({2, 2, 2});

  bugs.of("reshape", {x}, [](Inputs in) { return reshape(in[0], {3, 4}); });
  bugs.plant("reads the gradient by columns", [](const At& a) { return Tensors{reshape(transpose(a.g), {2, 6})}; });
  bugs.plant_refused(
      "does not go back", [](const At& a) { return Tensors{a.g}; },
      "its vjp returned shape [3,4] for an input of shape [2,6]");

  bugs.of("transpose", {square}, [](Inputs in) { return transpose(in[0]); });
  bugs.plant("does not go back", [](const At& a) { return Tensors{a.g}; });
  bugs.plant_second("keeps the gradient as numbers", [](const At& a) { return Tensors{transpose(a.g.detach())}; });
  bugs.of("transpose", {cube}, [](Inputs in) { return transpose(in[0], 0, 2); });
  bugs.plant("swaps other axes back", [](const At& a) { return Tensors{transpose(a.g, 0, 1)}; });

  bugs.of("permute", {cube}, [](Inputs in) { return permute(in[0], {1, 2, 0}); });
  bugs.plant("applies the order once more", [](const At& a) { return Tensors{permute(a.g, {1, 2, 0})}; });

  bugs.of("expand", {numbers({3, 1})}, [](Inputs in) { return expand(in[0], {3, 4}); });
  bugs.plant("takes the first copy", [](const At& a) { return Tensors{slice(a.g, 1, 0, 1)}; });
  bugs.plant("averages the copies", [](const At& a) { return Tensors{mean_of_rows(a.g)}; });

  bugs.of("squeeze", {numbers({2, 1, 2})}, [](Inputs in) { return squeeze(in[0], 1); });
  bugs.plant("transposes on the way back", [](const At& a) { return Tensors{unsqueeze(transpose(a.g), 1)}; });
  bugs.plant_refused(
      "puts the axis elsewhere", [](const At& a) { return Tensors{unsqueeze(a.g, 0)}; },
      "its vjp returned shape [1,2,2] for an input of shape [2,1,2]");

  bugs.of("unsqueeze", {numbers({2, 2})}, [](Inputs in) { return unsqueeze(in[0], 1); });
  bugs.plant("transposes on the way back", [](const At& a) { return Tensors{squeeze(transpose(a.g, 0, 2), 1)}; });

  bugs.of("concat", {numbers({2, 3}), numbers({2, 3}, 1)}, [](Inputs in) { return concat(in, 1); });
  bugs.plant("swaps the parts", [](const At& a) { return Tensors{slice(a.g, 1, 3, 6), slice(a.g, 1, 0, 3)}; }, {0, 1});
  bugs.plant("begins every part at 0",
             [](const At& a) {
               return Tensors{slice(a.g, 1, 0, 3), slice(a.g, 1, 0, 3)};
             },
             {1});
  bugs.plant("begins a part one too early",
             [](const At& a) {
               return Tensors{slice(a.g, 1, 0, 3), slice(a.g, 1, 2, 5)};
             },
             {1});

  bugs.of("stack", {numbers({2, 3}), numbers({2, 3}, 1)}, [](Inputs in) { return stack(in); });
  bugs.plant("gives every part the last", [](const At& a) { return Tensors{a.g[1], a.g[1]}; }, {0});
  bugs.plant("adds the parts up", [](const At& a) { return Tensors{sum(a.g, {0}), sum(a.g, {0})}; }, {0, 1});

  bugs.of("slice", {numbers({5, 3})}, [](Inputs in) { return slice(in[0], 0, 1, 4); });
  bugs.plant("is off by one", [](const At& a) { return Tensors{pad(a.g, {{0, 2}, {0, 0}})}; });
  bugs.of("slice", {numbers({6, 2})}, [](Inputs in) { return slice(in[0], 0, 0, 6, 2); });
  bugs.plant("forgets the step", [](const At& a) { return Tensors{pad(a.g, {{0, 3}, {0, 0}})}; });
  bugs.plant("fills the gaps as well", [](const At& a) {
    return Tensors{reshape(expand(unsqueeze(a.g, 1), {3, 2, 2}), {6, 2})};
  });

  bugs.of("pad", {numbers({2, 3})}, [](Inputs in) { return pad(in[0], {{1, 2}, {0, 1}}); });
  bugs.plant("takes before for after", [](const At& a) { return Tensors{slice(slice(a.g, 0, 2, 4), 1, 0, 3)}; });
  bugs.plant("keeps the first rows", [](const At& a) { return Tensors{slice(slice(a.g, 0, 0, 2), 1, 0, 3)}; });
}

// By index --------------------------------------------------------------------------------------------------------

void plant_indexing(Bugs& bugs) {
  const Tensor ids = whole({6}, {1, 1, 4, 1, 0, 4}), weight = numbers({5, 3});

  bugs.of("gather", {numbers({5}), ids}, [](Inputs in) { return gather(in[0], 0, in[1]); });
  bugs.plant("overwrites on repeated indices", [](const At& a) {
    return Tensors{overwritten(a[1], a.g, a[0].size()), {}};
  });
  bugs.of("gather", {numbers({4, 3}), whole({2, 3}, {3, 0, 2, 1, 1, 3})},
          [](Inputs in) { return gather(in[0], 0, in[1]); });
  bugs.plant("does not look at the index", [](const At& a) { return Tensors{pad(a.g, {{0, 2}, {0, 0}}), {}}; });
  bugs.of("gather", {numbers({3, 3}), whole({3, 3}, {1, 0, 0, 2, 1, 2, 0, 2, 1})},
          [](Inputs in) { return gather(in[0], 0, in[1]); });
  bugs.plant("scatters along the wrong axis", [](const At& a) {
    return Tensors{scatter_add(zeros(a[0].shape()), 1, a[1], a.g), {}};
  });
  bugs.plant("gathers once more", [](const At& a) { return Tensors{gather(a.g, 0, a[1]), {}}; });

  bugs.of("index_select", {weight, ids}, [](Inputs in) { return index_select(in[0], 0, in[1]); });
  bugs.plant("overwrites on repeated indices", [](const At& a) {
    return Tensors{overwritten(a[1], a.g, a[0].size(0)), {}};
  });
  bugs.plant("does not look at the index", [](const At& a) { return Tensors{slice(a.g, 0, 0, a[0].size(0)), {}}; });

  const auto ones = [](const Tensor& like) { return Tensor::ones(like.shape(), DType::float64); };
  bugs.of("scatter_add", {numbers({5}), ids, numbers({6}, 1)},
          [](Inputs in) { return scatter_add(in[0], 0, in[1], in[2]); });
  bugs.plant("takes what was added to for overwritten", [=](const At& a) {
    const Tensor hits = scatter_add(zeros(a[0].shape()), 0, a[1], ones(a[2]));
    return Tensors{a.g * as_numbers(equal(hits, zeros({}))), {}, gather(a.g, 0, a[1])};
  });
  bugs.plant("divides by how often a place was hit",
             [=](const At& a) {
               const Tensor hits = scatter_add(zeros(a[0].shape()), 0, a[1], ones(a[2]));
               return Tensors{a.g, {}, gather(a.g, 0, a[1]) / gather(hits, 0, a[1])};
             },
             {2});
  bugs.of("scatter_add", {numbers({4, 3}), whole({2, 3}, {3, 0, 2, 1, 1, 3}), numbers({2, 3}, 1)},
          [](Inputs in) { return scatter_add(in[0], 0, in[1], in[2]); });
  bugs.plant("does not look at the index", [](const At& a) { return Tensors{a.g, {}, slice(a.g, 0, 0, 2)}; }, {2});

  const auto scattered = [](const Tensor& rows, const Tensor& g, std::int64_t count) {
    return matmul(one_hot(rows, count, DType::float64), g, {.transpose_a = true});
  };
  bugs.of("embedding", {weight, ids}, binary(embedding));
  bugs.plant("overwrites on repeated ids", [](const At& a) {
    return Tensors{overwritten(a[1], a.g, a[0].size(0)), {}};
  });
  bugs.plant("averages over repeated ids", [=](const At& a) {
    const Tensor hits = sum(one_hot(a[1], a[0].size(0), DType::float64), {0});
    return Tensors{scattered(a[1], a.g, a[0].size(0)) / unsqueeze(maximum(hits, Tensor::scalar(1, DType::float64)), 1),
                   {}};
  });
  bugs.plant("gives id 0 nothing, as if it were the padding", [=](const At& a) {
    return Tensors{pad(slice(scattered(a[1], a.g, a[0].size(0)), 0, 1, a[0].size(0)), {{1, 0}, {0, 0}}), {}};
  });
  bugs.plant("is off by one id", [=](const At& a) {
    return Tensors{pad(slice(scattered(a[1], a.g, a[0].size(0)), 0, 1, a[0].size(0)), {{0, 1}, {0, 0}}), {}};
  });
  const Tensor backwards = whole({6}, {4, 0, 1, 4, 1, 1});
  bugs.plant_recorded("gives rows to the ids read backwards", [=](Inputs in) {
    return record("wrong embedding", embedding(in[0].detach(), in[1]).array(), {in[0]}, keep_none,
                  [=](const Saved&, const Tensor& g) -> Gradients { return {Contribution::rows(backwards, g)}; });
  });
  bugs.plant_second("keeps the gradient as numbers", [=](const At& a) {
    return Tensors{scattered(a[1], a.g.detach(), a[0].size(0)), {}};
  });
}

// Softmax and losses ----------------------------------------------------------------------------------------------

/// The vjp of softmax along an axis.
Tensor softmax_gradient(const Tensor& y, const Tensor& g, int axis = -1) { return y * (g - sum_along(y * g, axis)); }

void plant_softmax(Bugs& bugs) {
  const Tensor square = numbers({3, 3});

  bugs.of("softmax", {square}, [](Inputs in) { return softmax(in[0]); });
  bugs.plant("forgets the row term", [](const At& a) { return Tensors{a.g * a.y}; });
  bugs.plant("is the slope of the sigmoid", [](const At& a) { return Tensors{a.g * a.y * (1.0 - a.y)}; });
  bugs.plant("sums the row term along the wrong axis",
             [](const At& a) { return Tensors{softmax_gradient(a.y, a.g, 0)}; });
  bugs.plant("averages the row term", [](const At& a) { return Tensors{a.y * (a.g - mean_of_rows(a.y * a.g))}; });
  // find_wrong_vjp() must take a random cotangent: for one of ones the gradient is 0, with all its derivatives.
  bugs.plant_second("keeps the result as numbers",
                    [](const At& a) { return Tensors{softmax_gradient(a.y.detach(), a.g)}; });

  bugs.of("log_softmax", {square}, [](Inputs in) { return log_softmax(in[0]); });
  bugs.plant("forgets the sum of the gradient", [](const At& a) { return Tensors{a.g - exp(a.y)}; });
  bugs.plant("takes the result for the probabilities",
             [](const At& a) { return Tensors{a.g - a.y * sum_along(a.g, -1)}; });
  bugs.plant("is the vjp of softmax", [](const At& a) { return Tensors{softmax_gradient(exp(a.y), a.g)}; });

  const Call masked = [](Inputs in) { return masked_softmax(in[0], in[1]); };
  bugs.of("masked_softmax", {numbers({2, 4}), whole({2, 4}, {1, 0, 1, 1, 0, 0, 1, 1})}, masked);
  bugs.plant("masks on the way forward only", [](const At& a) {
    return Tensors{softmax_gradient(softmax(a[0]), a.g), {}};
  });
  bugs.plant("masks the gradient, but not the softmax", [](const At& a) {
    return Tensors{softmax_gradient(softmax(a[0]), a.g) * as_numbers(a[1]), {}};
  });
  bugs.of("masked_softmax", {numbers({3, 2}), whole({3, 2}, {0, 0, 1, 1, 0, 1})}, masked);
  bugs.plant("gives NaN in a row that keeps nothing", [](const At& a) {
    return Tensors{softmax_gradient(a.y / sum_along(a.y, -1), a.g), {}};
  });
}

void plant_losses(Bugs& bugs) {
  constexpr std::int64_t rows = 4, classes = 5;
  constexpr std::int32_t ignored = 2;
  constexpr double smoothing = 0.1;
  const Tensor logits = numbers({rows, classes}), all = whole({rows}, {1, 4, 0, 3}),
               some = whole({rows}, {1, ignored, 0, ignored});
  const auto hot = [](const Tensor& targets) { return one_hot(targets, classes, DType::float64); };
  const auto off = [=](const At& a) { return softmax(a[0]) - hot(a[1]); };
  const auto loss = [](const CrossEntropyOptions& o) {
    return [o](Inputs in) { return cross_entropy(in[0], in[1], o); };
  };
  const auto count = static_cast<double>(rows);

  bugs.of("cross_entropy", {logits, all}, loss({}));
  bugs.plant("sums where it should average", [=](const At& a) { return Tensors{a.g * off(a), {}}; });
  bugs.plant("averages over the classes as well", [=](const At& a) {
    return Tensors{a.g * off(a) / (count * static_cast<double>(classes)), {}};
  });
  bugs.plant("forgets the target", [=](const At& a) { return Tensors{a.g * softmax(a[0]) / count, {}}; });
  bugs.plant("is target minus probability", [=](const At& a) { return Tensors{-a.g * off(a) / count, {}}; });
  bugs.plant("takes the softmax over the rows", [=](const At& a) {
    return Tensors{a.g * (softmax(a[0], 0) - hot(a[1])) / count, {}};
  });
  bugs.plant_second("keeps the probabilities as numbers", [=](const At& a) {
    return Tensors{a.g * off(a).detach() / count, {}};
  });
  bugs.of("cross_entropy", {logits, some}, loss({.ignore_index = ignored}));
  bugs.plant("averages over the ignored as well", [=](const At& a) {
    const Tensor counted = unsqueeze(as_numbers(not_equal(a[1], whole({}, {ignored}))), 1);
    return Tensors{a.g * off(a) * counted / count, {}};
  });
  bugs.plant("pulls at ignored rows", [=](const At& a) { return Tensors{a.g * off(a) / 2.0, {}}; });
  bugs.of("cross_entropy", {logits, all}, loss({.label_smoothing = smoothing}));
  bugs.plant("forgets the smoothing", vjp_of(loss({})));
  bugs.plant("smooths over the other classes only", [=](const At& a) {
    constexpr double each = smoothing / static_cast<double>(classes - 1);
    const Tensor targets = hot(a[1]) * (1 - smoothing - each) + each;
    return Tensors{a.g * (softmax(a[0]) - targets) / count, {}};
  });
  bugs.of("cross_entropy", {logits, all}, loss({.reduction = Reduction::sum}));
  bugs.plant("averages where it should sum", vjp_of(loss({})));

  const auto projected = [](const CrossEntropyOptions& o) {
    return [o](Inputs in) { return projected_cross_entropy(in[0], in[1], in[2], o); };
  };
  bugs.of("projected_cross_entropy", {numbers({rows, 3}), numbers({classes, 3}, 1), all}, projected({}));
  bugs.plant("keeps the weight's gradient of the last rows made",
             [=](const At& a) {
               const Tensor pull = a.g * (softmax(linear(a[0], a[1])) - hot(a[2])) / count;
               return Tensors{matmul(pull, a[1]),
                              matmul(slice(pull, 0, 2, rows), slice(a[0], 0, 2, rows), {.transpose_a = true}),
                              {}};
             },
             {1});
  bugs.plant("averages one of the two",
             spoiled(projected({}), 0, [=](const At&, const Tensors& right) { return right[0] * count; }));
  bugs.plant("smooths on the way back only", vjp_of(projected({.label_smoothing = smoothing})), {0, 1});

  const Tensor a34 = numbers({3, 4}), b34 = numbers({3, 4}, 1);
  bugs.of("mse", {a34, b34}, [](Inputs in) { return mse(in[0], in[1]); });
  const auto difference = [](const At& a) { return a.g * (a[0] - a[1]); };
  bugs.plant("forgets the 2",
             [=](const At& a) {
               return Tensors{difference(a) / 12.0, -difference(a) / 12.0};
             },
             {0, 1});
  bugs.plant("loses the sign of the second",
             [=](const At& a) {
               return Tensors{difference(a) / 6.0, difference(a) / 6.0};
             },
             {1});
  bugs.plant("averages over the rows only",
             [=](const At& a) {
               return Tensors{difference(a) * (2.0 / 3), -difference(a) * (2.0 / 3)};
             },
             {0, 1});
  bugs.of("mse", {numbers({3, 1}), numbers({4}, 1)}, [](Inputs in) { return mse(in[0], in[1]); });
  bugs.plant("divides by the length of the operand, not of the broadcast",
             [=](const At& a) {
               return Tensors{difference(a) * (2.0 / 3), -difference(a) / 6.0};
             },
             {0});
}

// Normalisation and dropout ---------------------------------------------------------------------------------------

/// What LayerNorm keeps: (x - mean) / sqrt(var + eps), and 1 / sqrt(var + eps).
struct Normal {
  Tensor unit, scale;
};
Normal normal_of(const Tensor& x, double eps) {
  const Tensor centred = x - mean_of_rows(x), scale = rsqrt(mean_of_rows(centred * centred) + eps);
  return {centred * scale, scale};
}

/// The vjp of LayerNorm by hand, given how x gets its gradient from n and u, the gradient of n.unit.
Rule layer_norm_rule(double eps, const std::function<Tensor(const Normal& n, const Tensor& u)>& by_x) {
  return [=](const At& a) {
    const Normal n = normal_of(a[0], eps);
    return Tensors{by_x(n, a.g * a[1]), a.g * n.unit, a.g};
  };
}

void plant_normalisation(Bugs& bugs) {
  constexpr double eps = 1e-5, large_eps = 0.5;
  const Tensors inputs = {numbers({3, 5}), numbers({5}, 1), numbers({5}, 2)};
  const auto norm = [](double with) { return [with](Inputs in) { return layer_norm(in[0], in[1], in[2], with); }; };
  const auto right_by_x = [](const Normal& n, const Tensor& u) {
    return n.scale * (u - mean_of_rows(u) - n.unit * mean_of_rows(u * n.unit));
  };

  bugs.of("layer_norm", inputs, norm(eps));
  bugs.plant("forgets the mean term", layer_norm_rule(eps, [](const Normal& n, const Tensor& u) {
               return n.scale * (u - n.unit * mean_of_rows(u * n.unit));
             }));
  bugs.plant("forgets the variance term",
             layer_norm_rule(eps, [](const Normal& n, const Tensor& u) { return n.scale * (u - mean_of_rows(u)); }));
  bugs.plant("holds mean and variance for fixed",
             layer_norm_rule(eps, [](const Normal& n, const Tensor& u) { return n.scale * u; }));
  bugs.plant("does not multiply by the weight", [=](const At& a) {
    const Normal n = normal_of(a[0], eps);
    return Tensors{right_by_x(n, a.g), a.g * n.unit, a.g};
  });
  bugs.plant("gives the weight x instead of the normalised",
             [=](const At& a) {
               return Tensors{right_by_x(normal_of(a[0], eps), a.g * a[1]), a.g * a[0], a.g};
             },
             {1});
  bugs.plant("averages the gradient of the bias",
             spoiled(norm(eps), 2, [](const At& a, const Tensors&) { return mean(a.g, {0}); }), {2});
  bugs.plant("divides by n - 1", layer_norm_rule(eps, [](const Normal& n, const Tensor& u) {
               return n.scale * (u - mean_of_rows(u) - n.unit * sum_along(u * n.unit, -1) / 4.0);
             }));
  bugs.plant("forgets eps", layer_norm_rule(0, right_by_x), {0, 1});
  bugs.plant_second("keeps the statistics as numbers", [=](const At& a) {
    const Normal n = normal_of(a[0], eps), fixed{n.unit.detach(), n.scale.detach()};
    return Tensors{right_by_x(fixed, a.g * a[1]), a.g * n.unit, a.g};
  });
  bugs.of("layer_norm", inputs, norm(large_eps));
  bugs.plant("adds eps to the deviation, not the variance", [=](const At& a) {
    const Tensor centred = a[0] - mean_of_rows(a[0]);
    const Tensor scale = 1.0 / (sqrt(mean_of_rows(centred * centred)) + large_eps);
    return Tensors{right_by_x({centred * scale, scale}, a.g * a[1]), a.g * normal_of(a[0], large_eps).unit, a.g};
  });

  constexpr double p = 0.4;
  const RandomStream stream{11, 7}, another{11, 8};
  const DropoutOptions drop{p, stream};
  const Tensor x = numbers({2, 3, 4}), f = numbers({2, 3, 4}, 1), weight = numbers({4}, 2), bias = numbers({4}, 3);
  const auto kept_ones = [=](const At& a) {
    return dropout(Tensor::ones(a.g.shape(), DType::float64), p, stream) * (1 - p);
  };

  bugs.of("dropout", {x}, [=](Inputs in) { return dropout(in[0], p, stream); });
  bugs.plant("forgets to divide by 1 - p", [=](const At& a) { return Tensors{a.g * kept_ones(a)}; });
  bugs.plant("draws a new mask", [=](const At& a) { return Tensors{dropout(a.g, p, another)}; });
  bugs.plant("drops nothing", [](const At& a) { return Tensors{a.g}; });
  bugs.plant("divides by p", [=](const At& a) { return Tensors{a.g * kept_ones(a) / p}; });

  bugs.of("residual", {x, f}, [=](Inputs in) { return residual(in[0], in[1], drop); });
  bugs.plant("drops the path around as well", [=](const At& a) {
    return Tensors{dropout(a.g, p, stream), dropout(a.g, p, stream)};
  });
  bugs.plant("drops nothing", [](const At& a) { return Tensors{a.g, a.g}; }, {1});
  bugs.plant("forgets the path around", [=](const At& a) { return Tensors{{}, dropout(a.g, p, stream)}; });

  const auto normed = [](const DropoutOptions& options) {
    return [=](Inputs in) { return residual_norm(in[0], in[1], in[2], in[3], options); };
  };
  // One pass that records two operations: find_wrong_vjp() must see each work on the result of the one before.
  bugs.of("residual_norm", {x, f, weight, bias}, normed(drop));
  bugs.plant("drops the path around as well",
             spoiled(normed(drop), 0, [=](const At&, const Tensors& right) { return dropout(right[0], p, stream); }));
  bugs.plant("gives the branch what the path around gets",
             spoiled(normed(drop), 1, [](const At&, const Tensors& right) { return right[0]; }), {1});
  bugs.plant("drops nothing", vjp_of(normed({})), {0, 1, 2});
  bugs.plant("goes around the normalisation",
             spoiled(normed(drop), 0, [](const At& a, const Tensors& right) { return right[0] + a.g; }));
}

// Attention -------------------------------------------------------------------------------------------------------

/// What may be wrong in an attention of one head that is written by hand.
struct AttentionSlip {
  bool row_term = true, transposed_weights = true, scaled_keys = true, transposed_scores = true;
};

Rule attention_rule(const AttentionSlip& slip) {
  return [=](const At& a) {
    const MatmulOptions second{.transpose_b = true};
    const double scale = 1 / std::sqrt(static_cast<double>(a[0].size(-1)));
    const Tensor weights = softmax(matmul(a[0], a[1], second) * scale), up = matmul(a.g, a[2], second);
    const Tensor scores = slip.row_term ? softmax_gradient(weights, up) : weights * up;
    return Tensors{matmul(scores, a[1]) * scale,
                   matmul(scores, a[0], {.transpose_a = slip.transposed_scores}) * (slip.scaled_keys ? scale : 1),
                   matmul(weights, a.g, {.transpose_a = slip.transposed_weights})};
  };
}

void plant_attention(Bugs& bugs) {
  constexpr std::int64_t heads = 2;
  const Tensors alike = {numbers({2, 4, 4}), numbers({2, 4, 4}, 1), numbers({2, 4, 4}, 2)};
  const Tensors apart = {numbers({2, 3, 4}), numbers({2, 5, 4}, 1), numbers({2, 5, 6}, 2)};
  const auto attention_with = [](const AttentionOptions& o) {
    return [o](Inputs in) { return attention(in[0], in[1], in[2], o); };
  };
  const auto swapped = [](const Rule& rule, std::size_t a, std::size_t b) {
    return [=](const At& at) {
      Tensors all = rule(at);
      std::swap(all[a], all[b]);
      return all;
    };
  };
  AttentionOptions lengths{.heads = heads}, barred{.heads = heads}, unscaled{.heads = heads}, dropped{.heads = heads},
      dropped_others{.heads = heads};
  lengths.key_lengths = whole({2}, {5, 2});
  barred.mask = tensor({{0, never, 0.5, 1, never}, {1, 2, never, 0, 0}, {1, 0, 0, never, 2}}, DType::float64);
  unscaled.scale = 1;
  dropped.dropout = dropped_others.dropout = 0.4, dropped.stream = {7, 3}, dropped_others.stream = {7, 4};
  const AttentionOptions plain{.heads = heads}, causal{.heads = heads, .causal = true};

  bugs.of("attention", apart, attention_with(plain));
  bugs.plant("forgets the scale", vjp_of(attention_with(unscaled)), {0, 1, 2});
  bugs.plant("takes all heads for one", vjp_of(attention_with({})), {0, 1, 2});
  bugs.of("attention", alike, attention_with(causal));
  bugs.plant("looks ahead on the way back", vjp_of(attention_with(plain)), {0, 1, 2});
  bugs.plant("swaps queries and keys", swapped(vjp_of(attention_with(causal)), 0, 1), {0, 1});
  bugs.plant("swaps keys and values", swapped(vjp_of(attention_with(causal)), 1, 2), {1, 2});
  bugs.of("attention", apart, attention_with(lengths));
  bugs.plant("reads the keys that are padding", vjp_of(attention_with(plain)), {0, 1, 2});
  bugs.of("attention", apart, attention_with(barred));
  bugs.plant("forgets the mask", vjp_of(attention_with(plain)), {0, 1, 2});
  bugs.of("attention", apart, attention_with(dropped));
  bugs.plant("drops other weights", vjp_of(attention_with(dropped_others)), {0, 1, 2});
  bugs.plant("drops weights for the values only",
             [=](const At& a) {
               Tensors all = vjp_of(attention_with(plain))(a);
               all[2] = vjp_of(attention_with(dropped))(a)[2];
               return all;
             },
             {0, 1});
  bugs.of("attention", alike, attention_with({}));
  bugs.plant("forgets the row term", attention_rule({.row_term = false}), {0, 1});
  bugs.plant_second("keeps the weights as numbers", [](const At& a) {
    const Tensor weights = composed_attention(a[0], a[1], a[2]).weights.detach();
    Tensors all = attention_rule({})(a);
    all[2] = reshape(matmul(squeeze(weights, 1), a.g, {.transpose_a = true}), {2, 4, 4});
    return all;
  });
  const auto packed = [](std::int64_t keys, std::int64_t values) {
    return [=](Inputs in) { return attention({in[0], 0, 4}, {in[0], keys, 4}, {in[0], values, 4}, {.heads = heads}); };
  };
  bugs.of("attention", {numbers({2, 3, 12})}, packed(4, 8));
  bugs.plant("finds keys and values in each other's columns", vjp_of(packed(8, 4)));

  const auto composed = [](const AttentionOptions& o) {
    return [o](Inputs in) { return composed_attention(in[0], in[1], in[2], o).output; };
  };
  bugs.of("composed_attention", alike, composed({}));
  bugs.plant("does not transpose the weights", attention_rule({.transposed_weights = false}), {2});
  bugs.plant("does not transpose the scores", attention_rule({.transposed_scores = false}), {1});
  bugs.plant("scales the queries only", attention_rule({.scaled_keys = false}), {1});
  bugs.of("composed_attention", alike, composed(causal));
  bugs.plant("looks ahead on the way back", vjp_of(composed(plain)), {0, 1, 2});

  const auto weights = [](const AttentionOptions& o) {
    return [o](Inputs in) { return attention_weights(in[0], in[1], o); };
  };
  bugs.of("attention_weights", {alike[0], alike[1]}, weights(plain));
  bugs.plant("scales the queries only",
             spoiled(weights(plain), 1, [](const At&, const Tensors& right) { return right[1] * std::sqrt(2.0); }),
             {1});
  bugs.plant("divides by the length, not its root",
             [=](const At& a) {
               Tensors all = vjp_of(weights(plain))(a);
               for (Tensor& gradient : all) gradient = gradient / std::sqrt(2.0);
               return all;
             },
             {0, 1});
  bugs.of("attention_weights", {alike[0], alike[1]}, weights(causal));
  bugs.plant("looks ahead on the way back", vjp_of(weights(plain)), {0, 1});

  bugs.of("split_heads", {numbers({2, 3, 6})}, [](Inputs in) { return split_heads(in[0], heads); });
  bugs.plant("does not bring the heads back", [](const At& a) { return Tensors{reshape(a.g, {2, 3, 6})}; });
  bugs.of("split_heads", {numbers({2, 3, 7})}, [](Inputs in) { return split_heads({in[0], 2, 4}, heads); });
  bugs.plant("writes to the first columns", [](const At& a) {
    return Tensors{pad(join_heads(a.g), {{0, 0}, {0, 0}, {0, 3}})};
  });
  bugs.of("join_heads", {numbers({2, 2, 3, 3})}, [](Inputs in) { return join_heads(in[0]); });
  bugs.plant("does not bring the heads back", [](const At& a) { return Tensors{reshape(a.g, {2, 2, 3, 3})}; });

  const Tensor scores = numbers({2, 2, 3, 5}), values = numbers({2, 5, 4}, 1);
  const auto masked = [](const AttentionOptions& o) { return [o](Inputs in) { return masked_weights(in[0], o); }; };
  bugs.of("masked_weights", {scores}, masked(causal));
  bugs.plant("masks on the way forward only", vjp_of(masked(plain)));
  bugs.plant("forgets the row term", [](const At& a) { return Tensors{a.g * a.y}; });
  bugs.of("masked_weights", {scores}, masked(lengths));
  bugs.plant("reads the keys that are padding", vjp_of(masked(plain)));

  const auto attended = [](const AttentionOptions& o) {
    return [o](Inputs in) { return attend(in[0], in[1], o).output; };
  };
  bugs.of("attend", {scores, values}, attended(causal));
  bugs.plant("masks on the way forward only", vjp_of(attended(plain)), {0, 1});
  bugs.plant("forgets the row term", spoiled(attended(causal), 0, [=](const At& a, const Tensors&) {
               const Tensor up = matmul(split_heads(a.g, heads), split_heads(a[1], heads), {.transpose_b = true});
               return masked_weights(a[0], causal) * up;
             }));
  bugs.plant("averages over the heads", spoiled(attended(causal), 0, [](const At& a, const Tensors& right) {
               return expand(mean(right[0], {1}, true), a[0].shape());
             }));
}

/// What may be wrong in additive scores of one head that are written by hand.
struct AdditiveSlip {
  bool slope_of_queries = true, slope_of_keys = true, all_queries = true, scaled = true;
};

void plant_additive(Bugs& bugs) {
  const auto rule = [](const AdditiveSlip& slip) -> Rule {
    return [=](const At& a) {
      const Tensor t = tanh(unsqueeze(a[0], 2) + unsqueeze(a[1], 1)), g = unsqueeze(squeeze(a.g, 1), 3);
      const Tensor up = slip.scaled ? g * a[2] : g, slope = 1.0 - t * t, by_v = g * t;
      return Tensors{sum(slip.slope_of_queries ? up * slope : up, {2}), sum(slip.slope_of_keys ? up * slope : up, {1}),
                     unsqueeze(sum(slip.all_queries ? by_v : slice(by_v, 1, 0, 1), {0, 1, 2}), 0)};
    };
  };
  const Call call = [](Inputs in) { return additive_scores(in[0], in[1], in[2]); };
  bugs.of("additive_scores", {numbers({2, 3, 4}), numbers({2, 5, 4}, 1), numbers({1, 4}, 2)}, call);
  bugs.plant("forgets the slope of tanh for the queries", rule({.slope_of_queries = false}));
  bugs.plant("forgets the slope of tanh for the keys", rule({.slope_of_keys = false}), {1});
  bugs.plant("counts v for the first query only", rule({.all_queries = false}), {2});
  bugs.plant("does not multiply by v", rule({.scaled = false}), {0, 1});
  bugs.of("additive_scores", {numbers({2, 3, 6}), numbers({2, 5, 6}, 1), numbers({2, 3}, 2)}, call);
  bugs.plant("gives every head the v of the first", vjp_of([](Inputs in) {
               return additive_scores(in[0], in[1], expand(slice(in[2], 0, 0, 1), {2, 3}));
             }),
             {0, 1, 2});
}

// Recurrent cells -------------------------------------------------------------------------------------------------

/// Part i of a row of parts of n columns.
Tensor part(const Tensor& x, std::int64_t i, std::int64_t n) { return slice(x, 1, i * n, (i + 1) * n); }

/// What may be wrong in a GRU that is written by hand.
struct GruSlip {
  bool reset_gate = true, gate_slope = true, kept_state = true;
  double sign = 1;
};

Rule gru_rule(const GruSlip& slip) {
  return [=](const At& a) {
    const std::int64_t n = a[2].size(1);
    const auto gate = [&](std::int64_t i) { return sigmoid(part(a[0], i, n) + part(a[1], i, n)); };
    const Tensor r = gate(0), z = gate(1), own = part(a[1], 2, n), candidate = tanh(part(a[0], 2, n) + r * own);
    const Tensor by_candidate = a.g * (1.0 - z) * (1.0 - candidate * candidate);
    const Tensor by_r = by_candidate * own * r * (slip.gate_slope ? 1.0 - r : Tensor::scalar(1, DType::float64));
    const Tensor by_z = a.g * (a[2] - candidate) * slip.sign * z * (1.0 - z);
    return Tensors{concat({by_r, by_z, by_candidate}, 1),
                   concat({by_r, by_z, slip.reset_gate ? by_candidate * r : by_candidate}, 1),
                   a.g * (slip.kept_state ? z : 1.0 - z)};
  };
}

/// What may be wrong in an LSTM that is written by hand.
struct LstmSlip {
  bool own_gradient = true, slope_of_cell = true, state_before = true, forget_gate = true;
};

Rule lstm_rule(const LstmSlip& slip) {
  return [=](const At& a) {
    const std::int64_t n = a[2].size(1) / 2;
    const auto both = [&](std::int64_t i) { return part(a[0], i, n) + part(a[1], i, n); };
    const Tensor i = sigmoid(both(0)), f = sigmoid(both(1)), o = sigmoid(both(3)), candidate = tanh(both(2));
    const Tensor before = part(a[2], 1, n), after = f * before + i * candidate, shown = tanh(after);
    const Tensor by_output = part(a.g, 0, n), through = by_output * o;
    const Tensor by_shown = slip.slope_of_cell ? through * (1.0 - shown * shown) : through;
    const Tensor by_cell = slip.own_gradient ? by_shown + part(a.g, 1, n) : by_shown;
    const Tensor gates =
        concat({by_cell * candidate * i * (1.0 - i), by_cell * (slip.state_before ? before : after) * f * (1.0 - f),
                by_cell * i * (1.0 - candidate * candidate), by_output * shown * o * (1.0 - o)},
               1);
    return Tensors{gates, gates, concat({by_cell * 0.0, slip.forget_gate ? by_cell * f : by_cell}, 1)};
  };
}

void plant_recurrent(Bugs& bugs) {
  constexpr std::int64_t rows = 3, units = 4;
  const Tensor running = whole({rows}, {1, 0, 1});
  const auto inputs = [](std::int64_t gates, std::int64_t states) {
    return Tensors{numbers({rows, gates * units}), numbers({rows, gates * units}, 1),
                   numbers({rows, states * units}, 2)};
  };
  const auto gru = [](const Tensor& rows_on) {
    return [=](Inputs in) { return gru_cell(in[0], in[1], in[2], rows_on); };
  };
  bugs.of("gru_cell", inputs(3, 1), gru({}));
  bugs.plant("forgets the reset gate for the state's part", gru_rule({.reset_gate = false}), {1});
  bugs.plant("forgets the slope of the reset gate", gru_rule({.gate_slope = false}), {0, 1});
  bugs.plant("keeps 1 - z of the state", gru_rule({.kept_state = false}), {2});
  bugs.plant("has the other sign for the update gate", gru_rule({.sign = -1}), {0, 1});
  bugs.of("gru_cell", inputs(3, 1), gru(running));
  bugs.plant("runs the rows that stay", vjp_of(gru({})), {0, 1, 2});

  const auto lstm = [](const Tensor& rows_on) {
    return [=](Inputs in) { return lstm_cell(in[0], in[1], in[2], rows_on); };
  };
  bugs.of("lstm_cell", inputs(4, 2), lstm({}));
  bugs.plant("loses the cell's own gradient", lstm_rule({.own_gradient = false}), {0, 1, 2});
  bugs.plant("forgets the slope of tanh", lstm_rule({.slope_of_cell = false}), {0, 1, 2});
  bugs.plant("takes the new cell for the old", lstm_rule({.state_before = false}), {0, 1});
  bugs.plant("forgets the forget gate", lstm_rule({.forget_gate = false}), {2});
  bugs.of("lstm_cell", inputs(4, 2), lstm(running));
  bugs.plant("runs the rows that stay", vjp_of(lstm({})), {0, 1, 2});
}

/// A double backward that is lost, for every operation as it is called first.
void plant_lost_graphs(Bugs& bugs) {
  std::set<std::string> done;
  for (const Bug& operation : bugs.operations)
    if (done.insert(operation.operation).second)
      bugs.plant_second(operation, "builds no graph of its gradients", numbers_only(operation.right));
}

const Bugs& planted() {
  static const Bugs all = [] {
    Bugs bugs;
    plant_arithmetic(bugs);
    plant_activations(bugs);
    plant_reductions(bugs);
    plant_matmul(bugs);
    plant_linear(bugs);
    plant_shapes(bugs);
    plant_indexing(bugs);
    plant_softmax(bugs);
    plant_losses(bugs);
    plant_normalisation(bugs);
    plant_attention(bugs);
    plant_additive(bugs);
    plant_recurrent(bugs);
    plant_lost_graphs(bugs);
    return bugs;
  }();
  return all;
}

// What they are looked for in -------------------------------------------------------------------------------------

constexpr GradcheckOptions::Mode fast = GradcheckOptions::Mode::fast;

std::string name_of_input(std::size_t i) { return fmt::format("input {}", i); }

/// A small model: an operation between others, with parameters for its floating inputs.
struct Model {
  Call call;
  Tensors inputs = {};
  Params params = Params(DType::float64);

  Model(Call operation, const Tensors& at) : call(std::move(operation)) {
    for (std::size_t i = 0; i < at.size(); ++i)
      inputs.push_back(is_floating(at[i].dtype()) ? params.add(name_of_input(i), at[i].array().copy()) : at[i]);
  }

  Tensor loss() const {
    constexpr double before = 1.1, after = 0.2;  // near 1, and small enough that tanh has a slope
    constexpr int salt = 17;
    Tensors scaled;
    for (const Tensor& t : inputs) scaled.push_back(is_floating(t.dtype()) ? t * before : t);
    const Tensor y = tanh(call(scaled) * after);
    return mean(y * numbers(y.shape(), salt));
  }

  GradcheckReport check() {
    return gradcheck(params, [this] { return loss(); });
  }
  WrongVjps find(bool second) const {
    return find_wrong_vjp([this] { return loss(); }, &params, {.second = second});
  }
};

std::set<std::string> wrong_inputs(const GradcheckReport& report) {
  std::set<std::string> wrong;
  for (const InputCheck& check : report.inputs)
    if (check.verdict == Verdict::wrong) wrong.insert(check.input);
  return wrong;
}

void check_named(const WrongVjps& found, const Bug& bug) {
  INFO(found.to_string());
  CHECK(found.wrong.size() == 1);
  for (const WrongVjp& wrong : found.wrong) {
    CHECK(wrong.operation == bug.name());
    CHECK(wrong.second == (bug.caught == Caught::second));
  }
}

/// A gradient that is wrong: of those inputs and of no others, in both modes, alone and in a model.
void check_first(const Bug& bug, Model& model) {
  std::set<std::string> spoiled_names;
  for (const std::size_t i : bug.spoiled) spoiled_names.insert(name_of_input(i));
  for (const GradcheckReport& report :
       {gradcheck(bug.wrong, bug.inputs), gradcheck(bug.wrong, bug.inputs, {.mode = fast}), model.check()}) {
    INFO(report.to_string());
    CHECK(report.verdict == Verdict::wrong);
    CHECK(wrong_inputs(report) == spoiled_names);
    CHECK((!report.worst.empty() && spoiled_names.contains(report.worst.front().input)));
  }
  check_named(model.find(false), bug);
}

/// A second derivative that is wrong, of a gradient that is right.
void check_second(const Bug& bug, Model& model) {
  CHECK(gradcheck(bug.wrong, bug.inputs).passed());
  CHECK(model.check().passed());
  CHECK(model.find(false).wrong.empty());
  CHECK(gradgradcheck(bug.wrong, bug.inputs).verdict == Verdict::wrong);
  CHECK(gradgradcheck(bug.wrong, bug.inputs, {.mode = fast}).verdict == Verdict::wrong);
  check_named(model.find(true), bug);
}

void check_in_place(const Bug& bug, Model& model) {
  CHECK(gradcheck(bug.wrong, bug.inputs).verdict == Verdict::wrong);
  CHECK(gradcheck(bug.wrong, bug.inputs, {.mode = fast}).verdict == Verdict::wrong);
  check_named(model.find(false), bug);
}

const std::set<std::string> without_gradients = {"argmax",     "equal",   "not_equal",     "less",
                                                 "less_equal", "greater", "greater_equal", "one_hot"};

}  // namespace

TEST_CASE("every planted bug is found, and named") {
  for (const Bug& bug : planted().all) {
    INFO(bug.operation << " that " << bug.fault);
    Model model(bug.wrong, bug.inputs);
    switch (bug.caught) {
      case Caught::first: check_first(bug, model); break;
      case Caught::second: check_second(bug, model); break;
      case Caught::in_place: check_in_place(bug, model); break;
    }
  }
}

TEST_CASE("a planted vjp of the wrong shape or dtype is refused by name") {
  for (const auto& [bug, message] : planted().refused) {
    INFO(bug.operation << " that " << bug.fault);
    const auto check_refusal = [start = bug.name() + ": ", rest = message](const std::function<void()>& check) {
      CHECK_THROWS_WITH(check(), Catch::StartsWith(start) && Catch::Contains(rest));
    };
    Model model(bug.wrong, bug.inputs);
    check_refusal([&] { gradcheck(bug.wrong, bug.inputs); });
    check_refusal([&] { model.check(); });
    check_refusal([&] { model.find(false); });
  }
}

TEST_CASE("every operation has a planted bug") {
  const std::set<std::string> declared = declared_operations();
  std::map<std::string, std::set<Caught>> caught;
  std::set<std::pair<std::string, std::string>> faults;
  for (const Bug& bug : planted().all) {
    INFO(bug.operation << " that " << bug.fault);
    caught[bug.operation].insert(bug.caught);
    CHECK((declared.contains(bug.operation) && !without_gradients.contains(bug.operation)));
    faults.insert({bug.operation, bug.fault});
  }
  for (const std::string& name : declared) {
    INFO(name);
    CHECK((without_gradients.contains(name) ||
           (caught[name].contains(Caught::first) && caught[name].contains(Caught::second))));
  }
  for (const std::string& name : without_gradients) {
    INFO(name << " has no gradient and is not in ops.h");
    CHECK(declared.contains(name));
  }
  constexpr std::size_t agreed = 60;
  CHECK(faults.size() >= agreed);
}

TEST_CASE("what is not planted is right") {
  for (const Bug& operation : planted().operations) {
    INFO(operation.operation << " of " << operation.inputs.front().shape().to_string());
    CHECK(gradcheck(operation.right, operation.inputs).passed());
    CHECK(gradgradcheck(operation.right, operation.inputs).passed());
    Model model(operation.right, operation.inputs);
    CHECK(model.check().passed());
    const WrongVjps found = model.find(true);
    INFO(found.to_string());
    CHECK(found.wrong.empty());
  }
}
