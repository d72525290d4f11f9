#include <gaze/train/attention/alignment.h>

#include "../../catch.h"

using namespace gaze;
using namespace gaze::train;

TEST_CASE("alignment scores agree with a hand-computed example, sure and possible apart") {
  // Sure 0-0, 1-2; possible besides: 2-1. Predicted: 0-0 (sure), 2-1 (possible), 2-2 (wrong).
  const std::vector<Link> gold = {{0, 0, true}, {1, 2, true}, {2, 1, false}};
  const std::vector<AlignmentLink> predicted = {{0, 0}, {2, 1}, {2, 2}};
  AlignmentCounts score;
  score.add(gold, predicted);
  CHECK(score.precision() == Approx(2.0 / 3));
  CHECK(score.recall() == Approx(1.0 / 2));
  CHECK(score.aer() == Approx(1 - (1.0 + 2.0) / (3 + 2)));
  // A corpus adds counts, not rates.
  score.add(std::vector<Link>{{0, 0, true}}, std::vector<AlignmentLink>{{0, 0}});
  CHECK(score.aer() == Approx(1 - (2.0 + 3.0) / (4 + 3)));
}

TEST_CASE("alignment scores of nothing") {
  AlignmentCounts score;
  CHECK(score.aer() == 0);
  score.add(std::vector<Link>{{0, 0, true}}, {});
  CHECK(score.aer() == 1);
  CHECK(score.precision() == 1);
  CHECK(score.recall() == 0);
}

TEST_CASE("sentences without gold links do not count") {
  AlignmentCounts score;
  score.add(std::vector<Link>{{0, 0, true}}, std::vector<AlignmentLink>{{0, 0}, {1, 1}});
  score.add({}, std::vector<AlignmentLink>{{0, 0}, {1, 1}, {2, 2}});
  CHECK(score.predicted == 2);
  CHECK(score.aer() == Approx(1 - 2.0 / 3));
}

TEST_CASE("links are the strongest words, heads averaged or one alone, end marks and padding left out") {
  // [B=1, H=2, T=3, S=3]; two words each side, the third row and column are end marks.
  const Tensor weights = Tensor::from<float>({1, 2, 3, 3}, std::vector<float>{.1f, .3f, .6f, .5f, .2f, .3f, 0, .9f, .1f,
                                                                              .2f, .3f, .5f, .7f, .2f, .1f, 0, 0, 1});
  const auto mean = attention_map(weights, 0, 2, 2);
  REQUIRE(mean.size() == 4);
  CHECK(mean[0] == Approx(0.15));
  CHECK(mean[2] == Approx(0.6));
  CHECK(strongest_links(mean, 2) == std::vector<AlignmentLink>{{1, 0}, {0, 1}});
  CHECK(strongest_links({}, 0).empty());
  CHECK_THROWS_WITH(attention_map(weights, 0, 4, 2), ContainsSubstring("4 x 2"));
  CHECK_THROWS_WITH(attention_map(weights, 0, 2, 2, {.head = 2}), ContainsSubstring("no head 2"));
  CHECK(attention_map(weights, 0, 2, 2, {.head = 1})[2] == Approx(0.7));

  // The query that has read a word is the next one.
  CHECK(strongest_links(attention_map(weights, 0, 2, 2, {.head = 0, .shift = Shift::consumed}), 2) ==
        std::vector<AlignmentLink>{{0, 0}, {1, 1}});
  CHECK_THROWS(attention_map(weights, 0, 3, 2, {.shift = Shift::consumed}));

  // Weak words get no link, nor do those that look at the end mark where that competes.
  CHECK(strongest_links(mean, 2, 2, 0.4) == std::vector<AlignmentLink>{{0, 1}});
  CHECK(strongest_links(attention_map(weights, 0, 2, 3), 2, 3) == std::vector<AlignmentLink>{{0, 1}});
  // The first of equals.
  CHECK(strongest_links(std::vector<double>{.5, .5}, 2) == std::vector<AlignmentLink>{{0, 0}});
}

