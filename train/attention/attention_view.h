#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gaze/nn/taps.h>
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

using AttentionSites = std::vector<AttentionSite>;

/// The sites of one kind.
AttentionSites sites_of(const AttentionSites& all, AttentionKind kind);
/// The site of a kind in a layer. Throws for one that is not among them.
const AttentionSite& site_of(const AttentionSites& all, AttentionKind kind, std::int64_t layer);
/// The cross-attention that alignments are read from unless another is asked for: the guided head's, else the mean of
/// the last layer's heads.
AttentionView usual_view(const AttentionSites& all, const GuidedConfig& guided);

/// Attention over one sentence pair.
struct AttentionMap {
  std::vector<std::string> source, target;  ///< what the columns and rows stand for
  std::vector<double> weights;              ///< [rows, columns], row-major
};

}  // namespace gaze::train
