#include <algorithm>
#include <cmath>

#include "../../lesson.h"

namespace {

using Matrix = std::vector<std::vector<double>>;

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c(a.size(), std::vector<double>(b.at(0).size()));
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < b[0].size(); ++j)
      for (std::size_t k = 0; k < b.size(); ++k) c[i][j] += a[i].at(k) * b[k].at(j);
  return c;
}

Matrix transposed(const Matrix& a) {
  Matrix t(a.at(0).size(), std::vector<double>(a.size()));
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < a[0].size(); ++j) t[j][i] = a[i].at(j);
  return t;
}

Matrix softmax_of_rows(Matrix a, double scale) {
  for (auto& row : a) {
    double sum = 0;
    for (double& x : row) sum += x = std::exp(x * scale);
    for (double& x : row) x /= sum;
  }
  return a;
}

void check_equal(const json& shown, const Matrix& expected) {
  const Matrix actual = shown;
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    REQUIRE(actual[i].size() == expected[i].size());
    for (std::size_t j = 0; j < actual[i].size(); ++j) CHECK(actual[i][j] == Approx(expected[i][j]).margin(1e-12));
  }
}

/// All that the lesson shows, worked out in plain loops.
void check_lesson(const json& n, const Matrix& x, const Matrix& w_q, const Matrix& w_k, const Matrix& w_v,
                  bool scaled) {
  const Matrix q = product(x, w_q), k = product(x, w_k), v = product(x, w_v);
  const auto scale = [&](const Matrix& keys) { return scaled ? 1 / std::sqrt(keys.at(0).size()) : 1; };
  const Matrix plain = softmax_of_rows(product(x, transposed(x)), scale(x));
  const Matrix weights = softmax_of_rows(product(q, transposed(k)), scale(k)), output = product(weights, v);
  check_equal(n.at("X"), x);
  check_equal(n.at("X X^T"), product(x, transposed(x)));
  check_equal(n.at("weights"), plain);
  check_equal(n.at("output"), product(plain, x));
  check_equal(n.at("W_Q"), w_q);
  check_equal(n.at("W_K"), w_k);
  check_equal(n.at("W_V"), w_v);
  check_equal(n.at("Q"), q);
  check_equal(n.at("K"), k);
  check_equal(n.at("V"), v);
  check_equal(n.at("Q K^T"), product(q, transposed(k)));
  check_equal(n.at("weights with W"), weights);
  check_equal(n.at("output with W"), output);
  check_equal(n.at("weights by columns"), transposed(weights));
  check_equal(n.at("output by columns"), transposed(output));
  for (const char* difference : {"difference", "difference with W", "difference by columns"})
    CHECK(n.at(difference).get<double>() < 1e-12);
  CHECK(n.contains("scaled Q K^T") == scaled);
  if (scaled) CHECK(n.at("scaled Q K^T")[0][0].get<double>() == Approx(n.at("Q K^T")[0][0].get<double>() * scale(k)));
}

const Matrix kCounted = {{.1, .2, .3}, {.4, .5, .6}, {.7, .8, .9}};
const Matrix kKeys = {{.1, .3, .5}, {.2, .4, .6}, {.3, .5, .7}};

}  // namespace

TEST_CASE("self-attention works the example out") {
  const json n = lesson({"self-attention"});
  check_lesson(n, kCounted, kCounted, kKeys, kCounted, true);
  check_equal(n.at("Q"), {{.30, .36, .42}, {.66, .81, .96}, {1.02, 1.26, 1.50}});
  check_equal(n.at("K"), {{.14, .26, .38}, {.32, .62, .92}, {.50, .98, 1.46}});
  CHECK(n.at("asymmetry").get<double>() == Approx(1.1160 - 1.0404));
  // Softmax along the wrong axis: no row sums to 1, but all weights together still sum to the number of words.
  const std::vector<double> sums = n.at("sums of the wrong softmax");
  CHECK(std::all_of(sums.begin(), sums.end(), [](double s) { return std::abs(s - 1) > 0.05; }));
  CHECK(sums.at(0) + sums.at(1) + sums.at(2) == Approx(3));
}

TEST_CASE("self-attention takes other words and matrices") {
  check_lesson(lesson({"self-attention", "--no-scale"}), kCounted, kCounted, kKeys, kCounted, false);
  const Matrix two = {{.1, .2}, {.3, .4}};
  check_lesson(lesson({"self-attention", "--x", "-1 2; 3, 4; 0.5 -0.25; 1 1"}), {{-1, 2}, {3, 4}, {.5, -.25}, {1, 1}},
               two, {{.1, .3}, {.2, .4}}, two, true);
  const json words = lesson({"self-attention", "--words", "I love deep learning"});
  check_lesson(words, {{.1, .2, .3}, {.4, .5, .6}, {.7, .8, .9}, {1, 1.1, 1.2}}, kCounted, kKeys, kCounted, true);
  Program gaze;
  const Result named = gaze.run({"lesson", "self-attention", "--words", "eins zwei", "--x", "1 0; 0 1"});
  CHECK_THAT(named.out, ContainsSubstring("\n  eins  1.00  0.00\n  zwei  0.00  1.00\n"));
  CHECK(lesson({"self-attention", "--x", "10 10; -10 10; 10 -10"}).at("weights")[1][1].get<double>() == Approx(1));
}

TEST_CASE("self-attention names the option that is wrong") {
  Program gaze;
  for (const char* wrong : {"", ";", "1 2; 3", "1 x", "1 nan", "1 inf", "11", "1;1;1;1;1;1;1;1;1", "1 1 1 1 1 1 1 1 1"})
    check_complaint(gaze.run({"lesson", "self-attention", "--x", wrong}), 2, "--x");
  for (const char* wrong : {"", "  ", "a b c d e f g h i"})
    check_complaint(gaze.run({"lesson", "self-attention", "--words", wrong}), 2, "--words");
  check_complaint(gaze.run({"lesson", "self-attention", "--words", "a b", "--x", "1;2;3"}), 2, "--words");
}
