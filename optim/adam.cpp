#include <gaze/optim/adam.h>

#include <cmath>

#include <gaze/autograd/kernels/optimizer.h>

namespace gaze {

Adam::Adam(Params& params, const AdamOptions& options, bool decoupled)
    : Optimizer(params, options.weight_decay, options.groups, {"exp_avg", "exp_avg_sq"}),
      options_(options),
      decoupled_(decoupled) {
  const auto [b1, b2] = options.betas;
  require(b1 >= 0 && b1 < 1 && b2 >= 0 && b2 < 1, "adam: betas {} and {} must be in [0, 1)", b1, b2);
  require(options.eps >= 0, "adam: eps {} must not be negative", options.eps);
}

void Adam::update(const Update& u) {
  const auto [b1, b2] = options_.betas;
  const auto t = static_cast<double>(u.step);
  for_floating("adam", params().dtype(), [&]<class T>() {
    const kernels::AdamStep<T> step{.lr = u.lr,
                                    .beta1 = b1,
                                    .beta2 = b2,
                                    .eps = options_.eps,
                                    .decay = u.weight_decay,
                                    .decoupled = decoupled_,
                                    .correction1 = 1 - std::pow(b1, t),
                                    .correction2 = 1 - std::pow(b2, t)};
    step(params().values().write<T>() + u.offset, u.gradient.data<T>(), moment(0).write<T>() + u.offset,
         moment(1).write<T>() + u.offset, u.size);
  });
}

}  // namespace gaze
