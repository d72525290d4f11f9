#include <catch2/catch.hpp>

#include <gaze/train/metrics.h>

using namespace gaze;

TEST_CASE("alignment scores agree with a hand-computed example, sure and possible apart") {
  // Sure 0-0, 1-2; possible besides: 2-1. Predicted: 0-0 (sure), 2-1 (possible), 2-2 (wrong).
  const std::vector<Link> gold = {{0, 0, true}, {1, 2, true}, {2, 1, false}};
  const std::vector<AlignmentLink> predicted = {{0, 0}, {2, 1}, {2, 2}};
  AlignmentScore score;
  score.add(gold, predicted);
  CHECK(score.precision() == Approx(2.0 / 3));
  CHECK(score.recall() == Approx(1.0 / 2));
  CHECK(score.aer() == Approx(1 - (1.0 + 2.0) / (3 + 2)));
  // A corpus adds counts, not rates.
  score.add(std::vector<Link>{{0, 0, true}}, std::vector<AlignmentLink>{{0, 0}});
  CHECK(score.aer() == Approx(1 - (2.0 + 3.0) / (4 + 3)));
}

TEST_CASE("alignment scores of nothing") {
  AlignmentScore score;
  CHECK(score.aer() == 0);
  score.add(std::vector<Link>{{0, 0, true}}, {});
  CHECK(score.aer() == 1);
  CHECK(score.precision() == 1);
  CHECK(score.recall() == 0);
}

TEST_CASE("links are the strongest words, heads averaged, end marks and padding left out") {
  // [B=1, H=2, T=3, S=3]; two words each side, the third row and column are end marks.
  const Array weights = Array::from<float>({1, 2, 3, 3}, std::vector<float>{.1f, .3f, .6f, .5f, .2f, .3f, 0, 0, 1,  //
                                                                            .2f, .3f, .5f, .7f, .2f, .1f, 0, 0, 1});
  const auto mean = mean_attention(weights, 0, 2, 2);
  REQUIRE(mean.size() == 4);
  CHECK(mean[0] == Approx(0.15));
  CHECK(mean[2] == Approx(0.6));
  const auto links = strongest_links(mean, 2, 2);
  CHECK(links == std::vector<AlignmentLink>{{1, 0}, {0, 1}});
  CHECK(strongest_links({}, 2, 0).empty());
  CHECK_THROWS(mean_attention(weights, 0, 4, 2));
}
