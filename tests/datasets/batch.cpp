#include <cstdint>
#include <vector>

#include <gaze/datasets/batch.h>

#include "../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

std::vector<std::int32_t> numbers(const Array& a) {
  const auto values = a.values<std::int32_t>();  // throws unless int32
  return {values.begin(), values.end()};
}

using Ids = std::vector<std::int32_t>;

}  // namespace

TEST_CASE("a batch is padded to its longest sentences, each side by itself") {
  const Vocabulary source({"a", "b", "c"}), target({"x", "y"});
  const Batch b = make_batch({{{"a", "b", "c"}, {"x"}, {{0, 0, true}}}, {{"c"}, {"y", "x"}, {}}}, source, target, true);
  CHECK(b.source.shape() == Shape{2, 4});
  CHECK(numbers(b.source) == Ids{4, 5, 6, 2, 6, 2, 0, 0});
  CHECK(b.source_lengths.shape() == Shape{2});
  CHECK(numbers(b.source_lengths) == Ids{4, 2});
  CHECK(b.target_in.shape() == Shape{2, 3});
  CHECK(numbers(b.target_in) == Ids{1, 4, 0, 1, 5, 4});
  CHECK(b.target_out.shape() == Shape{2, 3});
  CHECK(numbers(b.target_out) == Ids{4, 2, 0, 5, 4, 2});
  CHECK(b.tokens == 5);
  REQUIRE(b.examples.size() == 2);
  CHECK(b.examples[0].gold == std::vector<Link>{{0, 0, true}});
  CHECK(b.examples[1].source == std::vector<std::string>{"c"});
}

TEST_CASE("the source has no end mark unless asked for") {
  const Vocabulary v({"a"});
  const Batch b = make_batch({{{"a", "a"}, {"a"}, {}}, {}}, v, v);
  CHECK(numbers(b.source) == Ids{4, 4, 0, 0});
  CHECK(numbers(b.source_lengths) == Ids{2, 0});
  CHECK(numbers(b.target_out) == Ids{4, 2, 2, 0});
}

TEST_CASE("a sentence with no words is its marks alone") {
  const Vocabulary v({"a"});
  const Batch alone = make_batch({{}}, v, v, true);
  CHECK(alone.source.shape() == Shape{1, 1});
  CHECK(numbers(alone.source) == Ids{2});
  CHECK(numbers(alone.source_lengths) == Ids{1});
  CHECK(numbers(alone.target_in) == Ids{1});
  CHECK(numbers(alone.target_out) == Ids{2});
  CHECK(alone.tokens == 1);

  const Batch beside = make_batch({{{"a", "a"}, {"a"}, {}}, {}}, v, v, true);
  CHECK(numbers(beside.source) == Ids{4, 4, 2, 2, 0, 0});
  CHECK(numbers(beside.target_in) == Ids{1, 4, 1, 0});
}

TEST_CASE("a batch of unknown words holds unk and a batch of nothing is refused") {
  const Vocabulary v({"a"});
  CHECK(numbers(make_batch({{{"b"}, {"a"}, {}}}, v, v, true).source) == Ids{3, 2});
  CHECK_THROWS_AS(make_batch({}, v, v), Error);
}
