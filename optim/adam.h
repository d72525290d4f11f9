#pragma once

#include <utility>

#include <gaze/optim/optimizer.h>

namespace gaze {

struct AdamOptions {
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  ///< of parameters with more than one axis
  std::vector<ParameterGroup> groups = {};
};

/// m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
/// p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps)    (Kingma and Ba 2015, algorithm 1).
/// Weight decay is an L2 term: g + decay p takes g's place. As torch.optim.Adam.
class Adam : public Optimizer {
 public:
  /// Throws for betas outside [0, 1) and a negative eps or weight decay.
  explicit Adam(Params& params, const AdamOptions& options = {}) : Adam(params, options, false) {}

 protected:
  Adam(Params& params, const AdamOptions& options, bool decoupled);

 private:
  void update(std::span<const Update>, double factor) override;
  AdamOptions options_;
  bool decoupled_;
};

/// Adam whose weight decay is decoupled: p *= 1 - lr decay before the step (Loshchilov and Hutter 2019). As
/// torch.optim.AdamW.
class AdamW : public Adam {
 public:
  explicit AdamW(Params& params, const AdamOptions& options = {}) : Adam(params, options, true) {}
};

}  // namespace gaze
