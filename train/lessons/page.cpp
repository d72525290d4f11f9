#include <gaze/train/lessons/page.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

#include <gaze/autograd/base/error.h>
#include <gaze/train/program/terminal/heat_map.h>

namespace gaze::train {
namespace {

using nlohmann::json;

/// From little to much.
std::vector<std::string_view> shades(const Terminal& t) {
  if (t.unicode) return {" ", "░", "▒", "▓", "█"};
  return {" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"};
}

std::vector<std::string_view> bars(const Terminal& t) {
  if (t.unicode) return {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  return {"_", ".", "-", "=", "+", "*", "#", "@"};
}

/// The glyph for a share from 0 to 1; NaN and what lies outside are shown as '?'.
std::string_view glyph(const std::vector<std::string_view>& glyphs, double share) {
  constexpr double rounding = 1e-6;
  if (!(share >= -rounding && share <= 1 + rounding)) return "?";
  const double place = std::clamp(share, 0.0, 1.0) * static_cast<double>(glyphs.size() - 1);
  return glyphs[static_cast<std::size_t>(std::lround(place))];
}

std::string row_label(const std::vector<std::string>& labels, std::int64_t i) {
  return labels.empty() ? std::string() : labels.at(static_cast<std::size_t>(i));
}

std::vector<double> flat(const Tensor& t) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < t.size(); ++i) all.push_back(t.array().at(i));
  return all;
}

json nested(const Tensor& t, int axis, std::int64_t& next) {
  if (axis == t.rank()) return t.array().at(next++);
  json list = json::array();
  for (std::int64_t i = 0; i < t.size(axis); ++i) list.push_back(nested(t, axis + 1, next));
  return list;
}

}  // namespace

std::string fixed(double value, int digits) {
  const std::string text = fmt::format("{:.{}f}", value, digits);
  const bool zero = text.find_first_of("123456789") == text.npos && std::isfinite(value);
  return zero && text.front() == '-' ? text.substr(1) : text;  // no "-0.00"
}

json to_json(const Tensor& tensor) {
  std::int64_t next = 0;
  return nested(tensor, 0, next);
}

void Page::line(const std::string& text) {
  if (!(blank_ && text.empty())) fmt::print("{}\n", text);
  blank_ = text.empty();
}

std::string Page::bold(const std::string& text) const {
  return terminal_.color == ColorMode::plain ? text : fmt::format("\x1b[1m{}\x1b[0m", text);
}

void Page::title(const std::string& text) {
  line(bold(text));
  line(std::string(static_cast<std::size_t>(display_width(text)), '='));
}

void Page::heading(const std::string& text) {
  line("");
  line(bold(text));
}

void Page::formula(const std::string& text) {
  line("");
  line("    " + text);
  line("");
}

void Page::notice(const std::string& text) {
  line("");
  say("Notice: " + text);
}

void Page::say(const std::string& text) {
  std::istringstream words(text);
  std::string written;
  const int width = std::min(terminal_.columns, 100);
  for (std::string word; words >> word;) {
    if (!written.empty() && display_width(written) + 1 + display_width(word) > width) {
      line(written);
      written.clear();
    }
    written += (written.empty() ? "" : " ") + word;
  }
  if (!written.empty()) line(written);
}

void Page::table(const std::vector<std::string>& columns, const std::vector<std::vector<std::string>>& rows) {
  std::vector<int> widths;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    int width = display_width(columns[c]);
    for (const auto& row : rows) {
      require(row.size() == columns.size(), "table: a row of {} cells under {} columns", row.size(), columns.size());
      width = std::max(width, display_width(printable(row[c])));
    }
    widths.push_back(width);
  }
  const auto draw = [&](const std::vector<std::string>& cells) {
    std::string text = " ";
    for (std::size_t c = 0; c < cells.size(); ++c)
      text += " " + pad(printable(cells[c]), widths[c], c == 0 ? Align::left : Align::right) + " ";
    while (text.ends_with(' ')) text.pop_back();
    line(clip(text, terminal_.columns, terminal_.unicode));
  };
  if (std::any_of(columns.begin(), columns.end(), [](const std::string& c) { return !c.empty(); })) draw(columns);
  for (const auto& row : rows) draw(row);
}

