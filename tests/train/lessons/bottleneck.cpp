#include "../../lesson.h"

TEST_CASE("bottleneck: attention goes on where one vector for all has no room left") {
#ifdef __SANITIZE_ADDRESS__
  WARN("skipped: a training of hundreds of steps under the address sanitizer");
#else
  const json n = lesson({"bottleneck", "--quick"});
  const json& sentences = n.at("long");
  CHECK(sentences.at("attention").get<double>() > 0.9);
  CHECK(sentences.at("fixed_vector").get<double>() < 0.6);
  const std::vector<double> fixed_vector = n.at("by_length").at("fixed_vector"),
                            attention = n.at("by_length").at("attention");
  REQUIRE(fixed_vector.size() == 20);
  CHECK(fixed_vector.front() > 0.95);
  CHECK(attention.back() > 0.9);
  CHECK(fixed_vector.back() < fixed_vector[9]);
#endif
}

TEST_CASE("bottleneck: its numbers follow its options") {
  const json n =
      lesson({"bottleneck", "--steps", "4", "--longest", "6", "--units", "8", "--cell", "lstm", "--score", "dot"});
  const std::vector<double> fixed_vector = n.at("by_length").at("fixed_vector"),
                            attention = n.at("by_length").at("attention");
  REQUIRE(fixed_vector.size() == 6);
  REQUIRE(attention.size() == 6);
  for (const double share : attention) CHECK((share >= 0 && share < 0.5));  // four steps teach nothing
  double sum = 0;
  for (std::size_t length = 4; length <= 6; ++length) sum += attention[length - 1];
  CHECK(n.at("long").at("from") == 4);
  CHECK(n.at("long").at("attention").get<double>() == Approx(sum / 3));
  for (const std::vector<double> row : n.at("weights")) {
    double weight = 0;
    for (const double w : row) weight += w;
    CHECK(row.size() == 6);
    CHECK(weight == Approx(1));
  }
  const Args same = {"bottleneck", "--steps", "4", "--longest", "6", "--units", "8"};
  CHECK(lesson(joined(same, {"--threads", "1"})) == lesson(joined(same, {"--threads", "2"})));
  CHECK(lesson(joined(same, {"--seed", "2"})) != lesson(same));
  Program gaze;
  for (const Args& wrong : {Args{"--steps", "0"},
                            {"--longest", "61"},
                            {"--units", "0"},
                            {"--lr", "nan"},
                            {"--cell", "rnn"},
                            {"--score", "none"}})
    check_complaint(gaze.run(joined({"lesson", "bottleneck"}, wrong)), 2, wrong[0]);
}
