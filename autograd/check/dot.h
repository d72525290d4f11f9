#pragma once

#include <string>

#include <gaze/autograd/tensor.h>

namespace gaze {

/// The graph behind a tensor in the DOT language of Graphviz: operations with shapes, leaves in boxes.
std::string to_dot(const Tensor&);

}  // namespace gaze