TEST_CASE("links that need no model: the best single ones and the diagonal") {
  const std::vector<Link> gold = {{2, 0, false}, {1, 0, true}, {0, 1, false}};
  CHECK(best_links(gold, 3) == std::vector<AlignmentLink>{{1, 0}, {0, 1}, {-1, 2}});
  CHECK(diagonal_links(3, 3) == std::vector<AlignmentLink>{{0, 0}, {1, 1}, {2, 2}});
  CHECK(diagonal_links(6, 3) == std::vector<AlignmentLink>{{1, 0}, {3, 1}, {5, 2}});
  CHECK(diagonal_links(1, 3) == std::vector<AlignmentLink>{{0, 0}, {0, 1}, {0, 2}});
  CHECK(diagonal_links(0, 3).empty());
}

TEST_CASE("two directions become one by intersection, union or grow-diag") {
  using Links = std::vector<AlignmentLink>;
  const Links forward = {{0, 0}, {1, 1}, {4, 3}}, backward = {{0, 0}, {1, 1}, {2, 1}, {2, 2}, {0, 4}};
  CHECK(symmetrize(forward, backward, Symmetrization::intersection) == Links{{0, 0}, {1, 1}});
  CHECK(symmetrize(forward, backward, Symmetrization::either) == Links{{0, 0}, {1, 1}, {2, 1}, {2, 2}, {4, 3}, {0, 4}});
  // 2-1 touches 1-1 and its source is free; 2-2 then touches it and its target is free; 4-3 and 0-4 touch nothing.
  CHECK(symmetrize(forward, backward, Symmetrization::grow_diag) == Links{{0, 0}, {1, 1}, {2, 1}, {2, 2}});
  CHECK(symmetrize({}, {}, Symmetrization::grow_diag).empty());
  // The order matters: the straight neighbour 0-1 comes before the diagonal ones take its words.
  CHECK(symmetrize(Links{{0, 0}, {1, 1}, {2, 2}}, Links{{0, 1}, {1, 1}, {2, 1}}, Symmetrization::grow_diag) ==
        Links{{0, 0}, {0, 1}, {1, 1}, {2, 1}, {2, 2}});
  // Both words have links already.
  CHECK(symmetrize(Links{{0, 0}, {1, 1}, {0, 1}}, Links{{0, 0}, {1, 1}}, Symmetrization::grow_diag) ==
        Links{{0, 0}, {1, 1}});
}

TEST_CASE("Pharaoh lines are read and written, anything else is named") {
  CHECK(parse_pharaoh("0-0 2p1\t3-4 ", 0, "f:1") == std::vector<Link>{{0, 0, true}, {2, 1, false}, {3, 4, true}});
  CHECK(parse_pharaoh("1-1 12p3", 1, "f:1") == std::vector<Link>{{0, 0, true}, {11, 2, false}});
  CHECK(parse_pharaoh("", 0, "f:1").empty());
  CHECK(parse_pharaoh("0p0 0-0 0p0", 0, "f:1") == std::vector<Link>{{0, 0, true}});
  CHECK_THROWS_WITH(parse_pharaoh("1-1 0-1", 1, "gold.txt:7"),
                    "gold.txt:7: 0-1 has an index below 1, the file's first");
  for (const char* bad : {"a", "1", "1-", "-1", "1--1", "-1-1", "1-1-1", "1x1", "1-+1", "1 - 1", "1-1.0", "1P1", "p1",
                          "99999999999-1", "0x1-1", "1-1,2-2"})
    CHECK_THROWS_WITH(parse_pharaoh(bad, 0, "gold.txt:7"), StartsWith("gold.txt:7: "));
  CHECK(to_pharaoh(std::vector<AlignmentLink>{{0, 0}, {2, 1}}) == "0-0 2-1");
  CHECK(to_pharaoh({}).empty());
}

TEST_CASE("a line of very many links is read and scored in the time that it takes to read it") {
  std::vector<AlignmentLink> links;
  for (int i = 0; i < 100'000; ++i) links.emplace_back(i, 2 * i);
  const std::vector<Link> gold = parse_pharaoh(to_pharaoh(links), 0, "f:1");
  CHECK(gold.size() == links.size());
  AlignmentCounts counts;
  counts.add(gold, links);
  CHECK(counts.aer() == 0);
}
