#pragma once

#include <cstdint>

namespace gaze::kernels {

/// Numbers of one parameter, or of neighbours in the arenas that are treated alike.
template <class T>
struct OptimizerSpan {
  T* p = nullptr;
  const T* g = nullptr;
  T *m = nullptr, *v = nullptr;  ///< moments: Adam's two, or SGD's buffer and nothing
  std::int64_t n = 0;
  double lr = 0, decay = 0;
  double correction1 = 1, correction2 = 1;  ///< Adam's 1 - beta1^t and 1 - beta2^t
};

struct AdamRule {
  double beta1 = 0, beta2 = 0, eps = 0;
  bool decoupled = false;  ///< weight decay is taken off the parameter first, not added to the gradient
};

struct SgdRule {
  double momentum = 0;
  bool nesterov = false;
};

/// A gradient counts `factor` times: clipping that needs no pass of its own.
template <class T>
struct Optimisation {
  /// m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, p -= lr / correction1 m / (sqrt(v / correction2) + eps)
  void (*adam)(const AdamRule&, double factor, const OptimizerSpan<T>* spans, std::int64_t count);
  /// b = momentum b + g + decay p, with b zeros at first; p -= lr b, or lr (g + decay p + momentum b) with Nesterov's
  /// form. Without momentum there is no b: p -= lr (g + decay p).
  void (*sgd)(const SgdRule&, double factor, const OptimizerSpan<T>* spans, std::int64_t count);
  /// The sum of squares, in double, in an order that depends on n alone.
  double (*sum_of_squares)(const T* x, std::int64_t n);
  /// x[i] *= factor
  void (*scale)(T* x, double factor, std::int64_t n);
};

}  // namespace gaze::kernels
