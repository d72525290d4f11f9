#include <map>
#include <string>
#include <vector>

#include <gaze/datasets/toy.h>

#include "../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

using Words = std::vector<std::string>;

/// The number that English words spell.
int value_of(const Words& words) {
  static const std::map<std::string, int> values = {
      {"zero", 0},      {"one", 1},       {"two", 2},       {"three", 3},    {"four", 4},     {"five", 5},
      {"six", 6},       {"seven", 7},     {"eight", 8},     {"nine", 9},     {"ten", 10},     {"eleven", 11},
      {"twelve", 12},   {"thirteen", 13}, {"fourteen", 14}, {"fifteen", 15}, {"sixteen", 16}, {"seventeen", 17},
      {"eighteen", 18}, {"nineteen", 19}, {"twenty", 20},   {"thirty", 30},  {"forty", 40},   {"fifty", 50},
      {"sixty", 60},    {"seventy", 70},  {"eighty", 80},   {"ninety", 90}};
  int sum = 0, group = 0;
  for (const std::string& word : words) {
    if (word == "thousand")
      sum += 1000 * group, group = 0;
    else if (word == "hundred")
      group *= 100;
    else
      group += values.at(word);
  }
  return sum + group;
}

/// The examples of many draws by what their source says.
std::map<std::string, Example> many_numbers() {
  const auto task = make_toy_task("digits", {});
  std::map<std::string, Example> all;
  for (const Split split : {Split::train, Split::validation, Split::test})
    for (std::uint64_t i = 0; i < (split == Split::train ? 40'000U : 5'000U); ++i) {
      Example e = task->example(split, i);
      std::string number;
      for (const std::string& digit : e.source) number += digit;
      all.emplace(number, std::move(e));
    }
  return all;
}

bool names_place(const std::string& word) { return word == "hundred" || word == "thousand"; }

/// The sure links of the words that name digits: all but hundred and thousand.
std::vector<Link> sure_links_of_digit_words(const Example& e) {
  std::vector<Link> sure;
  for (const Link& link : e.gold)
    if (link.sure && !names_place(e.target[static_cast<std::size_t>(link.target)])) sure.push_back(link);
  return sure;
}

bool has(const Example& e, Link link) {
  for (const Link& l : e.gold)
    if (l == link) return true;
  return false;
}

}  // namespace

TEST_CASE("numbers are spelt as their value says, in every length from one to four digits") {
  const auto all = many_numbers();
  std::map<std::size_t, int> lengths;
  for (const auto& [number, e] : all) {
    ++lengths[number.size()];
    REQUIRE(std::to_string(value_of(e.target)) == number);  // a leading zero fails here as well
  }
  CHECK(lengths[1] == 10);
  CHECK(lengths[2] == 90);
  CHECK(lengths[3] == 900);
  CHECK(lengths[4] > 3000);
  CHECK(lengths.size() == 4);
}

TEST_CASE("numbers computed by hand") {
  const auto all = many_numbers();
  const auto spelt = [&](const char* number) { return all.at(number).target; };
  CHECK(spelt("0") == Words{"zero"});
  CHECK(spelt("7") == Words{"seven"});
  CHECK(spelt("10") == Words{"ten"});
  CHECK(spelt("12") == Words{"twelve"});
  CHECK(spelt("42") == Words{"forty", "two"});
  CHECK(spelt("60") == Words{"sixty"});
  CHECK(spelt("100") == Words{"one", "hundred"});
  CHECK(spelt("317") == Words{"three", "hundred", "seventeen"});
  CHECK(spelt("907") == Words{"nine", "hundred", "seven"});
}

TEST_CASE("number words are surely linked to the last digit they name") {
  const auto all = many_numbers();
  const auto sure = [&](const char* number) { return sure_links_of_digit_words(all.at(number)); };
  CHECK(sure("0") == std::vector<Link>{{0, 0}});
  CHECK(sure("42") == std::vector<Link>{{0, 0}, {1, 1}});
  CHECK(sure("60") == std::vector<Link>{{0, 0}});
  CHECK(sure("907") == std::vector<Link>{{0, 0}, {2, 2}});
  CHECK(sure("317") == std::vector<Link>{{0, 0}, {2, 2}});
  CHECK(has(all.at("317"), {1, 2, false}));
  CHECK(sure("12") == std::vector<Link>{{1, 0}});
  CHECK(has(all.at("12"), {0, 0, false}));
  CHECK(sure("10") == std::vector<Link>{{1, 0}});
}

TEST_CASE("hundred and thousand are linked to the digit of their place, and surely to no other") {
  for (const auto& [number, e] : many_numbers()) {
    const int places = static_cast<int>(number.size());
    for (int t = 0; t < static_cast<int>(e.target.size()); ++t) {
      const std::string& word = e.target[static_cast<std::size_t>(t)];
      if (!names_place(word)) continue;
      const int digit = places - (word == "thousand" ? 4 : 3);
      INFO(number << ": " << word);
      REQUIRE((has(e, {digit, t, true}) || has(e, {digit, t, false})));
      for (const Link& link : e.gold) REQUIRE_FALSE((link.target == t && link.sure && link.source != digit));
      REQUIRE(has(e, {digit, t - 1, true}));  // the word before it names that digit
    }
  }
}

TEST_CASE("numbers of one digit are for training, longer ones in every split") {
  const auto task = make_toy_task("digits", {});
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    std::map<std::size_t, int> lengths;
    for (std::uint64_t i = 0; i < 1000; ++i) ++lengths[task->example(split, i).source.size()];
    CHECK((lengths[1] > 0) == (split == Split::train));
    for (const std::size_t longer : {2, 3, 4}) CHECK(lengths[longer] > 100);
  }
}

TEST_CASE("digits takes a number as somebody types it") {
  const auto task = make_toy_task("digits", {});
  CHECK(task->tokenize("9307") == Words{"9", "3", "0", "7"});
  CHECK(task->tokenize("").empty());
  CHECK(task->join(Words{"forty", "two"}) == "forty two");
}

TEST_CASE("hundred and thousand are possible links of the digit in the place and of those behind it, of no other") {
  const auto task = make_toy_task("digits", {});
  int seen = 0;
  for (std::uint64_t i = 0; i < 500; ++i) {
    const Example e = task->example(Split::train, i);
    const int digits = static_cast<int>(e.source.size());
    for (std::size_t t = 0; t < e.target.size(); ++t) {
      if (e.target[t] != "hundred" && e.target[t] != "thousand") continue;
      const int place = digits - (e.target[t] == "hundred" ? 3 : 4);
      std::vector<Link> links, expected;
      for (const Link& l : e.gold)
        if (l.target == static_cast<int>(t)) links.push_back(l);
      for (int s = place; s < digits; ++s) expected.push_back({s, static_cast<int>(t), false});
      CHECK(links == expected);
      ++seen;
    }
  }
  CHECK(seen > 200);
}
