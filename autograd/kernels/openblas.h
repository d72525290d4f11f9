#pragma once

#include <optional>

#include <gaze/autograd/kernels/gemm.h>

// Weak: a program whose OpenBLAS lacks one of them is told so, once one is needed.
extern "C" {
[[gnu::weak]] int openblas_get_num_threads();
[[gnu::weak]] void openblas_set_num_threads(int);
[[gnu::weak]] char* openblas_get_corename();
[[gnu::weak]] void gotoblas_dynamic_quit();
[[gnu::weak]] void gotoblas_dynamic_init();
}

namespace gaze::kernels {

/// OpenBLAS with one thread while any lives, so that the bits of a result do not depend on the number of processors;
/// then with as many as before. OpenBLAS has one number for all threads of the program.
class OneBlasThread {
 public:
  OneBlasThread();  ///< throws where OpenBLAS cannot be told how many threads to use
  ~OneBlasThread();
  OneBlasThread(const OneBlasThread&) = delete;
  OneBlasThread& operator=(const OneBlasThread&) = delete;
};

/// Has OpenBLAS use the kernels that are right for this processor: version 0.3.21 does not know those that are newer
/// than itself, and takes ones of generations before, a third to a half as fast. Does nothing a second time, nor where
/// the environment variable OPENBLAS_CORETYPE says which to use. No other thread may be within OpenBLAS meanwhile.
void choose_blas_kernels();

/// Whether the kernels call OpenBLAS for products: see set_products().
bool uses_openblas();

/// What a kernel holds while it or its helpers make products: OpenBLAS with one thread, where products are OpenBLAS's.
class ProductsInUse {
 public:
  ProductsInUse();

 private:
  std::optional<OneBlasThread> one_thread_;
};

/// C = alpha op(A) op(B), or C + that, by OpenBLAS and on this thread; what follows the product in Gemm is not done.
/// False, and nothing done, when BLAS cannot say it: sizes beyond its integers, or rows that overlap.
bool multiply_by_openblas(const Gemm<float>&);
bool multiply_by_openblas(const Gemm<double>&);

}  // namespace gaze::kernels
