#include <gaze/train/attention/word_map.h>

#include <gaze/train/sequence_batch.h>

#include "../../catch.h"

using namespace gaze;
using namespace gaze::train;

using Places = std::vector<int>;
using Texts = std::vector<std::string>;

namespace {

void check_equal(std::span<const double> map, const std::vector<double>& expected) {
  REQUIRE(map.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(map[i] == Approx(expected[i]).margin(1e-12));
  }
}

/// Three pieces of two words look at four pieces of two words and an end mark; the last query says the end.
Tensor four_queries() {
  return Tensor::from<float>({1, 1, 4, 5}, std::vector<float>{.1f, .2f, .3f, .1f, .3f, .2f, .2f, .1f, .1f, .4f,  //
                                                              .3f, .2f, .1f, .2f, .2f, 0,   0,   .1f, .1f, .8f});
}

Example two_words() {
  return {.source = {"▁a", "b", "▁c", "d"},
          .target = {"▁x", "y", "▁z"},
          .gold = {},
          .source_words = {0, 0, 1, 1},
          .target_words = {0, 0, 1}};
}

}  // namespace

TEST_CASE("a map is folded to words by averaging rows and summing columns") {
  // Rows 0 and 1 are one word, column 1 is one of its own, and row 3 and column 0 belong to none.
  const std::vector<double> map = {.1, .2, .3, .4, .5, .1, .2, .2, .2, .6, .1, .1, 1, 0, 0, 0};
  check_equal(fold(map, Places{0, 0, 1, -1}, Places{-1, 0, 1, 1}), {.15, .55, .6, .2});
  // Word 1 has neither row nor column.
  check_equal(fold(map, Places{0, 0, 2, 2}, Places{0, 0, 0, 2}), {.7, 0, .3, 0, 0, 0, .95, 0, .05});
  CHECK(fold({}, Places{}, Places{0, 1}).empty());
  CHECK_THROWS_WITH(fold(map, Places{0, 0}, Places{0, 0, 1, 1}), ContainsSubstring("16 numbers for 2 rows"));
}

TEST_CASE("marks keep places of their own before and after the words") {
  CHECK(word_places(Places{0, 0, 1}, 3, 1, 5) == Places{0, 1, 1, 2, 3});
  CHECK(word_places(Places{}, 2, 0, 3) == Places{0, 1, 2});
  CHECK(word_places(Places{-1, -1}, 2, 1, 4) == Places{0, -1, -1, 1});
  CHECK(word_places(Places{}, 0, 0, 1) == Places{0});
  CHECK_THROWS(word_places(Places{0}, 2, 0, 2));
  CHECK_THROWS(word_places(Places{0, 1}, 2, 1, 2));
}

TEST_CASE("a target word has one link, its strongest source word, at either shift") {
  const Tensor weights = four_queries();
  const Example pair = two_words();
  const WordMap produced = word_map(weights, 0, pair, {}, false),
                consumed = word_map(weights, 0, pair, {.shift = Shift::consumed}, false),
                with_end = word_map(weights, 0, pair, {}, true);
  check_equal(produced.weights, {.35, .3, .5, .3});
  check_equal(consumed.weights, {.45, .25, 0, .2});
  check_equal(with_end.weights, {.35, .3, .35, .5, .3, .2});
  CHECK(with_end.columns == 3);
  // By pieces the first would be 2-0 0-1 0-2.
  CHECK(links_of(produced, pair) == std::vector<AlignmentLink>{{0, 0}, {0, 1}});
  CHECK(links_of(consumed, pair) == std::vector<AlignmentLink>{{0, 0}, {1, 1}});
  CHECK(links_of(produced, pair, .4) == std::vector<AlignmentLink>{{0, 1}});

  Example swallowed = pair;  // the second source and target word begin within other pieces
  swallowed.source_words = {0, 0, 2, 2}, swallowed.target_words = {0, 0, 2};
  CHECK(links_of(word_map(weights, 0, swallowed, {}, false), swallowed) == std::vector<AlignmentLink>{{0, 0}, {0, 2}});
  Example blank = pair;
  blank.source_words = {-1, -1, -1, -1};
  CHECK(links_of(word_map(weights, 0, blank, {}, true), blank).empty());

  Example tokens = pair;
  tokens.source_words.clear(), tokens.target_words.clear();
  CHECK(links_of(word_map(weights, 0, tokens, {}, false), tokens) ==
        std::vector<AlignmentLink>{{2, 0}, {0, 1}, {0, 2}});
}

