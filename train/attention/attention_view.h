#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gaze/nn/recorder.h>
#include <gaze/train/attention/alignment.h>
#include <gaze/train/config.h>

namespace gaze::train {

/// What the marks are called where attention is shown.
inline constexpr const char *begin_label = "<s>", *end_label = "</s>";

/// Which attention of a model is looked at.
struct AttentionView {
  AttentionKind kind = AttentionKind::cross;
  std::int64_t layer = 0;  ///< from 0
  MapChoice choice = {};   ///< the shift is of cross-attention alone
};

/// The attention that alignments are read from unless another is asked for: the guided head's, else the mean of the
/// last layer's heads.
AttentionView usual_view(const Config&);
/// The full name of a module of a config's translator. Throws for one that it does not have.
std::string attention_module(const Config&, AttentionKind kind, std::int64_t layer);

/// Attention over one sentence pair.
struct AttentionMap {
  std::vector<std::string> source, target;  ///< what the columns and rows stand for
  std::vector<double> weights;              ///< [rows, columns], row-major
};

}  // namespace gaze::train
