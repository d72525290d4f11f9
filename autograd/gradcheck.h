#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gaze/autograd/tensor.h>

namespace gaze {

/// One entry whose gradient was compared.
struct GradcheckEntry {
  std::string input;       ///< the input's name, or "input 0"
  std::int64_t index = 0;  ///< in the flattened input
  double analytic = 0;
  double numeric = 0;
  double error = 0;  ///< |analytic - numeric| / max(1, |analytic|, |numeric|)
};

struct GradcheckOptions {
  double epsilon = 1e-6;                ///< step of the central difference, times max(1, |x|)
  double tolerance = 1e-6;              ///< largest error that passes
  std::uint64_t seed = 1;               ///< of the random cotangents
  int worst = 3;                        ///< entries to report
  std::vector<std::string> names = {};  ///< of the inputs, for the report
};

struct GradcheckReport {
  bool passed = false;
  std::int64_t entries = 0;  ///< compared
  double worst_error = 0;
  std::vector<GradcheckEntry> worst;  ///< the largest errors first
  std::string reason;                 ///< why it failed, one line; empty when it passed
  explicit operator bool() const { return passed; }
  std::string to_string() const;
};

using TensorFunction = std::function<Tensor(const std::vector<Tensor>&)>;

/// Compares the gradients of f, weighted by a random cotangent of its result, with central differences at every entry
/// of every float input. Inputs are taken in float64, whatever they are; int32 inputs are passed as they are.
/// A function that gives other numbers when called twice fails with that reason. Throws what f throws.
GradcheckReport gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& = {});

/// The same for the gradients of f as functions of its inputs and of the cotangent: checks the double backward.
GradcheckReport gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& = {});

}  // namespace gaze
