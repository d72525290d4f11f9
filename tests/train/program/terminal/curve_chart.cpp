#include <gaze/train/program/terminal/curve_chart.h>

#include <algorithm>
#include <limits>

#include "../../../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

Terminal terminal(ColorMode color = ColorMode::plain, bool unicode = true) { return {true, color, 120, 24, unicode}; }

Curve falling(const std::string& name = "loss") {
  return {.name = name, .top = 4, .top_label = "4.00", .bottom_label = "0", .shade = 1, .points = {{0, 4}, {100, 0}}};
}

using Lines = std::vector<std::string>;

Lines chart(const std::vector<Curve>& curves, int columns, int rows, const Terminal& t = terminal()) {
  return render(curves, 0, 100, columns, rows, t);
}

}  // namespace

TEST_CASE("a curve is drawn between its axes, in braille or in plain characters", "[curve_chart]") {
  CHECK(chart({falling()}, 24, 4) == Lines{
                                         "4.00 ┤⠉⠒⠢⠤⣀⣀            ",
                                         "loss │      ⠉⠑⠒⠤⢄⣀      ",
                                         "   0 ┤            ⠉⠉⠒⠢⠤⣀",
                                         "step  0              100",
                                     });
  CHECK(chart({falling()}, 24, 4, terminal(ColorMode::plain, false)) == Lines{
                                                                            "4.00 +''....            ",
                                                                            "loss |      '''...      ",
                                                                            "   0 +            ''''..",
                                                                            "step  0              100",
                                                                        });
}

TEST_CASE("curves share the rows, and those that have too few are left out from the front", "[curve_chart]") {
  const std::vector<Curve> curves = {falling("loss"), falling("AER")};
  const auto names = [&](int rows) {
    std::string found;
    for (const std::string& line : chart(curves, 30, rows))
      for (const char* name : {"loss", "AER"})
        if (line.find(name) != line.npos) found += name;
    return found;
  };
  CHECK(names(9) == "lossAER");
  CHECK(names(7) == "lossAER");
  CHECK(names(6) == "AER");
  CHECK(names(4) == "AER");
  CHECK(names(3) == "");
  CHECK(names(-2) == "");
  for (const int rows : {4, 5, 6, 7, 8, 9, 15}) CHECK(chart(curves, 30, rows).size() == static_cast<std::size_t>(rows));
  CHECK(chart(curves, min_chart_columns - 1, 9).empty());
  CHECK(chart({}, 30, 9).empty());
}

TEST_CASE("a chart has the width that it is given, in every mode", "[curve_chart]") {
  for (const ColorMode color : {ColorMode::plain, ColorMode::colors_256, ColorMode::true_color})
    for (const bool unicode : {false, true})
      for (int columns = min_chart_columns; columns < 90; ++columns)
        for (const std::string& line : chart({falling(), falling("AER")}, columns, 9, terminal(color, unicode))) {
          CAPTURE(line);
          REQUIRE(styled_width(line) == columns);
          REQUIRE((line.find('\x1b') == line.npos) == (color == ColorMode::plain));
          if (!unicode)
            REQUIRE(std::all_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 128; }));
        }
}

TEST_CASE("points are joined over gaps and over values that are not numbers", "[curve_chart]") {
  Curve gaps = falling();
  gaps.points.insert(gaps.points.begin() + 1, {50, std::numeric_limits<double>::quiet_NaN()});
  CHECK(chart({gaps}, 40, 5) == chart({falling()}, 40, 5));
  gaps.points[1].second = std::numeric_limits<double>::infinity();
  CHECK(chart({gaps}, 40, 5) == chart({falling()}, 40, 5));
}

TEST_CASE("what lies outside is drawn at the edges", "[curve_chart]") {
  Curve outside = falling();
  outside.points = {{-50, 99}, {500, -99}};
  CHECK(chart({outside}, 40, 5) == chart({falling()}, 40, 5));
  outside.points.clear();
  const auto empty = chart({outside}, 40, 5);
  REQUIRE(empty.size() == 5);
  CHECK_THAT(empty[0], StartsWith("4.00 ┤   "));
  CHECK(render(std::vector<Curve>{falling()}, 7, 7, 40, 5, terminal()).size() == 5);  // a training of no steps
  outside.top = 0;                                                                    // no value was above it
  outside.points = {{0, 0}, {100, 0}};
  CHECK(chart({outside}, 40, 5).size() == 5);
}
