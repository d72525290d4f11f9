#include <gaze/autograd/check/gradcheck.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include <gaze/autograd/custom_op.h>
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

std::vector<double> numbers_of(const Array& array) {
  std::vector<double> numbers(static_cast<std::size_t>(array.size()));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = array.at(static_cast<std::int64_t>(i));
  return numbers;
}

std::vector<double> normal_numbers(std::int64_t count, RandomStream stream) {
  std::vector<double> numbers(static_cast<std::size_t>(count));
  Random(stream).normal(numbers);
  return numbers;
}

Tensor random_cotangent(const Tensor& result, std::uint64_t seed) {
  const auto numbers = normal_numbers(result.size(), {seed, hash_of("gradcheck cotangent")});
  return Tensor::from<double>(result.shape(), numbers).to(result.dtype());
}

bool same_bits(const Array& a, const Array& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  bool same = true;
  for_floating("gradcheck", a.dtype(),
               [&]<class T>() { same = a.size() == 0 || std::memcmp(a.data<T>(), b.data<T>(), a.bytes()) == 0; });
  return same;
}

/// Of those that are finite: the slope at the end of a domain is not, and must not hide the others.
double largest(std::span<const double> x) {
  double scale = 0;
  for (const double v : x)
    if (std::isfinite(v)) scale = std::max(scale, std::abs(v));
  return scale;
}

double norm(std::span<const double> x) {
  const double scale = largest(x);
  double squares = 0;
  for (const double v : x)
    if (scale > 0 && std::isfinite(v)) squares += (v / scale) * (v / scale);
  return scale * std::sqrt(squares);
}

/// The gradients of `leaves`, zeros where the result does not depend on one.
std::vector<Tensor> gradients(const Tensor& result, const std::vector<Tensor>& leaves, const Tensor& cotangent,
                              bool create_graph) {
  std::vector<Tensor> found(leaves.size());
  if (result.requires_grad() && !leaves.empty())
    found = grad(result, leaves, {.cotangents = {cotangent}, .create_graph = create_graph, .allow_unused = true});
  for (std::size_t i = 0; i < leaves.size(); ++i)
    if (!found[i].defined()) found[i] = Tensor::zeros(leaves[i].shape(), leaves[i].dtype());
  return found;
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

/// Whether they were calculated in float32: no other numbers are all its.
bool in_float32(std::span<const double> numbers) {
  return std::all_of(numbers.begin(), numbers.end(),
                     [](double x) { return x == static_cast<double>(static_cast<float>(x)); });
}

/// Differences between two ways to the same gradients, by input: "" when all agree to rounding.
std::string disagreement(const std::vector<std::string>& names, const std::vector<Tensor>& a,
                         const std::vector<Tensor>& b, const char* way_a, const char* way_b) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::vector<double> x = numbers_of(a[i].array()), y = numbers_of(b[i].array());
    const double size = std::max({1.0, largest(x), largest(y)});
    const double rounding = in_float32(x) && in_float32(y) ? 1e-5 : 1e-9;
    for (std::size_t j = 0; j < x.size(); ++j)
      if (!(x[j] == y[j] || std::abs(x[j] - y[j]) <= rounding * size) && !(std::isnan(x[j]) && std::isnan(y[j])))
        return fmt::format("the gradient of {}[{}] is {} by {} and {} by {}", names[i], j, x[j], way_a, y[j], way_b);
  }
  return {};
}

/// What is differentiated by: numbers that can be moved, and the gradient that is said to be theirs.
struct Target {
  std::string name;
  Tensor numbers;
  std::vector<double> analytic;
};

constexpr double negligible = 1e-3;  ///< of the largest slope: a smaller one is measured by that

/// Compares the gradients of targets with differences of a function of them.
class Comparison {
 public:
  /// f gives its result at the targets' numbers.
  Comparison(std::function<Array()> f, const Array& result, std::vector<double> cotangent, const GradcheckOptions& o)
      : f_(std::move(f)), result_(numbers_of(result)), cotangent_(std::move(cotangent)), options_(o) {}

