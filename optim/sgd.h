#pragma once

#include <gaze/optim/optimizer.h>

namespace gaze {

struct SgdOptions {
  double momentum = 0;
  double weight_decay = 0;  ///< L2: g + decay p takes g's place; of parameters with more than one axis
  bool nesterov = false;    ///< needs a momentum
  std::vector<ParameterGroup> groups = {};
};

/// b = momentum b + g (g the first time), p -= lr b; with Nesterov's form p -= lr (g + momentum b). As torch.optim.SGD.
/// Without momentum there is no b.
class Sgd : public Optimizer {
 public:
  /// Throws for a momentum outside [0, 1), a negative weight decay and Nesterov without momentum.
  explicit Sgd(Params& params, const SgdOptions& options = {});

 private:
  void update(std::span<const Update>, double factor) override;
  SgdOptions options_;
};

}  // namespace gaze
