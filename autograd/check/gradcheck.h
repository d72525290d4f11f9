#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gaze/autograd/check/slope.h>
#include <gaze/autograd/parameters.h>
#include <gaze/autograd/tensor.h>

namespace gaze {

/// One derivative that was compared.
struct GradcheckEntry {
  std::string input;        ///< the input's name, or "input 0"; a parameter's path
  std::int64_t index = -1;  ///< in the flattened input; -1: along a random direction
  DerivativeComparison judgement = {};

  std::string name() const;  ///< "weight[3]", or "weight along a random direction"
};

/// The comparisons of one input, or one parameter.
struct InputCheck {
  std::string input;
  std::int64_t size = 0, compared = 0;
  Verdict verdict = Verdict::right;  ///< the worst
  double worst_error = 0;
};

struct GradcheckOptions {
  enum class Mode {
    full,  ///< every entry of every input
    fast   ///< random directions, and entries of the inputs that they make suspicious
  };
  Mode mode = Mode::full;
  double tolerance = 1e-6;              ///< largest relative error that passes
  std::uint64_t seed = 1;               ///< of the random cotangents and directions
  int directions = 2;                   ///< of an input, in fast mode
  std::int64_t suspicious = 64;         ///< entries to compare of an input whose direction is wrong, in fast mode
  int worst = 3;                        ///< entries to report
  std::vector<std::string> names = {};  ///< of the inputs, for the report
};

struct GradcheckReport {
  Verdict verdict = Verdict::right;   ///< the worst of all
  std::int64_t compared = 0;          ///< derivatives
  double worst_error = 0;             ///< relative
  std::vector<GradcheckEntry> worst;  ///< the largest errors first
  std::vector<InputCheck> inputs;     ///< floating ones, in their order
  std::string reason;                 ///< why it failed, one line; empty when it passed

  /// Neither wrong nor not deterministic.
  bool passed() const { return verdict != Verdict::wrong && verdict != Verdict::not_deterministic; }
  explicit operator bool() const { return passed(); }
  int digits() const;  ///< that analytic and numeric gradients have in common at least
  std::string to_string() const;
};

using TensorFunction = std::function<Tensor(const std::vector<Tensor>&)>;

/// Compares the gradients of f, weighted by a random cotangent of its result, with differences. Inputs are taken in
/// float64, whatever they are; int32 inputs are passed as they are. Throws what f throws, and when its result is not
/// finite.
GradcheckReport gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& = {});

/// The same for the gradients of f as functions of its inputs and of the cotangent: checks the double backward.
GradcheckReport gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& = {});

/// The same for a function of tensors that it holds itself: `leaves` are those of them to differentiate by, float64, by
/// name. They are changed in place and come back as they were.
struct NamedLeaf {
  std::string name;
  Tensor leaf;
};
GradcheckReport gradcheck(const std::function<Tensor()>& f, const std::vector<NamedLeaf>& leaves,
                          const GradcheckOptions& = {});

/// A whole model: the gradient of loss(), one number, by every parameter that requires gradients, in fast mode unless
/// told otherwise. Parameters must be float64 (Params(DType::float64)). A parameter that the loss does not depend on
/// must not change it.
GradcheckReport gradcheck(Params& params, const std::function<Tensor()>& loss,
                          const GradcheckOptions& = {.mode = GradcheckOptions::Mode::fast});

}  // namespace gaze
