#include <gaze/autograd/kernels/softmax.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/serial.h>
#include <gaze/autograd/kernels/simd.h>

namespace gaze::kernels::GAZE_LEVEL {
namespace {

constexpr std::int64_t cost_of_exp = 8;

template <class Row>
void for_rows(std::int64_t rows, std::int64_t n, const Row& row) {
  parallel_blocks(rows, rows_per_block(n), n * cost_of_exp, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) row(r);
  });
}

/// The sum of e^(x - shift) over a row.
template <class T>
T sum_of_exp(const T* x, std::int64_t n, T shift) {
  using V = Vector<T>;
  return map_sum<T>(
      n, [&](const V& v) { return simd::exp(v - V(shift)); }, x);
}

template <class T>
T sum_of(const T* x, std::int64_t n) {
  return map_sum<T>(
      n, [](const Vector<T>& v) { return v; }, x);
}

/// One row over its first n numbers.
template <class T>
void softmax_row(const T* x, std::int64_t n, T* y) {
  using V = Vector<T>;
  const T top = largest(n, x);
  if (top == -std::numeric_limits<T>::infinity()) {  // nothing kept, or NaN, which the processor's max may lose
    std::fill_n(y, n, std::isnan(sum_of(x, n)) ? std::numeric_limits<T>::quiet_NaN() : T(0));
    return;
  }
  map(
      n, y, [&](const V& v) { return simd::exp(v - V(top)); }, x);
  const V scale(T(1) / sum_of(y, n));
  map(
      n, y, [&](const V& v) { return v * scale; }, y);
}

/// R rows of N whole vectors side by side, which stay in registers: one waits for its sum while the next is at work.
template <int R, int N, class T>
[[gnu::always_inline]] inline void softmax_rows_of(const SoftmaxBlock& s, std::int64_t first, T* x) {
  using V = Vector<T>;
  constexpr T lowest = -std::numeric_limits<T>::infinity();
  V part[R][N], shift[R], sum[R], steps;
  alignas(64) T number[V::size];
  for (std::int64_t l = 0; l < lanes<T>; ++l) number[l] = static_cast<T>(l);
  steps = V::load_aligned(number);
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    const std::int64_t seen = s.causal ? std::min(s.length, first + r + 1) : s.length;
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) {
      const V v = V::load_unaligned(x + r * s.stride + i * lanes<T>);
      part[r][i] = simd::select(steps < V(static_cast<T>(seen - i * lanes<T>)), v, V(lowest));
    }
    V top = part[r][0];
#pragma GCC unroll 4
    for (int i = 1; i < N; ++i) top = simd::max(top, part[r][i]);
    shift[r] = max_across<T>(top);
    shift[r] = simd::select(shift[r] == V(lowest), V(0), shift[r]);  // what sees nothing gives zeros, not NaN
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    sum[r] = V(0);
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) {
      part[r][i] = simd::exp(part[r][i] - shift[r]);
      sum[r] += part[r][i];
    }
    sum[r] = sum_across<T>(sum[r]);
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    const V scale = V(1) / simd::select(sum[r] == V(0), V(1), sum[r]);
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) (part[r][i] * scale).store_unaligned(x + r * s.stride + i * lanes<T>);
  }
}

template <int R, int N, class T>
void softmax_in_registers(const SoftmaxBlock& s, T* x) {
  std::int64_t t = 0;
  for (; t + R <= s.rows; t += R) softmax_rows_of<R, N>(s, t, x + t * s.stride);
  for (; t < s.rows; ++t) softmax_rows_of<1, N>(s, t, x + t * s.stride);
}

}  // namespace

template <class T>
void softmax_block(const SoftmaxBlock& s, T* x) {
  if (s.stride == lanes<T>) return softmax_in_registers<4, 1>(s, x);
  if (s.stride == 2 * lanes<T>) return softmax_in_registers<2, 2>(s, x);
  if (s.stride == 4 * lanes<T>) return softmax_in_registers<1, 4>(s, x);
  for (std::int64_t t = 0; t < s.rows; ++t) {
    T* row = x + t * s.stride;
    const std::int64_t seen = s.causal ? std::min(s.length, t + 1) : s.length;
    softmax_row(row, seen, row);
    std::fill(row + seen, row + s.stride, T(0));
  }
}
template void softmax_block(const SoftmaxBlock&, float*);
template void softmax_block(const SoftmaxBlock&, double*);

namespace {

template <class T>
void softmax_rows(const T* x, std::int64_t rows, std::int64_t n, T* y) {
  for_rows(rows, n, [&](std::int64_t r) { softmax_row(x + r * n, n, y + r * n); });
}

template <class T>
void masked_softmax_rows(const ScoreMasks<T>& m, const T* scores, T* weights) {
  using V = Vector<T>;
  constexpr T lowest = -std::numeric_limits<T>::infinity();
  const auto added = [](const V& score, const V& mask) {
    return simd::select(mask == V(lowest), mask, score + mask);  // NaN is masked as any number is
  };
  for_rows(m.batch * m.heads * m.queries, m.keys, [&](std::int64_t r) {
    const std::int64_t t = r % m.queries, h = r / m.queries % m.heads, b = r / (m.queries * m.heads);
    const std::int64_t length = m.key_lengths ? m.key_lengths[b] : m.keys,
                       seen = m.causal ? std::min(length, t + 1) : length;
    const T* in = scores + r * m.keys;
    T* row = weights + r * m.keys;
    if (!m.mask) {
      std::copy_n(in, seen, row);
    } else {
      const T* mask = m.mask + b * m.mask_strides[0] + h * m.mask_strides[1] + t * m.mask_strides[2];
      if (m.mask_strides[3] == 1)
        map(seen, row, added, in, mask);
      else
        map(
            seen, row, [&](const V& score) { return added(score, V(*mask)); }, in);
    }
    std::fill(row + seen, row + m.keys, lowest);
    softmax_row(row, m.keys, row);
  });
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
        n, d + r * n, [&](const V& a, const V& b) { return a - simd::exp(b) * total; }, g + r * n, y + r * n);
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
        n, out, [&](const V& v) { return scale * simd::exp(v - log_sum) - even; }, x + r * n);
    out[targets[r]] -= static_cast<T>(factor * (1 - smoothing));
  });
}

}  // namespace

GAZE_FILL(Softmax, .softmax_rows = softmax_rows, .masked_softmax_rows = masked_softmax_rows,
          .log_softmax_rows = log_softmax_rows, .softmax_rows_vjp = softmax_rows_vjp,
          .log_softmax_rows_vjp = log_softmax_rows_vjp, .cross_entropy_rows = cross_entropy_rows,
          .cross_entropy_rows_vjp = cross_entropy_rows_vjp)

}  // namespace gaze::kernels::GAZE_LEVEL
