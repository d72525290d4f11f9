#include <fmt/format.h>
#include <gaze/datasets/characters.h>
#include <gaze/train/program/terminal/curve_chart.h>
#include <gaze/train/program/terminal/palette.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace gaze::train {
using namespace palette;

namespace {

/// Dots of a plot, several to a character.
class Dots {
 public:
  Dots(int columns, int rows, bool unicode)
      : unicode_(unicode),
        across_(unicode ? 2 : 1),
        down_(unicode ? 4 : 2),
        width_(columns * across_),
        height_(rows * down_),
        set_(static_cast<std::size_t>(width_ * height_)) {}

  int width() const { return width_; }
  int height() const { return height_; }
  void set(int x, int y) { set_[static_cast<std::size_t>(y * width_ + x)] = true; }

  std::string row(int number) const {
    std::string text;
    for (int x = 0; x < width_; x += across_) text += unicode_ ? braille(x, number * down_) : ascii(x, number * down_);
    return text;
  }

 private:
  bool at(int x, int y) const { return set_[static_cast<std::size_t>(y * width_ + x)]; }

  /// U+2800 and a bit for each dot, as Unicode numbers them.
  std::string braille(int x, int y) const {
    constexpr std::array<std::array<unsigned, 2>, 4> bits{{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};
    unsigned pattern = 0;
    for (int j = 0; j < 4; ++j)
      for (int i = 0; i < 2; ++i)
        if (at(x + i, y + j)) pattern |= bits[static_cast<std::size_t>(j)][static_cast<std::size_t>(i)];
    if (pattern == 0) return " ";
    return character(0x2800 + pattern);
  }

  std::string ascii(int x, int y) const {
    const bool upper = at(x, y), lower = at(x, y + 1);
    return upper && lower ? ":" : upper ? "'" : lower ? "." : " ";
  }

  bool unicode_;
  int across_, down_, width_, height_;
  std::vector<bool> set_;
};

/// Joins the points by lines: values may be rarer than columns.
void draw(Dots& dots, const Curve& curve, std::int64_t first, std::int64_t last) {
  const auto place = [](double share, int count) {
    return static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * (count - 1)));
  };
  int last_x = -1, last_y = 0;
  for (const auto& [step, value] : curve.points) {
    if (!std::isfinite(value)) continue;
    const double steps = static_cast<double>(std::max<std::int64_t>(last - first, 1));
    const int x = place(static_cast<double>(step - first) / steps, dots.width());
    const int y = place(curve.top > 0 ? 1 - value / curve.top : 1, dots.height());
    if (last_x < 0) last_x = x, last_y = y;
    const int from_x = last_x, from_y = last_y, length = std::max({x - from_x, std::abs(y - from_y), 1});
    for (int i = 0; i <= length; ++i) {
      const double t = static_cast<double>(i) / length;
      last_x = static_cast<int>(std::lround(std::lerp(from_x, x, t)));
      last_y = static_cast<int>(std::lround(std::lerp(from_y, y, t)));
      dots.set(last_x, last_y);
    }
  }
}

}  // namespace

std::vector<std::string> render(std::span<const Curve> curves, std::int64_t first, std::int64_t last, int columns,
                                int rows, const Terminal& terminal) {
  constexpr int min_rows = 3;  // the edges, and the name between them
  const int room = rows - 1;   // above the steps
  curves = curves.last(std::min(curves.size(), static_cast<std::size_t>(std::max(0, room / min_rows))));
  if (curves.empty() || columns < min_chart_columns) return {};

  constexpr std::string_view steps_name = "step";
  int label = display_width(steps_name);
  for (const Curve& c : curves)
    for (const std::string* text : {&c.name, &c.top_label, &c.bottom_label})
      label = std::max(label, display_width(*text));
  const int width = columns - label - 2;

  const auto muted = [&](std::string_view text) { return styled(text, {false, kMuted, {}}, terminal.color); };
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const Curve& curve = curves[i];
    const Style style{true, ramp(curve.shade, terminal.color), {}};
    const int count = static_cast<int>(curves.size()), number = static_cast<int>(i);
    const int height = room * (number + 1) / count - room * number / count;
    Dots dots(width, height, terminal.unicode);
    draw(dots, curve, first, last);
    for (int row = 0; row < height; ++row) {
      const bool edge = row == 0 || row == height - 1;
      const std::string text = row == 0            ? curve.top_label
                               : row == height - 1 ? curve.bottom_label
                               : row == height / 2 ? curve.name
                                                   : "";
      const std::string padded = pad(text, label, Align::right) + ' ';
      const std::string_view axis = terminal.unicode ? (edge ? "┤" : "│") : (edge ? "+" : "|");
      lines.push_back((edge ? muted(padded) : styled(padded, style, terminal.color)) + muted(axis) +
                      styled(dots.row(row), {false, style.text, {}}, terminal.color));
    }
  }
  const std::string begin = std::to_string(first), end = std::to_string(last);
  lines.push_back(muted(fmt::format("{}  {}{}", pad(steps_name, label, Align::right), begin,
                                    pad(end, width - display_width(begin), Align::right))));
  return lines;
}

}  // namespace gaze::train
