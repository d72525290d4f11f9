#include <gaze/autograd/kernels/orthonormal.h>

#include <xtensor-blas/xlinalg.hpp>

#include <cmath>

#include <gaze/autograd/kernels/openblas.h>

namespace gaze::kernels {

void orthonormalise(double* matrix, std::int64_t rows, std::int64_t columns) {
  const auto height = static_cast<std::size_t>(rows), width = static_cast<std::size_t>(columns);
  xt::xarray<double> given = xt::empty<double>({height, width});
  std::copy_n(matrix, rows * columns, given.data());
  const OneBlasThread one_thread;
  const auto [q, r] = xt::linalg::qr(given);
  for (std::size_t j = 0; j < width; ++j)
    for (std::size_t i = 0; i < height; ++i) matrix[i * width + j] = std::copysign(1.0, r(j, j)) * q(i, j);
}

}  // namespace gaze::kernels
