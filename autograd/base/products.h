#pragma once

namespace gaze {

enum class ProductsBy { own, openblas };

/// Whose matrix products operations use: gaze's own, or OpenBLAS's. Either gives the same bits at any number of
/// threads, but each its own. At the start they are those that the environment variable GAZE_GEMM names (own,
/// openblas), else those that gaze was built for (GAZE_PRODUCTS), else its own wherever it has vector instructions for
/// them. Throws where GAZE_GEMM names neither; where OpenBLAS lacks a function, its first product throws.
void set_products(ProductsBy);
ProductsBy products();

}  // namespace gaze
