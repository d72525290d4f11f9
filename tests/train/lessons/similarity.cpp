#include "../../lesson.h"

#include <cmath>

namespace {

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void check_measures(const json& found, const Vector& a, const Vector& b) {
  const double product = dot(a, b), cosine = product / std::sqrt(dot(a, a) * dot(b, b));
  CHECK(found.at("dot").get<double>() == Approx(product).margin(1e-12));
  CHECK(found.at("scaled_dot").get<double>() ==
        Approx(product / std::sqrt(static_cast<double>(a.size()))).margin(1e-12));
  CHECK(found.at("cosine").get<double>() == Approx(cosine).margin(1e-12));
}

}  // namespace

TEST_CASE("similarity shows the three measures of a pair") {
  const json n = lesson({"similarity"});
  CHECK(n.at("dot").get<double>() == 12);
  CHECK(n.at("scaled_dot").get<double>() == Approx(8.49).margin(5e-3));
  CHECK(n.at("cosine").get<double>() == Approx(0.970).margin(5e-4));
  CHECK(n.at("degrees").get<double>() == Approx(std::atan(0.25) * 180 / std::acos(-1)));
  check_measures(n, {1, 4}, {0, 3});
}

TEST_CASE("similarity: length counts for dot products, direction alone for the cosine") {
  const json n = lesson({"similarity", "--a", "-1,2,0.5", "--b", "3,1,-2"});
  const Vector a = {-1, 2, 0.5}, b = {3, 1, -2};
  check_measures(n, a, b);
  REQUIRE(n.at("longer").size() == 4);
  const double factors[] = {0.5, 1, 2, 10};
  for (std::size_t i = 0; i < 4; ++i) {
    const json& row = n.at("longer")[i];
    check_measures(row, row.at("vector").get<Vector>(), b);
    CHECK(row.at("dot").get<double>() == Approx(factors[i] * dot(a, b)));
    CHECK(row.at("scaled_dot").get<double>() == Approx(factors[i] * dot(a, b) / std::sqrt(3)));
    CHECK(row.at("cosine").get<double>() == Approx(n.at("cosine").get<double>()));
  }
  REQUIRE(n.at("directions").size() == 3);
  const double cosines[] = {1, 0, -1};
  for (std::size_t i = 0; i < 3; ++i) {
    const json& row = n.at("directions")[i];
    const Vector other = row.at("vector");
    CHECK(dot(other, other) > 1);
    check_measures(row, a, other);
    CHECK(row.at("cosine").get<double>() == Approx(cosines[i]).margin(1e-12));
  }
}

TEST_CASE("similarity finds an orthogonal vector wherever the largest number is") {
  for (const char* a : {"0,0,-7", "5,0", "0,1,0", "2,2,2"}) {
    const json across =
        lesson({"similarity", "--a", a, "--b", std::string_view(a).size() > 3 ? "1,2,3" : "1,2"}).at("directions")[1];
    const Vector other = across.at("vector");
    CHECK(dot(other, other) > 0);
    CHECK(across.at("dot").get<double>() == 0);
  }
}

TEST_CASE("similarity puts apple between fruit and technology") {
  const json n = lesson({"similarity"});
  CHECK(n.at("orange_apple").get<double>() == Approx(std::sqrt(0.5)));
  const json moved = lesson({"similarity", "--apple", "0,3"});
  CHECK(moved.at("orange_apple").get<double>() == Approx(0).margin(1e-12));
  for (const json& page : {n, moved}) {
    const std::vector<Vector> words = page.at("words"), cosines = page.at("cosines");
    REQUIRE(words.size() == 5);
    for (std::size_t i = 0; i < 5; ++i)
      for (std::size_t j = 0; j < 5; ++j)
        CHECK(cosines[i][j] ==
              Approx(dot(words[i], words[j]) / std::sqrt(dot(words[i], words[i]) * dot(words[j], words[j])))
                  .margin(1e-12));
    const std::vector<Vector> weights = page.at("apple_weights");  // by dot, scaled dot and cosine
    REQUIRE(weights.size() == 3);
    const double divisors[] = {1, std::sqrt(2)};
    for (std::size_t m = 0; m < 3; ++m) {
      double sum = 0;
      const auto e = [&](std::size_t j) {
        return std::exp(m < 2 ? dot(words[2], words[j]) / divisors[m] : cosines[2][j]);
      };
      for (std::size_t j = 0; j < 5; ++j) sum += e(j);
      for (std::size_t j = 0; j < 5; ++j) CHECK(weights[m][j] == Approx(e(j) / sum));
    }
  }
}

TEST_CASE("similarity refuses what is not a pair of vectors") {
  Program gaze;
  for (const char* wrong :
       {"1", "1,x", "", "nan,1", "1,inf", "1e4,1", "0,0", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"})
    check_complaint(gaze.run({"lesson", "similarity", "--a", wrong}), 2, "--a");
  check_complaint(gaze.run({"lesson", "similarity", "--a", "1,2,3"}), 2, "--b");
  check_complaint(gaze.run({"lesson", "similarity", "--b", "0,0"}), 2, "--b");
  for (const char* wrong : {"-1,1", "0,0", "1,1,1", "1"})
    check_complaint(gaze.run({"lesson", "similarity", "--apple", wrong}), 2, "--apple");
}
