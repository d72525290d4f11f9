#include <gaze/autograd/kernels/optimizer.h>

#include <algorithm>
#include <cmath>

#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/simd.h>

namespace gaze::kernels::GAZE_LEVEL {
namespace {

constexpr std::int64_t block = 16384;

/// step(span, first, last) for the blocks of all spans, in parallel. `cost`: numbers touched for one of a span.
template <class T, class Step>
void for_spans(const OptimizerSpan<T>* spans, std::int64_t count, std::int64_t cost, const Step& step) {
  const auto blocks_of = [](const OptimizerSpan<T>& s) { return (s.n + block - 1) / block; };
  std::int64_t blocks = 0, numbers = 0;
  for (std::int64_t i = 0; i < count; ++i) blocks += blocks_of(spans[i]), numbers += spans[i].n;
  parallel_tasks(blocks, numbers * cost, [&](std::int64_t task) {
    const OptimizerSpan<T>* s = spans;
    for (; task >= blocks_of(*s); ++s) task -= blocks_of(*s);
    step(*s, task * block, std::min((task + 1) * block, s->n));
  });
}

template <class T>
void adam(const AdamRule& rule, double factor, const OptimizerSpan<T>* spans, std::int64_t count) {
  using V = Vector<T>;
  for_spans(spans, count, 4, [&](const OptimizerSpan<T>& s, std::int64_t first, std::int64_t last) {
    const V b1(static_cast<T>(rule.beta1)), b2(static_cast<T>(rule.beta2)), c1(static_cast<T>(1 - rule.beta1)),
        c2(static_cast<T>(1 - rule.beta2)), e(static_cast<T>(rule.eps)), f(static_cast<T>(factor)),
        rate(static_cast<T>(s.lr / s.correction1)), root(static_cast<T>(1 / std::sqrt(s.correction2))),
        added(static_cast<T>(rule.decoupled ? 0 : s.decay)),
        kept(static_cast<T>(rule.decoupled ? 1 - s.lr * s.decay : 1));
    T *p = s.p + first, *m = s.m + first, *v = s.v + first;
    const T* g = s.g + first;
    for_vectors<T>(last - first, [&](std::int64_t i, const auto& load, const auto& store) {
      const V at = load(p + i), d = load(g + i) * f + added * at;
      const V mean = b1 * load(m + i) + c1 * d, square = b2 * load(v + i) + c2 * d * d;
      store(mean, m + i), store(square, v + i);
      store(at * kept - rate * mean / (simd::sqrt(square) * root + e), p + i);
    });
  });
}

template <class T>
void sgd(const SgdRule& rule, double factor, const OptimizerSpan<T>* spans, std::int64_t count) {
  using V = Vector<T>;
  for_spans(spans, count, 3, [&](const OptimizerSpan<T>& s, std::int64_t first, std::int64_t last) {
    const V mu(static_cast<T>(rule.momentum)), f(static_cast<T>(factor)), rate(static_cast<T>(s.lr)),
        added(static_cast<T>(s.decay));
    const bool nesterov = rule.nesterov;
    T *p = s.p + first, *buffer = s.m ? s.m + first : nullptr;
    const T* g = s.g + first;
    for_vectors<T>(last - first, [&](std::int64_t i, const auto& load, const auto& store) {
      const V at = load(p + i);
      V d = load(g + i) * f + added * at;
      if (buffer) {
        const V b = mu * load(buffer + i) + d;
        store(b, buffer + i);
        d = nesterov ? d + mu * b : b;
      }
      store(at - rate * d, p + i);
    });
  });
}

template <class T>
double sum_of_squares(const T* x, std::int64_t n) {
  const Scratch scratch(static_cast<std::size_t>((n + block - 1) / block) * sizeof(double));
  auto* parts = static_cast<double*>(scratch.memory());
  parallel_blocks(n, block, 1, [&](std::int64_t first, std::int64_t last) {
    constexpr std::int64_t side_by_side = 32;  // sums, so that the loop runs in vectors that wait for none
    double sums[side_by_side] = {};
    std::int64_t i = first;
    for (; i + side_by_side <= last; i += side_by_side)
      for (std::int64_t j = 0; j < side_by_side; ++j)
        sums[j] += static_cast<double>(x[i + j]) * static_cast<double>(x[i + j]);
    for (; i < last; ++i) sums[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    double sum = 0;
    for (const double part : sums) sum += part;
    parts[first / block] = sum;
  });
  double total = 0;
  for (std::int64_t i = 0; i * block < n; ++i) total += parts[i];
  return total;
}

template <class T>
void scale(T* x, double factor, std::int64_t n) {
  const T f = static_cast<T>(factor);
  parallel_blocks(n, block, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) x[i] *= f;
  });
}

}  // namespace

GAZE_FILL(Optimisation, .adam = adam, .sgd = sgd, .sum_of_squares = sum_of_squares, .scale = scale)

}  // namespace gaze::kernels::GAZE_LEVEL
