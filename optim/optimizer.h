#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gaze/autograd/parameters.h>

namespace gaze {

/// Parameters that an optimizer treats in a way of their own. The first group that claims a parameter has it.
struct ParameterGroup {
  std::function<bool(const Parameter&)> members;
  double lr_factor = 1;                ///< of the learning rate; 0 freezes
  std::optional<double> weight_decay;  ///< instead of the optimizer's; then also for parameters of one axis
};

/// Changes parameters by their gradients. A parameter that has no gradient this step, or asks for none (frozen), is
/// left as it is, with its state.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One step at the learning rate lr >= 0.
  void step(double lr);
  /// What the next step depends on besides the parameters, for a checkpoint: moments by "NAME.PARAMETER", one number
  /// "step.PARAMETER" (int32) of steps taken.
  std::vector<std::pair<std::string, Array>> state() const;
  /// Takes over what state() gave. Throws, changing nothing, when an entry is missing or has another shape.
  void load_state(const std::function<const Array*(const std::string& name)>& find);

 protected:
  /// Packs the parameters; weight decay is for those of more than one axis unless a group says otherwise.
  Optimizer(Params& params, double weight_decay, std::vector<ParameterGroup> groups, std::vector<std::string> moments);

  struct Update {
    double lr, weight_decay;
    std::int64_t step;               ///< of this parameter, from 1
    std::int64_t offset, size;       ///< where the parameter lies in the arenas
  };
  virtual void update(const Update&) = 0;
  Params& params() { return params_; }
  Array& moment(std::size_t i) { return moments_[i].second; }  ///< an arena laid out as the parameters'

 private:
  struct Rule {
    double lr_factor, weight_decay;
  };
  Params& params_;
  std::vector<Rule> rules_;
  std::vector<std::int32_t> steps_;
  std::vector<std::pair<std::string, Array>> moments_;
};

}  // namespace gaze
