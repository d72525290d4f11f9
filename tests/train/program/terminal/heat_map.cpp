#include <gaze/autograd/base/error.h>
#include <gaze/train/program/terminal/heat_map.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "../../../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr auto kModes = {ColorMode::plain, ColorMode::colors_256, ColorMode::true_color};

HeatMap swap() {
  return {{"the", "black", "cat"},
          {"le", "chat", "noir"},
          {0.97, 0.02, 0.01, 0.30, 0.20, 0.50, 0.05, 0.40, 0.55},
          {{0, 0, true}, {2, 1, true}, {1, 1, false}, {1, 2, true}},
          "step 100"};
}

/// A map with long and wide words: 8 target and 15 source words.
HeatMap crowded() {
  HeatMap map;
  map.title = "Une phrase assez longue pour ne tenir sur aucune ligne, pas même sur celle d'un très grand écran, 苹果";
  map.rows = {"internationalisation",
              "苹果苹果苹果苹果",
              "e\u0301te\u0301",
              "",
              "\x1b[2J",
              "a\xff"
              "b",
              "😀",
              "."};
  map.columns = {"extraordinairement", "苹果", "我", "a", "", "\t", "\xc3", "👩\u200D🚀"};
  for (int i = 8; i < 15; ++i) map.columns.push_back("mot" + std::to_string(i));
  for (std::size_t i = 0; i < 8 * 15; ++i) map.weights.push_back(static_cast<double>(i % 15) / 14);
  map.weights[17] = kNaN;
  for (int i = 0; i < 8; ++i) map.gold.push_back({2 * i, i, i % 2 == 0});
  return map;
}

Terminal terminal(ColorMode color, int columns = 80, bool unicode = true) {
  return {true, color, columns, 24, unicode};
}

/// The line without its SGR sequences.
std::string strip(std::string line) {
  for (std::size_t start; (start = line.find("\x1b[")) != line.npos;)
    line.erase(start, line.find_first_not_of("0123456789;", start + 2) - start + 1);
  return line;
}

std::vector<std::string> plain_text(const HeatMap& map, const Terminal& terminal) {
  std::vector<std::string> lines = render(map, terminal);
  for (std::string& line : lines) line = strip(line);
  return lines;
}

bool contains(const std::string& line, std::string_view part) { return line.find(part) != line.npos; }

}  // namespace

TEST_CASE("a heat map in colour shows numbers, links and the strongest cell", "[heat_map]") {
  for (const ColorMode mode : {ColorMode::colors_256, ColorMode::true_color})
    CHECK(plain_text(swap(), terminal(mode)) ==
          std::vector<std::string>{
              "step 100",
              "         le     chat    noir  ",
              "  the [● 97% ]    2%      1%   ✓",
              "black    30%  (  20% )[● 50% ] ✓",
              "  cat     5%  [  40% ] ● 55%   ·",
              "0%          100%  ● strongest  [ ] sure link  ( ) possible link  ✓ hit  · miss",
          });
}

TEST_CASE("a heat map without colour shows ink", "[heat_map]") {
  CHECK(render(swap(), terminal(ColorMode::plain)) ==
        std::vector<std::string>{
            "step 100",
            "          le       chat      noir   ",
            "  the [●██ 97% ]      2%        1%   ✓",
            "black  ░░░ 30%  (░░░ 20% )[●▒▒ 50% ] ✓",
            "  cat       5%  [▒▒▒ 40% ] ●▒▒ 55%   ·",
            "0%  ░▒▓█ 100%  ● strongest  [ ] sure link  ( ) possible link  ✓ hit  · miss",
        });
  CHECK(render(swap(), terminal(ColorMode::plain, 80, false)) ==
        std::vector<std::string>{
            "step 100",
            "          le       chat      noir   ",
            "  the [>@@ 97% ]      2%        1%   +",
            "black  --- 30%  (::: 20% )[>++ 50% ] +",
            "  cat       5%  [=== 40% ] >++ 55%   x",
            "0%  .:-=+*#%@ 100%  > strongest  [ ] sure link  ( ) possible link  + hit  x miss",
        });
}

