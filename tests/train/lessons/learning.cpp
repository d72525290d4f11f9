#include "../../lesson.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace {

using Weights = std::array<std::array<double, 3>, 2>;
constexpr double kStates[3][2] = {{1, 0.5}, {0.8, 1.2}, {0.2, 1.5}};
constexpr std::size_t kAligned[2] = {0, 2};
const char* const kNames[] = {"dot", "scaled_dot", "cosine", "bilinear", "additive"};

/// The mean cross entropy with logits -|c - h_j|^2.
double loss_of(const Weights& weights) {
  double loss = 0;
  for (std::size_t t = 0; t < 2; ++t) {
    double c[2] = {}, sum = 0, right = 0;
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t i = 0; i < 2; ++i) c[i] += weights[t][j] * kStates[j][i];
    for (std::size_t j = 0; j < 3; ++j) {
      const double e = std::exp(-std::pow(c[0] - kStates[j][0], 2) - std::pow(c[1] - kStates[j][1], 2));
      sum += e;
      if (j == kAligned[t]) right = e;
    }
    loss -= std::log(right / sum) / 2;
  }
  return loss;
}

Weights softmax(const Weights& scores) {
  Weights weights = scores;
  for (auto& row : weights) {
    double sum = 0;
    for (double& w : row) sum += w = std::exp(w);
    for (double& w : row) w /= sum;
  }
  return weights;
}

bool right(const Weights& weights) {
  for (std::size_t t = 0; t < 2; ++t)
    if (std::max_element(weights[t].begin(), weights[t].end()) - weights[t].begin() !=
        static_cast<std::ptrdiff_t>(kAligned[t]))
      return false;
  return true;
}

}  // namespace

TEST_CASE("learning: descent finds the right words with every score") {
  const json n = lesson({"learning", "--quick"});
  REQUIRE(n.at("by_score").size() == 5);
  for (const char* name : kNames) {
    INFO(name);
    const json& found = n.at("by_score").at(name);
    const Weights weights = found.at("weights");
    CHECK(found.at("learned") == true);
    CHECK(weights[0][0] > 0.99);
    CHECK(weights[1][2] > 0.99);
    CHECK(found.at("steps").get<int>() >= 20);
    CHECK(found.at("steps").get<int>() <= 700);
    CHECK(found.at("loss").get<double>() == Approx(loss_of(weights)));
  }
  CHECK(n.at("by_score").at("bilinear").at("steps") > n.at("by_score").at("dot").at("steps"));

  const json& map = n.at("map");
  REQUIRE(map.size() == 4);
  CHECK(map.front().at("step") == 0);
  CHECK(map.back().at("step") == n.at("by_score").at("dot").at("steps"));
  for (std::size_t i = 0; i < map.size(); ++i) {
    CHECK(map[i].at("loss").get<double>() == Approx(loss_of(map[i].at("weights"))));
    if (i > 0) CHECK(map[i].at("loss") < map[i - 1].at("loss"));
  }
  CHECK_FALSE(right(map.front().at("weights")));
}

TEST_CASE("learning: the gradient of the scores is that of differences") {
  const json n = lesson({"learning", "--quick", "--runs", "1"});
  const Weights scores = n.at("scores"), gradient = n.at("gradient");
  const double first[] = {0.95, 1.00, 0.61}, second[] = {0.75, 1.00, 0.85};  // s1 begins at (0.5, 0.5)
  constexpr double h = 1e-5;
  for (std::size_t j = 0; j < 3; ++j) {
    CHECK(scores[0][j] == Approx(first[j]));
    CHECK(scores[1][j] == Approx(second[j]));
    CHECK(n.at("weights")[1][j].get<double>() == Approx(softmax(scores)[1][j]));
    for (std::size_t t = 0; t < 2; ++t) {
      Weights more = scores, less = scores;
      more[t][j] += h, less[t][j] -= h;
      CHECK(gradient[t][j] ==
            Approx((loss_of(softmax(more)) - loss_of(softmax(less))) / (2 * h)).epsilon(1e-6).margin(1e-8));
    }
  }
}

TEST_CASE("learning: with the output fixed, no map has a smaller loss than the right one") {
  const double smallest = loss_of({{{1, 0, 0}, {0, 0, 1}}});
  for (int i = 0; i < 3 * 3; ++i) {
    Weights hard{};
    hard[0][static_cast<std::size_t>(i / 3)] = hard[1][static_cast<std::size_t>(i % 3)] = 1;
    if (!right(hard)) CHECK(loss_of(hard) > smallest + 0.05);
  }
  const json n = lesson({"learning", "--quick", "--runs", "1"});
  for (const char* name : kNames) CHECK(n.at("by_score").at(name).at("loss").get<double>() > smallest);
}

TEST_CASE("learning: a learned output makes the loss low with right and with wrong attention") {
  const json n = lesson({"learning"}).at("honest");
  CHECK(n.at("runs") == 20);
  CHECK(n.at("converged") == 20);
  REQUIRE(n.at("table").size() == 20);
  int found = 0;
  for (const json& run : n.at("table")) {
    CHECK(run.at("loss").get<double>() < 0.001);
    CHECK(run.at("right") == right(run.at("weights")));
    found += right(run.at("weights"));
  }
  CHECK(n.at("right") == found);
  CHECK(found >= 5);
  CHECK(found <= 15);
  CHECK(lesson({"learning", "--quick"}).at("honest").at("runs") == 8);
}

TEST_CASE("learning takes options, and the same seed gives the same bits") {
  const json one = lesson({"learning", "--score", "additive", "--seed", "7", "--runs", "4", "--threads", "1"});
  CHECK(one == lesson({"learning", "--score", "additive", "--seed", "7", "--runs", "4", "--threads", "2"}));
  CHECK(one.at("honest").at("table").size() == 4);
  CHECK(one.at("map").back().at("step") == one.at("by_score").at("additive").at("steps"));
  const json other = lesson({"learning", "--score", "additive", "--seed", "8", "--runs", "3"});
  for (std::size_t i = 0; i < 3; ++i)  // run after run has the next seed
    CHECK(other.at("honest").at("table")[i] == one.at("honest").at("table")[i + 1]);
  CHECK(one.at("by_score").at("dot") == other.at("by_score").at("dot"));  // has nothing random
  CHECK(one.at("by_score").at("additive") != other.at("by_score").at("additive"));

  const json fast = lesson({"learning", "--lr", "0.2", "--runs", "1"});
  CHECK(fast.at("by_score").at("bilinear").at("steps") < one.at("by_score").at("bilinear").at("steps"));
}

TEST_CASE("learning says so when the steps do not suffice") {
  const json n = lesson({"learning", "--steps", "5", "--runs", "2"});
  for (const char* name : kNames) {
    CHECK(n.at("by_score").at(name).at("learned") == false);
    CHECK(n.at("by_score").at(name).at("steps") == 5);
  }
  CHECK(n.at("honest").at("converged") == 0);
  CHECK(n.at("honest").at("right") == 0);
}

TEST_CASE("learning refuses wrong options") {
  Program gaze;
  const std::pair<const char*, std::vector<const char*>> wrong[] = {{"--score", {"x", ""}},
                                                                    {"--lr", {"0", "2", "nan", "-1", "x"}},
                                                                    {"--steps", {"0", "5001", "1.5"}},
                                                                    {"--seed", {"-1", "x"}},
                                                                    {"--runs", {"0", "101"}}};
  for (const auto& [option, values] : wrong)
    for (const char* value : values) check_complaint(gaze.run({"lesson", "learning", option, value}), 2, option);
}
