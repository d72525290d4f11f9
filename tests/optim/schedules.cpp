#include <gaze/optim/schedules.h>

#include <cmath>
#include <limits>

#include <gaze/autograd/base/error.h>

#include "../catch.h"

using namespace gaze;

TEST_CASE("the warm-up rises in equal steps and ends at 1") {
  for (const char* decay : {"constant", "inverse_sqrt", "cosine"}) {
    const Schedule s = make_schedule(decay, 4, 100);
    CHECK(s.factor(1) == 0.25);
    CHECK(s.factor(2) == 0.5);
    CHECK(s.factor(3) == 0.75);
    CHECK(s.factor(4) == 1);
  }
}

TEST_CASE("without a warm-up the first step has the whole learning rate") {
  for (const char* decay : {"constant", "inverse_sqrt", "cosine"})
    for (const int steps : {1, 2, 100}) CHECK(make_schedule(decay, 0, steps).factor(1) == 1);
}

TEST_CASE("a constant schedule stays") {
  const Schedule s = make_schedule("constant", 0, 0);
  CHECK(s.factor(7) == 1);
  CHECK(s.factor(1'000'000'000) == 1);
}

TEST_CASE("the inverse square root is the schedule of Vaswani et al. with its peak at 1") {
  const Schedule s = make_schedule("noam", 400, 0);
  CHECK(name_of(s.decay) == "inverse_sqrt");
  CHECK(s.factor(1600) == 0.5);
  CHECK(s.factor(40'000) == Approx(0.1));
  const auto paper = [](double t) {
    return std::pow(512, -0.5) * std::min(std::pow(t, -0.5), t * std::pow(400, -1.5));
  };
  for (const int t : {1, 17, 399, 400, 401, 12345}) CHECK(s.factor(t) == Approx(paper(t) / paper(400)).epsilon(1e-14));
  CHECK(make_schedule("inverse_sqrt", 0, 0).factor(4) == 0.5);
}

TEST_CASE("the cosine falls from 1 to its end over the rest of the run") {
  const Schedule s = make_schedule("cosine", 10, 109, 0.1);
  CHECK(s.factor(10) == 1);
  CHECK(s.factor(60) == Approx(0.55).epsilon(1e-14));
  CHECK(s.factor(10 + 25) == Approx(0.1 + 0.9 * 0.5 * (1 + std::sqrt(0.5))).epsilon(1e-14));
  CHECK(s.factor(110) == Approx(0.1).epsilon(1e-14));
  CHECK(s.factor(500) == Approx(0.1).epsilon(1e-14));
  CHECK(make_schedule("cosine", 0, 2).factor(2) == Approx(0.5));  // as torch's CosineAnnealingLR with T_max 2
  CHECK(make_schedule("cosine", 0, 2).factor(3) == Approx(0).margin(1e-16));
  CHECK(make_schedule("cosine", 10, 5).factor(5) == 0.5);  // a run that ends within its warm-up
}

TEST_CASE("schedules refuse what makes no sense") {
  CHECK_THROWS_WITH(make_schedule("linear", 1, 1), ContainsSubstring("linear") && ContainsSubstring("constant") &&
                                                       ContainsSubstring("inverse_sqrt") && ContainsSubstring("noam") &&
                                                       ContainsSubstring("cosine"));
  CHECK_THROWS_WITH(make_schedule("cosin", 1, 1), EndsWith("did you mean cosine?"));
  CHECK_THROWS_WITH(make_schedule("constant", -1, 1), ContainsSubstring("-1"));
  CHECK_THROWS_AS(make_schedule("cosine", 0, -1), Error);
  CHECK_THROWS_AS(make_schedule("cosine", 0, 1, -0.1), Error);
  CHECK_THROWS_AS(make_schedule("cosine", 0, 1, 1.1), Error);
  CHECK_THROWS_AS(make_schedule("cosine", 0, 1, std::numeric_limits<double>::quiet_NaN()), Error);
  CHECK_THROWS_WITH(make_schedule("inverse_sqrt", 0, 1).factor(0), ContainsSubstring("step 0"));
}
