#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <gaze/datasets/example.h>
#include <gaze/train/terminal.h>
#include <gaze/train/training_run.h>

namespace gaze {

/// A run as somebody watches it: a bar, one line of figures and under it a picture, redrawn in place on a terminal; a
/// line of figures at a time elsewhere.
class TrainingView {
 public:
  /// From step `first` to step `last`. With `perplexity` the validation loss is shown, as such and as e^loss.
  TrainingView(Terminal terminal, std::FILE* out, std::int64_t first, std::int64_t last, bool perplexity);

  /// Shows figures and picture; without an interactive terminal, the figures alone.
  void update(const Figures& figures, std::vector<std::string> picture);
  /// A step is done: moves the bar on, some times a second.
  void tick(std::int64_t step);
  /// Leaves the last picture on the screen; without an interactive terminal prints it once.
  void finish();

 private:
  std::string line(const Figures& figures) const;
  std::string time_left(std::int64_t step) const;
  void draw(std::int64_t step);

  using Clock = std::chrono::steady_clock;
  Terminal terminal_;
  std::FILE* out_;
  std::int64_t first_, last_;
  bool perplexity_;
  Redraw redraw_;
  Figures figures_;
  std::optional<Evaluation> held_out_;  ///< the last there was
  std::vector<std::string> picture_;
  Clock::time_point started_ = Clock::now(), drawn_ = {};
};

/// A map as lines of text.
std::vector<std::string> picture_of(const AttentionMap& map, const std::vector<Link>& gold, const std::string& title,
                                    const Terminal& terminal);

}  // namespace gaze
