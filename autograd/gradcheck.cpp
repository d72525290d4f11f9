#include <gaze/autograd/gradcheck.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/random.h>

namespace gaze {
namespace {

std::string name_of_input(const GradcheckOptions& o, std::size_t i) {
  return i < o.names.size() ? o.names[i] : fmt::format("input {}", i);
}

/// Fresh leaves with the inputs' numbers in float64; int32 inputs stay as they are.
std::vector<Tensor> as_leaves(const std::vector<Tensor>& inputs) {
  std::vector<Tensor> leaves;
  for (const Tensor& input : inputs)
    leaves.push_back(is_floating(input.dtype()) ? Tensor(input.array().to(DType::float64).copy(), true) : input);
  return leaves;
}

std::vector<Tensor> floating(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> kept;
  for (const Tensor& t : tensors)
    if (is_floating(t.dtype())) kept.push_back(t);
  return kept;
}

Tensor random_cotangent(const Tensor& result, std::uint64_t seed) {
  Random random({seed, hash_of("gradcheck cotangent")});
  Array numbers(result.shape(), DType::float64);
  for (std::int64_t i = 0; i < numbers.size(); ++i) numbers.set(i, random.normal());
  return Tensor(numbers);
}

double weighted_sum(const Tensor& result, const Tensor& cotangent) {
  double total = 0;
  for (std::int64_t i = 0; i < result.size(); ++i) total += result.array().at(i) * cotangent.array().at(i);
  return total;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         (a.size() == 0 || std::memcmp(a.values<double>().data(), b.values<double>().data(), a.array().bytes()) == 0);
}

double relative_error(double a, double b) {
  const double error = std::abs(a - b) / std::max({1.0, std::abs(a), std::abs(b)});
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

/// The gradients of `leaves`, zeros where the result does not depend on one.
std::vector<Tensor> gradients(const Tensor& result, const std::vector<Tensor>& leaves, const Tensor& cotangent,
                              bool create_graph) {
  std::vector<Tensor> found(leaves.size());
  if (result.requires_grad() && !leaves.empty())
    found = grad(result, leaves, {.cotangents = {cotangent}, .create_graph = create_graph, .allow_unused = true});
  for (std::size_t i = 0; i < leaves.size(); ++i)
    if (!found[i].defined()) found[i] = Tensor::zeros(leaves[i].shape(), DType::float64);
  return found;
}

/// Differences between two ways to the same gradients, by input: "" when all agree to rounding.
std::string disagreement(const std::vector<Tensor>& inputs, const std::vector<Tensor>& a, const std::vector<Tensor>& b,
                         const char* way_a, const char* way_b, const GradcheckOptions& o) {
  constexpr double rounding = 1e-9;
  for (std::size_t i = 0, next = 0; i < inputs.size(); ++i) {
    if (!is_floating(inputs[i].dtype())) continue;
    const Array &x = a[next].array(), &y = b[next].array();
    ++next;
    for (std::int64_t j = 0; j < x.size(); ++j)
      if (relative_error(x.at(j), y.at(j)) > rounding)
        return fmt::format("the gradient of {} at entry {} is {} by {} and {} by {}", name_of_input(o, i), j, x.at(j),
                           way_a, y.at(j), way_b);
  }
  return {};
}

/// backward() adds into the leaves, where grad() returns tensors: another way through the engine.
std::vector<Tensor> gradients_by_backward(const TensorFunction& f, const std::vector<Tensor>& inputs,
                                          const Tensor& cotangent) {
  const std::vector<Tensor> leaves = as_leaves(inputs);
  const Tensor result = f(leaves);
  if (result.requires_grad()) backward(result, {.cotangent = cotangent});
  std::vector<Tensor> found;
  for (const Tensor& leaf : floating(leaves))
    found.push_back(leaf.grad().defined() ? leaf.grad() : Tensor::zeros(leaf.shape(), DType::float64));
  return found;
}

}  // namespace

std::string GradcheckReport::to_string() const {
  std::string text = passed ? fmt::format("passed: {} entries, largest error {:.2g}", entries, worst_error)
                            : fmt::format("failed: {}", reason);
  for (const GradcheckEntry& e : worst)
    text += fmt::format("\n  {}[{}]: analytic {:.9g}, numeric {:.9g}, error {:.2g}", e.input, e.index, e.analytic,
                        e.numeric, e.error);
  return text;
}

GradcheckReport gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& o) {
  GradcheckReport report;
  std::vector<Tensor> leaves = as_leaves(inputs);
  const Tensor result = f(leaves);
  require(result.dtype() == DType::float64,
          "gradcheck: the function gives {} for float64 inputs; it must compute in their dtype",
          name_of(result.dtype()));
  const Tensor cotangent = random_cotangent(result, o.seed);
  const std::vector<Tensor> analytic = gradients(result, floating(leaves), cotangent, false);

  if (!same_bits(result, f(leaves))) {
    report.reason = "the function gives other numbers when it is called again with the same inputs";
    return report;
  }
  report.reason =
      disagreement(inputs, analytic, gradients_by_backward(f, inputs, cotangent), "grad()", "backward()", o);
  if (!report.reason.empty()) return report;

  std::vector<GradcheckEntry> all;
  for (std::size_t i = 0, next = 0; i < leaves.size(); ++i) {
    if (!is_floating(leaves[i].dtype())) continue;
    const Array& gradient = analytic[next++].array();
    for (std::int64_t j = 0; j < leaves[i].size(); ++j) {
      const double x = leaves[i].array().at(j), step = o.epsilon * std::max(1.0, std::abs(x));
      const auto value_at = [&](double moved) {
        leaves[i].change<double>("gradcheck")[static_cast<std::size_t>(j)] = moved;
        return weighted_sum(f(leaves), cotangent);
      };
      // The step as it is after rounding x + step, or its error would be divided by the step.
      const double above = x + step, below = x - step;
      const double numeric = (value_at(above) - value_at(below)) / (above - below);
      leaves[i].change<double>("gradcheck")[static_cast<std::size_t>(j)] = x;
      all.push_back({name_of_input(o, i), j, gradient.at(j), numeric, relative_error(gradient.at(j), numeric)});
    }
  }
  report.entries = static_cast<std::int64_t>(all.size());
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.error > b.error; });
  report.worst_error = all.empty() ? 0 : all.front().error;
  report.passed = report.worst_error <= o.tolerance;
  if (!report.passed)
    report.reason = fmt::format("the gradient of {} is off by {:.2g} at entry {}, more than {:.2g}", all[0].input,
                                all[0].error, all[0].index, o.tolerance);
  all.resize(std::min(all.size(), static_cast<std::size_t>(std::max(o.worst, 0))));
  report.worst = std::move(all);
  return report;
}

