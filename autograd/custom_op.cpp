#include <gaze/autograd/custom_op.h>

#include <memory>
#include <mutex>
#include <set>

#include <gaze/autograd/graph.h>

namespace gaze {
namespace {

/// A name that lives as long as any graph may.
const char* kept(std::string name) {
  static std::mutex one_at_a_time;
  static auto* const names = new std::set<std::string>;  // never destroyed
  const std::lock_guard lock(one_at_a_time);
  return names->insert(std::move(name)).first->c_str();
}

}  // namespace

std::function<Tensor(const std::vector<Tensor>&)> custom_op(std::string given, Forward forward, Vjp vjp) {
  const char* const name = kept(std::move(given));
  const auto rule = std::make_shared<const Vjp>(std::move(vjp));
  return [name, forward = std::move(forward), rule](const std::vector<Tensor>& inputs) {
    const Tensor result = [&] {
      const NoGrad no_grad;
      return forward(inputs);
    }();
    const std::size_t count = inputs.size();
    return record(name, result.array(), std::span<const Tensor>(inputs), keep_inputs | keep_result,
                  [name, rule, count](const Saved& s, const Tensor& g) -> Gradients {
                    std::vector<Tensor> at;
                    for (std::size_t i = 0; i < count; ++i) at.push_back(s[static_cast<int>(i)]);
                    const std::vector<Tensor> found = (*rule)(at, s.result(), g);
                    require(found.size() == count, "{}: its vjp returned {} gradients for {} inputs", name,
                            found.size(), count);
                    return Gradients(std::vector<Contribution>(found.begin(), found.end()));
                  });
  };
}

}  // namespace gaze
