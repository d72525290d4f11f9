#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include <gaze/datasets/example.h>
#include <gaze/train/terminal.h>
#include <gaze/train/translator.h>

namespace gaze {

/// The figures of a run at one step.
struct Progress {
  std::int64_t step = 0, steps = 0;
  double loss = 0;            ///< of training
  double token_accuracy = 0;  ///< held-out
  double aer = 0;             ///< held-out
  double tokens_per_s = 0;
};

/// A run as somebody watches it: one line of figures and under it the attention of one held-out sentence, redrawn in
/// place on a terminal; plain lines elsewhere.
class TrainingView {
 public:
  explicit TrainingView(Terminal terminal, std::FILE* out) : terminal_(terminal), out_(out) {}

  /// Shows figures and map; without an interactive terminal, the figures alone.
  void update(const Progress& progress, const AttentionMap& map, const std::vector<Link>& gold,
              const std::string& title);
  /// Leaves the last picture on the screen; without an interactive terminal prints it once.
  void finish();

 private:
  std::string figures(const Progress& progress) const;

  Terminal terminal_;
  std::FILE* out_;
  Redraw redraw_;
  std::vector<std::string> picture_;
};

/// A map as lines of text.
std::vector<std::string> picture_of(const AttentionMap& map, const std::vector<Link>& gold, const std::string& title,
                                    const Terminal& terminal);

}  // namespace gaze
