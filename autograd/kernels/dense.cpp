#include <gaze/autograd/kernels/dense.h>

#include <algorithm>

#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/serial.h>
#include <gaze/autograd/kernels/simd.h>

namespace gaze::kernels::GAZE_LEVEL {
namespace {

/// Rows of one task: 16 pages of floats at most, so that they are still in the cache when their columns are added up.
std::int64_t rows_of_task(std::int64_t n) {
  return std::clamp<std::int64_t>(16384 / std::max<std::int64_t>(n, 1), 8, 128);
}

template <class T>
void through(const DenseVjp<T>& d, const T* g, std::int64_t first, std::int64_t n, T* dz) {
  using V = Vector<T>;
  const T* kept = d.kept + first;
  switch (d.activation) {
    case Activation::none: break;
    case Activation::relu: {  // what was dropped is 0 as well
      const V scale(static_cast<T>(1 / (1 - d.dropout)));
      map(
          n, dz, [&](const V& up, const V& y) { return simd::select(y > V(0), up * scale, V(0)); }, g, kept);
      return;
    }
    case Activation::gelu: {
      if (d.dropout > 0) dropout_part(g, first, n, d.seed, d.stream, d.dropout, dz), g = dz;
      map(
          n, dz, [](const V& up, const V& slope) { return up * slope; }, g, kept);
      return;
    }
  }
  if (d.dropout > 0)
    dropout_part(g, first, n, d.seed, d.stream, d.dropout, dz);
  else
    std::copy_n(g, n, dz);
}

template <class T>
void dense_vjp(const DenseVjp<T>& d, const T* g, T* dz, T* dbias) {
  const std::int64_t n = d.n, block = rows_of_task(n), blocks = (d.rows + block - 1) / block;
  if (n == 0) return;
  // Every block sums its own columns; the sums are added in the order of the blocks.
  const Scratch scratch(dbias ? static_cast<std::size_t>(blocks * n) * sizeof(T) : 0);
  auto* parts = static_cast<T*>(scratch.memory());
  parallel_blocks(d.rows, block, n * 2, [&](std::int64_t first, std::int64_t last) {
    if (dz) through(d, g + first * n, first * n, (last - first) * n, dz + first * n);
    if (!dbias) return;
    const T* rows = (dz ? dz : g) + first * n;
    T* sums = parts + first / block * n;
    std::copy_n(rows, n, sums);
    for (std::int64_t r = 1; r < last - first; ++r) add_to(sums, rows + r * n, n);
  });
  if (!dbias) return;
  const FlushDenormals flush;
  std::fill_n(dbias, n, T(0));
  for (std::int64_t b = 0; b < blocks; ++b) add_to(dbias, parts + b * n, n);
}

}  // namespace

GAZE_FILL(Dense, .dense_vjp = dense_vjp)

}  // namespace gaze::kernels::GAZE_LEVEL
