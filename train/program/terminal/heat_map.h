#pragma once

#include <string>
#include <vector>

#include <gaze/datasets/example.h>
#include <gaze/train/program/terminal/terminal.h>

namespace gaze::train {

/// Attention weights between two sentences, and the links that a person would draw.
struct HeatMap {
  std::vector<std::string> rows;     ///< target words
  std::vector<std::string> columns;  ///< source words
  std::vector<double> weights;       ///< [rows, columns], row-major, from 0 to 1
  std::vector<Link> gold;            ///< may be empty; source: column, target: row
  std::string title;                 ///< may be empty
};

/// The lines of a picture of the map, none wider than the terminal (of eight columns at least):
///
///                le     chat    noir
///         the [● 97% ]    2%      1%   ✓
///       black     1%     22%  [● 77% ] ✓
///
/// Each cell shows its weight by background colour, or by ink where there is no colour, and in per cent where there is
/// room. The strongest cell of a row, the first of equals, bears a dot, sure links brackets, possible links
/// parentheses; a row that has gold links ends in a tick if its strongest cell is one of them. A legend follows.
/// Weights that are not numbers from 0 to 1 (rounding aside) are shown as '?', and no cell is the strongest of their
/// row. Words are clipped to their cells; columns that do not fit are left out from the right, and the last line says
/// how many. Throws Error if the weights do not fill rows x columns or a gold link lies outside.
std::vector<std::string> render(const HeatMap& map, const Terminal& terminal);

/// The same as an SVG picture of its own size: colour for weight, a dot on the strongest cell of a row, sure links
/// framed, possible links framed by dashes; each cell's weight is its tooltip. Control characters of words are shown as
/// U+FFFD. Throws as render() does.
std::string to_svg(const HeatMap& map);

}  // namespace gaze::train
