#include <gaze/autograd/kernels/gemm.h>

#include <xtensor-blas/xblas.hpp>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include <gaze/autograd/error.h>
#include <gaze/autograd/kernels/parallel.h>

extern "C" {
void gotoblas_dynamic_quit();
void gotoblas_dynamic_init();
void openblas_set_num_threads(int);
char* openblas_get_corename();
}

namespace gaze::kernels {
namespace {

/// OpenBLAS 0.3.21 does not know processors newer than itself and falls back to kernels two or more generations old.
/// Naming the right ones before its first call makes gemm two to five times as fast. A user's choice stays.
const char* best_core() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return __builtin_cpu_supports("avx512bf16") ? "Cooperlake" : "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
  return nullptr;
}

void prepare_blas() {
  static const bool prepared = [] {
    if (const char* core = best_core(); core && !std::getenv("OPENBLAS_CORETYPE")) {
      setenv("OPENBLAS_CORETYPE", core, 1);
      gotoblas_dynamic_quit();
      gotoblas_dynamic_init();
      unsetenv("OPENBLAS_CORETYPE");  // programs that this one starts make their own choice
    }
    openblas_set_num_threads(1);
    return true;
  }();
  static_cast<void>(prepared);
}

/// Rows and columns of the tiles that C is cut into: enough work a tile to be worth a thread's while, few enough
/// tiles that the operands are not packed over and over.
struct Tiling {
  std::int64_t rows, columns;
};

Tiling tiling(std::int64_t m, std::int64_t n, std::int64_t k) {
  constexpr std::int64_t worth_cutting = 1 << 20;  // multiply-adds
  constexpr std::int64_t longest = 256;            // rows that make up for packing the other operand once more
  const std::int64_t side = std::max(m, n);
  std::int64_t tiles = m * n * k < worth_cutting ? 1 : 2;
  while (tiles > 1 && side > tiles * longest) tiles *= 2;
  const std::int64_t part = (side + tiles - 1) / tiles;
  const std::int64_t length = std::max<std::int64_t>((part + 15) / 16 * 16, 16);
  // The longer side is cut; cutting rows packs op(B) anew for each tile, cutting columns op(A).
  if (m >= n) return {length, n};
  return {m, length};
}

template <class T>
void tile(const Gemm<T>& g, std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns) {
  T* c = g.c + row * g.c_stride + column;
  T beta = g.beta;
  if (g.bias) {
    for (std::int64_t i = 0; i < rows; ++i) std::copy_n(g.bias + column, columns, c + i * g.c_stride);
    beta = 1;
  } else if (g.k == 0 && beta == 0) {
    for (std::int64_t i = 0; i < rows; ++i) std::fill_n(c + i * g.c_stride, columns, T(0));
  }
  if (rows == 0 || columns == 0 || g.k == 0) return;
  const auto op = [](bool transposed) { return transposed ? cxxblas::Transpose::Trans : cxxblas::Transpose::NoTrans; };
  const auto index = [](std::int64_t i) { return static_cast<int>(i); };
  // BLAS wants positive strides even for operands of one row.
  const auto stride = [](std::int64_t s) { return static_cast<int>(std::max<std::int64_t>(s, 1)); };
  cxxblas::gemm<int>(cxxblas::StorageOrder::RowMajor, op(g.transpose_a), op(g.transpose_b), index(rows), index(columns),
                     index(g.k), g.alpha, g.a + (g.transpose_a ? row : row * g.a_stride), stride(g.a_stride),
                     g.b + (g.transpose_b ? column * g.b_stride : column), stride(g.b_stride), beta, c,
                     stride(g.c_stride));
}

}  // namespace

template <class T>
void gemm_serial(const Gemm<T>& g) {
  prepare_blas();
  const FlushDenormals flush;
  tile(g, 0, g.m, 0, g.n);
}

template <class T>
void gemm(const Gemm<T>& g) {
  const GemmOffsets none;
  gemm_batch(g, 1, &none);
}

template <class T>
void gemm_batch(const Gemm<T>& g, std::int64_t count, const GemmOffsets* offsets) {
  if (g.m == 0 || g.n == 0 || count == 0) return;
  const std::int64_t longest = std::max({g.m, g.n, g.k, g.a_stride, g.b_stride, g.c_stride});
  require(longest <= std::numeric_limits<int>::max(), "matmul: an axis of length {} is longer than BLAS can take",
          longest);
  prepare_blas();
  const Tiling t = tiling(g.m, g.n, g.k);
  const std::int64_t down = (g.m + t.rows - 1) / t.rows, across = (g.n + t.columns - 1) / t.columns;
  constexpr std::int64_t elements_a_multiply_add = 8;  // a gemm's arithmetic is that much faster than memory
  const std::int64_t work = count * g.m * g.n * std::max<std::int64_t>(g.k, 1) / elements_a_multiply_add;
  parallel_tasks(count * down * across, work, [&](std::int64_t task) {
    const std::int64_t i = task / (down * across), row = task / across % down * t.rows,
                       column = task % across * t.columns;
    Gemm<T> one = g;
    one.a += offsets[i].a, one.b += offsets[i].b, one.c += offsets[i].c;
    tile(one, row, std::min(t.rows, g.m - row), column, std::min(t.columns, g.n - column));
  });
}

template void gemm_serial(const Gemm<float>&);
template void gemm_serial(const Gemm<double>&);
template void gemm(const Gemm<float>&);
template void gemm(const Gemm<double>&);
template void gemm_batch(const Gemm<float>&, std::int64_t, const GemmOffsets*);
template void gemm_batch(const Gemm<double>&, std::int64_t, const GemmOffsets*);

std::string blas_core() {
  prepare_blas();
  return openblas_get_corename();
}

}  // namespace gaze::kernels
