#include <gaze/autograd/check/slope.h>

#include <cmath>
#include <functional>

#include "../../catch.h"

using namespace gaze;

namespace {

Line line_of(const std::function<double(double)>& f, double at) {
  return [f, at](double t) { return Change{f(at + t) - f(at), std::max(1.0, std::abs(f(at + t)))}; };
}

struct Row {
  const char* name;
  std::function<double(double)> f;
  double at, slope;
  Verdict verdict;
};

double relu(double x) { return std::max(x, 0.0); }

}  // namespace

TEST_CASE("a slope is judged by what differences show") {
  const std::vector<Row> table = {
      {"a parabola", [](double x) { return x * x; }, 3, 6, Verdict::right},
      {"a wrong factor", [](double x) { return x * x; }, 3, 6.0001, Verdict::wrong},
      {"a slope of 0", [](double x) { return x * x; }, 0, 0, Verdict::right},
      {"a slope where there is none", [](double) { return 1.0; }, 0, 1e-3, Verdict::wrong},
      {"strongly bent", [](double x) { return std::exp(30 * x); }, 0.1, 30 * std::exp(3.0), Verdict::right},
      {"fast waves", [](double x) { return std::sin(3000 * x); }, 0.2, 3000 * std::cos(600.0), Verdict::right},
      {"relu at its kink", relu, 0, 0, Verdict::kink_nearby},
      {"relu at its kink, the other slope", relu, 0, 1, Verdict::kink_nearby},
      {"a slope that no side has", relu, 0, 1.5, Verdict::wrong},
      {"a negative slope beside a kink", relu, 0, -0.1, Verdict::wrong},
      {"just beside a kink", relu, 1e-7, 1, Verdict::right},
      {"just beside a kink, wrong", relu, 1e-7, 0, Verdict::wrong},
      {"the edge of a root", [](double x) { return std::sqrt(x); }, 0, INFINITY, Verdict::kink_nearby},
      {"near the edge of a root", [](double x) { return std::sqrt(x); }, 1e-8, 5e3, Verdict::right},
      {"steps of float32", [](double x) { return double(static_cast<float>(x * x)); }, 1.3, 2.6, Verdict::float32_only},
      {"steps of float32, wrong", [](double x) { return double(static_cast<float>(x * x)); }, 1.3, 3, Verdict::wrong},
  };
  for (const Row& row : table) {
    INFO(row.name);
    const double small = row.at != 0 ? std::min(1.0, std::abs(row.at)) : 1;
    const DerivativeComparison judged = judge(row.slope, line_of(row.f, row.at), {.large = 1, .small = small}, 1e-6);
    INFO(judged.numeric << " " << judged.error << " " << judged.step);
    CHECK(std::string(name_of(judged.verdict)) == name_of(row.verdict));
  }
}

TEST_CASE("a sweep has its flat part between curvature and rounding") {
  const auto all = sweep(line_of([](double x) { return std::exp(x); }, 1), {});
  REQUIRE(all.size() == 10);
  const auto off = [&](std::size_t i) { return std::abs(all[i].central - std::exp(1.0)); };
  CHECK(off(0) > 1e-3);
  CHECK(off(4) < 1e-9);
  CHECK(off(9) > off(4));
  CHECK(sweep(line_of([](double x) { return x; }, 1e-8), {.large = 1, .small = 1e-8}).size() == 18);
}
