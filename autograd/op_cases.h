#pragma once

#include <functional>
#include <string>
#include <vector>

#include <gaze/autograd/tensor.h>

namespace gaze {

/// One way to call an operation of ops.h, with inputs that gradcheck may vary.
struct OpCase {
  std::string operation;  ///< its name in ops.h
  std::string variant;    ///< what is special: "broadcast", "empty", "size one", "transposed b", ...
  std::function<Tensor(const std::vector<Tensor>&)> call;
  std::vector<Tensor> inputs;  ///< float64 inputs that the operation is differentiated by; int32 ones go along
  /// The same by a plain formula in other operations or loops, or empty: values must agree to 1e-12.
  std::function<Tensor(const std::vector<Tensor>&)> reference = {};
};

/// Cases of every operation of ops.h that has gradients: ordinary, broadcast, empty (a zero-length axis), size one and
/// every flag. Inputs keep away from kinks.
const std::vector<OpCase>& op_cases();

}  // namespace gaze