TEST_CASE("colours differ by mode and rise with the weight", "[heat_map]") {
  const HeatMap map{{"a"}, {"x", "y"}, {0.0, 1.0}, {}, ""};
  const std::string true_color = render(map, terminal(ColorMode::true_color))[1];
  CHECK(contains(true_color, "48;2;32;38;54m"));
  CHECK(contains(true_color, "48;2;255;224;64m"));
  CHECK_FALSE(contains(true_color, ";5;"));
  const std::string palette = render(map, terminal(ColorMode::colors_256))[1];
  CHECK(contains(palette, "48;5;235m"));
  CHECK(contains(palette, "48;5;221m"));
  CHECK_FALSE(contains(palette, ";2;"));
}

TEST_CASE("text stands out from its cell at every weight", "[heat_map]") {
  const auto luminance = [](double red, double green, double blue) {
    const auto linear = [](double part) {
      return part <= 10 ? part / 3294.6 : std::pow((part + 14.025) / 269.025, 2.4);
    };
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  };
  double last = 0;
  for (int percent = 0; percent <= 100; ++percent) {
    const HeatMap map{{"a"}, {"x", "y"}, {1, percent / 100.0}, {}, ""};
    const std::string line = render(map, terminal(ColorMode::true_color))[1];
    std::array<double, 6> part{};
    REQUIRE(std::sscanf(line.c_str() + line.rfind("38;2;"), "38;2;%lf;%lf;%lf;48;2;%lf;%lf;%lfm", &part[0], &part[1],
                        &part[2], &part[3], &part[4], &part[5]) == 6);
    const double text = luminance(part[0], part[1], part[2]) + 0.05;
    const double background = luminance(part[3], part[4], part[5]) + 0.05;
    INFO(percent << " %");
    CHECK(std::max(text, background) / std::min(text, background) >= 4.5);
    CHECK(background > last);
    last = background;
  }
}

TEST_CASE("every line fits the terminal", "[heat_map]") {
  for (const HeatMap& map : {swap(), crowded()})
    for (const ColorMode mode : kModes)
      for (const bool unicode : {false, true})
        for (int columns = 8; columns <= 200; ++columns)
          for (const std::string& line : render(map, terminal(mode, columns, unicode))) {
            const std::string text = strip(line);
            INFO(columns << " columns: " << text);
            REQUIRE(display_width(text) <= columns);
            REQUIRE(text == printable(text));
          }
}

TEST_CASE("a map without colour holds no escape byte", "[heat_map]") {
  for (const HeatMap& map : {swap(), crowded()})
    for (int columns = 20; columns <= 200; columns += 9)
      for (const std::string& line : render(map, terminal(ColorMode::plain, columns)))
        REQUIRE_FALSE(contains(line, "\x1b"));
}

TEST_CASE("every style that a line switches on is switched off", "[heat_map]") {
  for (const std::string& line : render(crowded(), terminal(ColorMode::true_color))) {
    const std::size_t style = line.rfind("\x1b[");
    if (style != line.npos) CHECK(line.substr(style, 4) == "\x1b[0m");
  }
}

TEST_CASE("rows stay aligned below wide words", "[heat_map]") {
  const HeatMap map{{"I", "like", "苹果"},
                    {"我", "喜欢", "苹果"},
                    {0.93, 0.05, 0.02, 0.08, 0.88, 0.04, 0.01, 0.01, 0.98},
                    {{0, 0, true}, {1, 1, true}, {2, 2, true}},
                    ""};
  const std::vector<std::string> lines = plain_text(map, terminal(ColorMode::true_color));
  CHECK(lines[0] == "        我     喜欢    苹果  ");
  CHECK(lines[3] == "苹果     1%      1%  [● 98% ] ✓");
  CHECK(display_width(lines[1]) == display_width(lines[3]));
}

