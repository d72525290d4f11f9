#include <gaze/optim/clipping.h>

#include <algorithm>
#include <cmath>

#include <gaze/autograd/kernels/optimizer.h>

namespace gaze {

double clip_grad_norm(Params& params, double max_norm) {
  require(max_norm >= 0, "clip: the largest norm {} must not be negative", max_norm);
  return for_floating("clip", params.dtype(), [&]<class T>() {
    double squares = 0;
    for (const Parameter& p : params.list())
      if (const Tensor g = p.value.grad(); g.defined())
        squares += kernels::sum_of_squares(g.array().data<T>(), g.size());
    const double norm = std::sqrt(squares);
    if (!std::isfinite(norm)) {
      for (const Parameter& p : params.list())
        if (const Tensor g = p.value.grad(); g.defined())
          for (const T x : g.values<T>()) require(std::isfinite(x), "clip: the gradient of {} holds {}", p.name, x);
      fail("clip: the norm of the gradients is {}", norm);
    }
    const double factor = max_norm > 0 ? std::min(1.0, max_norm / (norm + 1e-6)) : 1;
    if (factor < 1)
      for (const Parameter& p : params.list())
        if (Tensor g = p.value.grad(); g.defined())
          kernels::scale(g.change<T>("clip_grad_norm").data(), factor, g.size());
    return norm;
  });
}

}  // namespace gaze
