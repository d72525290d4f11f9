#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gaze/datasets/example.h>
#include <gaze/train/attention/attention_view.h>
#include <gaze/train/program/terminal/curve_chart.h>
#include <gaze/train/program/terminal/heat_map.h>
#include <gaze/train/program/terminal/terminal.h>
#include <gaze/train/training_run.h>

namespace gaze::train {

/// A run as somebody watches it: a bar, one line of figures and under it a map of attention, redrawn in place on a
/// terminal; a line of figures at a time elsewhere. A wide terminal has the curves of loss and alignment error rate
/// beside the map.
class TrainingView {
 public:
  /// From step `first` to step `last`. With `perplexity` the validation loss is shown, as such and as e^loss. The
  /// terminal is asked for at every draw: its window may have changed.
  TrainingView(std::function<Terminal()> terminal, std::FILE* out, std::int64_t first, std::int64_t last,
               bool perplexity);

  /// Shows figures and map; without an interactive terminal, the figures alone.
  void update(const Figures& figures, std::optional<HeatMap> map);
  /// A step is done: moves the bar on, some times per second.
  void tick(std::int64_t step);
  /// Leaves the last map on the screen; without an interactive terminal prints it once.
  void finish();

 private:
  void draw(std::int64_t step, const Terminal& terminal);
  std::string progress(std::int64_t step, const Terminal& terminal) const;
  std::string figures_line(int columns, const std::optional<std::string>& time_left) const;
  std::string time_left(std::int64_t step) const;
  void add_curves(std::vector<std::string>& lines, const Terminal& terminal) const;

  using Clock = std::chrono::steady_clock;
  std::function<Terminal()> terminal_;
  std::FILE* out_;
  std::int64_t first_, last_;
  bool perplexity_;
  Redraw redraw_;
  Figures figures_;
  std::optional<Evaluation> held_out_;  ///< the last there was
  std::optional<HeatMap> map_;
  Curve loss_{.name = "loss", .top = 0, .top_label = "", .bottom_label = "0", .shade = 0.6, .points = {}};
  Curve aer_{.name = "AER", .top = 1, .top_label = "100 %", .bottom_label = "0 %", .shade = 1, .points = {}};
  Clock::time_point started_ = Clock::now(), drawn_ = {};
};

HeatMap heat_map_of(const AttentionMap& map, const std::vector<Link>& gold, const std::string& title);

/// A map as lines of text.
std::vector<std::string> picture_of(const AttentionMap& map, const std::vector<Link>& gold, const std::string& title,
                                    const Terminal& terminal);

}  // namespace gaze::train
