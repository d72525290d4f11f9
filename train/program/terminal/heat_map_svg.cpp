#include <algorithm>
#include <array>
#include <cmath>

#include <gaze/autograd/base/error.h>
#include <gaze/train/program/terminal/heat_map.h>

namespace gaze::train {
namespace {

using Color = std::array<double, 3>;

/// One hue from nearly white to nearly black, evenly darker: told apart without seeing hues, too.
std::string color_of(double weight) {
  constexpr std::array<Color, 6> stops = {
      {{241, 244, 249}, {201, 219, 239}, {143, 184, 224}, {74, 139, 198}, {28, 94, 161}, {11, 45, 97}}};
  const double place = std::clamp(weight, 0.0, 1.0) * (stops.size() - 1);
  const auto low = std::min(static_cast<std::size_t>(place), stops.size() - 2);
  const auto channel = [&](std::size_t c) {
    return std::lround(stops[low][c] + (stops[low + 1][c] - stops[low][c]) * (place - static_cast<double>(low)));
  };
  return fmt::format("rgb({},{},{})", channel(0), channel(1), channel(2));
}

/// For XML, which has no place for U+FFFE and U+FFFF either.
std::string escaped(std::string_view text) {
  std::string shown = printable(text), result;
  for (const std::string_view unknown : {"\uFFFE", "\uFFFF"})
    for (std::size_t at = shown.find(unknown); at != shown.npos; at = shown.find(unknown, at))
      shown.replace(at, unknown.size(), "\uFFFD");
  for (const char c : shown) switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      default: result += c;
    }
  return result;
}

}  // namespace

std::string to_svg(const HeatMap& map) {
  const std::size_t rows = map.rows.size(), columns = map.columns.size();
  require(map.weights.size() == rows * columns, "heat map: {} weights for {} rows and {} columns", map.weights.size(),
          rows, columns);
  for (const Link& l : map.gold)
    require(l.source >= 0 && l.target >= 0 && l.source < static_cast<int>(columns) && l.target < static_cast<int>(rows),
            "heat map: a gold link {}-{} outside of {} columns and {} rows", l.source, l.target, columns, rows);
  constexpr int cell = 36, letter = 8, margin = 12, title = 24;
  std::size_t longest_row = 0, longest_column = 0;
  for (const std::string& word : map.rows)
    longest_row = std::max(longest_row, static_cast<std::size_t>(display_width(word)));
  for (const std::string& word : map.columns)
    longest_column = std::max(longest_column, static_cast<std::size_t>(display_width(word)));
  const auto left = static_cast<int>(longest_row) * letter + 2 * margin,
             top = static_cast<int>(longest_column) * letter + 2 * margin + title;
  const int map_width = left + static_cast<int>(columns) * cell + margin,
            width = std::max(map_width, display_width(map.title) * letter + 2 * margin),
            height = top + static_cast<int>(rows) * cell + margin;

  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n<title>{2}</title>\n<rect width=\"{0}\" height=\"{1}\" "
      "fill=\"white\"/>\n<text x=\"{3}\" y=\"{4}\" font-weight=\"bold\" unicode-bidi=\"isolate\">{2}</text>\n",
      width, height, escaped(map.title), margin, margin + 8);
  for (std::size_t s = 0; s < columns; ++s) {
    const int x = left + static_cast<int>(s) * cell + cell / 2 + 4, y = top - 8;
    svg += fmt::format("<text transform=\"translate({},{}) rotate(-90)\" unicode-bidi=\"plaintext\">{}</text>\n", x, y,
                       escaped(map.columns[s]));
  }
  for (std::size_t t = 0; t < rows; ++t) {
    const int y = top + static_cast<int>(t) * cell;
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\" unicode-bidi=\"plaintext\">{}</text>\n", left - 8,
                       y + cell / 2 + 4, escaped(map.rows[t]));
    const auto row = map.weights.begin() + static_cast<std::ptrdiff_t>(t * columns);
    const auto strongest =
        static_cast<std::size_t>(std::max_element(row, row + static_cast<std::ptrdiff_t>(columns)) - row);
    for (std::size_t s = 0; s < columns; ++s) {
      const int x = left + static_cast<int>(s) * cell;
      const double weight = map.weights[t * columns + s];
      svg += fmt::format(
          "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"><title>{} - {}: {:.1f} %</title></rect>\n",
          x + 1, y + 1, cell - 2, cell - 2, color_of(weight), escaped(map.columns[s]), escaped(map.rows[t]),
          100 * weight);
      if (s == strongest)
        svg += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{}\"/>\n", x + cell / 2, y + cell / 2,
                           weight > 0.5 ? "white" : "black");
    }
  }
  for (const Link& l : map.gold)
    svg += fmt::format(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"rgb(217,102,0)\" "
        "stroke-width=\"2\"{}/>\n",
        left + l.source * cell + 1, top + l.target * cell + 1, cell - 2, cell - 2,
        l.sure ? "" : " stroke-dasharray=\"5 3\"");
  return svg + "</svg>\n";
}

}  // namespace gaze::train
