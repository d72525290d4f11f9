#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/vjp_ops.h>

#include "../catch.h"

using namespace gaze;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// 0, 1, 2, ... in float64.
Tensor counting(const Shape& shape) {
  std::vector<double> values(static_cast<std::size_t>(shape.size()));
  std::iota(values.begin(), values.end(), 0.0);
  return Tensor::from<double>(shape, values);
}

/// Numbers of both signs that no power of two divides evenly, as float32.
Tensor uneven(const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i)) + 0.3f;
  return Tensor::from<float>(shape, values);
}

std::vector<double> gradient(Tensor x, const std::function<Tensor(const Tensor&)>& f) {
  x = x.clone().requires_grad(true);
  const Tensor g = grad(sum(f(x)), {x})[0];
  CHECK(g.shape() == x.shape());
  return {g.values<double>().begin(), g.values<double>().end()};
}

bool all_nan(const Tensor& x) {
  const auto values = x.values<double>();
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isnan(v); });
}

}  // namespace

TEST_CASE("sums run over any axes, kept or dropped") {
  const Tensor x = counting({2, 3, 4});
  CHECK(sum(x).item() == 276);
  CHECK(sum(x).rank() == 0);
  CHECK(sum(x, {0}).to_string() ==
        tensor({{12, 14, 16, 18}, {20, 22, 24, 26}, {28, 30, 32, 34}}, DType::float64).to_string());
  CHECK(sum(x, {1}).to_string() == tensor({{12, 15, 18, 21}, {48, 51, 54, 57}}, DType::float64).to_string());
  CHECK(sum(x, {-1}).to_string() == tensor({{6, 22, 38}, {54, 70, 86}}, DType::float64).to_string());
  CHECK(sum(x, {2, 0}).to_string() == tensor({60, 92, 124}, DType::float64).to_string());
  CHECK(sum(x, {0, 2}, true).shape() == Shape{1, 3, 1});
  CHECK(sum(x, {}, true).shape() == Shape{1, 1, 1});
  CHECK(sum(Tensor::scalar(5)).item() == 5);
  CHECK(sum(counting({3, 1}), {1}).to_string() == tensor({0, 1, 2}, DType::float64).to_string());
}

TEST_CASE("mean, max, min and var by hand") {
  const Tensor x = tensor({{1, 5, -3}, {4, 4, 10}}, DType::float64);
  CHECK(mean(x, {1}).to_string() == "[1., 6.] float64");
  CHECK(max(x, {0}).to_string() == tensor({4, 5, 10}, DType::float64).to_string());
  CHECK(min(x, {-1}, true).shape() == Shape{2, 1});
  CHECK(min(x).item() == -3);
  CHECK(var(x, {1}).to_string() == "[16., 12.] float64");
  CHECK(var(x, {1}, false, 0).at({1}) == Approx(8));
  CHECK(std::isnan(var(tensor({2}, DType::float64)).item()));
}

TEST_CASE("a sum of a million floats is right to 1e-6, along rows and down columns") {
  const std::int64_t n = 1'000'003;
  for (const float value : {0.1f, 0.7f}) {
    const Tensor row(Array::full({n}, DType::float32, value));
    const double exact = static_cast<double>(value) * static_cast<double>(n);
    CHECK(sum(row).item() == Approx(exact).epsilon(1e-6));
    CHECK(mean(row).item() == Approx(value).epsilon(1e-6));
    const Tensor column(Array::full({n, 3}, DType::float32, value));
    const Tensor sums = sum(column, {0});
    for (const float s : sums.values<float>()) CHECK(s == Approx(exact).epsilon(1e-6));
  }
  const Tensor mixed = uneven({n});
  const auto values = mixed.values<float>();
  CHECK(sum(mixed).item() == Approx(std::accumulate(values.begin(), values.end(), 0.0)).epsilon(1e-6));
}

