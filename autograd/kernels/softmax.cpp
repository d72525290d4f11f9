#include <gaze/autograd/kernels/softmax.h>

#include <cmath>

#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/serial.h>
#include <gaze/autograd/kernels/simd.h>

namespace gaze::kernels::GAZE_LEVEL {
namespace {

constexpr std::int64_t cost_of_exp = 8;

template <class Row>
void for_rows(std::int64_t rows, std::int64_t n, const Row& row) {
  parallel_blocks(rows, rows_a_block(n), n * cost_of_exp, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) row(r);
  });
}

/// The sum of e^(x - shift) over a row.
template <class T>
T sum_of_exp(const T* x, std::int64_t n, T shift) {
  using V = Vector<T>;
  return map_sum<T>(
      n, [&](const V& v) { return xsimd::exp(v - V(shift)); }, x);
}

template <class T>
T sum_of(const T* x, std::int64_t n) {
  return map_sum<T>(
      n, [](const Vector<T>& v) { return v; }, x);
}

}  // namespace

namespace {

/// A row that fits N vectors, which stay in registers. False when nothing of it is kept or it holds a NaN.
template <int N, class T>
bool softmax_short(const T* x, std::int64_t n, T* y) {
  using V = Vector<T>;
  constexpr T lowest = -std::numeric_limits<T>::infinity();
  const std::int64_t last = n - (N - 1) * lanes<T>;  // numbers in the last vector
  V part[N];
#pragma GCC unroll 4
  for (int i = 0; i < N - 1; ++i) part[i] = V::load_unaligned(x + i * lanes<T>);
  part[N - 1] = last == lanes<T> ? V::load_unaligned(x + n - last) : load_part(x + n - last, last, lowest);
  V tops = part[0], sums(T(0));
#pragma GCC unroll 4
  for (int i = 1; i < N; ++i) tops = xsimd::max(tops, part[i]);
  const T top = across<T>(tops, [](const V& a, const V& b) { return xsimd::max(a, b); });
  if (top == lowest) return false;
#pragma GCC unroll 4
  for (int i = 0; i < N; ++i) part[i] = xsimd::exp(part[i] - V(top));
  if (last < lanes<T>) part[N - 1] = first_lanes(part[N - 1], last);
#pragma GCC unroll 4
  for (int i = 0; i < N; ++i) sums += part[i];
  const V scale(T(1) / sum_across<T>(sums));
#pragma GCC unroll 4
  for (int i = 0; i < N - 1; ++i) (part[i] * scale).store_unaligned(y + i * lanes<T>);
  part[N - 1] *= scale;
  if (last == lanes<T>)
    part[N - 1].store_unaligned(y + n - last);
  else
    store_part(part[N - 1], y + n - last, last);
  return true;
}

}  // namespace

template <class T>
void softmax_row(const T* x, std::int64_t n, T* y) {
  using V = Vector<T>;
  if (n > 0 && n <= lanes<T> && softmax_short<1>(x, n, y)) return;
  if (n > lanes<T> && n <= 2 * lanes<T> && softmax_short<2>(x, n, y)) return;
  const T top = largest(n, x);
  if (top == -std::numeric_limits<T>::infinity()) {  // nothing kept, or NaN, which the processor's max may lose
    std::fill_n(y, n, std::isnan(sum_of(x, n)) ? std::numeric_limits<T>::quiet_NaN() : T(0));
    return;
  }
  map(
      n, y, [&](const V& v) { return xsimd::exp(v - V(top)); }, x);
  const V scale(T(1) / sum_of(y, n));
  map(
      n, y, [&](const V& v) { return v * scale; }, y);
}
template void softmax_row(const float*, std::int64_t, float*);
template void softmax_row(const double*, std::int64_t, double*);

namespace {

template <class T>
void softmax_rows(const T* x, std::int64_t rows, std::int64_t n, T* y) {
  for_rows(rows, n, [&](std::int64_t r) { softmax_row(x + r * n, n, y + r * n); });
}

template <class T>
void log_softmax_rows(const T* x, std::int64_t rows, std::int64_t n, T* y) {
  using V = Vector<T>;
  for_rows(rows, n, [&](std::int64_t r) {
    const T* in = x + r * n;
    const T top = largest(n, in);
    const V shift(top + std::log(sum_of_exp(in, n, top)));
    map(
        n, y + r * n, [&](const V& v) { return v - shift; }, in);
  });
}

template <class T>
void softmax_rows_vjp(const T* g, const T* y, std::int64_t rows, std::int64_t n, T* d) {
  using V = Vector<T>;
  for_rows(rows, n, [&](std::int64_t r) {
    const V dot(map_sum<T>(
        n, [](const V& a, const V& b) { return a * b; }, g + r * n, y + r * n));
    map(
        n, d + r * n, [&](const V& a, const V& b) { return b * (a - dot); }, g + r * n, y + r * n);
  });
}

template <class T>
void log_softmax_rows_vjp(const T* g, const T* y, std::int64_t rows, std::int64_t n, T* d) {
  using V = Vector<T>;
  for_rows(rows, n, [&](std::int64_t r) {
    const V total(sum_of(g + r * n, n));
    map(
        n, d + r * n, [&](const V& a, const V& b) { return a - xsimd::exp(b) * total; }, g + r * n, y + r * n);
  });
}

template <class T>
void cross_entropy_rows(const T* x, const std::int32_t* targets, std::int32_t ignored, double smoothing,
                        std::int64_t rows, std::int64_t n, double* losses, T* log_sums) {
  for_rows(rows, n, [&](std::int64_t r) {
    losses[r] = 0;
    log_sums[r] = 0;
    if (targets[r] == ignored) return;
    const T* in = x + r * n;
    const T top = largest(n, in);
    const T log_sum = top + std::log(sum_of_exp(in, n, top));
    log_sums[r] = log_sum;
    // -sum_c q_c (x_c - L) with q = (1 - eps) one_hot + eps / n
    losses[r] = (1 - smoothing) * static_cast<double>(log_sum - in[targets[r]]);
    if (smoothing != 0) losses[r] += smoothing * static_cast<double>(log_sum - sum_of(in, n) / static_cast<T>(n));
  });
}

template <class T>
void cross_entropy_rows_vjp(const T* x, const T* log_sums, const std::int32_t* targets, std::int32_t ignored,
                            double smoothing, double factor, std::int64_t rows, std::int64_t n, T* d) {
  using V = Vector<T>;
  const V scale(static_cast<T>(factor)), even(static_cast<T>(factor * smoothing / static_cast<double>(n)));
  for_rows(rows, n, [&](std::int64_t r) {
    T* out = d + r * n;
    if (targets[r] == ignored) {
      std::fill_n(out, n, T(0));
      return;
    }
    const V log_sum(log_sums[r]);
    map(
        n, out, [&](const V& v) { return scale * xsimd::exp(v - log_sum) - even; }, x + r * n);
    out[targets[r]] -= static_cast<T>(factor * (1 - smoothing));
  });
}

}  // namespace

GAZE_FILL(Softmax, softmax_rows, log_softmax_rows, softmax_rows_vjp, log_softmax_rows_vjp, cross_entropy_rows,
          cross_entropy_rows_vjp)

}  // namespace gaze::kernels::GAZE_LEVEL
