#pragma once

#include <span>
#include <vector>

#include <gaze/autograd/tensor.h>

namespace gaze {

struct BackwardOptions {
  Tensor cotangent = {};      ///< gradient of the final result with respect to `output`; default: 1 for one element
  bool retain_graph = false;  ///< keep what was saved, so that the graph can be walked again
};

/// Adds d(output)/d(leaf) to the gradient of every leaf that `output` depends on. Builds no graph.
/// Throws when output has more than one element and no cotangent is given, when a shape or dtype that a vjp returned
/// is wrong, when a saved tensor was changed in place, and when the graph was walked before without retain_graph. After
/// an error some gradients may be half added: zero_grad() before the next walk. Walks of different threads may run at
/// once unless they share leaves or nodes of one graph.
void backward(const Tensor& output, const BackwardOptions& options = {});

struct GradOptions {
  std::vector<Tensor> cotangents = {};  ///< one an output; default: ones for outputs of one element
  bool create_graph = false;  ///< the gradients can be differentiated again, also in a NoGrad; retains the graph
  bool retain_graph = false;
  bool allow_unused = false;  ///< an input that no output depends on gets an undefined tensor instead of an error
};

/// The gradients of the outputs, weighted by the cotangents and summed, with respect to the inputs: leaves or
/// operations' results. Touches no leaf's own gradient.
std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs, const GradOptions& = {});
std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs, const GradOptions& = {});

}  // namespace gaze
