#include <xtensor-blas/xlinalg.hpp>

#include <cmath>

#include <gaze/autograd/base/blas_threads.h>
#include <gaze/nn/init.h>

namespace gaze::init {

Initializer orthogonal(double gain) {
  return [=](const Shape& shape, Random& random, std::span<double> numbers) {
    require(shape.rank() >= 2, "orthogonal: needs a weight of at least two axes, got shape {}", shape);
    if (numbers.empty()) return;
    const auto rows = static_cast<std::size_t>(shape[0]), columns = numbers.size() / rows;
    const bool wide = rows < columns;  // then the rows are orthonormal: Q of the transpose
    const std::size_t longer = wide ? columns : rows, shorter = wide ? rows : columns;

    xt::xarray<double> gaussian = xt::empty<double>({longer, shorter});
    for (double& x : gaussian) x = random.normal();
    const OneBlasThread one_thread;
    const auto [q, r] = xt::linalg::qr(gaussian);
    for (std::size_t j = 0; j < shorter; ++j) {
      const double sign = gain * std::copysign(1.0, r(j, j));
      for (std::size_t i = 0; i < longer; ++i) numbers[wide ? j * columns + i : i * columns + j] = sign * q(i, j);
    }
  };
}

}  // namespace gaze::init
