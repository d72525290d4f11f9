#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/random.h>

using namespace gaze;
using kernels::Gemm;

namespace {

std::vector<double> numbers(std::int64_t n, std::uint64_t stream) {
  Random random({3, stream});
  std::vector<double> v(static_cast<std::size_t>(n));
  for (double& x : v) x = random.normal();
  return v;
}

}  // namespace

TEST_CASE("gemm equals three loops for every flag") {
  const bool ta = GENERATE(false, true), tb = GENERATE(false, true);
  const bool adds = GENERATE(false, true), biased = GENERATE(false, true);
  const std::int64_t m = 37, n = 21, k = 18;
  const auto a = numbers(m * k, 1), b = numbers(k * n, 2), bias = numbers(n, 3);
  auto c = numbers(m * n, 4), expected = c;
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (std::int64_t p = 0; p < k; ++p)
        sum += a[static_cast<std::size_t>(ta ? p * m + i : i * k + p)] *
               b[static_cast<std::size_t>(tb ? j * k + p : p * n + j)];
      double& e = expected[static_cast<std::size_t>(i * n + j)];
      e = (adds ? e : 0) + 2 * sum + (biased ? bias[static_cast<std::size_t>(j)] : 0);
    }
  kernels::of<double>().gemm({.m = m,
                              .n = n,
                              .k = k,
                              .a = a.data(),
                              .a_stride = ta ? m : k,
                              .transpose_a = ta,
                              .b = b.data(),
                              .b_stride = tb ? k : n,
                              .transpose_b = tb,
                              .c = c.data(),
                              .c_stride = n,
                              .alpha = 2,
                              .adds = adds,
                              .bias = biased ? bias.data() : nullptr});
  for (std::size_t i = 0; i < c.size(); ++i) CHECK(c[i] == Approx(expected[i]).epsilon(1e-12));
}

TEST_CASE("gemm gives the same bits with 1, 2 and 4 threads") {
  const std::int64_t m = 300, n = 500, k = 257;
  std::vector<float> a(static_cast<std::size_t>(m * k)), b(static_cast<std::size_t>(k * n));
  Random random({5, 0});
  for (float& x : a) x = static_cast<float>(random.normal());
  for (float& x : b) x = static_cast<float>(random.normal());
  const int before = threads();
  std::vector<std::vector<float>> results;
  for (const int count : {1, 2, 4}) {
    set_threads(count);
    std::vector<float> c(static_cast<std::size_t>(m * n));
    kernels::of<float>().gemm({.m = m,
                               .n = n,
                               .k = k,
                               .a = a.data(),
                               .a_stride = k,
                               .b = b.data(),
                               .b_stride = n,
                               .c = c.data(),
                               .c_stride = n});
    results.push_back(c);
  }
  set_threads(before);
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE("gemm over an empty sum gives C or zeros") {
  std::vector<double> c = {1, 2}, none;
  kernels::Gemm<double> g{.m = 1,
                          .n = 2,
                          .k = 0,
                          .a = none.data(),
                          .a_stride = 0,
                          .b = none.data(),
                          .b_stride = 2,
                          .c = c.data(),
                          .c_stride = 2,
                          .adds = true};
  kernels::of<double>().gemm(g);
  CHECK(c == std::vector<double>{1, 2});
  g.adds = false;
  kernels::of<double>().gemm(g);
  CHECK(c == std::vector<double>{0, 0});
}
