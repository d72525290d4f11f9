#include <algorithm>
#include <chrono>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gaze/autograd/base/error.h>
#include <gaze/datasets/toy.h>

#include "../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

using Words = std::vector<std::string>;

const Words months = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};

std::string text_of(const Words& characters) {
  std::string text;
  for (const std::string& c : characters) text += c;
  return text;
}

/// A date form, with the day, the month and the year as its groups in the order that `groups` names.
struct Form {
  std::regex pattern;
  std::string groups;
};

const std::vector<Form>& forms() {
  const std::string name = "([a-z]{3,9})";
  static const std::vector<Form> all = {{std::regex(name + R"( (\d{1,2}), (\d{4}))"), "mdy"},
                                        {std::regex(R"((\d{1,2}) )" + name + R"( (\d{4}))"), "dmy"},
                                        {std::regex(R"((\d\d)/(\d\d)/(\d{4}))"), "dmy"},
                                        {std::regex(R"((\d{4})\.(\d{1,2})\.(\d{1,2}))"), "ymd"},
                                        {std::regex(R"((\d{1,2})(?:st|nd|rd|th) of )" + name + R"( (\d{4}))"), "dmy"},
                                        {std::regex(R"([a-z]+day, (\d{1,2}) )" + name + R"( (\d{4}))"), "dmy"},
                                        {std::regex(R"((\d{1,2})-)" + name + R"(-(\d{4}))"), "dmy"},
                                        {std::regex(R"((\d{4})/(\d\d)/(\d\d))"), "ymd"},
                                        {std::regex(R"((\d\d)\.(\d\d)\.(\d{4}))"), "dmy"}};
  return all;
}

/// Where a part stands in the source.
struct Part {
  int at = 0, size = 0;
  std::string text;
};

/// The parts of a date by 'd', 'm' and 'y', read by the form that matches; also the number of that form.
std::pair<std::map<char, Part>, int> parse(const std::string& source) {
  for (std::size_t f = 0; f < forms().size(); ++f) {
    std::smatch match;
    if (!std::regex_match(source, match, forms()[f].pattern)) continue;
    std::map<char, Part> parts;
    for (std::size_t g = 0; g < 3; ++g)
      parts[forms()[f].groups[g]] = {static_cast<int>(match.position(g + 1)), static_cast<int>(match.length(g + 1)),
                                     match.str(g + 1)};
    return {parts, static_cast<int>(f)};
  }
  FAIL("no form fits " << source);
  return {};
}

int month_number(const std::string& text) {
  if (std::isdigit(static_cast<unsigned char>(text[0]))) return std::stoi(text);
  return static_cast<int>(std::find(months.begin(), months.end(), text.substr(0, 3)) - months.begin()) + 1;
}

/// Target position -> the source position that it is surely linked to.
std::vector<int> sure_sources(const Example& e) {
  std::vector<int> from(e.target.size(), -1);
  for (const Link& link : e.gold)
    if (link.sure) from[static_cast<std::size_t>(link.target)] = link.source;
  return from;
}

}  // namespace

TEST_CASE("dates of every form are turned into ISO dates that exist") {
  const auto task = make_toy_task("dates", {});
  std::set<int> seen;
  int first_year = 9999, last_year = 0, leap_days = 0;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const Example e = task->example(Split::train, i);
    const std::string source = text_of(e.source), target = text_of(e.target);
    INFO(source << " -> " << target);
    REQUIRE(e.target.size() == 10);
    REQUIRE(e.source.size() == source.size());
    const auto [parts, form] = parse(source);
    seen.insert(form);
    const int year = std::stoi(parts.at('y').text), month = month_number(parts.at('m').text),
              day = std::stoi(parts.at('d').text);
    REQUIRE(target == fmt::format("{:04}-{:02}-{:02}", year, month, day));
    using namespace std::chrono;
    const year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                              std::chrono::day(static_cast<unsigned>(day))};
    REQUIRE(date.ok());
    if (source.find("day, ") != std::string::npos) {
      const Words week = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};
      REQUIRE(source.starts_with(week[weekday(sys_days(date)).c_encoding()] + ","));
    }
    if (const auto of = source.find(" of "); of != std::string::npos) {
      const std::string ending = day / 10 == 1   ? "th"
                                 : day % 10 == 1 ? "st"
                                 : day % 10 == 2 ? "nd"
                                 : day % 10 == 3 ? "rd"
                                                 : "th";
      REQUIRE(source.substr(of - 2, 2) == ending);
    }
    first_year = std::min(first_year, year), last_year = std::max(last_year, year);
    leap_days += month == 2 && day == 29;
  }
  CHECK(seen.size() == forms().size());
  CHECK(first_year == 1950);
  CHECK(last_year == 2049);
  CHECK(leap_days > 0);
}

TEST_CASE("digits of a date are linked to their digits, a padding zero to the digit it stands before") {
  const auto task = make_toy_task("dates", {.seed = 2});
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const Example e = task->example(Split::train, i);
    const std::string source = text_of(e.source);
    INFO(source);
    const auto from = sure_sources(e);
    auto parts = parse(source).first;
    const Part year = parts['y'], month = parts['m'], day = parts['d'];
    for (int t = 0; t < 4; ++t) REQUIRE(from[static_cast<std::size_t>(t)] == year.at + t);
    REQUIRE(from[8] == day.at);
    REQUIRE(from[9] == day.at + day.size - 1);
    const bool named = !std::isdigit(static_cast<unsigned char>(month.text[0]));
    REQUIRE(from[5] == month.at);
    REQUIRE(from[6] == (named ? month.at : month.at + month.size - 1));
    int possible = 0;
    for (const Link& link : e.gold)
      if (!link.sure && (link.target == 5 || link.target == 6)) {
        REQUIRE(link.source > month.at);
        REQUIRE(link.source < month.at + month.size);
        ++possible;
      }
    REQUIRE(possible == (named ? 2 * (month.size - 1) : 0));
  }
}

TEST_CASE("the dashes of a date are linked to the separators beside the year and beside the day") {
  const auto task = make_toy_task("dates", {.seed = 3});
  const auto dashes = [&](const std::string& pattern) {
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      const Example e = task->example(Split::train, i);
      const std::string source = text_of(e.source);
      if (!std::regex_match(source, std::regex(pattern))) continue;
      const auto from = sure_sources(e);
      return std::pair(from[4], from[7]);
    }
    return std::pair(-1, -1);
  };
  CHECK(dashes(R"(\d{4}\.\d\.\d)") == std::pair(4, 6));             // 1999.3.5
  CHECK(dashes(R"(\d\d/\d\d/\d{4})") == std::pair(5, 2));           // 05/03/1999
  CHECK(dashes(R"(march \d, \d{4})") == std::pair(8, 5));           // march 5, 1999
  CHECK(dashes(R"(\d march \d{4})") == std::pair(7, 1));            // 5 march 1999
  CHECK(dashes(R"(\dth of march \d{4})") == std::pair(12, 3));      // 5th of march 1999
  CHECK(dashes(R"(tuesday, \d march \d{4})") == std::pair(16, 8));  // tuesday, 5 march 1999
  CHECK(dashes(R"(\d-mar-\d{4})") == std::pair(5, 1));              // 5-mar-1999
}

TEST_CASE("dates are taken as characters, in lower case") {
  const auto task = make_toy_task("dates", {});
  CHECK(task->tokenize("5 Mar") == Words{"5", " ", "m", "a", "r"});
  CHECK(task->tokenize("é1") == Words{"é", "1"});
  CHECK(task->join(Words{"1", "9", "-"}) == "19-");
}