TEST_CASE("maps are shown by words and marks") {
  const Example pair = two_words();
  const AttentionMap cross = fold_to_words({pair.source, pair.target, {.1, .2, .3, .4, .2, .2, .1, .5, .4, .3, .2, .1}},
                                           AttentionKind::cross, pair);
  CHECK(cross.source == Texts{"ab", "cd"});
  CHECK(cross.target == Texts{"xy", "z"});
  check_equal(cross.weights, {.35, .65, .7, .3});

  const Texts with_end = {"▁a", "b", "▁c", "d", "</s>"};
  std::vector<double> even(25, .2);
  const AttentionMap encoder = fold_to_words({with_end, with_end, even}, AttentionKind::encoder, pair);
  CHECK(encoder.source == Texts{"ab", "cd", "</s>"});
  CHECK(encoder.target == encoder.source);
  check_equal(encoder.weights, {.4, .4, .2, .4, .4, .2, .4, .4, .2});

  const Texts with_begin = {"<s>", "▁x", "y", "▁z"};
  const AttentionMap decoder =
      fold_to_words({with_begin, with_begin, {1, 0, 0, 0, .5, .5, 0, 0, .2, .2, .6, 0, .1, .2, .3, .4}},
                    AttentionKind::decoder, pair);
  CHECK(decoder.target == Texts{"<s>", "xy", "z"});
  check_equal(decoder.weights, {1, 0, 0, .35, .65, 0, .1, .5, .4});

  const AttentionMap unchanged = fold_to_words({{"▁a"}, {"▁b"}, {1}}, AttentionKind::cross, {{"▁a"}, {"▁b"}, {}});
  CHECK(unchanged.source == Texts{"▁a"});
  // What the model says is empty: its end mark looks at the words.
  const AttentionMap end =
      fold_to_words({pair.source, {"</s>"}, {.1, .2, .3, .4}}, AttentionKind::cross,
                    {.source = pair.source, .target = {}, .gold = {}, .source_words = {0, 0, 1, 1}});
  CHECK(end.target == Texts{"</s>"});
  check_equal(end.weights, {.3, .7});
}

TEST_CASE("a word's text is that of its pieces without the mark of the space before it") {
  CHECK(words_as_text(Texts{"▁un", "k", "ж", "▁", "苹", "\t", "b", " "}, Places{0, 0, 0, 1, 1, 2, 2, 2}) ==
        Texts{"unkж", "苹", "b"});
  CHECK(words_as_text(Texts{"▁a", "▁", "b"}, Places{0, 0, 0}) == Texts{"a▁b"});  // the text's own ▁
  CHECK(words_as_text(Texts{"▁", "▁", "▁▁b", "\t"}, Places{0, 0, 1, 1}) == Texts{"▁", "▁b"});
  CHECK(words_as_text(Texts{"▁"}, Places{0}) == Texts{"▁"});
  CHECK(words_as_text(Texts{"▁a", "▁b"}, Places{}) == Texts{"▁a", "▁b"});
}

TEST_CASE("numbers of words that are not those of tokens are refused, and gold links are of words") {
  const auto check = [](Places words, std::vector<Link> gold) {
    check_gold(
        {.source = {"▁a", "b", "▁c"}, .target = {"x"}, .gold = std::move(gold), .source_words = std::move(words)}, "f");
  };
  CHECK_NOTHROW(check({0, 0, 1}, {{1, 0, true}}));
  CHECK_NOTHROW(check({-1, -1, -1}, {}));
  CHECK_THROWS_WITH(check({0, 0, 1}, {{2, 0, true}}), "f: a gold link 2-0 past its sentence");
  CHECK_THROWS_WITH(check({-1, -1, -1}, {{0, 0, true}}), ContainsSubstring("0-0"));
  CHECK_THROWS_WITH(check({0, 1}, {}), "f: 2 numbers of words for 3 source tokens");
  for (const Places& wrong : {Places{0, 1, 0}, {-1, 0, 1}, {-2, -2, -2}})
    CHECK_THROWS_WITH(check(wrong, {}), ContainsSubstring("the numbers of the source's words"));
}
