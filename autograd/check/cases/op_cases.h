#pragma once

#include <functional>
#include <string>
#include <vector>

#include <gaze/autograd/tensor.h>

namespace gaze {

/// One way to call an operation of ops.h.
struct OpCase {
  using Call = std::function<Tensor(const std::vector<Tensor>&)>;

  std::string operation;       ///< its name in ops.h
  std::string variant;         ///< what is special: "broadcast", "empty", "size one", "transposed b", ...
  std::vector<Tensor> inputs;  ///< float64 ones are differentiated by; int32 ones go along
  Call call;
  Call reference;              ///< the same by loops or by other operations: equal but for rounding
  bool differentiable = true;  ///< false: the result passes no gradient on
};

/// Cases of every operation of ops.h: ordinary, broadcast, empty (a zero-length axis), size one, and every flag.
/// Inputs keep away from kinks, where a central difference says nothing.
const std::vector<OpCase>& op_cases();

}  // namespace gaze
