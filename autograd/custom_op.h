#pragma once

#include <functional>
#include <string>
#include <vector>

#include <gaze/autograd/tensor.h>

namespace gaze {

/// What an operation computes; its own operations are not recorded.
using Forward = std::function<Tensor(const std::vector<Tensor>& inputs)>;
/// Its vector-Jacobian product: the gradient of each input, of the input's shape (or one that it broadcasts to) and
/// dtype, or undefined where there is none. Written in operations of ops.h it can be differentiated again; else that
/// throws.
using Vjp =
    std::function<std::vector<Tensor>(const std::vector<Tensor>& inputs, const Tensor& result, const Tensor& gradient)>;

/// An operation of one's own, to be called like any other. Errors, anomaly mode and find_wrong_vjp() know it by `name`.
std::function<Tensor(const std::vector<Tensor>& inputs)> custom_op(std::string name, Forward forward, Vjp vjp);

/// While one lives, this thread differentiates a vjp of a custom operation whatever it is made of: for checkers, which
/// find out by themselves.
struct TrustVjps : FlagScope {
  TrustVjps();
};

}  // namespace gaze
