#include "../../lesson.h"

TEST_CASE("soft-lookup answers as a dictionary and as attention") {
  const json n = lesson({"soft-lookup"});
  CHECK(n.at("hard").get<double>() == Approx(39.5));
  CHECK(n.at("mean").get<double>() == Approx(36.875));
  CHECK(n.at("nearest").get<double>() == 50);
  double sum = 0, income = 0;
  const std::vector<double> weights = n.at("weights"), incomes = {30, 40, 45, 35, 20, 33, 42, 50};
  REQUIRE(weights.size() == incomes.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    CHECK(weights[i] > 0);
    sum += weights[i], income += weights[i] * incomes[i];
  }
  CHECK(sum == Approx(1));
  CHECK(n.at("soft").get<double>() == Approx(income));
  const json& by_bandwidth = n.at("by_bandwidth");
  CHECK(by_bandwidth.front().at("income").get<double>() == Approx(50));
  CHECK(by_bandwidth.back().at("income").get<double>() == Approx(36.875).margin(1e-5));
}

TEST_CASE("soft-lookup takes another query") {
  const json n = lesson({"soft-lookup", "--query", "35-60", "--bandwidth", "1"});
  CHECK(n.at("query").get<double>() == 47.5);
  CHECK(n.at("hard").get<double>() == Approx((30 + 45 + 35 + 20 + 33 + 42 + 50) / 7.0));
  CHECK(lesson({"soft-lookup", "--query", "90-95"}).at("hard").is_null());
  Program gaze;
  for (const char* wrong : {"x", "55-40", "40-", "", "40-5x", "nan"})
    check_complaint(gaze.run({"lesson", "soft-lookup", "--query", wrong}), 2, "--query");
}
