#include <cmath>

#include "../../lesson.h"

namespace {

using Matrix = std::vector<std::vector<double>>;

constexpr std::size_t kWords = 5, kSize = 4;

/// The lesson in plain loops: the queries turn a word's place back by 40 degrees, or ask for a noun.
void check_lesson(const json& n, std::size_t heads, double sharpness) {
  const double step = std::acos(-1) / 4.5;
  const double noun[] = {0, 0, 1, 0, 0}, asks[] = {1, 1, 0, 1, 0};
  const double w_o[][kSize] = {{1, 0, 0, .5}, {0, 1, .5, 0}, {0, .5, 1, 0}, {.5, 0, 0, 1}};
  Matrix q, k, v;
  for (std::size_t t = 0; t < kWords; ++t) {
    const double place = static_cast<double>(t) * step;
    q.push_back({sharpness * std::cos(place - step), sharpness * std::sin(place - step), sharpness * asks[t], 0});
    k.push_back({std::cos(place), std::sin(place), noun[t], 0});
    v.push_back({noun[t], asks[t], std::cos(place), std::sin(place)});
  }
  const Matrix x = n.at("X"), concat = n.at("Concat"), output = n.at("Y");
  const std::vector<Matrix> weights = n.at("weights");
  REQUIRE(weights.size() == heads);
  const std::size_t size = kSize / heads;
  for (std::size_t t = 0; t < kWords; ++t) {
    std::vector<double> row;
    for (std::size_t h = 0; h < heads; ++h) {
      std::vector<double> a(kWords);
      double sum = 0;
      for (std::size_t s = 0; s < kWords; ++s) {
        for (std::size_t i = h * size; i < (h + 1) * size; ++i) a[s] += q[t][i] * k[s][i];
        sum += a[s] = std::exp(a[s] / std::sqrt(size));
      }
      for (std::size_t s = 0; s < kWords; ++s) CHECK(weights[h].at(t).at(s) == Approx(a[s] / sum).margin(1e-12));
      for (std::size_t i = h * size; i < (h + 1) * size; ++i) {
        double mixture = 0;
        for (std::size_t s = 0; s < kWords; ++s) mixture += a[s] / sum * v[s][i];
        row.push_back(mixture);
      }
    }
    for (std::size_t i = 0; i < kSize; ++i) {
      double y = 0;
      for (std::size_t j = 0; j < kSize; ++j) y += row[j] * w_o[j][i];
      CHECK(x.at(t).at(i) == Approx(v[t][i]).margin(1e-12));
      CHECK(concat.at(t).at(i) == Approx(row[i]).margin(1e-12));
      CHECK(output.at(t).at(i) == Approx(y).margin(1e-12));
    }
  }
  CHECK(n.at("difference").at("sum").get<double>() < 1e-12);
  CHECK(n.at("difference").at("packed").get<double>() < 1e-12);
  REQUIRE(n.at("heads").size() == heads);
  for (std::size_t h = 0; h < heads; ++h) {
    const Matrix& a = weights[h];
    CHECK(n.at("heads")[h].at("word_before").get<double>() == Approx((a[1][0] + a[2][1] + a[3][2] + a[4][3]) / 4));
    CHECK(n.at("heads")[h].at("noun").get<double>() == Approx((a[0][2] + a[1][2] + a[3][2]) / 3));
  }
}

}  // namespace

TEST_CASE("heads: two heads see two things") {
  const json n = lesson({"heads"});
  check_lesson(n, 2, 25);
  const std::vector<Matrix> weights = n.at("weights");
  CHECK(weights[0][1][0] > 0.95);                                          // old: the word before
  CHECK(weights[1][1][2] > 0.95);                                          // old: its noun
  for (const double weight : weights[1][2]) CHECK(weight == Approx(0.2));  // dog asks nothing
  CHECK(n.at("heads")[0].at("word_before").get<double>() > 0.95);
  CHECK(n.at("heads")[1].at("noun").get<double>() > 0.95);
}

TEST_CASE("heads: the same matrices in another number of heads") {
  const json one = lesson({"heads", "--heads", "1"}), four = lesson({"heads", "--heads", "4", "--sharpness", "10"});
  check_lesson(one, 1, 25);
  check_lesson(four, 4, 10);
  CHECK(one.at("heads")[0].at("word_before").get<double>() < 0.8);
  CHECK(one.at("heads")[0].at("noun").get<double>() < 0.8);
  check_lesson(lesson({"heads", "--sharpness", "0"}), 2, 0);
}

TEST_CASE("heads names the option that is wrong") {
  Program gaze;
  for (const char* wrong : {"0", "3", "8", "-1", "x", "1.5"})
    check_complaint(gaze.run({"lesson", "heads", "--heads", wrong}), 2, "--heads");
  for (const char* wrong : {"-1", "101", "nan", "x"})
    check_complaint(gaze.run({"lesson", "heads", "--sharpness", wrong}), 2, "--sharpness");
}
