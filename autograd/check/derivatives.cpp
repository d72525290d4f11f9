#include <gaze/autograd/check/derivatives.h>

#include <vector>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>

namespace gaze {
namespace {

Tensor leaf_of(const Tensor& x) { return Tensor(x.array().copy(), true); }

/// The gradient of one leaf, zeros where the output does not depend on it.
Tensor gradient(const Tensor& output, const Tensor& leaf, const Tensor& cotangent, bool create_graph) {
  if (!output.requires_grad()) return Tensor::zeros(leaf.shape(), leaf.dtype());
  const Tensor found =
      grad(output, {leaf},
           {.cotangents = {cotangent}, .create_graph = create_graph, .retain_graph = true, .allow_unused = true})
          .front();
  return found.defined() ? found : Tensor::zeros(leaf.shape(), leaf.dtype());
}

void check_direction(const char* name, const Tensor& x, const Tensor& v) {
  require(v.shape() == x.shape() && v.dtype() == x.dtype(), "{}: v {} {} must be like x {} {}", name,
          name_of(v.dtype()), v.shape(), name_of(x.dtype()), x.shape());
}

Tensor one_number(const char* name, const Tensor& y) {
  require(y.size() == 1, "{}: f must give one number, not shape {}", name, y.shape());
  return Tensor::ones(y.shape(), y.dtype());
}

/// The gradient of every number of y by x, one below the other: [y's axes..., x's axes...]
Tensor gradients_of_each(const Tensor& y, const Tensor& x) {
  Shape shape = y.shape();
  for (const std::int64_t axis : x.shape()) shape.append(axis);
  std::vector<Tensor> rows;
  for (std::int64_t i = 0; i < y.size(); ++i) {
    Array unit = Array::zeros(y.shape(), y.dtype());
    unit.set(i, 1);
    rows.push_back(gradient(y, x, Tensor(unit), false));
  }
  return rows.empty() ? Tensor::zeros(shape, x.dtype()) : stack(rows).reshape(shape).detach();
}

}  // namespace

Tensor jvp(const Function& f, const Tensor& at, const Tensor& v) {
  check_direction("jvp", at, v);
  const EnableGrad enable_grad;
  const Tensor x = leaf_of(at), y = f(x);
  const Tensor cotangent(Array::zeros(y.shape(), y.dtype()), true);
  return gradient(gradient(y, x, cotangent, true), cotangent, v.detach(), false).detach();
}

Tensor jacobian(const Function& f, const Tensor& at) {
  const EnableGrad enable_grad;
  const Tensor x = leaf_of(at);
  return gradients_of_each(f(x), x);
}

Tensor hvp(const Function& f, const Tensor& at, const Tensor& v) {
  check_direction("hvp", at, v);
  const EnableGrad enable_grad;
  const Tensor x = leaf_of(at), y = f(x);
  return gradient(gradient(y, x, one_number("hvp", y), true), x, v.detach(), false).detach();
}

Tensor hessian(const Function& f, const Tensor& at) {
  const EnableGrad enable_grad;
  const Tensor x = leaf_of(at), y = f(x);
  return gradients_of_each(gradient(y, x, one_number("hessian", y), true), x);
}

}  // namespace gaze
