#include <gaze/datasets/toy.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gaze/autograd/base/error.h>

#include "../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

using Words = std::vector<std::string>;

constexpr Split splits[] = {Split::train, Split::validation, Split::test};

bool same(const Example& a, const Example& b) {
  return a.source == b.source && a.target == b.target && a.gold == b.gold;
}

std::unique_ptr<ToyTask> task_of(const std::string& name, std::uint64_t seed = 1) {
  return make_toy_task(name, {.seed = seed});
}

}  // namespace

TEST_CASE("the toy tasks are made by name") {
  CHECK(toy_task_names() == Words{"copy", "shift", "reverse", "sort", "digits", "dates", "grammar"});
  for (const std::string& name : toy_task_names()) {
    const auto task = task_of(name);
    CHECK(task->name() == name);
    CHECK_FALSE(task->description().empty());
  }
}

TEST_CASE("an unknown task is refused with the names and the nearest of them") {
  for (const std::string& name : toy_task_names()) CHECK_THROWS_WITH(task_of("frobnicate"), ContainsSubstring(name));
  CHECK_THROWS_WITH(task_of("frobnicate"), !ContainsSubstring("did you mean"));
  CHECK_THROWS_WITH(task_of("grammer"), ContainsSubstring("did you mean grammar"));
  CHECK_THROWS_WITH(task_of("revers"), ContainsSubstring("did you mean reverse"));
  CHECK_THROWS_AS(task_of(""), Error);
  CHECK_THROWS_AS(task_of("Copy"), Error);
}

TEST_CASE("an example is a function of seed, split and index") {
  for (const std::string& name : toy_task_names()) {
    INFO(name);
    const auto task = task_of(name), again = task_of(name), other = task_of(name, 2);
    for (const Split split : splits) {
      int changed_by_seed = 0, changed_by_index = 0;
      std::vector<Example> forward;
      for (std::uint64_t i = 0; i < 50; ++i) forward.push_back(task->example(split, i));
      for (std::uint64_t i = 50; i-- > 0;) {
        CHECK(same(forward[i], again->example(split, i)));
        changed_by_seed += !same(forward[i], other->example(split, i));
        changed_by_index += !same(forward[i], forward[(i + 1) % 50]);
      }
      CHECK(changed_by_seed > 25);
      CHECK(changed_by_index > 25);
    }
  }
}

TEST_CASE("no sentence is in two splits, whatever the seed") {
  for (const std::string& name : toy_task_names()) {
    INFO(name);
    std::map<Words, Split> seen;
    std::map<Split, std::size_t> distinct;
    bool disjoint = true;
    for (const std::uint64_t seed : {1, 2, 77}) {
      const auto task = task_of(name, seed);
      for (std::uint64_t i = 0; i < 3000; ++i)
        for (const Split split : splits) {
          const auto [place, fresh] = seen.emplace(task->example(split, i).source, split);
          disjoint = disjoint && place->second == split;
          distinct[split] += fresh;
        }
    }
    CHECK(disjoint);
    for (const Split split : splits) CHECK(distinct[split] > 300);
  }
}

