#include <gaze/autograd/base/error.h>
#include <gaze/train/program/terminal/direction.h>
#include <gaze/train/program/terminal/heat_map.h>
#include <gaze/train/program/terminal/palette.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

namespace gaze::train {

using namespace palette;

namespace {

struct Glyphs {
  std::string_view strongest, hit, miss;
  std::vector<std::string_view> ink;  ///< from none to full
};

Glyphs glyphs_of(const Terminal& terminal) {
  if (terminal.unicode) return {"●", "✓", "·", {" ", "░", "▒", "▓", "█"}};
  return {">", "+", "x", {" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"}};
}

// Content

enum class Brackets { none, possible, sure };

struct Cell {
  double weight;
  Brackets brackets;
  bool strongest;
};

struct Row {
  std::vector<Cell> cells;
  bool has_gold = false;
  bool hit = false;  ///< the strongest cell is a gold link
};

bool is_weight(double value) { return value >= 0 && value <= 1 + 1e-3; }

/// The position of the largest weight, the first of equals; nothing if a weight is broken or all are zero.
std::optional<std::size_t> strongest_of(std::span<const double> weights) {
  if (weights.empty() || !std::ranges::all_of(weights, is_weight)) return {};
  const auto largest = std::ranges::max_element(weights);
  if (*largest == 0) return {};
  return static_cast<std::size_t>(largest - weights.begin());
}

std::vector<Row> rows_of(const HeatMap& map) {
  const std::size_t width = map.columns.size();
  std::vector<Row> rows(map.rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto weights = std::span(map.weights).subspan(i * width, width);
    for (double weight : weights) rows[i].cells.push_back({weight, Brackets::none, false});
    if (const auto strongest = strongest_of(weights)) rows[i].cells[*strongest].strongest = true;
  }
  for (const Link& mark : map.gold) {
    Row& row = rows[static_cast<std::size_t>(mark.target)];
    Cell& cell = row.cells[static_cast<std::size_t>(mark.source)];
    cell.brackets = std::max(cell.brackets, mark.sure ? Brackets::sure : Brackets::possible);
    row.has_gold = true;
    row.hit = row.hit || cell.strongest;
  }
  return rows;
}

void check(const HeatMap& map) {
  require(map.weights.size() == map.rows.size() * map.columns.size(),
          "heat map: {} weights must fill {} rows x {} columns", map.weights.size(), map.rows.size(),
          map.columns.size());
  for (const Link& mark : map.gold)
    require(mark.source >= 0 && mark.target >= 0 && static_cast<std::size_t>(mark.source) < map.columns.size() &&
                static_cast<std::size_t>(mark.target) < map.rows.size(),
            "heat map: gold link from source {} to target {} must lie within {} source and {} target words",
            mark.source, mark.target, map.columns.size(), map.rows.size());
}

// Layout

/// Widths in columns of the terminal.
struct Layout {
  int label;
  int cell;
  std::size_t shown;  ///< source words that fit
};

int longest(const std::vector<std::string>& words) {
  int width = 0;
  for (const std::string& word : words) width = std::max(width, display_width(printable(word)));
  return width;
}

Layout lay_out(const HeatMap& map, const Terminal& terminal) {
  const int margins = map.gold.empty() ? 1 : 3;  // a space after the label; another and the check mark at the end
  const int words = static_cast<int>(map.columns.size());
  const int longest_word = longest(map.columns);
  const int label = std::min(longest(map.rows), std::clamp(terminal.columns / 6, 4, 16));
  const int room = std::max(0, terminal.columns - label - margins);
  // Ink needs more columns than colour to be seen beside the number.
  const int comfortable = std::clamp(longest_word + 2, terminal.color == ColorMode::plain ? 10 : 8, 14);
  const int smallest = std::clamp(longest_word + 1, 3, 5);
  const int shown = std::min(words, room / smallest);
  return {label, shown > 0 ? std::min(comfortable, room / shown) : 0, static_cast<std::size_t>(shown)};
}

// Drawing

/// The weight in per cent, without the sign if it is one column too many; empty for less than three columns.
std::string percentage(double weight, int width) {
  if (width < 3) return "";
  return fmt::format("{:.0f}%", 100 * weight).substr(0, static_cast<std::size_t>(width));
}

/// Mark, dot or ink, ink, number, mark: "[●██ 97% ]".
std::string draw_cell(const Cell& cell, int width, const Terminal& terminal) {
  const Glyphs glyphs = glyphs_of(terminal);
  const bool broken = !is_weight(cell.weight);
  const double weight = broken ? 0 : std::min(cell.weight, 1.0);
  const auto step = static_cast<std::size_t>(std::lround(weight * static_cast<double>(glyphs.ink.size() - 1)));
  const std::string_view ink = terminal.color == ColorMode::plain ? glyphs.ink[step] : " ";

  const auto spread = [](std::string_view glyph, int columns) {
    std::string text;
    for (int i = 0; i < columns; ++i) text += glyph;
    return text;
  };
  const std::string_view dot = broken ? "?" : cell.strongest ? glyphs.strongest : ink;
  const int room = width - 3;  // beside the two marks and the dot
  const std::string number = broken ? "" : percentage(weight, std::min(4, room));
  std::string content;
  if (number.empty()) {
    content = fmt::format("{}{}{}", spread(ink, room / 2), dot, spread(ink, room - room / 2));
  } else {
    const int number_width = std::min(4, room), after = std::min(1, room - number_width);
    content = fmt::format("{}{}{}{}", dot, spread(ink, room - number_width - after),
                          pad(number, number_width, Align::right), spread(" ", after));
  }

  const std::string_view marks = cell.brackets == Brackets::sure       ? "[]"
                                 : cell.brackets == Brackets::possible ? "()"
                                                                       : "  ";
  const bool marked = cell.strongest || cell.brackets != Brackets::none;
  const Color background = broken ? kBroken : ramp(weight, terminal.color);
  const Color text = !marked && !broken && weight < 0.05 ? kMuted : text_on(background);
  return styled(fmt::format("{}{}{}", marks[0], content, marks[1]), {marked, text, background}, terminal.color);
}

std::string draw_words(const HeatMap& map, const Layout& layout, const Terminal& terminal) {
  std::string line(static_cast<std::size_t>(layout.label) + 1, ' ');
  for (std::size_t j = 0; j < layout.shown; ++j)
    line += isolated(
        pad(clip(printable(map.columns[j]), layout.cell - 1, terminal.unicode), layout.cell, Align::center), terminal);
  return line;
}

std::string draw_row(const std::string& word, const Row& row, const Layout& layout, const Terminal& terminal) {
  const Glyphs glyphs = glyphs_of(terminal);
  std::string line =
      isolated(pad(clip(printable(word), layout.label, terminal.unicode), layout.label, Align::right), terminal) + ' ';
  for (std::size_t j = 0; j < layout.shown; ++j) line += draw_cell(row.cells[j], layout.cell, terminal);
  if (row.has_gold)
    line += ' ' + styled(row.hit ? glyphs.hit : glyphs.miss, {true, row.hit ? kHit : kMiss, {}}, terminal.color);
  return line;
}

constexpr int kRampSteps = 8;

std::string draw_ramp(const Terminal& terminal) {
  std::string picture;
  if (terminal.color == ColorMode::plain) {
    for (std::string_view ink : glyphs_of(terminal).ink) picture += ink;
  } else {
    for (int i = 0; i < kRampSteps; ++i)
      picture += styled(" ", {false, {}, ramp(i / (kRampSteps - 1.0), terminal.color)}, terminal.color);
  }
  return picture;
}

/// Explains only what the picture holds, on as many lines as it needs.
std::vector<std::string> draw_legend(const HeatMap& map, const Terminal& terminal) {
  const Glyphs glyphs = glyphs_of(terminal);
  const auto any_gold = [&](bool sure) {
    return std::ranges::any_of(map.gold, [=](auto& m) { return m.sure == sure; });
  };
  const int ramp_width = terminal.color == ColorMode::plain ? static_cast<int>(glyphs.ink.size()) : kRampSteps;

  std::vector<std::string> lines;
  int used = 0;
  const auto add = [&](const std::string& entry, int width) {
    constexpr int gap = 2;
    if (width > terminal.columns) return;
    if (lines.empty() || used + gap + width > terminal.columns) {
      lines.push_back(entry);
      used = width;
    } else {
      lines.back() += std::string(gap, ' ') + entry;
      used += gap + width;
    }
  };
  const auto explain = [&](std::string_view mark, std::string_view meaning) {
    const std::string entry = fmt::format("{} {}", mark, meaning);
    add(entry, display_width(entry));
  };
  add(fmt::format("0% {} 100%", draw_ramp(terminal)), display_width("0%  100%") + ramp_width);
  explain(glyphs.strongest, "strongest");
  if (any_gold(true)) explain("[ ]", "sure link");
  if (any_gold(false)) explain("( )", "possible link");
  if (!map.gold.empty()) explain(glyphs.hit, fmt::format("hit  {} miss", glyphs.miss));
  if (!std::ranges::all_of(map.weights, is_weight)) explain("?", "not a weight");
  return lines;
}

}  // namespace

std::vector<std::string> render(const HeatMap& map, const Terminal& terminal) {
  check(map);
  const Layout layout = lay_out(map, terminal);
  const std::vector<Row> rows = rows_of(map);
  const auto plain_line = [&](std::string_view text) {
    return isolated(clip(printable(text), terminal.columns, terminal.unicode), terminal);
  };

  std::vector<std::string> lines;
  if (!map.title.empty()) lines.push_back(styled(plain_line(map.title), {true, {}, {}}, terminal.color));
  lines.push_back(draw_words(map, layout, terminal));
  for (std::size_t i = 0; i < rows.size(); ++i) lines.push_back(draw_row(map.rows[i], rows[i], layout, terminal));
  for (std::string& line : draw_legend(map, terminal)) lines.push_back(std::move(line));
  if (const std::size_t hidden = map.columns.size() - layout.shown; hidden > 0)
    lines.push_back(plain_line(
        fmt::format("{} more source word{} do{} not fit", hidden, hidden > 1 ? "s" : "", hidden > 1 ? "" : "es")));
  return lines;
}

}  // namespace gaze::train
