#include <algorithm>
#include <cmath>

#include "../../lesson.h"

namespace {

using Matrix = std::vector<std::vector<double>>;

const Matrix x = {{0.1, 0, 0}, {0.1, 0, 0.8}, {1, 0.1, 0}, {0, 0.2, 0.1}, {0, 0.9, 0}, {0.8, 0.1, 0.2}};

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

std::vector<double> attention(const Matrix& words, const std::vector<double>& query) {
  std::vector<double> weights;
  double total = 0;
  for (const auto& word : words) {
    weights.push_back(std::exp(dot(query, word) / std::sqrt(3.0)));
    total += weights.back();
  }
  for (double& weight : weights) weight /= total;
  return weights;
}

std::vector<double> gates(const Matrix& words, const std::vector<double>& gate) {
  std::vector<double> weights;
  for (const auto& word : words) weights.push_back(1 / (1 + std::exp(-dot(gate, word) - gate[3])));
  return weights;
}

void check_row(const json& row, const std::vector<double>& expected) {
  REQUIRE(row.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(row.at(i).get<double>() == Approx(expected[i]).margin(1e-12));
}

double difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

void check_all(const json& n, const std::vector<double>& query, const std::vector<double>& other_query,
               const std::vector<double>& gate) {
  const json &weights = n.at("weights"), &result = n.at("result");
  const std::vector<double> attended = attention(x, query), open = gates(x, gate), asked = attention(x, other_query);
  check_row(weights.at("mean").at(0), std::vector<double>(6, 1.0 / 6));
  check_row(weights.at("gate").at(0), open);
  check_row(weights.at("attention").at(0), attended);
  check_row(n.at("other_attention").at(0), asked);
  for (std::size_t d = 0; d < 3; ++d) {
    double largest = 0, mean = 0, gated = 0, mixed = 0;
    for (std::size_t i = 0; i < 6; ++i) {
      largest = std::max(largest, x[i][d]), mean += x[i][d] / 6;
      gated += open[i] * x[i][d], mixed += attended[i] * x[i][d];
    }
    std::vector<double> one_hot;
    for (const auto& word : x) one_hot.push_back(word[d] == largest ? 1 : 0);
    check_row(weights.at("max").at(d), one_hot);
    CHECK(result.at("max").at(d).get<double>() == Approx(largest));
    CHECK(result.at("mean").at(d).get<double>() == Approx(mean));
    CHECK(result.at("gate").at(d).get<double>() == Approx(gated));
    CHECK(result.at("attention").at(d).get<double>() == Approx(mixed));
  }
  for (const char* blind : {"max", "mean", "gate"}) CHECK(n.at("query_change").at(blind).get<double>() == 0);
  CHECK(n.at("query_change").at("attention").get<double>() == Approx(difference(attended, asked)).margin(1e-12));
}

}  // namespace

TEST_CASE("gating: of four ways to weigh words only attention knows the query") {
  const json n = lesson({"gating"});
  check_all(n, {6, 0, 0}, {0, 6, 6}, {4, 4, 4, -2});
  CHECK(n.at("query_change").at("attention").get<double>() > 0.5);
  check_all(lesson({"gating", "--query", "0,-3,1.5", "--other-query", "0,-3,1.5", "--gate", "0,8,0,-4"}), {0, -3, 1.5},
            {0, -3, 1.5}, {0, 8, 0, -4});
}

TEST_CASE("gating: a stronger word takes weight from others where words compete") {
  const json n = lesson({"gating"}).at("competition");
  Matrix strong = x;
  for (double& feature : strong[5]) feature *= 2;  // actors
  const std::vector<double> gate = {4, 4, 4, -2}, query = {6, 0, 0};
  std::vector<double> before = attention(x, query), after = attention(strong, query);
  CHECK(n.at("attention").at(0).get<double>() == Approx(std::abs(after[5] - before[5])));
  before.pop_back(), after.pop_back();
  CHECK(n.at("attention").at(1).get<double>() == Approx(difference(before, after)));
  CHECK(n.at("gate").at(0).get<double>() == Approx(gates(strong, gate)[5] - gates(x, gate)[5]));
  CHECK(n.at("gate").at(1).get<double>() == 0);
  check_row(n.at("max"), {1, 1});  // the largest "thing" is no longer the film
  check_row(n.at("mean"), {0, 0});
  const json quiet = lesson({"gating", "--louder", "with"}).at("competition");
  check_row(quiet.at("max"), {0, 0});
  CHECK(quiet.at("attention").at(1).get<double>() < n.at("attention").at(1).get<double>());
}

TEST_CASE("gating refuses wrong options") {
  Program gaze;
  for (const char* option : {"--query", "--other-query"})
    for (const char* wrong : {"1,2", "1,2,3,4", "nan,1,1", "inf,1,1", "1e4,0,0", "x", ""})
      check_complaint(gaze.run({"lesson", "gating", option, wrong}), 2, option);
  for (const char* wrong : {"1,2,3", "1,2,3,4,5", "nan,1,1,1"})
    check_complaint(gaze.run({"lesson", "gating", "--gate", wrong}), 2, "--gate");
  check_complaint(gaze.run({"lesson", "gating", "--louder", "cow"}), 2, "--louder");
}
