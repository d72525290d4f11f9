#include <gaze/autograd/kernels/normalise.h>

#include <algorithm>
#include <cmath>

#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/serial.h>
#include <gaze/autograd/kernels/simd.h>

namespace gaze::kernels::GAZE_LEVEL {
namespace {

/// to = x + dropout(f) for elements [first, last); `to` points to the first of them.
template <class T>
void add_part(const ResidualRows<T>& s, std::int64_t first, std::int64_t last, T* to) {
  const T* added = s.f + first;
  if (s.dropout > 0) dropout_part(added, first, last - first, s.seed, s.stream, s.dropout, to), added = to;
  map(
      last - first, to, [](const Vector<T>& a, const Vector<T>& b) { return a + b; }, s.x + first, added);
}

template <class T>
void residual(const ResidualRows<T>& s, std::int64_t n) {
  constexpr std::int64_t block = 4096, cost = 4;
  parallel_blocks(n, block, cost,
                  [&](std::int64_t first, std::int64_t last) { add_part(s, first, last, s.sum + first); });
}

/// rows_from(first, last) gives the rows of x, ready to be read.
template <class T, class RowsFrom>
void normalise(const T* weight, const T* bias, double eps, std::int64_t rows, std::int64_t n, T* y, T* means, T* scales,
               const RowsFrom& rows_from) {
  using V = Vector<T>;
  parallel_blocks(rows, rows_per_block(n), n * 2, [&](std::int64_t first, std::int64_t last) {
    const T* in = rows_from(first, last);
    for (std::int64_t r = first; r < last; ++r, in += n) {
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
  normalise(weight, bias, eps, rows, n, y, means, scales,
            [&](std::int64_t first, std::int64_t) { return x + first * n; });
}

template <class T>
void residual_norm_rows(const ResidualRows<T>& x, const T* weight, const T* bias, double eps, std::int64_t rows,
                        std::int64_t n, T* y, T* means, T* scales) {
  normalise(weight, bias, eps, rows, n, y, means, scales, [&](std::int64_t first, std::int64_t last) {
    T* to = x.sum ? x.sum + first * n
                  : static_cast<T*>(
                        thread_memory(ThreadMemory::rows, static_cast<std::size_t>((last - first) * n) * sizeof(T)));
    add_part(x, first * n, last * n, to);
    return to;
  });
}

/// Each row's h as normal(vector of x, of two more operands that are the same for all rows).
template <class T, class Normal>
void rows_vjp(const T* g, const T* x, const T* weight, const T* shift, const T* factor, const T* scales,
              std::int64_t rows, std::int64_t n, T* dx, T* dweight, T* dbias, const Normal& normal) {
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
      const auto h = normal(r);
      V even(T(0)), along(T(0));
      for_vectors<T>(n, [&](std::int64_t i, const auto& load, const auto& store) {
        const V a = load(up + i), weighed = a * load(weight + i),
                at = h(load(in + i), load(shift + i), load(factor + i));
        even += weighed;  // lanes behind the row's end hold zeros
        along += weighed * at;
        if (!sums) return;
        store(load(part_weight + i) + a * at, part_weight + i);
        store(load(part_bias + i) + a, part_bias + i);
      });
      if (!dx) continue;
      const V scale(scales[r]), inverse(T(1) / static_cast<T>(n));
      even = sum_across<T>(even) * inverse, along = sum_across<T>(along) * inverse;
      for_vectors<T>(n, [&](std::int64_t i, const auto& load, const auto& store) {
        const V at = h(load(in + i), load(shift + i), load(factor + i));
        store(scale * (load(up + i) * load(weight + i) - even - at * along), dx + r * n + i);
      });
    }
  });
  const auto total = [&](T* out, std::int64_t offset) {
    if (!out) return;
    std::fill_n(out, n, T(0));
    for (std::int64_t b = 0; b < blocks; ++b) add_to(out, parts + b * 2 * n + offset, n);
  };
  const FlushDenormals flush;
  total(dweight, 0);
  total(dbias, n);
}

template <class T>
void layer_norm_rows_vjp(const T* g, const T* x, const T* weight, const T* means, const T* scales, std::int64_t rows,
                         std::int64_t n, T* dx, T* dweight, T* dbias) {
  using V = Vector<T>;
  rows_vjp(g, x, weight, weight, weight, scales, rows, n, dx, dweight, dbias, [&](std::int64_t r) {
    const V mean(means[r]), scale(scales[r]);
    return [=](const V& v, const V&, const V&) { return (v - mean) * scale; };
  });
}

template <class T>
void layer_norm_rows_vjp_of_result(const T* g, const T* y, const T* weight, const T* bias, const T* scales,
                                   std::int64_t rows, std::int64_t n, T* dx, T* dweight, T* dbias) {
  using V = Vector<T>;
  const Scratch scratch(static_cast<std::size_t>(n) * sizeof(T));
  auto* inverse = static_cast<T*>(scratch.memory());
  for (std::int64_t i = 0; i < n; ++i) inverse[i] = T(1) / weight[i];
  rows_vjp(g, y, weight, bias, inverse, scales, rows, n, dx, dweight, dbias,
           [](std::int64_t) { return [](const V& v, const V& b, const V& f) { return (v - b) * f; }; });
}

}  // namespace

GAZE_FILL(Normalisation, .layer_norm_rows = layer_norm_rows, .residual_norm_rows = residual_norm_rows,
          .layer_norm_rows_vjp = layer_norm_rows_vjp, .layer_norm_rows_vjp_of_result = layer_norm_rows_vjp_of_result,
          .residual = residual)

}  // namespace gaze::kernels::GAZE_LEVEL
