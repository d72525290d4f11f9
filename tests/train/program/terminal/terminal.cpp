#include <gaze/train/program/terminal/terminal.h>
#include <unistd.h>

#include <array>
#include <map>

#include "../../../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

using Variables = std::map<std::string, std::string>;

Terminal detect(const Variables& variables, bool is_terminal = true, int columns = 0, int rows = 0) {
  return detect_terminal(is_terminal, columns, rows, [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

Terminal screen(int columns, int rows) { return {true, ColorMode::true_color, columns, rows, true}; }

}  // namespace

TEST_CASE("colour is what the environment promises", "[terminal]") {
  struct Row {
    Variables variables;
    ColorMode color;
  };
  const std::vector<Row> table{
      {{}, ColorMode::plain},
      {{{"TERM", "vt100"}}, ColorMode::plain},
      {{{"TERM", "xterm"}}, ColorMode::plain},
      {{{"TERM", "xterm-256color"}}, ColorMode::colors_256},
      {{{"TERM", "tmux-256color-bce"}}, ColorMode::colors_256},
      {{{"TERM", "xterm-direct"}}, ColorMode::true_color},
      {{{"TERM", "direct-xterm"}}, ColorMode::plain},
      {{{"TERM", "xterm-256color"}, {"COLORTERM", "truecolor"}}, ColorMode::true_color},
      {{{"TERM", "xterm"}, {"COLORTERM", "24bit"}}, ColorMode::true_color},
      {{{"TERM", "xterm-256color"}, {"COLORTERM", "yes"}}, ColorMode::colors_256},
      {{{"TERM", "dumb"}, {"COLORTERM", "truecolor"}}, ColorMode::plain},
      {{{"TERM", "xterm-256color"}, {"NO_COLOR", "1"}}, ColorMode::plain},
      {{{"TERM", "xterm-direct"}, {"COLORTERM", "24bit"}, {"NO_COLOR", "0"}}, ColorMode::plain},
      {{{"TERM", "xterm-256color"}, {"NO_COLOR", ""}}, ColorMode::colors_256},
  };
  for (const Row& row : table) {
    std::string description;
    for (const auto& [name, value] : row.variables) description += name + "=" + value + " ";
    INFO(description);
    CHECK(detect(row.variables).color == row.color);
    CHECK(detect(row.variables, false).color == ColorMode::plain);
  }
}

TEST_CASE("only a terminal that can move its cursor is interactive", "[terminal]") {
  CHECK(detect({{"TERM", "xterm"}}).interactive);
  CHECK(detect({{"TERM", "xterm"}, {"NO_COLOR", "1"}}).interactive);
  CHECK_FALSE(detect({{"TERM", "dumb"}}).interactive);
  CHECK_FALSE(detect({{"TERM", "xterm"}}, false).interactive);
}

TEST_CASE("the window knows its size best, then COLUMNS and LINES", "[terminal]") {
  const Variables variables{{"COLUMNS", "132"}, {"LINES", "50"}};
  CHECK(detect(variables, true, 100, 40).columns == 100);
  CHECK(detect(variables, true, 100, 40).rows == 40);
  CHECK(detect(variables).columns == 132);
  CHECK(detect(variables).rows == 50);
  CHECK(detect({}).columns == 80);
  CHECK(detect({}).rows == 24);
  for (const char* nonsense : {"", "0", "-5", "wide", "80x24", "99999999999999"})
    CHECK(detect({{"COLUMNS", nonsense}}).columns == 80);
}

TEST_CASE("the first locale variable that is set decides about UTF-8", "[terminal]") {
  CHECK(detect({{"LANG", "en_GB.UTF-8"}}).unicode);
  CHECK(detect({{"LANG", "C.utf8"}}).unicode);
  CHECK(detect({{"LC_CTYPE", "C.UTF-8"}, {"LANG", "C"}}).unicode);
  CHECK(detect({{"LC_ALL", ""}, {"LANG", "en_GB.UTF-8"}}).unicode);
  CHECK_FALSE(detect({{"LC_ALL", "C"}, {"LANG", "en_GB.UTF-8"}}).unicode);
  CHECK_FALSE(detect({{"LANG", "de_DE.ISO-8859-1"}}).unicode);
  CHECK_FALSE(detect({}).unicode);
}

TEST_CASE("only terminals that are known to take hyperlinks get them", "[terminal]") {
  struct Row {
    Variables variables;
    bool hyperlinks;
  };
  const std::vector<Row> table{
      {{}, false},
      {{{"TERM", "xterm-256color"}}, false},
      {{{"TERM", "xterm-256color"}, {"VTE_VERSION", "6800"}}, true},
      {{{"TERM", "xterm-256color"}, {"VTE_VERSION", "5000"}}, false},  // it crashed
      {{{"TERM", "xterm-256color"}, {"VTE_VERSION", "4205"}, {"COLORTERM", "truecolor"}}, false},
      {{{"TERM", "xterm-256color"}, {"WT_SESSION", "5e1f"}}, true},
      {{{"TERM", "xterm-256color"}, {"TERM_PROGRAM", "iTerm.app"}}, true},
      {{{"TERM", "xterm-256color"}, {"TERM_PROGRAM", "WezTerm"}}, true},
      {{{"TERM", "xterm-256color"}, {"TERM_PROGRAM", "vscode"}}, true},
      {{{"TERM", "xterm-256color"}, {"TERM_PROGRAM", "Apple_Terminal"}, {"COLORTERM", "truecolor"}}, false},
      {{{"TERM", "xterm-kitty"}}, true},
      {{{"TERM", "foot-extra"}}, true},
      {{{"TERM", "xterm-256color"}, {"COLORTERM", "truecolor"}}, true},
      {{{"TERM", "xterm-256color"}, {"COLORTERM", "truecolor"}, {"NO_COLOR", "1"}}, true},
      {{{"TERM", "linux"}, {"COLORTERM", "truecolor"}}, false},
      {{{"TERM", "dumb"}, {"VTE_VERSION", "6800"}}, false},
      {{{"TERM", "tmux-256color"}, {"TERM_PROGRAM", "tmux"}, {"TERM_PROGRAM_VERSION", "3.4"}}, true},
      {{{"TERM", "screen"}, {"TERM_PROGRAM", "tmux"}, {"TERM_PROGRAM_VERSION", "3.5a"}}, true},
      {{{"TERM", "screen"}, {"TERM_PROGRAM", "tmux"}, {"TERM_PROGRAM_VERSION", "3.3a"}, {"VTE_VERSION", "6800"}},
       false},
      {{{"TERM", "xterm-256color"}, {"TMUX", "/tmp/t,1,0"}, {"VTE_VERSION", "6800"}}, false},
      {{{"TERM", "screen.xterm-256color"}, {"COLORTERM", "truecolor"}}, false},
      {{{"TERM", "xterm-256color"}, {"STY", "1.pts"}, {"WT_SESSION", "5e1f"}}, false},
      {{{"TERM", "xterm"}, {"FORCE_HYPERLINK", "1"}}, true},
      {{{"TERM", "xterm-kitty"}, {"FORCE_HYPERLINK", "0"}}, false},
      {{{"TERM", "xterm-kitty"}, {"FORCE_HYPERLINK", ""}}, true},
      {{{"TERM", "dumb"}, {"FORCE_HYPERLINK", "1"}}, false},
  };
  for (const Row& row : table) {
    std::string description;
    for (const auto& [name, value] : row.variables) description += name + "=" + value + " ";
    INFO(description);
    CHECK(detect(row.variables).hyperlinks == row.hyperlinks);
    CHECK_FALSE(detect(row.variables, false).hyperlinks);
  }
}

TEST_CASE("a file is named by its path, and where that can be clicked, by its URL as well", "[terminal]") {
  CHECK(file_url("/home/ann/runs/demo-2/report_1.html", "box") == "file://box/home/ann/runs/demo-2/report_1.html");
  CHECK(file_url("/a b/\"it's\"/é;50%#?\x1b\n", "") == "file:///a%20b/%22it%27s%22/%C3%A9%3B50%25%23%3F%1B%0A");

  Terminal terminal = screen(80, 24);
  const std::filesystem::path path = "runs/a b/report.html";
  CHECK(file_link(path, terminal) == "runs/a b/report.html");
  CHECK(file_link("a\x1b[2Jb", terminal) == "a\uFFFD[2Jb");
  terminal.hyperlinks = true;
  std::array<char, 256> host{};
  REQUIRE(gethostname(host.data(), host.size() - 1) == 0);
  const std::string url = file_url(std::filesystem::current_path() / path, host.data());
  CHECK(file_link(path, terminal) == "\x1b]8;;" + url + "\x1b\\runs/a b/report.html\x1b]8;;\x1b\\");
  CHECK_THAT(file_link("../a", terminal), !ContainsSubstring("/../"));
}

TEST_CASE("a pipe is plain and not interactive", "[terminal]") {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const Terminal terminal = detect_terminal(ends[1]);
  CHECK_FALSE(terminal.interactive);
  CHECK(terminal.color == ColorMode::plain);
  CHECK(terminal.columns > 0);
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("display width counts columns", "[terminal]") {
  struct Row {
    std::string_view text;
    int width;
  };
  const std::vector<Row> table{
      {"", 0},
      {"chat", 4},
      {"\u00E9t\u00E9", 3},
      {"e\u0301te\u0301", 3},
      {"苹果", 4},
      {"我 喜欢 苹果", 12},
      {"日本語テスト", 12},
      {"한국어", 6},
      {"\u1112\u1161\u11AB", 2},
      {"ＡＢ", 4},
      {"ｱ", 1},
      {"\u20AC", 1},
      {"●✓·░█…", 6},
      {"😀", 2},
      {"⭐", 2},
      {"👩\u200D🚀", 4},
      {"🇫🇷", 2},
      {"❤\uFE0F", 1},
      {"𠀀", 2},
      {"नमस्ते", 4},
      {"\u0E01\u0E34\u0E19", 2},
      {"\uFFFD", 1},
      {"\x1b\x07\n\t\x7f", 0},
      {"\u009B", 0},
      {"a\u200Bb", 2},
      {"\U0001E8D0a", 1},  // a mark of a script in little use
      {"\u20E3", 0},
      {"\U0001FAE0", 2},
  };
  for (const Row& row : table) {
    INFO(row.text);
    CHECK(display_width(row.text) == row.width);
  }
}

TEST_CASE("invalid UTF-8 takes a column a byte, as it is shown", "[terminal]") {
  struct Row {
    std::string text, shown;
  };
  const std::vector<Row> table{
      {"a\xff"
       "b",
       "a\uFFFDb"},
      {"\xc3", "\uFFFD"},
      {"\xe8\x8b", "\uFFFD\uFFFD"},
      {"\xc0\xaf", "\uFFFD\uFFFD"},
      {"\xe0\x80\xaf", "\uFFFD\uFFFD\uFFFD"},
      {"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD"},
      {"\xf4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"\xf0\x9f\x98"
       "é",
       "\uFFFD\uFFFD\uFFFDé"},
  };
  for (const Row& row : table) {
    CHECK(printable(row.text) == row.shown);
    CHECK(display_width(row.text) == display_width(row.shown));
  }
}

TEST_CASE("printable text cannot steer the terminal", "[terminal]") {
  CHECK(printable("\x1b[2Jchat\r\n") == "\uFFFD[2Jchat\uFFFD\uFFFD");
  CHECK(printable(std::string("a\0b", 3)) == "a\uFFFDb");
  CHECK(printable("\u009B2J") == "\uFFFD2J");
  CHECK(printable("\u202Etac") == "\uFFFDtac");
  CHECK(printable("e\u0301 苹果 👩\u200D🚀") == "e\u0301 苹果 👩\u200D🚀");
}

TEST_CASE("pad fills to an exact width", "[terminal]") {
  CHECK(pad("le", 5) == "le   ");
  CHECK(pad("le", 5, Align::right) == "   le");
  CHECK(pad("le", 5, Align::center) == " le  ");
  CHECK(pad("苹果", 6, Align::right) == "  苹果");
  CHECK(pad("e\u0301", 3) == "e\u0301  ");
  CHECK(pad("chat", 3) == "chat");
  CHECK(pad("", 0).empty());
  CHECK(pad("a", -2) == "a");
}

TEST_CASE("clip never cuts inside a character", "[terminal]") {
  CHECK(clip("chat", 4) == "chat");
  CHECK(clip("chaton", 4) == "cha…");
  CHECK(clip("chaton", 4, false) == "cha~");
  CHECK(clip("chaton", 1) == "…");
  CHECK(clip("chaton", 0).empty());
  CHECK(clip("苹果汁", 6) == "苹果汁");
  CHECK(clip("苹果汁", 5) == "苹果…");
  CHECK(clip("苹果汁", 4) == "苹…");
  CHECK(clip("苹果汁", 2) == "…");
  CHECK(clip("e\u0301te\u0301s", 3) == "e\u0301t…");
  CHECK(clip("e\u0301te\u0301s", 2) == "e\u0301…");
  CHECK(clip("👩\u200D🚀ab", 4) == "…");
  CHECK(clip("👩\u200D🚀ab", 5) == "👩\u200D🚀…");
  CHECK(clip("🇫🇷🇬🇧!", 4) == "🇫🇷…");
  CHECK(clip("👍🏽abc", 4) == "…");
  CHECK(clip("\u1112\u1161\u11AB\u1112\u1161\u11AB\u1112", 4) == "\u1112\u1161\u11AB…");
  CHECK(clip("निनिनि", 2) == "नि…");
}

TEST_CASE("clip and pad together give every width exactly", "[terminal]") {
  for (const std::string text : {"chat", "苹果汁", "e\u0301te\u0301s", "a苹\xff👩\u200D🚀🇫🇷z", "नमस्ते"})
    for (int width = 0; width < 15; ++width) {
      INFO(text << " in " << width);
      CHECK(display_width(clip(text, width)) <= width);
      CHECK(display_width(pad(clip(text, width, false), width)) == width);
    }
}

TEST_CASE("a frame replaces the one before in place", "[terminal]") {
  Redraw redraw;
  const Terminal terminal = screen(20, 10);
  CHECK(redraw.frame(std::vector<std::string>{"one", "two"}, terminal) == "\x1b[Kone\n\x1b[Ktwo\n");
  CHECK(redraw.frame(std::vector<std::string>{"a", "b", "c"}, terminal) == "\r\x1b[2A\x1b[Ka\n\x1b[Kb\n\x1b[Kc\n");
  CHECK(redraw.frame(std::vector<std::string>{"d"}, terminal) == "\r\x1b[3A\x1b[Kd\n\x1b[J");
  CHECK(redraw.frame(std::vector<std::string>{}, terminal) == "\r\x1b[1A\x1b[J");
  CHECK(redraw.frame(std::vector<std::string>{"e"}, terminal) == "\x1b[Ke\n");
  redraw.finish();
  CHECK(redraw.frame(std::vector<std::string>{"f"}, terminal) == "\x1b[Kf\n");
}

TEST_CASE("a frame stays within the terminal", "[terminal]") {
  Redraw redraw;
  const std::vector<std::string> lines{"0123456789", "苹果苹果", "3", "4", "5"};
  CHECK(redraw.frame(lines, screen(5, 4)) == "\x1b[K01234\n\x1b[K苹果\n\x1b[K3\n");
  CHECK(redraw.frame(lines, screen(80, 2)) == "\r\x1b[3A\x1b[K0123456789\n\x1b[J");
}

TEST_CASE("a frame covers what a window that became narrower made of the one before", "[terminal]") {
  Redraw redraw;
  const std::vector<std::string> lines{"0123456789", "\x1b[1m苹果苹果\x1b[0m", "", "abc"};
  redraw.frame(lines, screen(20, 10));
  // Ten columns are three rows of four, eight are two, and nothing and three are one each.
  CHECK(redraw.frame(std::vector<std::string>{"x"}, screen(4, 10)) == "\r\x1b[7A\x1b[Kx\n\x1b[J");
  CHECK(redraw.frame(lines, screen(4, 10)) == "\r\x1b[1A\x1b[K0123\n\x1b[K\x1b[1m苹果\x1b[0m\n\x1b[K\n\x1b[Kabc\n");
  // What was cut to four columns stays four columns wide.
  CHECK(redraw.frame(std::vector<std::string>{"x"}, screen(20, 10)) == "\r\x1b[4A\x1b[Kx\n\x1b[J");
}

TEST_CASE("the width of a styled line is that of its text", "[terminal]") {
  CHECK(styled_width("") == 0);
  CHECK(styled_width("\x1b[1;38;2;1;2;3mab\x1b[0m苹 \x1b[2m\x1b[0m") == 5);
  CHECK(styled_width("\xff\x1b[0m") == 1);
}

TEST_CASE("a clipped line keeps its styles and drops other control sequences", "[terminal]") {
  Redraw redraw;
  const std::vector<std::string> lines{"\x1b[1;38;5;9mabc\x1b[0mdef\x1b[2m!\x1b[0m", "x\x1b[2Jy\n"};
  CHECK(redraw.frame(lines, screen(4, 10)) ==
        "\x1b[K\x1b[1;38;5;9mabc\x1b[0md\x1b[2m\x1b[0m\n"
        "\x1b[Kx\uFFFD[2\n");
}

TEST_CASE("without a terminal lines follow each other whole", "[terminal]") {
  Redraw redraw;
  Terminal file;
  file.columns = 3;
  file.rows = 2;
  const std::vector<std::string> lines{"longer than that", "two", "three"};
  CHECK(redraw.frame(lines, file) == "longer than that\ntwo\nthree\n");
  CHECK(redraw.frame(lines, file) == "longer than that\ntwo\nthree\n");
}

TEST_CASE("draw writes the frame to the file", "[terminal]") {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  Redraw redraw;
  redraw.draw(std::vector<std::string>{"one"}, screen(20, 10), file);
  redraw.draw(std::vector<std::string>{"two"}, screen(20, 10), file);
  std::rewind(file);
  std::array<char, 64> bytes{};
  const std::size_t count = std::fread(bytes.data(), 1, bytes.size(), file);
  std::fclose(file);
  CHECK(std::string(bytes.data(), count) == "\x1b[Kone\n\r\x1b[1A\x1b[Ktwo\n");
}
