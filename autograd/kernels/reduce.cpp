#include <gaze/autograd/kernels/reduce.h>

#include <algorithm>
#include <cmath>

#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/simd.h>

namespace gaze::kernels::GAZE_LEVEL {
namespace {

constexpr std::int64_t block = 512;   // numbers of a row that are summed in T before a double takes over
constexpr std::int64_t part = 16384;  // of a long row: what one task sums
constexpr std::int64_t stripe = 64;   // neighbouring columns that one task reduces

template <class T>
T sum_of_row(const T* x, std::int64_t n) {
  const auto same = [](const Vector<T>& v) { return v; };
  if (n <= block) return map_sum<T>(n, same, x);
  double total = 0;
  for (std::int64_t i = 0; i < n; i += block)
    total += static_cast<double>(map_sum<T>(std::min(block, n - i), same, x + i));
  return static_cast<T>(total);
}

/// A few rows that are long: their parts are summed in parallel.
template <class T>
void sum_long_rows(const T* x, std::int64_t outer, std::int64_t n, T* y) {
  const std::int64_t parts = (n + part - 1) / part;
  const Scratch scratch(static_cast<std::size_t>(outer * parts) * sizeof(T));
  auto* sums = static_cast<T*>(scratch.memory());
  parallel_tasks(outer * parts, outer * n, [&](std::int64_t task) {
    const std::int64_t first = task % parts * part;
    sums[task] = sum_of_row(x + task / parts * n + first, std::min(part, n - first));
  });
  for (std::int64_t o = 0; o < outer; ++o) {
    double total = 0;
    for (std::int64_t p = 0; p < parts; ++p) total += static_cast<double>(sums[o * parts + p]);
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

/// The better of two numbers; a NaN is better than any.
template <class T, class Better>
void take(T& best, T v, const Better& better) {
  best = (static_cast<int>(better(v, best)) | static_cast<int>(std::isnan(v))) ? v : best;  // without branches
}

template <class T, class Better>
T best_of_row(const T* x, std::int64_t n, const Better& better) {
  constexpr std::int64_t side_by_side = 16;  // candidates, so that the loop runs in vectors
  T best[side_by_side];
  std::fill_n(best, side_by_side, x[0]);
  std::int64_t i = 0;
  for (; i + side_by_side <= n; i += side_by_side)
    for (std::int64_t j = 0; j < side_by_side; ++j) take(best[j], x[i + j], better);
  for (; i < n; ++i) take(best[0], x[i], better);
  for (std::int64_t j = 1; j < side_by_side; ++j) take(best[0], best[j], better);
  return best[0];
}

template <class T, class Better>
void select(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, T* y, const Better& better) {
  if (inner == 1) {
    parallel_blocks(outer, rows_per_block(n), n, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t o = first; o < last; ++o) y[o] = best_of_row(x + o * n, n, better);
    });
    return;
  }
  for_stripes(outer, n, inner, [&](std::int64_t o, std::int64_t first, std::int64_t columns) {
    const T* from = x + o * n * inner + first;
    T* to = y + o * inner + first;
    std::copy_n(from, columns, to);
    for (std::int64_t i = 1; i < n; ++i)
      for (std::int64_t c = 0; c < columns; ++c) take(to[c], from[i * inner + c], better);
  });
}

template <class T>
void sum(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, T* y) {
  if (inner == 1) {
    if (n > part) return sum_long_rows(x, outer, n, y);
    parallel_blocks(outer, rows_per_block(n), n, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t o = first; o < last; ++o) y[o] = sum_of_row(x + o * n, n);
    });
    return;
  }
  constexpr std::int64_t rows = 64;  // that are summed in T before a double takes over
  for_stripes(outer, n, inner, [&](std::int64_t o, std::int64_t first, std::int64_t columns) {
    const T* from = x + o * n * inner + first;
    T some[stripe];  // the sums of a few rows
    double total[stripe] = {};
    for (std::int64_t i = 0; i < n; i += rows) {
      std::fill_n(some, columns, T(0));
      for (std::int64_t r = i; r < std::min(i + rows, n); ++r)
        for (std::int64_t c = 0; c < columns; ++c) some[c] += from[r * inner + c];
      for (std::int64_t c = 0; c < columns; ++c) total[c] += static_cast<double>(some[c]);
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
      for (std::int64_t i = 1; i < n && !std::isnan(from[best * inner]); ++i)
        if (from[i * inner] > from[best * inner] || std::isnan(from[i * inner])) best = i;
      y[o * inner + c] = static_cast<std::int32_t>(best);
    }
  });
}

}  // namespace

GAZE_FILL(Reductions, .sum = sum, .max = max, .min = min, .argmax = argmax)

}  // namespace gaze::kernels::GAZE_LEVEL