TEST_CASE("train, validation and test are about 80, 10 and 10 % of the sentences") {
  // Every number below 10,000 is drawn at this many examples, all but a few four-digit ones.
  const auto task = task_of("digits");
  std::map<Split, std::set<Words>> sentences;
  for (const Split split : splits)
    for (std::uint64_t i = 0; i < (split == Split::train ? 80'000U : 10'000U); ++i)
      sentences[split].insert(task->example(split, i).source);
  const auto share = [&](Split split) { return static_cast<double>(sentences[split].size()) / 10'000; };
  CHECK(share(Split::train) == Approx(0.8).margin(0.08));
  CHECK(share(Split::validation) == Approx(0.1).margin(0.02));
  CHECK(share(Split::test) == Approx(0.1).margin(0.02));
}

TEST_CASE("gold links are in range and none is there twice, target tokens have one sure link, vocabularies hold") {
  for (const std::string& name : toy_task_names()) {
    INFO(name);
    for (const std::uint64_t seed : {1, 2}) {
      const auto task = task_of(name, seed);
      const Words sources = task->source_vocabulary(), targets = task->target_vocabulary();
      const std::set<std::string> source_words(sources.begin(), sources.end()),
          target_words(targets.begin(), targets.end());
      REQUIRE(source_words.size() == sources.size());
      REQUIRE(target_words.size() == targets.size());
      std::set<std::string> used_sources, used_targets;
      std::size_t longest_source = 0, longest_target = 0, broken = 0;
      for (std::uint64_t i = 0; i < 9000; ++i) {
        const Example e = task->example(splits[i % 3], i);
        used_sources.insert(e.source.begin(), e.source.end());
        used_targets.insert(e.target.begin(), e.target.end());
        longest_source = std::max(longest_source, e.source.size());
        longest_target = std::max(longest_target, e.target.size());
        std::vector<int> sure(e.target.size(), 0);
        std::set<std::pair<int, int>> links;
        bool right = !e.source.empty() && !e.target.empty();
        for (const Link& link : e.gold) {
          const bool inside = link.source >= 0 && link.source < static_cast<int>(e.source.size()) && link.target >= 0 &&
                              link.target < static_cast<int>(e.target.size());
          right = right && inside && links.emplace(link.source, link.target).second;
          if (inside && link.sure) ++sure[static_cast<std::size_t>(link.target)];
        }
        for (std::size_t t = 0; t < sure.size(); ++t) {
          // The first two name a place in a number, the others deny together: tests of digits and of the grammar say
          // what they are linked to.
          static const std::set<std::string> without = {"hundred", "thousand", "do", "does", "not"};
          right = right && (sure[t] == 1 || (without.contains(e.target[t]) && sure[t] == 0));
        }
        broken += !right;
      }
      CHECK(broken == 0);
      CHECK(used_sources == source_words);
      CHECK(used_targets == target_words);
      CHECK(longest_source <= static_cast<std::size_t>(task->max_source_length()));
      CHECK(longest_target <= static_cast<std::size_t>(task->max_target_length()));
      CHECK(longest_source + 1 >= static_cast<std::size_t>(task->max_source_length()));  // and the bounds are not idle
      CHECK(longest_target + 1 >= static_cast<std::size_t>(task->max_target_length()));
    }
  }
}

TEST_CASE("a showcase is three sentences of the vocabulary that no training sees") {
  for (const std::string& name : toy_task_names()) {
    INFO(name);
    const auto task = task_of(name);
    const Words words = task->source_vocabulary();
    const Words showcase = task->showcase();
    CHECK(showcase.size() == 3);
    std::set<Words> shown;
    for (const std::string& line : showcase) {
      const Words tokens = task->tokenize(line);
      CHECK_FALSE(tokens.empty());
      for (const std::string& token : tokens) CHECK(std::count(words.begin(), words.end(), token) == 1);
      shown.insert(tokens);
    }
    for (const Split split : {Split::train, Split::validation}) {
      bool leaked = false;
      for (std::uint64_t i = 0; i < 20'000; ++i) leaked = leaked || shown.contains(task->example(split, i).source);
      CHECK_FALSE(leaked);
    }
  }
}

TEST_CASE("a guide tells all words of a task, and what it tells to try is made of them") {
  for (const std::string& name : toy_task_names()) {
    INFO(name);
    const auto task = task_of(name);
    const TaskGuide guide = task->guide();
    const Words words = task->source_vocabulary();
    const std::set<std::string> known(words.begin(), words.end());
    std::set<std::string> told;
    for (const auto& group : guide.words)
      for (const auto& entry : group.entries) {
        const Words tokens = task->tokenize(entry.words);
        told.insert(tokens.begin(), tokens.end());
      }
    CHECK(told == known);
    CHECK_FALSE(guide.forms.empty());
    CHECK(guide.examples.size() >= 3);
    for (const std::string& sentence : guide.examples) {
      INFO(sentence);
      const Words tokens = task->tokenize(sentence);
      CHECK_FALSE(tokens.empty());
      CHECK(tokens.size() <= static_cast<std::size_t>(task->max_source_length()));
      for (const std::string& token : tokens) CHECK(known.contains(token));
    }
  }
}

TEST_CASE("what is not UTF-8 is refused by every task") {
  for (const std::string& name : toy_task_names())
    for (const char* line : {"\xff", "a\x80", "caf\xc3", "\xe2\x82", "\xc0\xaf", "\xc3\xc3"}) {
      INFO(name);
      CHECK_THROWS_AS(task_of(name)->tokenize(line), Error);
    }
}
