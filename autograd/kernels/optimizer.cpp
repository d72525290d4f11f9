#include <gaze/autograd/kernels/optimizer.h>

#include <cmath>
#include <vector>

#include <gaze/autograd/kernels/parallel.h>

namespace gaze::kernels {
namespace {

constexpr std::int64_t block = 4096;

}  // namespace

template <class T>
void AdamStep<T>::operator()(T* p, const T* g, T* m, T* v, std::int64_t n) const {
  const T b1 = static_cast<T>(beta1), b2 = static_cast<T>(beta2), c1 = static_cast<T>(1 - beta1),
          c2 = static_cast<T>(1 - beta2);
  const T rate = static_cast<T>(lr / correction1), root = static_cast<T>(1 / std::sqrt(correction2)),
          e = static_cast<T>(eps);
  const T added = static_cast<T>(decoupled ? 0 : decay), kept = static_cast<T>(decoupled ? 1 - lr * decay : 1);
  parallel_blocks(n, block, 4, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const T at = p[i] * kept, d = g[i] + added * p[i];
      const T mean = b1 * m[i] + c1 * d, square = b2 * v[i] + c2 * d * d;
      m[i] = mean, v[i] = square;
      p[i] = at - rate * mean / (std::sqrt(square) * root + e);
    }
  });
}

template <class T>
void SgdStep<T>::operator()(T* p, const T* g, T* buffer, std::int64_t n) const {
  const T rate = static_cast<T>(lr), mu = static_cast<T>(momentum), added = static_cast<T>(decay);
  if (!buffer) {
    parallel_blocks(n, block, 2, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t i = from; i < to; ++i) p[i] -= rate * (g[i] + added * p[i]);
    });
    return;
  }
  parallel_blocks(n, block, 3, [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) {
      const T d = g[i] + added * p[i], b = mu * buffer[i] + d;
      buffer[i] = b;
      p[i] -= rate * (nesterov ? d + mu * b : b);
    }
  });
}

template <class T>
double sum_of_squares(const T* x, std::int64_t n) {
  std::vector<double> parts(static_cast<std::size_t>((n + block - 1) / block));
  parallel_blocks(n, block, 1, [&](std::int64_t first, std::int64_t last) {
    constexpr std::int64_t lanes = 8;
    double lane[lanes] = {};
    std::int64_t i = first;
    for (; i + lanes <= last; i += lanes)
      for (std::int64_t j = 0; j < lanes; ++j) lane[j] += static_cast<double>(x[i + j]) * static_cast<double>(x[i + j]);
    for (; i < last; ++i) lane[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    double sum = 0;
    for (const double part : lane) sum += part;
    parts[static_cast<std::size_t>(first / block)] = sum;
  });
  double total = 0;
  for (const double part : parts) total += part;
  return total;
}

template <class T>
void scale(T* x, double factor, std::int64_t n) {
  const T f = static_cast<T>(factor);
  parallel_blocks(n, block, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) x[i] *= f;
  });
}

#define GAZE_INSTANTIATE(T)                               \
  template struct AdamStep<T>;                            \
  template struct SgdStep<T>;                             \
  template double sum_of_squares(const T*, std::int64_t); \
  template void scale(T*, double, std::int64_t);
GAZE_INSTANTIATE(float)
GAZE_INSTANTIATE(double)
#undef GAZE_INSTANTIATE

}  // namespace gaze::kernels
