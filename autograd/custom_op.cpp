#include <gaze/autograd/custom_op.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include <gaze/autograd/graph.h>
#include <gaze/autograd/vjp_ops.h>

namespace gaze {
namespace {

/// A name that lives as long as any graph may.
const char* kept(std::string name) {
  static std::mutex one_at_a_time;
  static auto* const names = new std::set<std::string>;  // never destroyed
  const std::lock_guard lock(one_at_a_time);
  return names->insert(std::move(name)).first->c_str();
}

thread_local bool trusting = false;

struct Rules {
  const char* name;
  Forward forward;
  Vjp vjp;

  std::vector<Tensor> gradients(const std::vector<Tensor>& in, const Tensor& y, const Tensor& g) const {
    std::vector<Tensor> found = vjp(in, y, g);
    require(found.size() == in.size(), "{}: its vjp returned {} gradients for {} inputs", name, found.size(),
            in.size());
    return found;
  }

  /// Where input i, or behind the last one g, is larger by this part of itself.
  std::vector<Tensor> beside(std::vector<Tensor> in, Tensor g, std::size_t i, double part) const {
    const NoGrad no_grad;
    Tensor& source = i < in.size() ? in[i] : g;
    Array a = source.array().copy();
    for (std::int64_t n = 0; n < a.size(); ++n) a.set(n, a.at(n) == 0 ? part : a.at(n) * (1 + part));
    source = Tensor(std::move(a));
    return gradients(in, forward(in), g);
  }

  /// The same while a graph of gradients is built. A gradient that changes with an input, to either side of it, but was
  /// not made of it in operations has a second derivative that the graph would take for 0.
  std::vector<Tensor> differentiable(std::vector<Tensor> in, const Tensor& result, const Tensor& gradient) const {
    for (Tensor& t : in) t = alias(t);
    const Tensor y = alias(result), g = alias(gradient);
    const std::vector<Tensor> found = gradients(in, y, g);
    for (std::size_t i = 0; i <= in.size(); ++i) {  // the last is g
      const Tensor& source = i < in.size() ? in[i] : g;
      const auto unseen = [&](const Tensor& t) {
        return t.defined() && !detail::depends(t, source) && (i == in.size() || !detail::depends(t, y));
      };
      if (!source.requires_grad() || std::none_of(found.begin(), found.end(), unseen)) continue;
      const std::vector<Tensor> up = beside(in, g, i, 0x1p-10), down = beside(in, g, i, -0x1p-10);
      for (std::size_t j = 0; j < found.size(); ++j)
        for (std::int64_t n = unseen(found[j]) ? found[j].size() : 0; n-- > 0;) {
          const double here = found[j].array().at(n);
          require(up[j].array().at(n) == here || down[j].array().at(n) == here,
                  "{}: it cannot be differentiated twice: its vjp computes input {}'s gradient from {} by other means "
                  "than operations",
                  name, j, i < in.size() ? fmt::format("input {}", i) : "the result's gradient");
        }
    }
    return found;
  }
};

}  // namespace

TrustVjps::TrustVjps() : FlagScope(trusting, true) {}

std::function<Tensor(const std::vector<Tensor>&)> custom_op(std::string given, Forward forward, Vjp vjp) {
  const char* const name = kept(std::move(given));
  const auto rules = std::make_shared<const Rules>(Rules{name, std::move(forward), std::move(vjp)});
  return [name, rules](const std::vector<Tensor>& inputs) {
    const Tensor result = [&] {
      const NoGrad no_grad;
      return rules->forward(inputs);
    }();
    const std::size_t count = inputs.size();
    return record(name, result.array(), std::span<const Tensor>(inputs), keep_inputs | keep_result,
                  [rules, count](const Saved& s, const Tensor& g) -> Gradients {
                    std::vector<Tensor> at;
                    for (std::size_t i = 0; i < count; ++i) at.push_back(s[static_cast<int>(i)]);
                    const std::vector<Tensor> found = grad_enabled() && !trusting
                                                          ? rules->differentiable(at, s.result(), g)
                                                          : rules->gradients(at, s.result(), g);
                    return Gradients(std::vector<Contribution>(found.begin(), found.end()));
                  });
  };
}

}  // namespace gaze
