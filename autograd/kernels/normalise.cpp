#include <gaze/autograd/kernels/normalise.h>

#include <algorithm>
#include <cmath>

#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/simd.h>

namespace gaze::kernels::GAZE_LEVEL {
namespace {

template <class T>
void layer_norm_rows(const T* x, const T* weight, const T* bias, double eps, std::int64_t rows, std::int64_t n, T* y,
                     T* means, T* scales) {
  using V = Vector<T>;
  parallel_blocks(rows, rows_a_block(n), n * 2, [&](std::int64_t first, std::int64_t last) {
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
void layer_norm_rows_vjp(const T* g, const T* x, const T* weight, const T* means, const T* scales, std::int64_t rows,
                         std::int64_t n, T* dx, T* dweight, T* dbias) {
  using V = Vector<T>;
  // Every block of rows sums its own part of dweight and dbias; the parts are added in the order of the blocks.
  constexpr std::int64_t block = 64;
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
      const V mean(means[r]), scale(scales[r]);
      if (dx) {
        const T inverse = T(1) / static_cast<T>(n);
        const V even(map_sum<T>(
                         n, [](const V& a, const V& w) { return a * w; }, up, weight) *
                     inverse);
        const V along(
            map_sum<T>(
                n, [&](const V& a, const V& w, const V& v) { return a * w * (v - mean) * scale; }, up, weight, in) *
            inverse);
        map(
            n, dx + r * n,
            [&](const V& a, const V& w, const V& v) { return scale * (a * w - even - (v - mean) * scale * along); }, up,
            weight, in);
      }
      if (sums) {
        map(
            n, part_weight, [&](const V& p, const V& a, const V& v) { return p + a * (v - mean) * scale; }, part_weight,
            up, in);
        map(
            n, part_bias, [](const V& p, const V& a) { return p + a; }, part_bias, up);
      }
    }
  });
  const auto total = [&](T* out, std::int64_t offset) {
    if (!out) return;
    std::fill_n(out, n, T(0));
    for (std::int64_t b = 0; b < blocks; ++b)
      map(
          n, out, [](const V& s, const V& p) { return s + p; }, out, parts + b * 2 * n + offset);
  };
  const FlushDenormals flush;
  total(dweight, 0);
  total(dbias, n);
}

}  // namespace

GAZE_FILL(Normalisation, layer_norm_rows, layer_norm_rows_vjp)

}  // namespace gaze::kernels::GAZE_LEVEL
