#include <gaze/autograd/kernels/normalise.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/philox.h>
#include <gaze/autograd/kernels/simd.h>

namespace gaze::kernels {

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
  std::vector<T> parts(sums ? static_cast<std::size_t>(blocks * 2 * n) : 0, T(0));
  parallel_blocks(rows, block, n * 4, [&](std::int64_t first, std::int64_t last) {
    T* part_weight = sums ? parts.data() + first / block * 2 * n : nullptr;
    T* part_bias = part_weight + n;
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
          n, out, [](const V& s, const V& p) { return s + p; }, out, parts.data() + b * 2 * n + offset);
  };
  const FlushDenormals flush;
  total(dweight, 0);
  total(dbias, n);
}

template <class T>
void dropout_part(const T* x, std::int64_t first, std::int64_t n, std::uint64_t seed, std::uint64_t stream, double p,
                  T* y) {
  const auto threshold = static_cast<std::uint32_t>(p * 0x1p32);
  const T scale = static_cast<T>(1 / (1 - p));
  std::uint32_t numbers[philox_numbers];
  for (std::int64_t i = 0; i < n;) {
    const std::int64_t at = first + i, skipped = at % philox_numbers;
    philox(seed, stream, static_cast<std::uint64_t>((at - skipped) / 4), numbers);
    const std::int64_t count = std::min(philox_numbers - skipped, n - i);
    for (std::int64_t j = 0; j < count; ++j) y[i + j] = numbers[skipped + j] >= threshold ? x[i + j] * scale : T(0);
    i += count;
  }
}

template <class T>
void dropout(const T* x, std::int64_t n, std::uint64_t seed, std::uint64_t stream, double p, T* y) {
  constexpr std::int64_t block = 4096, cost = 8;
  parallel_blocks(n, block, cost, [&](std::int64_t first, std::int64_t last) {
    dropout_part(x + first, first, last - first, seed, stream, p, y + first);
  });
}

#define GAZE_INSTANTIATE(T)                                                                                           \
  template void layer_norm_rows(const T*, const T*, const T*, double, std::int64_t, std::int64_t, T*, T*, T*);        \
  template void layer_norm_rows_vjp(const T*, const T*, const T*, const T*, const T*, std::int64_t, std::int64_t, T*, \
                                    T*, T*);                                                                          \
  template void dropout_part(const T*, std::int64_t, std::int64_t, std::uint64_t, std::uint64_t, double, T*);         \
  template void dropout(const T*, std::int64_t, std::uint64_t, std::uint64_t, double, T*);
GAZE_INSTANTIATE(float)
GAZE_INSTANTIATE(double)
#undef GAZE_INSTANTIATE

}  // namespace gaze::kernels
