#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gaze/autograd/parameters.h>

namespace gaze {

/// Parameters that an optimizer treats in a way of their own. The first group that claims a parameter has it.
struct ParameterGroup {
  std::function<bool(const Parameter&)> members = {};
  double lr_factor = 1;                     ///< of the learning rate, at least 0; 0 freezes
  std::optional<double> weight_decay = {};  ///< instead of the optimizer's; then also for parameters of one axis
};

/// Changes parameters by their gradients. A parameter that has no gradient this step, or asks for none (frozen), is
/// left as it is, with its state. The Params must outlive it, and no other thread may use them during a step.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One step at the learning rate lr >= 0. Every gradient counts `factor` times: see clip_factor().
  void step(double lr, double factor = 1);
  /// What the next step depends on besides the parameters, copied for a checkpoint: moments by "NAME.PARAMETER" (the
  /// names are PyTorch's), and "step.PARAMETER" [1] (int32), the steps that this parameter has taken.
  std::vector<std::pair<std::string, Array>> state() const;
  /// Takes over what state() gave; find returns null for a name it does not have. Throws, changing nothing, when an
  /// entry is missing, has another shape or dtype, counts a negative number of steps, or holds numbers that are not
  /// finite or, of squares ("..._sq"), negative.
  void load_state(const std::function<const Array*(const std::string& name)>& find);

 protected:
  /// Packs the parameters; weight decay is for those of more than one axis unless a group says otherwise. Throws for
  /// a negative weight decay or learning-rate factor and a group that matches no parameter.
  Optimizer(Params& params, double weight_decay, std::vector<ParameterGroup> groups, std::vector<std::string> moments);

  /// A parameter, or neighbours in the arenas that are treated alike.
  struct Update {
    double lr, weight_decay;
    std::int64_t step;          ///< from 1
    std::int64_t offset, size;  ///< where they lie in the arenas
    Array gradient;             ///< from `first` on: in its arena, or apart from it when a parameter was frozen before
    std::int64_t first;
  };
  virtual void update(std::span<const Update>, double factor) = 0;
  Params& params() { return params_; }
  Array& moment(std::size_t i) { return moments_[i].second; }  ///< an arena laid out as the parameters'

 private:
  struct Rule {
    double lr_factor, weight_decay;
  };
  Params& params_;
  std::vector<Rule> rules_;
  std::vector<std::int32_t> steps_;
  std::vector<Update> updates_;
  std::vector<std::pair<std::string, Array>> moments_;
};

}  // namespace gaze
