#pragma once

namespace gaze {

/// What follows a linear layer, number by number: of the operations and of the kernels that do both at once.
enum class Activation { none, relu, gelu };  ///< gelu is the exact one

}  // namespace gaze
