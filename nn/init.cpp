#include <gaze/nn/init.h>

#include <cmath>
#include <vector>

#include <gaze/autograd/kernels/orthonormal.h>

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

/// Numbers drawn by `fill`, as large as the weight's fans say.
template <class Fill, class Size>
Initializer drawn(const char* name, const Fill& fill, const Size& size_of) {
  return [=](const Shape& shape, Random& random, std::span<double> numbers) {
    fill(random, numbers, size_of(fans(name, shape)));
  };
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
  return drawn("xavier_uniform", fill_uniform, [=](Fans f) { return gain * std::sqrt(6 / (f.in + f.out)); });
}

Initializer xavier_normal(double gain) {
  return drawn("xavier_normal", fill_normal, [=](Fans f) { return gain * std::sqrt(2 / (f.in + f.out)); });
}

Initializer kaiming_uniform(double a) {
  return drawn("kaiming_uniform", fill_uniform, [=](Fans f) { return std::sqrt(6 / ((1 + a * a) * f.in)); });
}

Initializer kaiming_normal(double a) {
  return drawn("kaiming_normal", fill_normal, [=](Fans f) { return std::sqrt(2 / ((1 + a * a) * f.in)); });
}

Initializer orthogonal(double gain) {
  return [=](const Shape& shape, Random& random, std::span<double> numbers) {
    require(shape.rank() >= 2, "orthogonal: needs a weight of at least two axes, got shape {}", shape);
    if (numbers.empty()) return;
    const std::size_t rows = static_cast<std::size_t>(shape[0]), columns = numbers.size() / rows;
    const bool wide = rows < columns;  // then the rows are orthonormal: Q of the transpose
    const std::size_t longer = wide ? columns : rows, shorter = wide ? rows : columns;
    std::vector<double> q(numbers.size());
    for (double& x : q) x = random.normal();
    kernels::orthonormalise(q.data(), static_cast<std::int64_t>(longer), static_cast<std::int64_t>(shorter));
    for (std::size_t i = 0; i < longer; ++i)
      for (std::size_t j = 0; j < shorter; ++j)
        numbers[wide ? j * columns + i : i * columns + j] = gain * q[i * shorter + j];
  };
}

}  // namespace gaze::init
