#include <gaze/autograd/kernels/reduce.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/simd.h>

namespace gaze::kernels {
namespace {

constexpr std::int64_t block = 4096;   // numbers that are summed in T before a double takes over
constexpr std::int64_t stripe = 64;    // neighbouring columns that one task reduces

template <class T>
T sum_of_row(const T* x, std::int64_t n) {
  const auto same = [](const Vector<T>& v) { return v; };
  if (n <= block) return map_sum<T>(n, same, x);
  double total = 0;
  for (std::int64_t i = 0; i < n; i += block) total += static_cast<double>(map_sum<T>(std::min(block, n - i), same, x + i));
  return static_cast<T>(total);
}

/// A few rows that are long: their blocks are summed in parallel.
template <class T>
void sum_long_rows(const T* x, std::int64_t outer, std::int64_t n, T* y) {
  const std::int64_t blocks = (n + block - 1) / block;
  std::vector<T> parts(static_cast<std::size_t>(outer * blocks));
  parallel_tasks(outer * blocks, outer * n, [&](std::int64_t task) {
    const std::int64_t first = task % blocks * block;
    parts[static_cast<std::size_t>(task)] = sum_of_row(x + task / blocks * n + first, std::min(block, n - first));
  });
  for (std::int64_t o = 0; o < outer; ++o) {
    double total = 0;
    for (std::int64_t b = 0; b < blocks; ++b) total += static_cast<double>(parts[static_cast<std::size_t>(o * blocks + b)]);
    y[o] = static_cast<T>(total);
  }
}

/// body(o, first column, columns) for stripes of the inner axis.
template <class Body>
void for_stripes(std::int64_t outer, std::int64_t n, std::int64_t inner, const Body& body) {
  const std::int64_t stripes = (inner + stripe - 1) / stripe;
  parallel_tasks(outer * stripes, outer * n * inner, [&](std::int64_t task) {
    const std::int64_t first = task % stripes * stripe;
    body(task / stripes, first, std::min(stripe, inner - first));
  });
}

template <class T, class Better>
void select(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, T* y, const Better& better) {
  for_stripes(outer, n, inner, [&](std::int64_t o, std::int64_t first, std::int64_t columns) {
    const T* from = x + o * n * inner + first;
    T* to = y + o * inner + first;
    std::copy_n(from, columns, to);
    for (std::int64_t i = 1; i < n; ++i)
      for (std::int64_t c = 0; c < columns; ++c) {
        const T v = from[i * inner + c];
        if (better(v, to[c]) || std::isnan(v)) to[c] = v;
      }
  });
}

}  // namespace

template <class T>
void sum(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, T* y) {
  if (inner == 1) {
    if (n > 4 * block) return sum_long_rows(x, outer, n, y);
    parallel_blocks(outer, rows_a_block(n), n, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t o = first; o < last; ++o) y[o] = sum_of_row(x + o * n, n);
    });
    return;
  }
  using V = Vector<T>;
  constexpr std::int64_t rows = 256;  // that are summed in T before a double takes over
  for_stripes(outer, n, inner, [&](std::int64_t o, std::int64_t first, std::int64_t columns) {
    const T* from = x + o * n * inner + first;
    alignas(64) T part[stripe];
    double total[stripe] = {};
    for (std::int64_t i = 0; i < n; i += rows) {
      std::fill_n(part, columns, T(0));
      for (std::int64_t r = i; r < std::min(i + rows, n); ++r)
        map(columns, part, [](const V& a, const V& b) { return a + b; }, part, from + r * inner);
      for (std::int64_t c = 0; c < columns; ++c) total[c] += static_cast<double>(part[c]);
    }
    for (std::int64_t c = 0; c < columns; ++c) y[o * inner + first + c] = static_cast<T>(total[c]);
  });
}

template <class T>
void max(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, T* y) {
  select(x, outer, n, inner, y, [](T a, T b) { return a > b; });
}

template <class T>
void min(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, T* y) {
  select(x, outer, n, inner, y, [](T a, T b) { return a < b; });
}

template <class T>
void argmax(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, std::int32_t* y) {
  for_stripes(outer, n, inner, [&](std::int64_t o, std::int64_t first, std::int64_t columns) {
    for (std::int64_t c = first; c < first + columns; ++c) {
      const T* from = x + o * n * inner + c;
      std::int64_t best = 0;
      for (std::int64_t i = 1; i < n; ++i)
        if (from[i * inner] > from[best * inner]) best = i;
      y[o * inner + c] = static_cast<std::int32_t>(best);
    }
  });
}

#define GAZE_INSTANTIATE(T)                                                        \
  template void sum(const T*, std::int64_t, std::int64_t, std::int64_t, T*);       \
  template void max(const T*, std::int64_t, std::int64_t, std::int64_t, T*);       \
  template void min(const T*, std::int64_t, std::int64_t, std::int64_t, T*);       \
  template void argmax(const T*, std::int64_t, std::int64_t, std::int64_t, std::int32_t*);
GAZE_INSTANTIATE(float)
GAZE_INSTANTIATE(double)
#undef GAZE_INSTANTIATE

}  // namespace gaze::kernels
