#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include <gaze/autograd/ops.h>
#include <gaze/nn/checkpoint.h>

#include "../catch.h"
#include "../paths.h"

namespace gaze {

inline double largest(const Array& a) {
  double max_abs = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) max_abs = std::max(max_abs, std::abs(a.at(i)));
  return max_abs;
}

/// The largest |a - b|; infinite when the shapes differ or one of the two has a NaN.
inline double distance(const Tensor& a, const Array& b) {
  if (!a.defined() || a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
  double max_abs = 0;
  for (std::int64_t i = 0; i < b.size(); ++i) {
    const double difference = std::abs(a.array().at(i) - b.at(i));
    max_abs = std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(max_abs, difference);
  }
  return max_abs;
}

/// One call of a PyTorch module, as golden/modules.py wrote it.
class Golden {
 public:
  using Tensors = std::map<std::string, Tensor>;

  Golden(const std::string& name, DType dtype)
      : file_(load_safetensors(source_folder() / "tests/golden/modules" / (name + ".safetensors"))), dtype_(dtype) {}

  const Checkpoint& file() const { return file_; }
  /// Fills the parameters: throws unless their names and shapes are PyTorch's.
  void fill(Params& params) const { load(params, file_, {.strip_prefix = "weights."}); }
  const Array& array(const std::string& name) const {
    const Array* found = file_.find(name);
    REQUIRE(found);
    return *found;
  }
  Tensor lengths() const { return Tensor(array("lengths")); }
  Tensor input(const std::string& name) const { return Tensor(array("inputs." + name).to(dtype_), true); }

  /// Compares outputs, goes backward with PyTorch's cotangents, and compares the gradients. The parameters have
  /// PyTorch's names after `prefix`.
  void check(const Params& params, const Tensors& inputs, const Tensors& outputs,
             const std::string& prefix = "") const {
    const bool exact = dtype_ == DType::float64;
    Tensor loss = Tensor::scalar(0, dtype_);
    for (const auto& [name, output] : outputs) {
      INFO("output " << name);
      CHECK(distance(output, array("outputs." + name)) < (exact ? 1e-10 : 1e-5));
      loss = loss + (output * Tensor(array("cotangents." + name).to(dtype_))).sum();
    }
    loss.backward();
    const auto check_gradient = [&](const std::string& name, const Tensor& leaf) {
      INFO("gradient of " << name);
      const Array& expected = array("gradients." + name);
      CHECK(distance(leaf.grad(), expected) < (exact ? 1e-10 : 1e-4) * largest(expected));
    };
    for (const Parameter& p : params.list()) check_gradient(p.name.substr(prefix.size()), p.value);
    for (const auto& [name, input] : inputs) check_gradient(name, input);
  }

 private:
  Checkpoint file_;
  DType dtype_;
};

}  // namespace gaze
