#include <gaze/optim/adam.h>

#include <cmath>

#include <gaze/autograd/kernels/isa.h>

namespace gaze {

Adam::Adam(Params& params, const AdamOptions& options, bool decoupled)
    : Optimizer(params, options.weight_decay, options.groups, {"exp_avg", "exp_avg_sq"}),
      options_(options),
      decoupled_(decoupled) {
  const auto [b1, b2] = options.betas;
  require(b1 >= 0 && b1 < 1 && b2 >= 0 && b2 < 1, "adam: betas {} and {} must be in [0, 1)", b1, b2);
  require(options.eps >= 0, "adam: eps {} must not be negative", options.eps);
}

void Adam::update(std::span<const Update> updates, double factor) {
  for_floating("adam", params().dtype(), [&]<class T>() {
    std::vector<kernels::OptimizerSpan<T>> spans;
    for (const Update& u : updates) {
      const auto t = static_cast<double>(u.step);
      spans.push_back({.p = params().values().write<T>() + u.offset,
                       .g = u.gradient.data<T>() + u.first,
                       .m = moment(0).write<T>() + u.offset,
                       .v = moment(1).write<T>() + u.offset,
                       .n = u.size,
                       .lr = u.lr,
                       .decay = u.weight_decay,
                       .correction1 = 1 - std::pow(options_.betas.first, t),
                       .correction2 = 1 - std::pow(options_.betas.second, t)});
    }
    kernels::of<T>().adam(
        {.beta1 = options_.betas.first, .beta2 = options_.betas.second, .eps = options_.eps, .decoupled = decoupled_},
        factor, spans.data(), static_cast<std::int64_t>(spans.size()));
  });
}

}  // namespace gaze
