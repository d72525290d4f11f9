#include <gaze/nn/positions.h>

#include <cmath>

namespace gaze {

Tensor sinusoidal_positions(std::int64_t length, std::int64_t d_model, DType dtype) {
  Array table({length, d_model}, dtype);
  for (std::int64_t t = 0; t < length; ++t) {
    for (std::int64_t column = 0; column < d_model; ++column) {
      const std::int64_t pair = column / 2 * 2;
      const double wavelength = std::pow(10000.0, static_cast<double>(pair) / static_cast<double>(d_model));
      const double angle = static_cast<double>(t) / wavelength;
      table.set(t * d_model + column, column == pair ? std::sin(angle) : std::cos(angle));
    }
  }
  return Tensor(table);
}

}  // namespace gaze
