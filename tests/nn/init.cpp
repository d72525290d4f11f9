#include <gaze/nn/init.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "../catch.h"

using namespace gaze;

namespace {

std::vector<double> draw(const Initializer& initializer, const Shape& shape) {
  std::vector<double> numbers(static_cast<std::size_t>(shape.size()));
  Random random(RandomStream{.seed = 5});
  initializer(shape, random, numbers);
  return numbers;
}

struct Moments {
  double mean = 0, variance = 0, largest = 0;
};

Moments moments(const std::vector<double>& numbers) {
  Moments m;
  const auto n = static_cast<double>(numbers.size());
  for (const double x : numbers) m.mean += x / n, m.largest = std::max(m.largest, std::abs(x));
  for (const double x : numbers) m.variance += (x - m.mean) * (x - m.mean) / n;
  return m;
}

}  // namespace

TEST_CASE("uniform initialisers fill their interval evenly") {
  const auto [initializer, bound] = GENERATE(table<Initializer, double>({
      {init::uniform(0.3), 0.3},
      {init::xavier_uniform(), std::sqrt(6.0 / 300)},
      {init::xavier_uniform(2), 2 * std::sqrt(6.0 / 300)},
      {init::kaiming_uniform(), std::sqrt(6.0 / 100)},
      {init::kaiming_uniform(std::sqrt(5.0)), 1.0 / 10},
  }));
  const Moments m = moments(draw(initializer, {200, 100}));
  CHECK(m.largest <= bound);
  CHECK(m.largest > 0.999 * bound);
  CHECK(std::abs(m.mean) < 0.02 * bound);
  CHECK(m.variance == Approx(bound * bound / 3).epsilon(0.03));
}

TEST_CASE("normal initialisers have their variance") {
  const auto [initializer, variance] = GENERATE(table<Initializer, double>({
      {init::normal(0.02), 0.0004},
      {init::xavier_normal(), 2.0 / 300},
      {init::xavier_normal(3), 18.0 / 300},
      {init::kaiming_normal(), 2.0 / 100},
      {init::kaiming_normal(2), 2.0 / 500},
  }));
  const Moments m = moments(draw(initializer, {200, 100}));
  CHECK(std::abs(m.mean) < 0.03 * std::sqrt(variance));
  CHECK(m.variance == Approx(variance).epsilon(0.03));
  CHECK(m.largest > 3 * std::sqrt(variance));  // more than any uniform distribution of this variance reaches
}

TEST_CASE("further axes count in both fans") {
  CHECK(moments(draw(init::xavier_uniform(), {8, 4, 50})).largest == Approx(std::sqrt(6.0 / 600)).epsilon(0.01));
  CHECK(moments(draw(init::kaiming_uniform(), {8, 4, 50})).largest == Approx(std::sqrt(6.0 / 200)).epsilon(0.01));
}

TEST_CASE("orthogonal rows or columns, whichever are fewer, are orthonormal") {
  const Shape shape = GENERATE(Shape{7, 7}, Shape{9, 4}, Shape{4, 9}, Shape{3, 2, 4}, Shape{1, 5}, Shape{5, 1});
  const double gain = GENERATE(1.0, 2.5);
  CAPTURE(shape.to_string(), gain);
  const std::vector<double> q = draw(init::orthogonal(gain), shape);
  const auto rows = static_cast<std::size_t>(shape[0]), columns = q.size() / rows;
  const bool wide = rows < columns;
  const std::size_t count = wide ? rows : columns, length = wide ? columns : rows;
  const auto entry = [&](std::size_t vector, std::size_t i) {
    return wide ? q[vector * columns + i] : q[i * columns + vector];
  };
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t b = 0; b < count; ++b) {
      double dot = 0;
      for (std::size_t i = 0; i < length; ++i) dot += entry(a, i) * entry(b, i);
      CHECK(dot == Approx(a == b ? gain * gain : 0).margin(1e-12));
    }
  }
}

TEST_CASE("an orthogonal column starts along the column it was made from") {
  // R's diagonal is positive, so the first column of Q is the first column of the normal numbers, scaled.
  const std::vector<double> q = draw(init::orthogonal(), {6, 3}), normal = draw(init::normal(1), {6, 3});
  double norm = 0;
  for (std::size_t i = 0; i < 6; ++i) norm += normal[3 * i] * normal[3 * i];
  for (std::size_t i = 0; i < 6; ++i) CHECK(q[3 * i] == Approx(normal[3 * i] / std::sqrt(norm)));
}

TEST_CASE("initialisers of matrices refuse vectors") {
  for (const Initializer& initializer : {init::xavier_uniform(), init::xavier_normal(), init::kaiming_uniform(),
                                         init::kaiming_normal(), init::orthogonal()})
    CHECK_THROWS_WITH(draw(initializer, {4}), ContainsSubstring("two axes") && ContainsSubstring("[4]"));
  CHECK(draw(init::orthogonal(), {0, 3}).empty());
}
