#include <gaze/optim/sgd.h>

#include <gaze/autograd/kernels/isa.h>

namespace gaze {

Sgd::Sgd(Params& params, const SgdOptions& options)
    : Optimizer(params, options.weight_decay, options.groups,
                options.momentum > 0 ? std::vector<std::string>{"momentum_buffer"} : std::vector<std::string>{}),
      options_(options) {
  require(options.momentum >= 0 && options.momentum < 1, "sgd: momentum {} must be in [0, 1)", options.momentum);
  require(!options.nesterov || options.momentum > 0, "sgd: Nesterov's form needs a momentum");
}

void Sgd::update(std::span<const Update> updates, double factor) {
  for_floating("sgd", params().dtype(), [&]<class T>() {
    std::vector<kernels::OptimizerSpan<T>> spans;
    for (const Update& u : updates)
      spans.push_back({.p = params().values().write<T>() + u.offset,
                       .g = u.gradient.data<T>() + u.first,
                       .m = options_.momentum > 0 ? moment(0).write<T>() + u.offset : nullptr,
                       .n = u.size,
                       .lr = u.lr,
                       .decay = u.weight_decay});
    kernels::of<T>().sgd({.momentum = options_.momentum, .nesterov = options_.nesterov}, factor, spans.data(),
                         static_cast<std::int64_t>(spans.size()));
  });
}

}  // namespace gaze
