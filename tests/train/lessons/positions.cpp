#include <algorithm>
#include <cmath>

#include "../../lesson.h"

namespace {

using Matrix = std::vector<std::vector<double>>;

/// Column j of PE(p) (Vaswani et al. 2017, section 3.5).
double sinusoid(std::size_t p, std::size_t j, std::size_t d) {
  const double angle =
      static_cast<double>(p) / std::pow(10000, static_cast<double>(j / 2 * 2) / static_cast<double>(d));
  return j % 2 == 0 ? std::sin(angle) : std::cos(angle);
}

void check_sinusoids(const json& n, std::size_t d, std::size_t length, std::size_t shift) {
  const Matrix positions = n.at("positions"), m = n.at("M");
  const std::vector<double> dots = n.at("dots");
  REQUIRE(positions.size() == length);
  REQUIRE(m.size() == d);
  REQUIRE(dots.size() == length);
  double error = 0, dots_error = 0, off_diagonal = 0;
  for (std::size_t p = 0; p < length; ++p) {
    double dot = 0;
    for (std::size_t j = 0; j < d; ++j) {
      error = std::max(error, std::abs(positions[p].at(j) - sinusoid(p, j, d)));
      dot += sinusoid(3, j, d) * sinusoid(3 + p, j, d);  // any p will do, so not the lesson's
      double turned = 0;
      for (std::size_t i = 0; i < d; ++i) turned += m[j].at(i) * sinusoid(p, i, d);
      error = std::max(error, std::abs(turned - sinusoid(p + shift, j, d)));
    }
    dots_error = std::max(dots_error, std::abs(dots[p] - dot));
  }
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j)
      if (i / 2 != j / 2) off_diagonal = std::max(off_diagonal, std::abs(m[i][j]));
  CHECK(error < 1e-12);
  CHECK(dots_error < 1e-11);
  CHECK(off_diagonal == 0);
  CHECK(n.at("shift").get<double>() < 1e-12);
  CHECK(n.at("dots_range").get<double>() < 1e-11);
  CHECK(std::max_element(dots.begin(), dots.end()) == dots.begin());
  CHECK(dots[0] == Approx(static_cast<double>(d) / 2));
}

void check_order(const json& n) {
  const std::vector<double> none = n.at("order").at("none"), sinusoidal = n.at("order").at("sinusoidal"),
                            learned = n.at("order").at("learned");
  REQUIRE(none.size() == 5);
  REQUIRE(sinusoidal.size() == 5);
  REQUIRE(learned.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(none[i] < 1e-14);
    CHECK(sinusoidal[i] > 1e-3);
    CHECK(learned[i] > 1e-3);
  }
}

}  // namespace

TEST_CASE("positions: attention does not see the order of words, but positions show it") {
  const json n = lesson({"positions"});
  check_order(n);
  check_order(lesson({"positions", "--seed", "2", "--d", "8"}));
  CHECK(lesson({"positions", "--seed", "2"}).at("order").at("learned") != n.at("order").at("learned"));
  CHECK_THAT(n.at("too_long").get<std::string>(), ContainsSubstring("length 6 is over the maximum 5"));
}

TEST_CASE("positions: PE(p + k) = M PE(p), and dot products know the distance") {
  check_sinusoids(lesson({"positions"}), 16, 64, 5);
  check_sinusoids(lesson({"positions", "--d", "6", "--length", "20", "--shift", "33"}), 6, 20, 33);
  check_sinusoids(lesson({"positions", "--d", "64", "--length", "2", "--shift", "0"}), 64, 2, 0);
  check_sinusoids(lesson({"positions", "--d", "2", "--length", "100", "--shift", "1000"}), 2, 100, 1000);
}

TEST_CASE("positions names the option that is wrong") {
  Program gaze;
  for (const char* wrong : {"0", "3", "66", "x", "4.0", ""})
    check_complaint(gaze.run({"lesson", "positions", "--d", wrong}), 2, "--d");
  for (const char* wrong : {"1", "513", "x"})
    check_complaint(gaze.run({"lesson", "positions", "--length", wrong}), 2, "--length");
  for (const char* wrong : {"-1", "1001", "x"})
    check_complaint(gaze.run({"lesson", "positions", "--shift", wrong}), 2, "--shift");
  check_complaint(gaze.run({"lesson", "positions", "--seed", "x"}), 2, "--seed");
}
