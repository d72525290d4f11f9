#pragma once

#include <cstdint>

namespace gaze::kernels {

/// One parameter's step of Adam in one pass: p, g, m and v [n].
template <class T>
struct AdamStep {
  double lr = 0, beta1 = 0, beta2 = 0, eps = 0;
  double decay = 0;  ///< weight decay: added to the gradient, or with `decoupled` taken off the parameter first
  bool decoupled = false;
  double correction1 = 1;  ///< 1 - beta1^t
  double correction2 = 1;  ///< 1 - beta2^t
  void operator()(T* p, const T* g, T* m, T* v, std::int64_t n) const;
};

/// b = momentum b + g + decay p, with b zeros at first; p -= lr b, or lr (g + decay p + momentum b) with Nesterov's
/// form. Without momentum the buffer may be null: p -= lr (g + decay p).
template <class T>
struct SgdStep {
  double lr = 0, momentum = 0, decay = 0;
  bool nesterov = false;
  void operator()(T* p, const T* g, T* buffer, std::int64_t n) const;
};

/// The sum of squares, in double, in an order that depends on n alone.
template <class T>
double sum_of_squares(const T* x, std::int64_t n);

/// x[i] *= factor
template <class T>
void scale(T* x, double factor, std::int64_t n);

}  // namespace gaze::kernels
