#pragma once

#include <functional>
#include <span>

#include <gaze/autograd/array.h>
#include <gaze/autograd/random.h>

namespace gaze {

/// Fills the initial numbers of a parameter of the given shape.
using Initializer = std::function<void(const Shape& shape, Random& random, std::span<double> numbers)>;

/// The initialisers by PyTorch's names and definitions (torch.nn.init). A weight is [out, in]: fan_in is `in` and
/// fan_out is `out`, each times the product of any further axes. All but constant, normal and uniform throw for a shape
/// of fewer than two axes.
namespace init {

Initializer constant(double value);
Initializer normal(double std);               ///< mean 0
Initializer uniform(double bound);            ///< in [-bound, bound)
Initializer xavier_uniform(double gain = 1);  ///< bound gain sqrt(6 / (fan_in + fan_out)) (Glorot, Bengio 2010)
Initializer xavier_normal(double gain = 1);   ///< std gain sqrt(2 / (fan_in + fan_out))
Initializer kaiming_uniform(double a = 0);    ///< bound sqrt(6 / ((1 + a^2) fan_in)) (He et al. 2015, equation 15)
Initializer kaiming_normal(double a = 0);     ///< std sqrt(2 / ((1 + a^2) fan_in))
/// gain Q, where Q has orthonormal rows or columns, whichever are fewer (Saxe et al. 2014): the QR decomposition of
/// normal numbers, with signs that make R's diagonal positive. Axes after the first count as one.
Initializer orthogonal(double gain = 1);

}  // namespace init
}  // namespace gaze