  void compare(Target target, std::uint64_t number) {
    InputCheck& check = report_.inputs.emplace_back(InputCheck{.input = target.name, .size = target.numbers.size()});
    if (target.numbers.size() == 0) return;
    const bool full = options_.mode == GradcheckOptions::Mode::full;
    std::vector<DerivativeComparison> directions;
    for (int i = 0; i < options_.directions && !full; ++i)
      directions.push_back(
          along(target, RandomStream{options_.seed, hash_of("gradcheck direction")}.split(number).split(
                            static_cast<std::uint64_t>(i))));
    const auto right = [](const DerivativeComparison& j) { return j.verdict == Verdict::right; };
    const bool suspects = full || !std::all_of(directions.begin(), directions.end(), right);
    std::vector<std::int64_t> entries;
    if (suspects) entries = full ? all_of(target) : suspicious(target, number);
    // A direction crosses the kinks of all entries: when each has been looked at, they decide.
    if (std::ssize(entries) < target.numbers.size())
      for (const DerivativeComparison& j : directions) add(check, -1, j);
    const double hidden = negligible * options_.tolerance * largest(target.analytic);
    for (const std::int64_t j : entries) add(check, j, at_entry(target, j, hidden));
  }

  GradcheckReport report() {
    std::stable_sort(all_.begin(), all_.end(), [](const GradcheckEntry& a, const GradcheckEntry& b) {
      const auto rank = [](const GradcheckEntry& e) { return std::pair(e.judgement.verdict, e.judgement.error); };
      return rank(a) > rank(b);
    });
    report_.compared = static_cast<std::int64_t>(all_.size());
    for (const InputCheck& c : report_.inputs) {
      report_.verdict = std::max(report_.verdict, c.verdict);
      report_.worst_error = std::max(report_.worst_error, c.worst_error);
    }
    if (report_.verdict == Verdict::wrong)
      report_.reason = fmt::format("the gradient of {} is off by {:.2g}, more than {:.2g}", all_.front().name(),
                                   all_.front().judgement.error, options_.tolerance);
    all_.resize(std::min(all_.size(), static_cast<std::size_t>(std::max(options_.worst, 0))));
    report_.worst = std::move(all_);
    return std::move(report_);
  }

 private:
  static std::vector<std::int64_t> all_of(const Target& target) {
    std::vector<std::int64_t> all(target.analytic.size());
    std::iota(all.begin(), all.end(), std::int64_t{0});
    return all;
  }

  /// Half of them where the gradient is largest, half anywhere.
  std::vector<std::int64_t> suspicious(const Target& target, std::uint64_t number) const {
    std::vector<std::int64_t> all = all_of(target);
    const auto max_count = static_cast<std::size_t>(std::max<std::int64_t>(options_.suspicious, 1));
    if (all.size() <= max_count) return all;
    std::stable_sort(all.begin(), all.end(), [&](std::int64_t a, std::int64_t b) {
      return std::abs(target.analytic[static_cast<std::size_t>(a)]) >
             std::abs(target.analytic[static_cast<std::size_t>(b)]);
    });
    Random random(RandomStream{options_.seed, hash_of("gradcheck entries")}.split(number));
    for (std::size_t i = max_count / 2; i < max_count; ++i)
      std::swap(all[i], all[i + random.below(static_cast<std::uint32_t>(all.size() - i))]);
    all.resize(max_count);
    return all;
  }

  /// <cotangent, f - f at the start>
  Change change() const {
    const Array moved = f_();
    require(moved.size() == static_cast<std::int64_t>(result_.size()),
            "gradcheck: the function's result changed its shape");
    Change c;
    c.terms.resize(result_.size());
    for (std::size_t i = 0; i < result_.size(); ++i) {
      const double now = moved.at(static_cast<std::int64_t>(i));
      c.terms[i] = cotangent_[i] * (now - result_[i]);
      c.value += c.terms[i];
      c.magnitude +=
          std::abs(cotangent_[i]) * std::max(1.0, std::abs(now));  // numbers around 1 on the way to small ones
    }
    if (!std::isfinite(c.value)) c.value = std::numeric_limits<double>::quiet_NaN();
    return c;
  }

  /// The largest step is for functions that change over distances of 1, the smallest for those that change over
  /// distances of the number itself.
  static Scales scales_of(double number) {
    const double size = std::abs(number);
    return {.large = std::max(1.0, size), .small = size > 0 ? std::min(1.0, size) : 1.0};
  }

