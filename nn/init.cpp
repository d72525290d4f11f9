#include <gaze/nn/init.h>

#include <cmath>

namespace gaze::init {
namespace {

struct Fans {
  double in, out;
};

Fans fans(const char* initializer, const Shape& shape) {
  require(shape.rank() >= 2, "{}: needs a weight of at least two axes, got shape {}", initializer, shape);
  const auto further = static_cast<double>(shape.span_size(2, shape.rank()));
  return {static_cast<double>(shape[1]) * further, static_cast<double>(shape[0]) * further};
}

void fill_uniform(Random& random, std::span<double> numbers, double bound) {
  random.uniform(numbers);
  for (double& x : numbers) x = bound * (2 * x - 1);
}

void fill_normal(Random& random, std::span<double> numbers, double std) {
  random.normal(numbers);
  for (double& x : numbers) x *= std;
}

}  // namespace

Initializer constant(double value) {
  return [=](const Shape&, Random&, std::span<double> numbers) {
    for (double& x : numbers) x = value;
  };
}

Initializer normal(double std) {
  return [=](const Shape&, Random& random, std::span<double> numbers) { fill_normal(random, numbers, std); };
}

Initializer uniform(double bound) {
  return [=](const Shape&, Random& random, std::span<double> numbers) { fill_uniform(random, numbers, bound); };
}

Initializer xavier_uniform(double gain) {
  return [=](const Shape& shape, Random& random, std::span<double> numbers) {
    const Fans fan = fans("xavier_uniform", shape);
    fill_uniform(random, numbers, gain * std::sqrt(6 / (fan.in + fan.out)));
  };
}

Initializer xavier_normal(double gain) {
  return [=](const Shape& shape, Random& random, std::span<double> numbers) {
    const Fans fan = fans("xavier_normal", shape);
    fill_normal(random, numbers, gain * std::sqrt(2 / (fan.in + fan.out)));
  };
}

Initializer kaiming_uniform(double a) {
  return [=](const Shape& shape, Random& random, std::span<double> numbers) {
    fill_uniform(random, numbers, std::sqrt(6 / ((1 + a * a) * fans("kaiming_uniform", shape).in)));
  };
}

Initializer kaiming_normal(double a) {
  return [=](const Shape& shape, Random& random, std::span<double> numbers) {
    fill_normal(random, numbers, std::sqrt(2 / ((1 + a * a) * fans("kaiming_normal", shape).in)));
  };
}

}  // namespace gaze::init
