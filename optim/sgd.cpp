#include <gaze/optim/sgd.h>

#include <gaze/autograd/kernels/optimizer.h>

namespace gaze {

Sgd::Sgd(Params& params, const SgdOptions& options)
    : Optimizer(params, options.weight_decay, options.groups,
                options.momentum > 0 ? std::vector<std::string>{"momentum_buffer"} : std::vector<std::string>{}),
      options_(options) {
  require(options.momentum >= 0 && options.momentum < 1, "sgd: momentum {} must be in [0, 1)", options.momentum);
  require(!options.nesterov || options.momentum > 0, "sgd: Nesterov's form needs a momentum");
}

void Sgd::update(const Update& u) {
  for_floating("sgd", params().dtype(), [&]<class T>() {
    const kernels::SgdStep<T> step{
        .lr = u.lr, .momentum = options_.momentum, .decay = u.weight_decay, .nesterov = options_.nesterov};
    T* const buffer = options_.momentum > 0 ? moment(0).write<T>() + u.offset : nullptr;
    step(params().values().write<T>() + u.offset, u.gradient.data<T>(), buffer, u.size);
  });
}

}  // namespace gaze
