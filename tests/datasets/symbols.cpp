#include <algorithm>
#include <string>
#include <vector>

#include <gaze/autograd/base/error.h>
#include <gaze/datasets/toy.h>

#include "../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

using Words = std::vector<std::string>;

/// Target position -> the source position that it surely comes from.
std::vector<int> sure_sources(const Example& e) {
  std::vector<int> from(e.target.size(), -1);
  for (const Link& link : e.gold)
    if (link.sure) from[static_cast<std::size_t>(link.target)] = link.source;
  return from;
}

/// Whether the links are those between equal tokens, all of them, and the sure ones among them.
bool links_equal_tokens(const Example& e) {
  std::size_t pairs = 0;
  for (const std::string& s : e.source)
    pairs += static_cast<std::size_t>(std::count(e.target.begin(), e.target.end(), s));
  return pairs == e.gold.size() && std::all_of(e.gold.begin(), e.gold.end(), [&](const Link& link) {
           return e.source[static_cast<std::size_t>(link.source)] == e.target[static_cast<std::size_t>(link.target)];
         });
}

/// The first training example that has a token twice.
Example with_repetition(const ToyTask& task) {
  for (std::uint64_t i = 0;; ++i) {
    const Example e = task.example(Split::train, i);
    if (e.gold.size() > e.target.size()) return e;
  }
}

}  // namespace

TEST_CASE("copy, shift, reverse and sort move tokens by their rule") {
  for (const std::string name : {"copy", "shift", "reverse", "sort"}) {
    INFO(name);
    const auto task = make_toy_task(name, {.seed = 3, .symbols = 5, .min_length = 1, .max_length = 9});
    for (std::uint64_t i = 0; i < 500; ++i) {
      const Example e = task->example(Split::train, i);
      const int n = static_cast<int>(e.source.size());
      REQUIRE(e.target.size() == e.source.size());
      REQUIRE(links_equal_tokens(e));
      const std::vector<int> from = sure_sources(e);
      for (int t = 0; t < n; ++t) {
        const int s = from[static_cast<std::size_t>(t)];
        if (name == "copy") REQUIRE(s == t);
        if (name == "shift") REQUIRE(s == (t + 1) % n);
        if (name == "reverse") REQUIRE(s == n - 1 - t);
        if (name == "sort" && t > 0) {
          const int previous = from[static_cast<std::size_t>(t - 1)];
          const auto &before = e.source[static_cast<std::size_t>(previous)],
                     &now = e.source[static_cast<std::size_t>(s)];
          REQUIRE((before < now || (before == now && previous < s)));
        }
      }
      std::vector<int> places = from;
      std::sort(places.begin(), places.end());
      REQUIRE(std::adjacent_find(places.begin(), places.end()) == places.end());
    }
  }
}

TEST_CASE("a token that stands twice is linked surely to its own place and possibly to the other") {
  const auto task = make_toy_task("reverse", {.seed = 1, .symbols = 2, .min_length = 2, .max_length = 2});
  const Example e = with_repetition(*task);
  REQUIRE(e.source[0] == e.source[1]);
  std::vector<Link> gold = e.gold;
  std::sort(gold.begin(), gold.end(),
            [](const Link& a, const Link& b) { return std::pair(a.target, a.source) < std::pair(b.target, b.source); });
  CHECK(gold == std::vector<Link>{{0, 0, false}, {1, 0, true}, {0, 1, true}, {1, 1, false}});
}

TEST_CASE("sort follows the order of the vocabulary, where aa comes after z") {
  const auto task = make_toy_task("sort", {.seed = 1, .symbols = 30, .min_length = 5, .max_length = 10});
  const Words words = task->source_vocabulary();
  REQUIRE(words.size() == 30);
  CHECK(words.front() == "a");
  CHECK(words[25] == "z");
  CHECK(Words(words.begin() + 26, words.end()) == Words{"aa", "ab", "ac", "ad"});
  CHECK(task->target_vocabulary() == words);
  const auto rank = [&](const std::string& w) { return std::find(words.begin(), words.end(), w) - words.begin(); };
  for (std::uint64_t i = 0; i < 200; ++i) {
    const Example e = task->example(Split::test, i);
    REQUIRE(std::is_sorted(e.target.begin(), e.target.end(),
                           [&](const auto& a, const auto& b) { return rank(a) < rank(b); }));
  }
}

TEST_CASE("lengths and symbols of a sentence are those asked for") {
  const auto task = make_toy_task("copy", {.seed = 1, .symbols = 4, .min_length = 2, .max_length = 5});
  CHECK(task->max_source_length() == 5);
  CHECK(task->max_target_length() == 5);
  std::vector<int> lengths(6, 0);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const Example e = task->example(Split::train, i);
    REQUIRE(e.source.size() >= 2);
    REQUIRE(e.source.size() <= 5);
    ++lengths[e.source.size()];
  }
  for (std::size_t n = 2; n <= 5; ++n) CHECK(lengths[n] > 250);
  CHECK(task->tokenize("  a b\tc ") == Words{"a", "b", "c"});
  CHECK(task->tokenize("").empty());
  CHECK(task->join(Words{"a", "b"}) == "a b");
}

TEST_CASE("options that make no sentence are refused") {
  CHECK_THROWS_AS(make_toy_task("copy", {.symbols = 0}), Error);
  CHECK_THROWS_AS(make_toy_task("shift", {.min_length = 0}), Error);
  CHECK_THROWS_AS(make_toy_task("sort", {.min_length = 5, .max_length = 4}), Error);
  // One sentence in all: it is in one split, and the others say so instead of searching for ever.
  const auto lonely = make_toy_task("copy", {.symbols = 1, .min_length = 1, .max_length = 1});
  int empty = 0;
  for (const Split split : {Split::train, Split::validation, Split::test}) try {
      lonely->example(split, 0);
    } catch (const Error&) {
      ++empty;
    }
  CHECK(empty == 2);
}
