#include <gaze/optim/clipping.h>

#include <algorithm>
#include <cmath>

#include <gaze/autograd/graph.h>
#include <gaze/autograd/kernels/isa.h>

namespace gaze {

double grad_norm(Params& params) {
  return for_floating("clip", params.dtype(), [&]<class T>() {
    const kernels::Kernels<T>& kernels = kernels::of<T>();
    // With all gradients in their arena one pass will do: what lies between them is zeros.
    const auto in_arena = [](const Parameter& p) {
      const Tensor g = p.value.grad();
      return g.defined() && g.array().is_part();
    };
    const auto& list = params.list();
    const bool whole = params.packed() && std::all_of(list.begin(), list.end(), in_arena);
    double squares = 0;
    if (whole) {
      squares = kernels.sum_of_squares(params.gradients().template data<T>(), params.gradients().size());
    } else {
      for (const Parameter& p : params.list())
        if (const Tensor g = p.value.grad(); g.defined())
          squares += kernels.sum_of_squares(g.array().data<T>(), g.size());
    }
    const double norm = std::sqrt(squares);
    if (std::isfinite(norm)) return norm;
    for (const Parameter& p : params.list())
      if (const Tensor g = p.value.grad(); g.defined())
        if (const auto bad = first_not_finite(g.array()))
          fail("clip: the gradient of {} holds {}", p.name, g.array().at(*bad));
    fail("clip: the norm of the gradients is {}", norm);
  });
}

double clip_factor(double norm, double max_norm) {
  require(max_norm >= 0, "clip: the largest norm {} must not be negative", max_norm);
  require(norm >= 0 && std::isfinite(norm), "clip: the norm {} of the gradients must be finite", norm);
  return max_norm > 0 ? std::min(1.0, max_norm / (norm + 1e-6)) : 1;
}

double clip_grad_norm(Params& params, double max_norm) {
  clip_factor(0, max_norm);  // throws before anything is measured
  const double norm = grad_norm(params), factor = clip_factor(norm, max_norm);
  if (factor < 1)
    for_floating("clip", params.dtype(), [&]<class T>() {
      for (const Parameter& p : params.list())
        if (Tensor g = p.value.grad(); g.defined())
          kernels::of<T>().scale(g.change<T>("clip_grad_norm").data(), factor, g.size());
    });
  return norm;
}

}  // namespace gaze