  DerivativeComparison at_entry(Target& target, std::int64_t entry, double hidden) const {
    const auto j = static_cast<std::size_t>(entry);
    const double x = target.numbers.array().at(entry);
    const Line line = [&](double t) {
      target.numbers.change<double>("gradcheck")[j] = x + t;
      const Change c = change();
      target.numbers.change<double>("gradcheck")[j] = x;
      return c;
    };
    return judge(target.analytic[j], line, scales_of(x), options_.tolerance, hidden);
  }

  DerivativeComparison along(Target& target, RandomStream stream) const {
    const std::vector<double> start = numbers_of(target.numbers.array()),
                              v = normal_numbers(target.numbers.size(), stream);
    const auto move = [&](double t) {
      const std::span<double> numbers = target.numbers.change<double>("gradcheck");
      for (std::size_t i = 0; i < start.size(); ++i) numbers[i] = t == 0 ? start[i] : start[i] + t * v[i];
    };
    const Line line = [&](double t) {
      move(t);
      const Change c = change();
      move(0);
      return c;
    };
    const double slope = std::inner_product(v.begin(), v.end(), target.analytic.begin(), 0.0);
    return judge(slope, line, scales_of(largest(start)), options_.tolerance,
                 negligible * options_.tolerance * norm(target.analytic));
  }

  void add(InputCheck& check, std::int64_t index, const DerivativeComparison& judgement) {
    all_.push_back({check.input, index, judgement});
    ++check.compared;
    check.verdict = std::max(check.verdict, judgement.verdict);
    if (judgement.verdict != Verdict::kink_nearby) check.worst_error = std::max(check.worst_error, judgement.error);
  }

  std::function<Array()> f_;
  std::vector<double> result_, cotangent_;
  GradcheckOptions options_;
  std::vector<GradcheckEntry> all_;
  GradcheckReport report_;
};

void require_finite(const Array& result) {
  for (std::int64_t i = 0; i < result.size(); ++i)
    require(std::isfinite(result.at(i)), "gradcheck: the function's result is {} at entry {}: there is no slope there",
            result.at(i), i);
}

GradcheckReport refused(std::string reason, Verdict verdict) {
  GradcheckReport report;
  report.verdict = verdict;
  report.reason = std::move(reason);
  return report;
}

constexpr const char* not_deterministic =
    "the function gives other numbers when it is called again with the same inputs; give dropout the same random stream"
    " at every call (a fresh Context{.training = true, .stream = {seed}}), and reset what the function changes";

constexpr const char* changed_in_place =
    "the backward walk changed the gradient that it was given, the result or an input in place, which others read;"
    " a vjp must return tensors of its own";

}  // namespace

std::string GradcheckEntry::name() const {
  return index < 0 ? input + " along a random direction" : fmt::format("{}[{}]", input, index);
}

int GradcheckReport::digits() const {
  constexpr int max_digits = 15;
  if (!(worst_error > 0)) return max_digits;
  return std::clamp(static_cast<int>(std::floor(-std::log10(worst_error))), 0, max_digits);
}

std::string GradcheckReport::to_string() const {
  std::string text = passed() ? fmt::format("{}: {} slopes compared, {} digits", name_of(verdict), compared, digits())
                              : fmt::format("{}: {}", name_of(verdict), reason);
  for (const GradcheckEntry& e : worst)
    text += fmt::format("\n  {}: analytic {:.9g}, numeric {:.9g}, relative error {:.2g}, {}", e.name(),
                        e.judgement.analytic, e.judgement.numeric, e.judgement.error, name_of(e.judgement.verdict));
  return text;
}

