#include <gaze/optim/clipping.h>

#include <cmath>
#include <limits>

#include "../catch.h"
#include "../settings.h"
#include "fixture.h"

using namespace gaze;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("gradients are scaled to the largest norm together") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  const double precision = dtype == DType::float64 ? 1e-15 : 1e-7;
  Params params(dtype);
  const Tensor a = params.add("a", Array::zeros({1, 1}, dtype)), b = params.add("b", Array::zeros({2}, dtype));
  const bool packed = GENERATE(false, true);
  if (packed) params.pack();
  Fixture::give(a, Array::full({1, 1}, dtype, 3));
  Fixture::give(b, Array::full({2}, dtype, std::sqrt(8.0)));
  CHECK(clip_grad_norm(params, 0) == Approx(5).epsilon(precision));
  CHECK(clip_grad_norm(params, infinity) == Approx(5).epsilon(precision));
  CHECK(clip_grad_norm(params, 5.1) == Approx(5).epsilon(precision));
  CHECK(a.grad().item() == 3);

  CHECK(clip_grad_norm(params, 2) == Approx(5).epsilon(precision));
  CHECK(a.grad().item() == Approx(3 * 2 / (5 + 1e-6)).epsilon(precision));
  CHECK(b.grad().at({1}) == Approx(std::sqrt(8.0) * 2 / (5 + 1e-6)).epsilon(precision));
}

TEST_CASE("a norm at the limit is scaled by the small number in the divisor, as PyTorch does") {
  Params params(DType::float64);
  const Tensor a = params.add("a", Array::zeros({1}, DType::float64));
  Fixture::give(a, Array::full({1}, DType::float64, 2));
  clip_grad_norm(params, 2);
  CHECK(a.grad().item() == Approx(2 * (2 / (2 + 1e-6))).epsilon(1e-15));
}

TEST_CASE("only gradients that are there count") {
  Fixture f(DType::float64, {2, 2});
  Tensor matrix = f.params["matrix"], vector = f.params["vector"];
  CHECK(clip_grad_norm(f.params, 1) == 0);
  f.params.pack();
  Fixture::give(vector, Array::full({5}, DType::float64, 100));
  vector.zero_grad();
  Fixture::give(matrix, Array::full({2, 2}, DType::float64, 1));
  CHECK(clip_grad_norm(f.params, 0) == 2);
  // A parameter that was frozen has its gradient outside the arena.
  matrix.requires_grad(false);
  CHECK(clip_grad_norm(f.params, 0) == 0);
  matrix.requires_grad(true);
  Fixture::give(matrix, Array::full({2, 2}, DType::float64, 2));
  CHECK(clip_grad_norm(f.params, 1) == 4);
  CHECK(matrix.grad().at({1, 1}) == Approx(2 / (4 + 1e-6)).epsilon(1e-15));
}

TEST_CASE("the number of threads changes no bit of the norm and the clipped gradients") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  const auto run = [&](int count) {
    const Threads threads(count);
    Fixture f(dtype, {123, 457});  // long enough for threads
    f.params.pack();
    f.give_all(1);
    const double norm = clip_grad_norm(f.params, 1);
    return std::pair(norm, numbers(f.params["matrix"].grad()));
  };
  const auto alone = run(1);
  CHECK(run(2) == alone);
  CHECK(run(4) == alone);

  const Fixture f(dtype, {123, 457});
  double squares = 0;
  for (std::size_t c = 0; c < 2; ++c)
    for (const double g : numbers(f.gradient(c, 1))) squares += g * g;
  CHECK(alone.first == Approx(std::sqrt(squares)).epsilon(1e-13));
}

TEST_CASE("large float32 gradients do not overflow") {
  Params params;
  const Tensor a = params.add("a", Array::zeros({4}, DType::float32));
  Fixture::give(a, Array::full({4}, DType::float32, 1e30));
  CHECK(clip_grad_norm(params, 1) == Approx(2e30));
  CHECK(a.grad().at({0}) == Approx(0.5));
}

TEST_CASE("a norm that is not finite is refused and no gradient changes") {
  const double bad = GENERATE(as<double>{}, not_a_number, infinity, -infinity);
  Params params(DType::float64);
  std::vector<Tensor> all;
  for (const char* name : {"first", "second", "third"}) {
    all.push_back(params.add(name, Array::zeros({3}, DType::float64)));
    Fixture::give(all.back(), Array::full({3}, DType::float64, 7));
  }
  Array g = Array::full({3}, DType::float64, 7);
  g.set(1, bad);
  Fixture::give(all[1], g);
  Fixture::give(all[2], g);
  CHECK_THROWS_WITH(clip_grad_norm(params, 1), ContainsSubstring("second") && !ContainsSubstring("third"));
  CHECK_THROWS_AS(clip_grad_norm(params, 0), Error);
  CHECK(numbers(all[0].grad()) == std::vector<double>{7, 7, 7});
  CHECK(all[1].grad().at({0}) == 7);
  CHECK(all[2].grad().at({2}) == 7);
}

TEST_CASE("finite gradients whose norm overflows are refused") {
  Params params(DType::float64);
  const Tensor a = params.add("a", Array::zeros({2}, DType::float64));
  Fixture::give(a, Array::full({2}, DType::float64, 1e200));
  CHECK_THROWS_WITH(clip_grad_norm(params, 1), ContainsSubstring("norm of the gradients is inf"));
  CHECK(a.grad().at({0}) == 1e200);
}

TEST_CASE("a limit that makes no sense is refused") {
  Params params;
  CHECK_THROWS_WITH(clip_grad_norm(params, -1), ContainsSubstring("-1"));
  CHECK_THROWS_AS(clip_grad_norm(params, not_a_number), Error);
}

TEST_CASE("clipping counts as a change in place") {
  Params params(DType::float64);
  const Tensor a = params.add("a", Array::zeros({2}, DType::float64));
  Fixture::give(a, Array::full({2}, DType::float64, 5));
  Tensor g = a.grad();
  const auto version = g.array().version();
  clip_grad_norm(params, 0);
  CHECK(g.array().version() == version);
  clip_grad_norm(params, 1);
  CHECK(g.array().version() > version);
}
