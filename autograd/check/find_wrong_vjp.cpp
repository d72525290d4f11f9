#include <gaze/autograd/check/find_wrong_vjp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_map>

#include <gaze/autograd/custom_op.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/random.h>

namespace gaze {
namespace {

/// An operation as it was recorded. Its inputs that are results are numbers of operations, the others leaves.
struct Recorded {
  std::string operation;
  Array value;
  std::vector<std::size_t> results;  ///< distinct
  std::vector<NamedLeaf> leaves;     ///< distinct; the name is a parameter's, or empty
  std::int64_t number = 0;           ///< among those that are not inner, from 1
  bool inner = false;                ///< part of the operation that reads it: its result was never there

  std::vector<std::string> parameters() const {
    std::vector<std::string> names;
    for (const NamedLeaf& l : leaves)
      if (!l.name.empty()) names.push_back(l.name);
    return names;
  }
};

/// Writes down what is recorded.
class Trace final : public detail::ObservedGraph {
 public:
  explicit Trace(const Params* params) {
    if (!params) return;
    for (const Parameter& p : params->list()) names_[p.value.node().get()] = p.name;
  }

  Tensor instead(const char*, const Array&) override { return {}; }
  void recorded(const char* operation, const Tensor& result, std::span<const Tensor> inputs) override {
    Recorded r{operation, result.array(), {}, {}};
    r.inner = !r.value.defined();
    if (!r.inner) r.value = r.value.copy(), r.number = ++count_;
    for (const Tensor& input : inputs) {
      if (!input.defined() || !input.node()) continue;
      if (const auto made = numbers_.find(input.node().get()); made == numbers_.end()) {
        const auto name = names_.find(input.node().get());
        if (input.is_leaf()) add(r.leaves, {name == names_.end() ? "" : name->second, input});
      } else if (const Recorded& by = all[made->second]; by.inner) {
        for (const std::size_t number : by.results) add(r.results, number);
        for (const NamedLeaf& leaf : by.leaves) add(r.leaves, leaf);
      } else {
        add(r.results, made->second);
      }
    }
    numbers_[result.node().get()] = all.size();
    nodes_.push_back(result.node());
    all.push_back(std::move(r));
  }

  std::vector<Recorded> all;

 private:
  static void add(std::vector<std::size_t>& to, std::size_t number) {
    if (std::find(to.begin(), to.end(), number) == to.end()) to.push_back(number);
  }
  static void add(std::vector<NamedLeaf>& to, const NamedLeaf& added) {
    const auto same = [&](const NamedLeaf& l) { return l.leaf.node() == added.leaf.node(); };
    if (std::none_of(to.begin(), to.end(), same)) to.push_back(added);
  }

  std::unordered_map<const Node*, std::string> names_;
  std::unordered_map<const Node*, std::size_t> numbers_;
  std::int64_t count_ = 0;
  std::vector<Ptr<Node>> nodes_;  ///< alive, so that no other takes a node's place
};

/// Thrown through loss() when the operation that is looked at has been recorded.
struct Reached {
  Tensor result;
};

/// Lets one operation of a trace work on leaves: every operation before it gives a leaf with the numbers of its result.
class Replay final : public detail::ObservedGraph {
 public:
  Replay(const std::vector<Recorded>& trace, std::map<std::size_t, Tensor>& leaves, std::size_t target)
      : trace_(trace), leaves_(leaves), target_(target) {}

  Tensor instead(const char* operation, const Array& value) override {
    require(
        next_ < trace_.size() && trace_[next_].operation == operation && trace_[next_].value.shape() == value.shape(),
        "find_wrong_vjp: operation {} is {} {} and was another when the loss was calculated before; it must do the "
        "same at every call",
        next_ + 1, operation, value.shape());
    if (next_ == target_ || trace_[next_].inner) return {};
    Tensor& leaf = leaves_[next_];
    if (!leaf.defined()) leaf = Tensor(trace_[next_].value.copy(), true);
    ++next_;
    return leaf;
  }
  void recorded(const char*, const Tensor& result, std::span<const Tensor>) override {
    if (next_ == target_) throw Reached{result};
    ++next_;
  }

 private:
  const std::vector<Recorded>& trace_;
  std::map<std::size_t, Tensor>& leaves_;
  std::size_t target_, next_ = 0;
};

/// The parameters that an operation reads, or the nearest before and after it.
std::string place_of(const std::vector<Recorded>& trace, std::size_t number) {
  if (const auto own = trace[number].parameters(); !own.empty()) return fmt::format("reads {}", fmt::join(own, ", "));
  const auto first_of = [&](std::size_t i) {
    const auto names = trace[i].parameters();
    return names.empty() ? std::string() : names.front();
  };
  std::string before, after;
  for (std::size_t i = number; i-- > 0 && before.empty();) before = first_of(i);
  for (std::size_t i = number + 1; i < trace.size() && after.empty(); ++i) after = first_of(i);
  if (before.empty() && after.empty()) return {};
  if (before.empty()) return "stands before " + after;
  return after.empty() ? "stands after " + before : fmt::format("stands between {} and {}", before, after);
}

/// With 0 where a mask made minus infinity, if it did: there is no slope there.
Tensor without_masked(const Tensor& result) {
  constexpr double masked = -std::numeric_limits<double>::infinity();
  const auto numbers = result.values<double>();
  if (std::find(numbers.begin(), numbers.end(), masked) == numbers.end()) return result;
  const auto all = [&](double value) { return Tensor::scalar(value, result.dtype()); };
  return where(equal(result.detach(), all(masked)), all(0), result);
}

/// Whether two gradients are equal but for rounding.
bool agree(const Tensor& a, const Tensor& b) {
  constexpr double rounding = 1e-9;
  if (a.size() != b.size()) return false;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const double x = a.array().at(i), y = b.array().at(i);
    if (std::abs(x - y) > rounding * std::max({1.0, std::abs(x), std::abs(y)})) return false;
  }
  return true;
}

}  // namespace

