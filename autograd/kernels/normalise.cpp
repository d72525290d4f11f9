#include <gaze/autograd/kernels/normalise.h>

#include <algorithm>
#include <cmath>

#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/serial.h>
#include <gaze/autograd/kernels/simd.h>

namespace gaze::kernels::GAZE_LEVEL {
namespace {

template <class T>
void add_part(const ResidualRows<T>& s, std::int64_t first, std::int64_t last) {
  T* sum = s.sum + first;
  const T* added = s.f + first;
  if (s.dropout > 0) dropout_part(added, first, last - first, s.seed, s.stream, s.dropout, sum), added = sum;
  map(
      last - first, sum, [](const Vector<T>& a, const Vector<T>& b) { return a + b; }, s.x + first, added);
}

template <class T>
void residual(const ResidualRows<T>& s, std::int64_t n) {
  constexpr std::int64_t block = 4096, cost = 4;
  parallel_blocks(n, block, cost, [&](std::int64_t first, std::int64_t last) { add_part(s, first, last); });
}

/// before(first, last) makes the rows of x ready.
template <class T, class Before>
void normalise(const T* x, const T* weight, const T* bias, double eps, std::int64_t rows, std::int64_t n, T* y,
               T* means, T* scales, const Before& before) {
  using V = Vector<T>;
  parallel_blocks(rows, rows_a_block(n), n * 2, [&](std::int64_t first, std::int64_t last) {
    before(first, last);
    for (std::int64_t r = first; r < last; ++r) {
      const T* in = x + r * n;
      const T mean = map_sum<T>(
                         n, [](const V& v) { return v; }, in) /
                     static_cast<T>(n);
      // The last vector is filled up with zeros, whose (0 - mean)^2 map_sum leaves out.
      const T square = map_sum<T>(
          n, [&](const V& v) { return (v - V(mean)) * (v - V(mean)); }, in);
      const T scale = T(1) / std::sqrt(square / static_cast<T>(n) + static_cast<T>(eps));
      map(
          n, y + r * n, [&](const V& v, const V& w, const V& b) { return (v - V(mean)) * V(scale) * w + b; }, in,
          weight, bias);
      means[r] = mean, scales[r] = scale;
    }
  });
}

template <class T>
void layer_norm_rows(const T* x, const T* weight, const T* bias, double eps, std::int64_t rows, std::int64_t n, T* y,
                     T* means, T* scales) {
  normalise(x, weight, bias, eps, rows, n, y, means, scales, [](std::int64_t, std::int64_t) {});
}

template <class T>
void residual_norm_rows(const ResidualRows<T>& x, const T* weight, const T* bias, double eps, std::int64_t rows,
                        std::int64_t n, T* y, T* means, T* scales) {
  normalise(x.sum, weight, bias, eps, rows, n, y, means, scales,
            [&](std::int64_t first, std::int64_t last) { add_part(x, first * n, last * n); });
}

/// One row's dx.
template <class T>
void row_vjp(std::int64_t n, const T* g, const T* x, const T* weight, T mean_of_row, T scale_of_row, T* dx) {
  using V = Vector<T>;
  const V mean(mean_of_row), scale(scale_of_row);
  const T inverse = T(1) / static_cast<T>(n);
  const V even(map_sum<T>(
                   n, [](const V& a, const V& w) { return a * w; }, g, weight) *
               inverse);
  const V along(map_sum<T>(
                    n, [&](const V& a, const V& w, const V& v) { return a * w * (v - mean) * scale; }, g, weight, x) *
                inverse);
  map(
      n, dx, [&](const V& a, const V& w, const V& v) { return scale * (a * w - even - (v - mean) * scale * along); }, g,
      weight, x);
}

template <class T>
void layer_norm_rows_vjp(const T* g, const T* x, const T* weight, const T* means, const T* scales, std::int64_t rows,
                         std::int64_t n, T* dx, T* dweight, T* dbias) {
  using V = Vector<T>;
  // Every block of rows sums its own part of dweight and dbias; the parts are added in the order of the blocks.
  constexpr std::int64_t block = 32;
  const std::int64_t blocks = (rows + block - 1) / block;
  const bool sums = dweight || dbias;
  const Scratch scratch(sums ? static_cast<std::size_t>(blocks * 2 * n) * sizeof(T) : 0);
  auto* parts = static_cast<T*>(scratch.memory());
  parallel_blocks(rows, block, n * 4, [&](std::int64_t first, std::int64_t last) {
    T* part_weight = parts + first / block * 2 * n;
    T* part_bias = part_weight + n;
    if (sums) std::fill_n(part_weight, 2 * n, T(0));
    for (std::int64_t r = first; r < last; ++r) {
      const T *in = x + r * n, *up = g + r * n;
      if (dx) row_vjp(n, up, in, weight, means[r], scales[r], dx + r * n);
      if (!sums) continue;
      const V mean(means[r]), scale(scales[r]);
      map(
          n, part_weight, [&](const V& p, const V& a, const V& v) { return p + a * (v - mean) * scale; }, part_weight,
          up, in);
      map(
          n, part_bias, [](const V& p, const V& a) { return p + a; }, part_bias, up);
    }
  });
  const auto total = [&](T* out, std::int64_t offset) {
    if (!out) return;
    std::fill_n(out, n, T(0));
    for (std::int64_t b = 0; b < blocks; ++b)
      map(
          n, out, [](const V& sum, const V& p) { return sum + p; }, out, parts + b * 2 * n + offset);
  };
  const FlushDenormals flush;
  total(dweight, 0);
  total(dbias, n);
}

}  // namespace

GAZE_FILL(Normalisation, layer_norm_rows, residual_norm_rows, layer_norm_rows_vjp, residual)

}  // namespace gaze::kernels::GAZE_LEVEL
