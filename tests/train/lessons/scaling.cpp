#include <algorithm>
#include <cmath>

#include "../../lesson.h"

namespace {

std::vector<double> softmax(std::vector<double> x, double scale) {
  const double top = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (double& value : x) sum += value = std::exp((value - top) * scale);
  for (double& value : x) value /= sum;
  return x;
}

/// The norm of the softmax's Jacobian, p_i (delta_ij - p_j), in plain loops.
double jacobian_norm(const std::vector<double>& p) {
  double squares = 0;
  for (std::size_t i = 0; i < p.size(); ++i)
    for (std::size_t j = 0; j < p.size(); ++j) squares += std::pow(p[i] * ((i == j ? 1 : 0) - p[j]), 2);
  return std::sqrt(squares);
}

}  // namespace

TEST_CASE("scaling: the variance of q.k is d, and 1 after scaling") {
  const json n = lesson({"scaling", "--quick"});
  const json& all = n.at("by_dimension");
  REQUIRE(all.size() == 9);
  double before_top = 0, before_gradient = 1, before_small = -1;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double d = std::pow(2, 2 + i);
    CHECK(all[i].at("d").get<double>() == d);
    const json &raw = all[i].at("raw"), &scaled = all[i].at("scaled");
    CHECK(raw.at("variance").get<double>() == Approx(d).epsilon(0.1));
    CHECK(scaled.at("variance").get<double>() * d == Approx(raw.at("variance").get<double>()));
    // Without scaling the softmax hardens with d; with it, it stays what it is for 16 normal scores.
    const double top = raw.at("top_weight"), gradient = raw.at("gradient"), small = raw.at("small");
    CHECK(top > before_top);
    CHECK(gradient < before_gradient);
    CHECK(small >= before_small);
    before_top = top, before_gradient = gradient, before_small = small;
    CHECK(scaled.at("top_weight").get<double>() == Approx(0.24).margin(0.03));
    CHECK(scaled.at("gradient").get<double>() == Approx(0.305).margin(0.015));
    CHECK(scaled.at("small").get<double>() == 0);
  }
  CHECK(before_top > 0.94);
  CHECK(before_gradient < 0.07);
  CHECK(before_small > 0.6);
}

TEST_CASE("scaling: weights and gradients of one query are those of its scores") {
  const json n = lesson({"scaling", "--draws", "10", "--keys", "5", "--d", "1500", "--seed", "7"});
  CHECK(n.at("by_dimension").size() == 10);
  const json& one = n.at("one");
  CHECK(one.at("d") == 1500);
  const std::vector<double> scores = one.at("scores");
  REQUIRE(scores.size() == 5);
  CHECK(std::is_sorted(scores.rbegin(), scores.rend()));
  for (const std::size_t row : {0U, 1U}) {
    const std::vector<double> expected = softmax(scores, row == 0 ? 1 : 1 / std::sqrt(1500.0));
    const std::vector<double> weights = one.at("weights").at(row);
    REQUIRE(weights.size() == expected.size());
    for (std::size_t i = 0; i < weights.size(); ++i) CHECK(weights[i] == Approx(expected[i]).margin(1e-12));
    CHECK(one.at("gradients").at(row).get<double>() == Approx(jacobian_norm(expected)).margin(1e-12));
  }
}

TEST_CASE("scaling: a seed is one set of numbers, whatever the threads and the other dimensions") {
  const Args few = {"scaling", "--draws", "60"};
  const json n = lesson(few);
  CHECK(lesson(joined(few, {"--threads", "1"})) == lesson(joined(few, {"--threads", "3"})));
  CHECK(lesson(joined(few, {"--d", "64"})) == n);
  CHECK(lesson(joined(few, {"--d", "5"})).at("by_dimension").at(2) == n.at("by_dimension").at(1));
  CHECK(lesson(joined(few, {"--seed", "2"})).at("by_dimension") != n.at("by_dimension"));
}

TEST_CASE("scaling names the option that is wrong") {
  Program gaze;
  for (const auto& [option, wrong] : std::vector<std::pair<std::string, std::string>>{{"--d", "0"},
                                                                                      {"--d", "2049"},
                                                                                      {"--d", "4.5"},
                                                                                      {"--keys", "1"},
                                                                                      {"--keys", "33"},
                                                                                      {"--draws", "9"},
                                                                                      {"--draws", "2001"},
                                                                                      {"--seed", "x"}})
    check_complaint(gaze.run({"lesson", "scaling", option, wrong}), 2, option);
}
