#include <cmath>
#include <numeric>
#include <set>

#include "../../lesson.h"

namespace {

using Matrix = std::vector<std::vector<double>>;

/// Mean cosines of apple and 苹果 as the lesson names them, from the vectors themselves.
std::vector<double> cosines(const json& nouns) {
  std::vector<double> total(3), count(3);
  for (const json& a : nouns) {
    for (const json& b : nouns) {
      const std::string first = a.at("noun"), second = b.at("noun");
      const bool ambiguous = (first == "apple" || first == "苹果") && (second == "apple" || second == "苹果");
      const bool sense = a.at("fruit") == b.at("fruit"), word = first == second;
      if (&a == &b || !ambiguous || (!sense && !word)) continue;
      const std::vector<double> x = a.at("vector"), y = b.at("vector");
      const auto dot = [](const auto& u, const auto& v) {
        return std::inner_product(u.begin(), u.end(), v.begin(), 0.0);
      };
      const std::size_t kind = sense ? (word ? 0 : 2) : 1;
      total[kind] += dot(x, y) / std::sqrt(dot(x, x) * dot(y, y)), count[kind] += 1;
    }
  }
  for (std::size_t kind = 0; kind < 3; ++kind) total[kind] /= count[kind];
  return total;
}

/// The largest eigenvalue of a symmetric matrix, by repeated multiplication; it is taken out of the matrix.
double largest_eigenvalue(Matrix& m) {
  std::vector<double> x(m.size(), 1);
  double value = 0;
  for (int step = 0; step < 2000; ++step) {
    std::vector<double> y;
    for (const auto& row : m) y.push_back(std::inner_product(row.begin(), row.end(), x.begin(), 0.0));
    value = std::sqrt(std::inner_product(y.begin(), y.end(), y.begin(), 0.0));
    for (double& v : y) v /= value;
    x = y;
  }
  for (std::size_t i = 0; i < m.size(); ++i)
    for (std::size_t j = 0; j < m.size(); ++j) m[i][j] -= value * x[i] * x[j];
  return value;
}

Matrix covariance(const Matrix& x) {
  const auto count = static_cast<double>(x.size());
  std::vector<double> mean(x[0].size());
  for (const auto& row : x)
    for (std::size_t d = 0; d < row.size(); ++d) mean[d] += row[d] / count;
  Matrix result(mean.size(), std::vector<double>(mean.size()));
  for (const auto& row : x)
    for (std::size_t i = 0; i < mean.size(); ++i)
      for (std::size_t j = 0; j < mean.size(); ++j) result[i][j] += (row[i] - mean[i]) * (row[j] - mean[j]) / count;
  return result;
}

/// The words that the model thinks most likely, and how likely they are together.
std::pair<std::set<std::string>, double> likely(const json& reading, std::size_t count) {
  std::pair<std::set<std::string>, double> result{{}, 0};
  for (std::size_t i = 0; i < count; ++i) {
    result.first.insert(reading.at("next").at(i).at(1).get<std::string>());
    result.second += reading.at("next").at(i).at(0).get<double>();
  }
  return result;
}

}  // namespace

TEST_CASE("polysemy: one word has two vectors, by its sense") {
#ifdef __SANITIZE_ADDRESS__
  WARN("skipped: trainings of more than a thousand steps under the address sanitizer");
#else
  for (const char* seed : {"1", "2", "3", "4", "5"}) {
    const json n = lesson({"polysemy", "--seed", seed});
    const json& by_epoch = n.at("cosines");
    const double same = by_epoch.at(0).back(), other = by_epoch.at(1).back(), translated = by_epoch.at(2).back();
    CHECK(same > 0.7);
    CHECK(other < 0.3);
    CHECK(translated > 0.7);
    CHECK(by_epoch.at(1).front().get<double>() > 0.5);  // before training
    CHECK(n.at("word_vectors").at(0).get<double>() == Approx(1));
    CHECK(n.at("word_vectors").at(1).get<double>() == Approx(1));

    const json& readings = n.at("readings");
    REQUIRE(readings.size() == 4);
    const std::vector<std::set<std::string>> expected = {
        {"tasted", "smelled"}, {"rang", "crashed"}, {"pear", "banana", "peach"}, {"tablet", "telephone", "charger"}};
    for (std::size_t i = 0; i < 4; ++i) {
      const auto [words, together] = likely(readings.at(i), expected[i].size());
      CHECK(words == expected[i]);
      CHECK(together > 0.6);
      CHECK_FALSE(readings.at(i).at("seen").get<bool>());
      for (const std::vector<double> head : readings.at(i).at("looks"))
        CHECK(std::accumulate(head.begin(), head.end(), 0.0) == Approx(1));
    }
  }
#endif
}

TEST_CASE("polysemy: the numbers are those of the vectors") {
  const json n = lesson({"polysemy", "--epochs", "3", "--d", "16"});
  const json& nouns = n.at("nouns");
  const std::vector<double> expected = cosines(nouns);
  for (std::size_t kind = 0; kind < 3; ++kind) {
    CHECK(n.at("cosines").at(kind).size() == 4);
    CHECK(n.at("cosines").at(kind).back().get<double>() == Approx(expected[kind]));
  }
  Matrix vectors, plane;
  for (const json& noun : nouns) {
    vectors.push_back(noun.at("vector"));
    plane.push_back(noun.at("plane"));
    REQUIRE(vectors.back().size() == 16);
  }
  Matrix of_vectors = covariance(vectors);
  const Matrix of_plane = covariance(plane);
  CHECK(of_plane[1][1] == Approx(largest_eigenvalue(of_vectors)));
  CHECK(of_plane[0][0] == Approx(largest_eigenvalue(of_vectors)).epsilon(1e-3));
  CHECK(of_plane[0][1] == Approx(0).margin(1e-9));
}

TEST_CASE("polysemy reads sentences of one's own") {
  const json n = lesson({"polysemy", "--sentence", "in the  kitchen", "--epochs", "2"});
  CHECK(n == lesson({"polysemy", "--epochs", "2", "--sentence", "in the kitchen", "--threads", "1"}));
  REQUIRE(n.at("readings").size() == 5);
  const json& own = n.at("readings").back();
  CHECK(own.at("words") == json({"in", "the", "kitchen"}));
  CHECK(own.at("seen").get<bool>());
  CHECK(own.at("looks").size() == 4);
  CHECK(own.at("looks").at(0).size() == 3);
  Program gaze;
  const auto wrong = [&](const std::string& sentence, const std::string& names) {
    check_complaint(gaze.run({"lesson", "polysemy", "--sentence", sentence}), 2, names);
  };
  wrong("the cow is empty", "--sentence: unknown word cow");
  wrong("<pad>", "--sentence");
  wrong("", "--sentence");
  wrong(" ", "--sentence");
  wrong("the the the the the the the the the the the the the the the the the", "--sentence");
  for (const char* d : {"7", "33", "x"}) check_complaint(gaze.run({"lesson", "polysemy", "--d", d}), 2, "--d");
  for (const char* epochs : {"0", "101"})
    check_complaint(gaze.run({"lesson", "polysemy", "--epochs", epochs}), 2, "--epochs");
  check_complaint(gaze.run({"lesson", "polysemy", "--seed", "-1"}), 2, "--seed");
}
