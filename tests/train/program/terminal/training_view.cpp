#include <gaze/train/program/terminal/training_view.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <sstream>

#include "../../../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

/// A view of a training of `last` steps on a terminal that the test may change, and what it wrote.
struct Watched {
  explicit Watched(const Terminal& t, std::int64_t last = 800, bool perplexity = false)
      : terminal(t), view([this] { return terminal; }, file, 0, last, perplexity) {
    REQUIRE(file != nullptr);
  }
  ~Watched() { std::fclose(file); }

  /// What was written since the last call.
  std::string written() {
    std::string text;
    std::fseek(file, read, SEEK_SET);
    std::array<char, 4096> buffer{};
    for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), file)) > 0;) text.append(buffer.data(), n);
    read = static_cast<long>(read + static_cast<long>(text.size()));
    return text;
  }
  /// The lines of a frame, without what moves the cursor or gives colour.
  std::vector<std::string> lines() {
    std::vector<std::string> lines;
    std::istringstream stream(written());
    for (std::string line; std::getline(stream, line);) {
      for (std::size_t start; (start = line.find("\x1b[")) != line.npos;)
        line.erase(start, line.find_first_not_of("0123456789;", start + 2) - start + 1);
      line.erase(0, line.find_first_not_of('\r'));
      lines.push_back(line);
    }
    return lines;
  }

  std::FILE* file = std::tmpfile();
  long read = 0;
  Terminal terminal;
  TrainingView view;
};

Figures figures(std::int64_t step, double loss, std::optional<double> aer = 0.012) {
  return {.step = step,
          .loss = loss,
          .held_out = Evaluation{.loss = 1.5, .token_accuracy = 0.95, .aer = aer},
          .tokens_per_s = 64'300};
}

HeatMap map() {
  return {{"the", "black", "cat", "sleeps", "again"},
          {"le", "chat", "noir"},
          std::vector<double>(15, 1.0 / 3),
          {{0, 0, true}},
          "le chat noir dort encore"};
}

Terminal screen(int columns, ColorMode color = ColorMode::true_color, bool unicode = true) {
  return {true, color, columns, 24, unicode};
}

Terminal file_of(int columns) {
  Terminal terminal;
  terminal.columns = columns;
  return terminal;
}

}  // namespace