GradcheckReport gradcheck(const std::function<Tensor()>& f, const std::vector<NamedLeaf>& leaves,
                          const GradcheckOptions& o) {
  for (const NamedLeaf& l : leaves)
    require(l.leaf.is_leaf() && l.leaf.requires_grad() && l.leaf.dtype() == DType::float64,
            "gradcheck: {} must be a float64 leaf that requires gradients", l.name);
  const Tensor result = f();
  require(is_floating(result.dtype()), "gradcheck: the function gives {}, which has no gradient",
          name_of(result.dtype()));
  const Array start = result.array().copy();
  if (std::any_of(leaves.begin(), leaves.end(), [](const NamedLeaf& l) { return l.leaf.size() > 0; }))
    require_finite(start);
  if (!same_bits(start, f().array())) return refused(not_deterministic, Verdict::not_deterministic);
  const Tensor cotangent = random_cotangent(result, o.seed);
  const std::vector<double> up = numbers_of(cotangent.array());
  std::vector<Tensor> wanted;
  for (const NamedLeaf& l : leaves) wanted.push_back(l.leaf);
  const std::vector<Tensor> analytic = gradients(result, wanted, cotangent, false);
  if (numbers_of(cotangent.array()) != up || !same_bits(start, result.array()) || !same_bits(start, f().array()))
    return refused(changed_in_place, Verdict::wrong);
  Comparison comparison([&] { return f().array(); }, start, up, o);
  for (std::size_t i = 0; i < leaves.size(); ++i)
    comparison.compare({leaves[i].name, leaves[i].leaf, numbers_of(analytic[i].array())}, i);
  return comparison.report();
}

GradcheckReport gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& o) {
  const std::vector<Tensor> all = as_leaves(inputs);
  std::vector<NamedLeaf> leaves;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!is_floating(all[i].dtype())) continue;
    leaves.push_back({name_of_input(o, i), all[i]});
    names.push_back(leaves.back().name);
  }
  GradcheckReport report = gradcheck([&] { return f(all); }, leaves, o);
  if (!report) return report;
  const Tensor result = f(all), cotangent = random_cotangent(result, o.seed);
  const std::string other = disagreement(names, gradients(result, floating(all), cotangent, false),
                                         gradients_by_backward(f, inputs, cotangent), "grad()", "backward()");
  return other.empty() ? report : refused(other, Verdict::wrong);
}

GradcheckReport gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& o) {
  const TrustVjps trusting;
  const std::vector<Tensor> leaves = as_leaves(inputs);
  const Tensor result = f(leaves);
  if (!same_bits(result.array(), f(leaves).array())) return refused(not_deterministic, Verdict::not_deterministic);
  const Tensor cotangent = random_cotangent(result, o.seed);
  const std::vector<Tensor> wanted = floating(leaves);

  GradcheckOptions options = o;
  options.names.clear();
  std::vector<std::string> names;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    options.names.push_back(name_of_input(o, i));
    if (is_floating(inputs[i].dtype())) names.push_back(options.names.back());
  }
  options.names.push_back("cotangent");
  // A fused vjp and the formula that stands for it while a graph is built must be the same function.
  const std::string other =
      disagreement(names, gradients(result, wanted, cotangent, false), gradients(f(leaves), wanted, cotangent, true),
                   "the plain vjp", "create_graph");
  if (!other.empty()) return refused(other, Verdict::wrong);

  std::vector<Tensor> all = inputs;
  all.push_back(cotangent);
  return gradcheck(
      [&f, type = result.dtype()](const std::vector<Tensor>& at) {
        const std::vector<Tensor> x(at.begin(), at.end() - 1);
        std::vector<Tensor> parts;
        for (const Tensor& g : gradients(f(x), floating(x), at.back().to(type), true))
          parts.push_back(reshape(g, {-1}));
        return parts.empty() ? Tensor::zeros({0}, DType::float64) : concat(parts, 0);
      },
      all, options);
}

GradcheckReport gradcheck(Params& params, const std::function<Tensor()>& loss, const GradcheckOptions& o) {
  require(params.dtype() == DType::float64,
          "gradcheck: the parameters are {}; build the model with Params(DType::float64)", name_of(params.dtype()));
  std::vector<NamedLeaf> leaves;
  for (const Parameter& p : params.list())
    if (p.value.requires_grad()) leaves.push_back({p.name, p.value});
  const auto one_number = [&] {
    const Tensor value = loss();
    require(value.size() == 1, "gradcheck: the loss must be one number, got shape {}", value.shape());
    return value;
  };
  return gradcheck(one_number, leaves, o);
}

}  // namespace gaze
