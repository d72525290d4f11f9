#include <cmath>
#include <numeric>

#include "../../lesson.h"

namespace {

using Matrix = std::vector<std::vector<double>>;

/// The output, and the gradients of |o - target|^2 / 2, written out as loops.
void check_mixture(const json& n, const std::vector<double>& weights, const Matrix& values) {
  std::vector<double> output(2), error(2);
  for (std::size_t d = 0; d < 2; ++d) {
    for (std::size_t j = 0; j < 4; ++j) output[d] += weights[j] * values[j][d];
    error[d] = output[d] - values[0][d];
    CHECK(n.at("output").at(0).at(d).get<double>() == Approx(output[d]).margin(1e-12));
  }
  CHECK(n.at("loss").get<double>() == Approx((error[0] * error[0] + error[1] * error[1]) / 2).margin(1e-12));
  for (std::size_t j = 0; j < 4; ++j) {
    const std::vector<double> row = n.at("gradients").at(j);  // weight, dL/ds, dL/dv
    REQUIRE(row.size() == 4);
    double better = 0;
    for (std::size_t d = 0; d < 2; ++d) {
      better += (values[j][d] - output[d]) * error[d];
      CHECK(n.at("shares").at(j).at(d).get<double>() == Approx(weights[j] * values[j][d]).margin(1e-12));
      CHECK(row[2 + d] == Approx(weights[j] * error[d]).margin(1e-12));
    }
    CHECK(row[0] == Approx(weights[j]).margin(1e-12));
    CHECK(row[1] == Approx(weights[j] * better).margin(1e-12));
  }
}

}  // namespace

TEST_CASE("mixture: apple is .3 orange + .4 apple + .15 and + .15 an") {
  const json n = lesson({"mixture", "--quick"});
  CHECK(n.at("output").at(0).at(0).get<double>() == Approx(0.7));
  CHECK(n.at("output").at(0).at(1).get<double>() == Approx(0.4));
  check_mixture(n, {0.3, 0.4, 0.15, 0.15}, {{1, 0}, {1, 1}, {0, 0}, {0, 0}});
  const Args phone = {"mixture", "--neighbour", "phone", "--steps", "1", "--weights"};
  check_mixture(lesson(joined(phone, {".5,.25,0,.25"})), {0.5, 0.25, 0, 0.25}, {{0, 1}, {1, 1}, {0, 0}, {0, 0}});
  check_mixture(lesson(joined(phone, {"0,1,0,0"})), {0, 1, 0, 0}, {{0, 1}, {1, 1}, {0, 0}, {0, 0}});
}

TEST_CASE("mixture: training moves W_Q and W_K as much as W_V") {
  for (const char* seed : {"1", "2", "3"}) {
    const json n = lesson({"mixture", "--seed", seed});
    const std::vector<double> gradient = n.at("gradient"), largest = n.at("largest_gradient"),
                              movement = n.at("movement");
    REQUIRE(movement.size() == 3);
    for (std::size_t m = 0; m < 3; ++m) {
      CHECK(gradient[m] > 1e-4);
      CHECK(movement[m] > 1);
    }
    for (std::size_t m = 0; m < 2; ++m) {  // the queries and keys wait for the values
      CHECK(gradient[m] < gradient[2] / 10);
      CHECK(largest[m] > largest[2]);
    }
    for (const char* name : {"map_before", "map_after"}) {
      const Matrix map = n.at(name);
      REQUIRE(map.size() == 3);
      for (std::size_t asked = 0; asked < 3; ++asked) {
        REQUIRE(map[asked].size() == 4);
        CHECK(std::accumulate(map[asked].begin(), map[asked].end(), 0.0) == Approx(1));
        if (std::string(name) == "map_after")
          CHECK(map[asked][asked] > 0.5);
        else
          CHECK(map[asked][asked] < 0.4);
      }
    }
    const json& learned = n.at("learned");  // all, W_Q and W_K, W_V
    REQUIRE(learned.size() == 3);
    for (const std::size_t looks : {0, 1}) {
      CHECK(learned.at(looks).at("loss").get<double>() < 0.3);
      CHECK(learned.at(looks).at("right").get<double>() == 1);
    }
    CHECK(learned.at(2).at("loss").get<double>() > 0.6);
    CHECK(learned.at(2).at("right").get<double>() < 0.8);
  }
}

TEST_CASE("mixture moves each matrix by its gradient") {
  const json one = lesson({"mixture", "--steps", "1"}), more = lesson({"mixture", "--steps", "40"});
  CHECK(one.at("gradient") == more.at("gradient"));  // of the same beginning
  CHECK(one.at("map_before") == more.at("map_before"));
  for (std::size_t m = 0; m < 3; ++m)
    CHECK(one.at("movement").at(m).get<double>() < more.at("movement").at(m).get<double>());
  // One step of gradient descent at rate 1 moves a matrix by its gradient: the ratios are those of the gradients up to
  // the initial lengths, which are alike.
  const double moved = one.at("movement").at(2).get<double>() / one.at("movement").at(0).get<double>();
  const double pulled = one.at("gradient").at(2).get<double>() / one.at("gradient").at(0).get<double>();
  CHECK(moved == Approx(pulled).epsilon(0.3));
}

TEST_CASE("mixture refuses what it cannot mix") {
  Program gaze;
  for (const char* wrong : {"1", ".3,.4,.2,.2", "nan,.4,.2,.2", ".3,x,.1,.1", "", ".3,.4,.15,.15,0", "1.5,-.5,0,0"})
    check_complaint(gaze.run({"lesson", "mixture", "--weights", wrong}), 2, "--weights");
  for (const char* wrong : {"0", "5001", "x"})
    check_complaint(gaze.run({"lesson", "mixture", "--steps", wrong}), 2, "--steps");
  check_complaint(gaze.run({"lesson", "mixture", "--neighbour", "pear"}), 2, "--neighbour");
  check_complaint(gaze.run({"lesson", "mixture", "--seed", "-1"}), 2, "--seed");
}