TEST_CASE("the strongest cell is the first of equals, even out of sight, and none of a row of zeros", "[heat_map]") {
  HeatMap map = swap();
  map.weights = {0.4, 0.4, 0.2, 0, 0, 0, 0, 0, 1};
  const std::vector<std::string> lines = plain_text(map, terminal(ColorMode::true_color));
  CHECK(lines[2] == "  the [● 40% ]   40%     20%   ✓");
  CHECK(lines[3] == "black     0%  (   0% )[   0% ] ·");

  const std::vector<std::string> narrow = plain_text(map, terminal(ColorMode::true_color, 18));
  CHECK(narrow[4] == " cat      [   ] ·");
  CHECK(narrow.back() == "1 more source wor…");
}

TEST_CASE("columns that do not fit are counted", "[heat_map]") {
  const auto last = [](int columns) { return plain_text(crowded(), terminal(ColorMode::true_color, columns)).back(); };
  CHECK(last(60) == "6 more source words do not fit");
  CHECK_FALSE(contains(last(120), "fit"));
}

TEST_CASE("cells lose the percent sign, then the number, as they narrow", "[heat_map]") {
  const HeatMap map{{"a"}, {"x", "y"}, {0.25, 1.0}, {}, ""};
  const auto row = [&](int columns) { return plain_text(map, terminal(ColorMode::colors_256, columns))[1]; };
  CHECK(row(18) == "a    25%   ●100%  ");
  CHECK(row(16) == "a    25%  ●100% ");
  CHECK(row(14) == "a   25%  ●100 ");
  CHECK(row(12) == "a        ●  ");
  CHECK(row(8) == "a     ● ");
}

TEST_CASE("row marks appear only where there is gold", "[heat_map]") {
  HeatMap map = swap();
  map.gold = {{0, 0, true}};
  std::vector<std::string> lines = plain_text(map, terminal(ColorMode::plain));
  CHECK(contains(lines[2], "✓"));
  CHECK_FALSE(contains(lines[3], "·"));
  CHECK_FALSE(contains(lines.back(), "possible"));

  map.gold.clear();
  lines = plain_text(map, terminal(ColorMode::plain));
  for (const std::string& line : lines)
    for (const char* mark : {"[", "(", "✓", "·"}) CHECK_FALSE(contains(line, mark));
}

TEST_CASE("a link that is both sure and possible is sure", "[heat_map]") {
  HeatMap map = swap();
  map.gold = {{0, 0, true}, {0, 0, false}};
  CHECK(contains(plain_text(map, terminal(ColorMode::plain))[2], "[●██ 97% ]"));
}

TEST_CASE("weights that are none are shown as such", "[heat_map]") {
  for (const double broken : {kNaN, -0.1, 1.5, std::numeric_limits<double>::infinity()})
    for (const ColorMode mode : kModes) {
      HeatMap map = swap();
      map.weights[1] = broken;
      const std::vector<std::string> lines = plain_text(map, terminal(mode));
      CHECK(contains(lines[2], "?"));
      CHECK(contains(lines[2], "97%"));
      CHECK_FALSE(contains(lines[2], "●"));
      CHECK(contains(lines[2], "·"));
      CHECK(contains(lines[3], "●"));
      CHECK(contains(lines.back(), "? not a weight"));
    }
  HeatMap map = swap();
  map.weights[0] = 1.0000001;
  CHECK(contains(plain_text(map, terminal(ColorMode::true_color))[2], "[●100% ]"));
}

TEST_CASE("words cannot steer the terminal", "[heat_map]") {
  HeatMap map = swap();
  map.rows[0] = map.columns[0] = map.title = "\x1b[2J\n";
  for (const std::string& line : render(map, terminal(ColorMode::plain))) {
    CHECK_FALSE(contains(line, "\x1b"));
    CHECK_FALSE(contains(line, "\n"));
  }
}

TEST_CASE("empty sentences make an empty picture", "[heat_map]") {
  CHECK(render({}, terminal(ColorMode::plain)).size() == 2);
  const HeatMap no_source{{"the", "cat"}, {}, {}, {}, ""};
  CHECK(render(no_source, terminal(ColorMode::true_color))[1] == "the ");
  const HeatMap no_target{{}, {"le", "chat"}, {}, {}, ""};
  CHECK(contains(render(no_target, terminal(ColorMode::true_color))[0], "chat"));
}

