#pragma once

#include <functional>
#include <string>
#include <vector>

#include <gaze/autograd/tensor.h>

namespace gaze {

/// What an operation computes; its own operations are not recorded.
using Forward = std::function<Tensor(const std::vector<Tensor>& inputs)>;
/// Its vector-Jacobian product: the gradient of each input, of the input's shape (or one that it broadcasts to) and
/// dtype, or undefined where there is none. When written in operations of ops.h it can be differentiated again.
using Vjp =
    std::function<std::vector<Tensor>(const std::vector<Tensor>& inputs, const Tensor& result, const Tensor& gradient)>;

/// An operation of one's own, to be called like any other. Errors, anomaly mode and find_wrong_vjp() know it by `name`.
std::function<Tensor(const std::vector<Tensor>& inputs)> custom_op(std::string name, Forward forward, Vjp vjp);

}  // namespace gaze