TEST_CASE("variance does not cancel when the mean is large") {
  std::vector<float> values(10'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1000.0f + static_cast<float>(i % 2);
  CHECK(var(Tensor::from<float>({10'000}, values), {}, false, 0).item() == Approx(0.25).epsilon(1e-6));
}

TEST_CASE("reductions give the same bits for any number of threads") {
  const int before = threads();
  const Tensor row = uneven({300'007}), matrix = uneven({1003, 517}), block = uneven({9, 301, 67});
  std::vector<std::string> seen;
  for (const int count : {1, 2, 3, 8}) {
    set_threads(count);
    std::vector<Tensor> results = {sum(row),         sum(matrix, {0}),   sum(matrix, {1}),
                                   sum(block, {1}),  sum(block, {0, 2}), max(matrix, {0}),
                                   min(matrix, {1}), var(block, {1}),    logsumexp(matrix, {1})};
    std::string bytes;
    for (const Tensor& r : results) {
      const auto values = r.values<float>();
      bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    }
    seen.push_back(std::move(bytes));
  }
  set_threads(before);
  for (const std::string& s : seen) CHECK((s == seen[0]));
}

TEST_CASE("reductions of every length agree with plain loops") {
  for (const std::int64_t n : {1, 2, 15, 16, 17, 63, 64, 65, 129, 5000}) {
    const Tensor x = cast(uneven({3, n}), DType::float64), flipped = transpose(x);
    for (std::int64_t r = 0; r < 3; ++r) {
      const auto row = x.values<double>().subspan(static_cast<std::size_t>(r * n), static_cast<std::size_t>(n));
      const double total = std::accumulate(row.begin(), row.end(), 0.0);
      CHECK(sum(x, {1}).at({r}) == Approx(total).epsilon(1e-12));
      CHECK(sum(flipped, {0}).at({r}) == Approx(total).epsilon(1e-12));
      CHECK(max(x, {1}).at({r}) == *std::max_element(row.begin(), row.end()));
      CHECK(max(flipped, {0}).at({r}) == *std::max_element(row.begin(), row.end()));
      CHECK(min(x, {1}).at({r}) == *std::min_element(row.begin(), row.end()));
      CHECK(argmax(x, 1).at({r}) == static_cast<double>(std::max_element(row.begin(), row.end()) - row.begin()));
      CHECK(argmax(flipped, 0).at({r}) == argmax(x, 1).at({r}));
    }
  }
}

TEST_CASE("a NaN among the numbers is the largest and the smallest") {
  for (const std::size_t place : {0u, 7u, 39u}) {
    std::vector<double> values(40, 1.0);
    values[place] = not_a_number;
    const Tensor x = Tensor::from<double>({40}, values);
    CHECK(std::isnan(max(x).item()));
    CHECK(std::isnan(min(x).item()));
    CHECK(argmax(x).item() == static_cast<double>(place));
  }
}

TEST_CASE("ties share the gradient of max and min evenly") {
  const Tensor x = tensor({{3, 1, 3}, {1, 1, 1}}, DType::float64);
  CHECK(gradient(x, [](const Tensor& t) { return max(t, {1}); }) ==
        std::vector<double>{0.5, 0, 0.5, 1.0 / 3, 1.0 / 3, 1.0 / 3});
  CHECK(gradient(x, [](const Tensor& t) { return min(t); }) == std::vector<double>{0, 0.25, 0, 0.25, 0.25, 0.25});
}

TEST_CASE("logsumexp neither overflows nor loses minus infinity") {
  CHECK(logsumexp(tensor({1000, 1000}, DType::float64)).item() == Approx(1000 + std::log(2.0)));
  CHECK(logsumexp(tensor({-1000, -1000}, DType::float64)).item() == Approx(-1000 + std::log(2.0)));
  CHECK(logsumexp(tensor({-infinity, 3}, DType::float64)).item() == 3);
  CHECK(logsumexp(tensor({infinity, 3}, DType::float64)).item() == infinity);
  CHECK(std::isnan(logsumexp(tensor({not_a_number, 3}, DType::float64)).item()));
  const Tensor masked = tensor({{-infinity, -infinity}, {0, 0}}, DType::float64);
  const auto rows = [](const Tensor& t) { return logsumexp(t, {1}); };
  CHECK(rows(masked).at({0}) == -infinity);
  CHECK(gradient(masked, rows) == std::vector<double>{0, 0, 0.5, 0.5});
}

TEST_CASE("reductions over nothing") {
  const Tensor none = Tensor::zeros({2, 0}, DType::float64);
  CHECK(sum(none, {1}).to_string() == "[0., 0.] float64");
  CHECK(sum(none, {0}).shape() == Shape{0});
  CHECK(all_nan(mean(none, {1})));
  CHECK(all_nan(var(none, {1})));
  CHECK(logsumexp(none, {1}).at({1}) == -infinity);
  CHECK(max(none, {0}).shape() == Shape{0});
  CHECK_THROWS_WITH(max(none, {1}), ContainsSubstring("max") && ContainsSubstring("[2,0]"));
  CHECK_THROWS_WITH(min(none), ContainsSubstring("min") && ContainsSubstring("[2,0]"));
  CHECK_THROWS_WITH(argmax(none, 1), ContainsSubstring("argmax") && ContainsSubstring("[2,0]"));
  for (const auto& f :
       {+[](const Tensor& t) { return sum(t, {1}); }, +[](const Tensor& t) { return mean(t, {1}); },
        +[](const Tensor& t) { return var(t, {1}); }, +[](const Tensor& t) { return logsumexp(t, {1}); }})
    CHECK(gradient(none, f).empty());
}

TEST_CASE("sum_to undoes broadcasting") {
  const Tensor x = counting({2, 3, 4});
  CHECK(sum_to(x, {3, 1}).to_string() == sum(x, {0, 2}).reshape({3, 1}).to_string());
  CHECK(sum_to(x, {4}).to_string() == sum(x, {0, 1}).to_string());
  CHECK(sum_to(x, {}).item() == 276);
  CHECK(sum_to(counting({1, 3}), {3}).to_string() == "[0., 1., 2.] float64");
  CHECK(sum_to(Tensor::zeros({0, 3}), {1, 3}).to_string() == tensor({{0, 0, 0}}).to_string());
  CHECK_THROWS_WITH(sum_to(x, {2}),
                    ContainsSubstring("sum_to") && ContainsSubstring("[2]") && ContainsSubstring("[2,3,4]"));
}

TEST_CASE("reductions say what is wrong") {
  const Tensor x = Tensor::zeros({2, 3}), ids = Tensor::zeros({2}, DType::int32);
  CHECK_THROWS_WITH(sum(x, {2}), ContainsSubstring("sum: axis 2") && ContainsSubstring("[2,3]"));
  CHECK_THROWS_WITH(max(x, {-3}), ContainsSubstring("max: axis -3") && ContainsSubstring("[2,3]"));
  CHECK_THROWS_WITH(mean(x, {0, -2}), ContainsSubstring("mean") && ContainsSubstring("twice"));
  CHECK_THROWS_WITH(argmax(x, 2), ContainsSubstring("argmax: axis 2") && ContainsSubstring("[2,3]"));
  CHECK_THROWS_WITH(sum(ids), ContainsSubstring("sum") && ContainsSubstring("int32"));
  CHECK_THROWS_WITH(mean(ids), ContainsSubstring("mean") && ContainsSubstring("int32"));
  CHECK_THROWS_WITH(var(ids), ContainsSubstring("var") && ContainsSubstring("int32"));
  CHECK_THROWS_WITH(logsumexp(ids), ContainsSubstring("logsumexp") && ContainsSubstring("int32"));
}
