#include <gaze/autograd/kernels/openblas.h>

#include <xtensor-blas/xblas.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <string_view>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/base/products.h>
#include <gaze/autograd/kernels/isa.h>

namespace gaze {
namespace {

ProductsBy products_at_start() {
  const char* asked = std::getenv("GAZE_GEMM");
#ifdef GAZE_PRODUCTS
  const std::string_view built_for = GAZE_PRODUCTS;
#else
  const std::string_view built_for = kernels::isa() == kernels::Isa::plain ? "openblas" : "own";
#endif
  const std::string_view name = asked && *asked ? asked : built_for;
  if (name == "own") return ProductsBy::own;
  require(name == "openblas", "GAZE_GEMM={}: matrix products are own or openblas", name);
  return ProductsBy::openblas;
}

std::atomic<ProductsBy>& products_in_use() {
  static std::atomic<ProductsBy> products = products_at_start();
  return products;
}

}  // namespace

void set_products(ProductsBy products) {
  require(products == ProductsBy::own || products == ProductsBy::openblas,
          "set_products: {} is neither own nor openblas", static_cast<int>(products));
  products_in_use() = products;
}

ProductsBy products() { return products_in_use(); }

namespace kernels {
namespace {

/// How many OneBlasThread there are, and how many threads OpenBLAS had before the first.
struct BlasThreads {
  std::mutex mutex;
  int holders = 0, before = 1;
};

BlasThreads& blas_threads() {
  static BlasThreads threads;
  return threads;
}

#ifdef __x86_64__
/// OpenBLAS's name of the newest kernels that this processor has the instructions of.
const char* newest_core() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return __builtin_cpu_supports("avx512bf16") ? "Cooperlake" : "SkylakeX";
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? "Haswell" : nullptr;
}
#else
const char* newest_core() { return nullptr; }
#endif

/// The distance of two rows as BLAS wants it, of `rows` rows that are `columns` long; 0 when it cannot be said.
int leading(std::int64_t stride, std::int64_t rows, std::int64_t columns) {
  const std::int64_t distance = rows > 1 ? stride : std::max<std::int64_t>({stride, columns, 1});
  return distance >= std::max<std::int64_t>(columns, 1) && distance <= std::numeric_limits<int>::max()
             ? static_cast<int>(distance)
             : 0;
}

template <class T>
bool multiply(const Gemm<T>& g) {
  constexpr std::int64_t largest = std::numeric_limits<int>::max();
  const int lda = leading(g.a_stride, g.transpose_a ? g.k : g.m, g.transpose_a ? g.m : g.k),
            ldb = leading(g.b_stride, g.transpose_b ? g.n : g.k, g.transpose_b ? g.k : g.n),
            ldc = leading(g.c_stride, g.m, g.n);
  if (!lda || !ldb || !ldc || g.m > largest || g.n > largest || g.k > largest) return false;
  const auto op = [](bool transposed) { return transposed ? cxxblas::Trans : cxxblas::NoTrans; };
  cxxblas::gemm<int>(cxxblas::RowMajor, op(g.transpose_a), op(g.transpose_b), static_cast<int>(g.m),
                     static_cast<int>(g.n), static_cast<int>(g.k), g.alpha, g.a, lda, g.b, ldb, T(g.adds ? 1 : 0), g.c,
                     ldc);
  return true;
}

}  // namespace

OneBlasThread::OneBlasThread() {
  require(openblas_get_num_threads && openblas_set_num_threads,
          "the OpenBLAS of this program cannot be told how many threads to use (openblas_set_num_threads is missing): "
          "on Debian, install libopenblas0-pthread, or use gaze's own matrix products (GAZE_GEMM=own)");
  BlasThreads& threads = blas_threads();
  const std::lock_guard lock(threads.mutex);
  if (threads.holders++ > 0) return;
  threads.before = openblas_get_num_threads();
  openblas_set_num_threads(1);
}

OneBlasThread::~OneBlasThread() {
  BlasThreads& threads = blas_threads();
  const std::lock_guard lock(threads.mutex);
  if (--threads.holders == 0) openblas_set_num_threads(threads.before);
}

void choose_blas_kernels() {
  static std::once_flag chosen;
  std::call_once(chosen, [] {
    const char* core = newest_core();
    if (!core || std::getenv("OPENBLAS_CORETYPE") || !openblas_get_corename || !gotoblas_dynamic_quit ||
        !gotoblas_dynamic_init)
      return;
    // Those that it took are as good when it knows this processor: a name of Intel's newest or of AMD's Zen.
    const std::string_view taken = openblas_get_corename();
    if (taken == core || taken == "SapphireRapids" || (std::string_view(core) == "Haswell" && taken == "Zen")) return;
    setenv("OPENBLAS_CORETYPE", core, 1);
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    unsetenv("OPENBLAS_CORETYPE");
  });
}

bool uses_openblas() { return products() == ProductsBy::openblas; }

ProductsInUse::ProductsInUse() {
  if (!uses_openblas()) return;
  choose_blas_kernels();
  one_thread_.emplace();
}

bool multiply_by_openblas(const Gemm<float>& g) { return multiply(g); }
bool multiply_by_openblas(const Gemm<double>& g) { return multiply(g); }

}  // namespace kernels
}  // namespace gaze