TEST_CASE("the step, the loss and the alignment error rate are the last to go as a terminal narrows",
          "[training_view]") {
  for (const std::int64_t last : {800L, 100'000L})
    for (const bool perplexity : {false, true})
      for (int columns = 20; columns <= 200; ++columns) {
        Watched watched(screen(columns), last, perplexity);
        watched.view.update(figures(last, 0.1234, 0.845), map());
        const auto lines = watched.lines();
        CAPTURE(columns, lines);
        for (const std::string& line : lines) REQUIRE(display_width(line) <= columns);
        REQUIRE(lines.size() > 2);
        CHECK_THAT(lines[0], ContainsSubstring(std::to_string(last) + "/" + std::to_string(last)));
        CHECK_THAT(lines[1], ContainsSubstring("loss 0.12") && ContainsSubstring("AER") && ContainsSubstring(" %"));
        if (columns >= 26) CHECK_THAT(lines[1], ContainsSubstring("loss 0.1234") && ContainsSubstring("AER  84.5 %"));
      }
}

TEST_CASE("fields leave a narrow status in order of what they are worth", "[training_view]") {
  const auto status = [](int columns) {
    Watched watched(screen(columns));
    watched.view.update(figures(400, 0.1234), std::nullopt);
    auto lines = watched.lines();
    lines.resize(2);
    return lines;
  };
  using Lines = std::vector<std::string>;
  const auto with_time = [](const Lines& lines) { return lines[0].find(" left") != lines[0].npos; };
  CHECK(status(120)[1] == "step 400/800  loss 0.1234  accuracy  95.0 %  AER   1.2 %  64.3k tokens/s");
  CHECK(status(60)[1] == "step 400/800  loss 0.1234  accuracy  95.0 %  AER   1.2 %");
  CHECK(status(40)[1] == "step 400/800  loss 0.1234  AER   1.2 %");
  CHECK(status(30)[1] == "loss 0.1234  AER   1.2 %");
  CHECK(status(20)[1] == "loss 0.12  AER 1 %");
  CHECK(with_time(status(40)));
  CHECK(status(40)[0].starts_with("███████░░░░░░░  50 %  400/800"));
  CHECK(status(28)[0] == "███████░░░░░░  50 %  400/800");
  CHECK(status(20)[0] == " 50 %  400/800");
}

TEST_CASE("a line of a log fits 80 columns and has the fields of the line before", "[training_view]") {
  for (const bool perplexity : {false, true})
    for (const bool aer : {false, true})
      for (const std::int64_t last : {1'000L, 30'000L}) {
        Watched watched(file_of(80), last, perplexity);
        const std::optional<double> none;
        watched.view.update(
            {.step = 0, .loss = 9.12345, .held_out = figures(0, 0, aer ? std::optional(0.9) : none).held_out}, map());
        watched.view.update(figures(last / 2, 2.5, aer ? std::optional(1.0) : none), map());
        watched.view.update(figures(last, 0.5, aer ? std::optional(0.0) : none), map());
        const auto lines = watched.lines();
        CAPTURE(lines);
        REQUIRE(lines.size() == 3);
        for (const std::string& line : lines) CHECK(display_width(line) <= 80);
        // The ends have no time that is left.
        const std::size_t time = lines[1].find("  0:0");
        CHECK((time != lines[1].npos) == !(perplexity && aer));
        CHECK(lines[1].substr(0, time).size() == lines[2].size());
        CHECK((lines[2].find("AER") != lines[2].npos) == aer);
        CHECK((lines[2].find("perplexity 4.48") != lines[2].npos) == perplexity);
      }
}

TEST_CASE("a wide terminal has the curves of loss and alignment error rate beside the map", "[training_view]") {
  for (const ColorMode color : {ColorMode::plain, ColorMode::colors_256, ColorMode::true_color})
    for (const bool unicode : {false, true}) {
      const auto frame = [&](int columns) {
        Watched watched(screen(columns, color, unicode));
        watched.view.update(figures(0, 3.21, 0.9), map());
        watched.written();
        watched.view.update(figures(800, 0.5, 0.1), map());
        return watched.lines();
      };
      const auto narrow = frame(99), wide = frame(100);
      CAPTURE(narrow, wide, unicode);
      REQUIRE(wide.size() == narrow.size());
      for (std::size_t i = 0; i < wide.size(); ++i) {
        CHECK(display_width(wide[i]) <= 100);
        CHECK_THAT(wide[i], StartsWith(narrow[i]));
      }
      const std::string axis = unicode ? "┤" : "+";
      const auto has = [&](const std::vector<std::string>& lines, const std::string& text) {
        return std::any_of(lines.begin(), lines.end(), [&](auto& line) { return line.find(text) != line.npos; });
      };
      for (const std::string& text :
           {"3.21 " + axis, "100 % " + axis, "0 % " + axis, std::string("loss "), std::string("AER ")})
        CHECK(has(wide, text));
      CHECK_FALSE(has(narrow, "3.21"));
      CHECK_THAT(wide[9], ContainsSubstring("step  0") && EndsWith("800"));
    }
}

TEST_CASE("a view without colour holds no style", "[training_view]") {
  Watched watched(screen(140, ColorMode::plain));
  watched.view.update(figures(0, 3.21, 0.9), map());
  watched.view.update(figures(800, 0.5, 0.1), map());
  const std::string text = watched.written();
  CHECK_THAT(text, ContainsSubstring("┤"));
  for (std::size_t at = 0; (at = text.find("\x1b[", at)) != text.npos; at += 2) {
    const char what = text.at(text.find_first_not_of("0123456789;", at + 2));
    CHECK((what == 'K' || what == 'A'));  // the cursor moves, and nothing else
  }
}

TEST_CASE("a map that leaves no room has no curves beside it", "[training_view]") {
  HeatMap wide = map();
  wide.columns.clear();
  for (int i = 0; i < 9; ++i) wide.columns.push_back("extraordinaire");
  wide.weights.assign(45, 1.0 / 9);
  wide.gold.clear();
  Watched watched(screen(140));
  watched.view.update(figures(800, 3.21), wide);
  for (const std::string& line : watched.lines()) CHECK_THAT(line, !ContainsSubstring("┤"));
}

TEST_CASE("a title that is longer than the map stays whole beside the curves", "[training_view]") {
  HeatMap titled = map();
  titled.title = std::string(90, 'x') + "!";
  Watched watched(screen(110));
  watched.view.update(figures(800, 3.21), titled);
  const auto lines = watched.lines();
  CHECK_THAT(lines.at(3), EndsWith("x!"));
  CHECK_THAT(lines.at(4), ContainsSubstring("┤"));
}

TEST_CASE("the terminal is asked for its size at every draw", "[training_view]") {
  Watched watched(screen(140));
  watched.view.update(figures(400, 0.5), map());
  CHECK_THAT(watched.written(), ContainsSubstring("tokens/s") && ContainsSubstring("┤"));
  watched.terminal.columns = 40;
  watched.view.update(figures(410, 0.4), map());
  for (const std::string& line : watched.lines()) CHECK(display_width(line) <= 40);
  watched.terminal.columns = 140;
  watched.view.update(figures(420, 0.3), map());
  CHECK_THAT(watched.written(), ContainsSubstring("tokens/s") && ContainsSubstring("┤"));
}

TEST_CASE("without a terminal the map is printed once, in the end", "[training_view]") {
  Watched watched(file_of(80));
  watched.view.update(figures(0, 3), map());
  watched.view.tick(1);
  watched.view.update(figures(800, 1), map());
  CHECK(watched.lines().size() == 2);
  watched.view.finish();
  const auto lines = watched.lines();
  CHECK(lines.at(0) == "le chat noir dort encore");
  CHECK(lines.back() == "");
  for (const std::string& line : lines) CHECK(display_width(line) <= 80);
}

TEST_CASE("losses that are not numbers are not part of a curve", "[training_view]") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Watched watched(screen(140));
  watched.view.update(figures(400, infinity), map());
  watched.view.update(figures(410, -infinity), map());
  watched.written();
  watched.view.update(figures(800, std::numeric_limits<double>::quiet_NaN()), map());
  CHECK_THAT(watched.lines().at(1), ContainsSubstring("nan"));
}