std::string WrongVjps::to_string() const {
  const std::string others = left_out > 0 ? fmt::format(", {} in float32 left out", left_out) : "";
  if (wrong.empty()) return fmt::format("the vjps of all {} operations are right{}", operations - left_out, others);
  std::vector<std::string> lines;
  for (const WrongVjp& w : wrong)
    lines.push_back(fmt::format("the {} of {} is wrong: operation {} of {}{}{}{}\n  {}",
                                w.second ? "double backward" : "vjp", w.operation, w.number, operations, others,
                                w.where.empty() ? "" : ", which ", w.where, w.report.to_string()));
  return fmt::format("{}", fmt::join(lines, "\n"));
}

WrongVjps find_wrong_vjp(const std::function<Tensor()>& loss, const Params* params, const FindOptions& o) {
  const EnableGrad enable_grad;
  std::vector<Recorded> trace;
  {
    Trace tracing(params);
    const Tensor value = loss();
    require(value.dtype() == DType::float64, "find_wrong_vjp: the loss is {}; the model must be float64",
            name_of(value.dtype()));
    trace = std::move(tracing.all);
  }
  WrongVjps found;
  for (const Recorded& r : trace) found.operations += !r.inner;
  std::map<std::size_t, Tensor> results;  // of operations, as leaves
  for (std::size_t i = 0; i < trace.size(); ++i) {
    if (trace[i].inner) continue;
    const auto reach = [&]() -> Tensor {
      const Replay replay(trace, results, i);
      try {
        loss();
      } catch (Reached& reached) {
        return std::move(reached.result);
      }
      fail("find_wrong_vjp: the loss ended before operation {}, {}", i + 1, trace[i].operation);
    };
    reach();  // makes the leaves
    const auto call = [&] { return without_masked(reach()); };
    std::vector<NamedLeaf> inputs;
    for (const std::size_t number : trace[i].results)
      inputs.push_back({fmt::format("the result of operation {}, {}", trace[number].number, trace[number].operation),
                        results[number]});
    for (const NamedLeaf& l : trace[i].leaves)
      inputs.push_back(
          {l.name.empty() ? fmt::format("leaf {}", inputs.size() - trace[i].results.size()) : l.name, l.leaf});
    const auto in_float64 = [](const NamedLeaf& l) { return l.leaf.dtype() == DType::float64; };
    if (trace[i].value.dtype() != DType::float64 || !std::all_of(inputs.begin(), inputs.end(), in_float64)) {
      ++found.left_out;
      continue;
    }
    const GradcheckOptions options{.mode = GradcheckOptions::Mode::fast, .tolerance = o.tolerance, .seed = o.seed};
    const auto keep = [&](GradcheckReport report, bool second) {
      if (report) return true;
      found.wrong.push_back({trace[i].operation, trace[i].number, place_of(trace, i), second, std::move(report)});
      return false;
    };
    if (!keep(gradcheck(call, inputs, options), false) || !o.second) continue;
    const TrustVjps trusting;
    // Not of ones: where results add up to a constant (softmax), those hide every second derivative.
    Tensor cotangent(Array(trace[i].value.shape(), DType::float64), true);
    Random(RandomStream{o.seed, hash_of("find_wrong_vjp cotangent")}).normal(cotangent.change<double>());
    std::vector<Tensor> wanted;
    for (const NamedLeaf& input : inputs) wanted.push_back(input.leaf);
    const auto gradients = [&](bool create_graph) {
      std::vector<Tensor> parts = {Tensor::zeros({0}, DType::float64)};
      for (const Tensor& g : grad(std::vector<Tensor>{call()}, wanted,
                                  {.cotangents = {cotangent}, .create_graph = create_graph, .allow_unused = true}))
        if (g.defined()) parts.push_back(reshape(g, {-1}));
      return concat(parts, 0);
    };
    // A fused vjp and the formula that stands for it while a graph is built must be the same function.
    if (!agree(gradients(false), gradients(true))) {
      GradcheckReport report;
      report.verdict = Verdict::wrong;
      report.reason = "the plain vjp and the one that builds a graph give other gradients";
      keep(std::move(report), true);
      continue;
    }
    inputs.push_back({"cotangent", cotangent});
    keep(gradcheck([&] { return gradients(true); }, inputs, options), true);
  }
  return found;
}

}  // namespace gaze
