#include "../../lesson.h"

#include <array>
#include <cmath>

namespace {

using Vector = std::vector<double>;
using Pair = std::array<double, 2>;
constexpr Pair kStates[] = {{1, 0.5}, {0.8, 1.2}, {0.2, 1.5}};
const char* const kNames[] = {"dot", "scaled_dot", "cosine", "bilinear", "additive"};

double dot(const Pair& a, const Pair& b) { return a[0] * b[0] + a[1] * b[1]; }

double score(const std::string& name, const Pair& s, const Pair& h, const std::array<double, 4>& w) {
  if (name == "scaled_dot") return dot(s, h) / std::sqrt(2);
  if (name == "cosine") return dot(s, s) > 0 ? dot(s, h) / std::sqrt(dot(s, s) * dot(h, h)) : 0;
  if (name == "bilinear") return s[0] * (w[0] * h[0] + w[1] * h[1]) + s[1] * (w[2] * h[0] + w[3] * h[1]);
  if (name == "additive") return std::tanh(h[0] + s[0]) + std::tanh(h[1] + s[1]);
  return dot(s, h);
}

/// All numbers of one score against plain loops.
void check_look(const json& look, const std::string& name, const Pair& s, const std::array<double, 4>& w) {
  INFO(name);
  double sum = 0, weights[3];
  for (std::size_t j = 0; j < 3; ++j) {
    const double e = score(name, s, kStates[j], w);
    CHECK(look.at("scores")[j].get<double>() == Approx(e).margin(1e-12));
    sum += weights[j] = std::exp(e);
  }
  Pair context{}, rounded{};
  for (std::size_t j = 0; j < 3; ++j) {
    weights[j] /= sum;
    CHECK(look.at("weights")[j].get<double>() == Approx(weights[j]));
    CHECK(look.at("rounded_weights")[j].get<double>() == Approx(weights[j]).margin(5.001e-3));
    for (std::size_t i = 0; i < 2; ++i) {
      context[i] += weights[j] * kStates[j][i];
      rounded[i] += std::round(weights[j] * 100) / 100 * kStates[j][i];
    }
  }
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(look.at("context")[i].get<double>() == Approx(context[i]));
    CHECK(look.at("rounded_context")[i].get<double>() == Approx(rounded[i]));
  }
}

void check_close(const json& found, const Vector& wanted, double margin) {
  REQUIRE(found.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(found[i].get<double>() == Approx(wanted[i]).margin(margin));
}

}  // namespace

TEST_CASE("scores works out Bonjour le monde by hand") {
  const json n = lesson({"scores"});
  const json& dots = n.at("scores").at("dot");
  check_close(dots.at("scores"), {0.95, 1.00, 0.61}, 1e-9);
  check_close(dots.at("weights"), {0.362, 0.380, 0.258}, 5.001e-4);
  check_close(dots.at("context"), {0.718, 1.024}, 5.001e-4);
  check_close(dots.at("rounded_weights"), {0.36, 0.38, 0.26}, 1e-9);
  check_close(dots.at("rounded_context"), {0.716, 1.026}, 1e-9);
  CHECK(dots.at("strongest") == "le");
  CHECK(n.at("scores").at("cosine").at("strongest") == "Bonjour");
  CHECK(n.at("bilinear_identity") == dots.at("scores"));
  REQUIRE(n.at("scores").size() == 5);
  for (const char* name : kNames) check_look(n.at("scores").at(name), name, {0.8, 0.3}, {1, 0, 0, -1});
  CHECK(n.at("scores").at("bilinear").at("parameters").at("W") == json::parse("[[1.0, 0.0], [0.0, -1.0]]"));
  CHECK(n.at("scores").at("additive").at("parameters").size() == 3);
}

TEST_CASE("scores takes another query and another matrix") {
  const json n = lesson({"scores", "--query", "-.5,2", "--weight", "0,1,-2,.25"});
  for (const char* name : kNames) check_look(n.at("scores").at(name), name, {-0.5, 2}, {0, 1, -2, 0.25});
  const json none = lesson({"scores", "--query", "0,0"});
  for (const char* name : kNames) check_look(none.at("scores").at(name), name, {0, 0}, {1, 0, 0, -1});
  CHECK(none.at("scores").at("cosine").at("strongest") == "a tie");
  CHECK(none.at("scores").at("additive").at("strongest") == "le");
}

TEST_CASE("scores shows one score alone") {
  for (const char* name : kNames) {
    const json n = lesson({"scores", "--score", name});
    CHECK(n.at("scores").size() == 1);
    check_look(n.at("scores").at(name), name, {0.8, 0.3}, {1, 0, 0, -1});
  }
}

TEST_CASE("scores refuses wrong options") {
  Program gaze;
  for (const char* wrong : {"1", "1,2,3", "", "nan,1", "1,inf", "1,x", "101,0"})
    check_complaint(gaze.run({"lesson", "scores", "--query", wrong}), 2, "--query");
  for (const char* wrong : {"1,2", "1,2,3,4,5", "a,b,c,d"})
    check_complaint(gaze.run({"lesson", "scores", "--weight", wrong}), 2, "--weight");
  check_complaint(gaze.run({"lesson", "scores", "--score", "luong"}), 2, "--score");
}