GradcheckReport gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& o) {
  const std::vector<Tensor> leaves = as_leaves(inputs);
  const Tensor result = f(leaves);
  const Tensor cotangent = random_cotangent(result, o.seed);
  const std::vector<Tensor> wanted = floating(leaves);

  // A fused vjp and the formula that stands for it while a graph is built must be the same function.
  GradcheckReport report;
  report.reason = disagreement(inputs, gradients(result, wanted, cotangent, false),
                               gradients(f(leaves), wanted, cotangent, true), "the plain vjp", "create_graph", o);
  if (!report.reason.empty()) return report;

  std::vector<Tensor> all = inputs;
  all.push_back(cotangent);
  GradcheckOptions options = o;
  options.names.clear();
  for (std::size_t i = 0; i < inputs.size(); ++i) options.names.push_back(name_of_input(o, i));
  options.names.push_back("cotangent");
  return gradcheck(
      [&f](const std::vector<Tensor>& at) {
        const std::vector<Tensor> x(at.begin(), at.end() - 1);
        std::vector<Tensor> parts;
        for (const Tensor& g : gradients(f(x), floating(x), at.back(), true)) parts.push_back(reshape(g, {-1}));
        return parts.empty() ? Tensor::zeros({0}, DType::float64) : concat(parts, 0);
      },
      all, options);
}

}  // namespace gaze
