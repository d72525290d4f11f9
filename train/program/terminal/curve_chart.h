#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gaze/train/program/terminal/terminal.h>

namespace gaze::train {

/// A figure over the steps of a training.
struct Curve {
  std::string name;                                     ///< of few letters
  double top = 1;                                       ///< the value at the upper edge; the lower edge is 0
  std::string top_label, bottom_label;                  ///< those two as text
  double shade = 1;                                     ///< of the map's palette, from 0 to 1
  std::vector<std::pair<std::int64_t, double>> points;  ///< (step, value) in the order of steps
};

/// Exactly `rows` lines of at most `columns` columns with the curves from step `first` to step `last`, one below the
/// other, and the steps below:
///
///      3.2 ┤⢄
///     loss │ ⠑⠢⢄
///        0 ┤    ⠉⠉⠒⠤⠤⠤⠤
///     step  0        800
///
/// Lines are of braille, or without unicode of ". : '". Values that are not numbers are left out, others are drawn
/// within the edges. Curves that have no three rows of their own are left out from the front; none is left when the
/// room is less than four rows or min_chart_columns.
std::vector<std::string> render(std::span<const Curve> curves, std::int64_t first, std::int64_t last, int columns,
                                int rows, const Terminal& terminal);

constexpr int min_chart_columns = 24;

}  // namespace gaze::train