void Page::matrix(const std::string& name, const Tensor& m, const std::vector<std::string>& rows,
                  const std::vector<std::string>& columns, int digits) {
  require(m.rank() == 2, "matrix {}: needs [rows, columns], got {}", name, m.shape());
  line("");
  numbers[name] = to_json(m);
  line(name + " =");
  std::vector<std::string> names(static_cast<std::size_t>(m.size(1)) + 1);
  std::copy(columns.begin(), columns.end(), names.begin() + 1);
  std::vector<std::vector<std::string>> cells;
  for (std::int64_t i = 0; i < m.size(0); ++i) {
    auto& row = cells.emplace_back(1, row_label(rows, i));
    for (std::int64_t j = 0; j < m.size(1); ++j) row.push_back(fixed(m.at({i, j}), digits));
  }
  table(names, cells);
}

void Page::heat_map(const std::string& title, const std::vector<std::string>& rows,
                    const std::vector<std::string>& columns, const Tensor& weights) {
  line("");
  for (const std::string& text :
       render({.rows = rows, .columns = columns, .weights = flat(weights), .gold = {}, .title = title}, terminal_))
    line(text);
}

void Page::picture(const std::string& title, const Tensor& m, const std::vector<std::string>& rows) {
  require(m.rank() == 2, "picture: needs [rows, columns], got {}", m.shape());
  line("");
  line(title);
  int label = 0;
  for (const std::string& row : rows) label = std::max(label, display_width(row));
  const auto ramp = shades(terminal_);
  const std::int64_t room = std::max(1, terminal_.columns - label - 2);
  for (std::int64_t i = 0; i < m.size(0); ++i) {
    std::string text = " " + pad(row_label(rows, i), label, Align::right) + " ";
    for (std::int64_t j = 0; j < std::min(m.size(1), room); ++j) text += glyph(ramp, (m.at({i, j}) + 1) / 2);
    line(text);
  }
  line(fmt::format(" {} -1 {} 1", pad("", label), fmt::join(ramp, "")));
}

void Page::curves(const std::string& title, const std::vector<Series>& curves, int digits) {
  double low = 0, high = 0;
  int label = 0;
  bool any = false;
  for (const Series& c : curves) {
    label = std::max(label, display_width(c.name));
    for (const double y : c.y)
      if (std::isfinite(y)) low = any ? std::min(low, y) : y, high = any ? std::max(high, y) : y, any = true;
  }
  line("");
  line(title);
  const auto ramp = bars(terminal_);
  for (const Series& c : curves) {
    std::string drawn;
    for (const double y : c.y) drawn += glyph(ramp, high > low ? (y - low) / (high - low) : 0.5);
    const std::string range =
        c.y.empty() ? std::string() : fmt::format("{} to {}", fixed(c.y.front(), digits), fixed(c.y.back(), digits));
    line(fmt::format("  {}  {}  {}", pad(c.name, label), drawn, range));
  }
}

void Page::scatter(const std::string& title, const std::vector<Point>& points) {
  const int columns = std::clamp(terminal_.columns - 4, 20, 72), rows = 18;
  double left = 0, right = 0, bottom = 0, top = 0;
  for (const Point& p : points) {
    left = std::min(left, p.x), right = std::max(right, p.x);
    bottom = std::min(bottom, p.y), top = std::max(top, p.y);
  }
  const auto place = [](double value, double low, double high, int cells) {
    return high > low ? static_cast<int>(std::lround((value - low) / (high - low) * (cells - 1))) : 0;
  };
  std::vector<std::vector<std::string>> grid(static_cast<std::size_t>(rows));
  for (auto& row : grid) row.assign(static_cast<std::size_t>(columns), " ");
  for (const Point& p : points) {
    const int x = place(p.x, left, right, columns), y = rows - 1 - place(p.y, bottom, top, rows);
    grid[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] = p.mark;
  }
  line("");
  line(title);
  for (const auto& row : grid) line(fmt::format("  |{}", fmt::join(row, "")));
  line("  +" + std::string(static_cast<std::size_t>(columns), '-'));
}

}  // namespace gaze::train
