#include <gaze/optim/adam.h>

#include <cmath>
#include <limits>

#include <gaze/autograd/kernels/isa.h>

namespace gaze {

Adam::Adam(Params& params, const AdamOptions& options, bool decoupled)
    : Optimizer(params, options.weight_decay, options.groups, {"exp_avg", "exp_avg_sq"}),
      options_(options),
      decoupled_(decoupled) {
  const auto [b1, b2] = options.betas;
  require(b1 >= 0 && b1 < 1 && b2 >= 0 && b2 < 1, "adam: betas {} and {} must be in [0, 1)", b1, b2);
  constexpr double smallest = std::numeric_limits<float>::min();  // what is less is flushed to 0, and 0 / 0 is NaN
  require(std::isfinite(options.eps) && options.eps >= smallest,
          "adam: eps {} must be positive, finite and at least {:.3g}", options.eps, smallest);
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