TEST_CASE("sizes that do not agree throw", "[heat_map]") {
  HeatMap map = swap();
  map.weights.pop_back();
  CHECK_THROWS_WITH(render(map, {}), "heat map: 8 weights must fill 3 rows x 3 columns");
  for (const Link& mark : {Link{3, 0, true}, Link{0, 3, true}, Link{-1, 0, true}, Link{0, -1, false}}) {
    map = swap();
    map.gold = {mark};
    CHECK_THROWS_AS(render(map, {}), Error);
  }
}

TEST_CASE("a map as SVG has a cell for each weight, frames for gold and no markup from words") {
  const HeatMap map{.rows = {"<b>", "y"},
                    .columns = {"a&b", "c", "d\x1b"},
                    .weights = {0, .25, .75, 1, 0, 0},
                    .gold = {{2, 0, true}, {1, 1, false}},
                    .title = "x < y"};
  const std::string svg = to_svg(map);
  const auto count = [&](std::string_view text) {
    int n = 0;
    for (std::size_t at = svg.find(text); at != svg.npos; at = svg.find(text, at + 1)) ++n;
    return n;
  };
  CHECK(count("fill=\"rgb(") == 6);
  CHECK(count("<circle") == 2);
  CHECK(count("fill=\"none\"") == 2);
  CHECK(count("stroke-dasharray") == 1);
  CHECK(count("fill=\"rgb(11,45,97)\"") == 1);  // all of the attention
  CHECK(count("<b>") == 0);
  CHECK(count("&lt;b&gt;") == 4);  // a label, and the tooltips of a row
  CHECK(count("a&amp;b") == 3);
  CHECK(count("\x1b") == 0);
  CHECK(count("75.0 %") == 1);
  CHECK_THROWS_WITH(to_svg({.rows = {"x"}, .columns = {"y"}, .weights = {}, .gold = {}, .title = ""}),
                    ContainsSubstring("0 weights"));
  CHECK_THROWS_WITH(to_svg({.rows = {"x"}, .columns = {"y"}, .weights = {1}, .gold = {{1, 0, true}}, .title = ""}),
                    ContainsSubstring("1-0"));
}

TEST_CASE("words that are written from right to left keep to their columns") {
  const HeatMap map{{"אחד", "two"}, {"שלום", "b", "עולם"}, {0.9, 0.05, 0.05, 0.1, 0.8, 0.1}, {}, "שלום b -> אחד"};
  Terminal terminal{.interactive = true, .color = ColorMode::true_color, .unicode = true};
  const auto lines = render(map, terminal);
  const auto count = [](const std::string& line, std::string_view part) {
    std::size_t found = 0;
    for (std::size_t at = line.find(part); at != line.npos; at = line.find(part, at + 1)) ++found;
    return found;
  };
  for (const std::string_view mark : {"\u2066", "\u2069"}) {
    CHECK(count(lines[0], mark) == 1);
    CHECK(count(lines[1], mark) == 2);
    CHECK(count(lines[2], mark) == 1);
    CHECK(count(lines[3], mark) == 0);
  }
  CHECK(lines[1].find("\u2066", lines[1].find("\u2069")) != std::string::npos);
  CHECK(styled_width(lines[2]) == styled_width(lines[3]));
  Redraw redraw;
  const std::string frame = redraw.frame(lines, terminal);
  CHECK(count(frame, "\u2066") == count(frame, "\u2069"));
  CHECK(count(frame, "\u2066") == 4);
  terminal.columns = 12;  // cut, every isolate ends
  const std::string narrow = Redraw().frame(lines, terminal);
  CHECK(count(narrow, "\u2066") == count(narrow, "\u2069"));
  terminal.unicode = false;
  for (const std::string& line : render(map, terminal)) CHECK(count(line, "\u2066") == 0);
  CHECK(count(to_svg(map), "unicode-bidi") == 6);
  CHECK(to_svg({{"\uFFFF"}, {"a"}, {1}, {}, ""}).find("\uFFFF") == std::string::npos);
}
