#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include <gaze/train/text/aligner.h>

namespace gaze::train {

/// The options by which commands choose one attention of a model.
struct ViewArguments {
  std::string layer, head, shift;  ///< as typed; empty: the usual one
  double null_threshold = 0;
  bool end_competes = false;
  bool pieces = false;  ///< of tokens instead of words, where tokens are pieces of words

  void add_to(CLI::App& command);
  bool chooses() const { return !layer.empty() || !head.empty() || !shift.empty(); }
  /// Throws a UsageError for a layer or head that the model does not have.
  Extraction extraction(const Translator&) const;
};

}  // namespace gaze::train
