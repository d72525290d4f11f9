#pragma once

#include <functional>

#include <gaze/autograd/tensor.h>

/// Derivatives of functions as a whole, by reverse mode alone. f must be written in operations; x may be any tensor of
/// floats, and is taken as a leaf of its own. What is returned is outside any graph.
namespace gaze {

using Function = std::function<Tensor(const Tensor& x)>;

/// J v: how f changes along v, of x's shape. The vjp is linear in its cotangent, and so its vjp by that is the jvp.
Tensor jvp(const Function& f, const Tensor& x, const Tensor& v);
/// d f_i / d x_j: [f's axes..., x's axes...]
Tensor jacobian(const Function& f, const Tensor& x);
/// H v, where H is the matrix of second derivatives of f, which gives one number: grad(<grad f, v>) (Pearlmutter 1994).
Tensor hvp(const Function& f, const Tensor& x, const Tensor& v);
/// H: [x's axes..., x's axes...], for f that gives one number.
Tensor hessian(const Function& f, const Tensor& x);

}  // namespace gaze
