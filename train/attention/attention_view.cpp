#include <gaze/train/attention/attention_view.h>

#include <algorithm>
#include <iterator>

namespace gaze::train {

AttentionSites sites_of(const AttentionSites& all, AttentionKind kind) {
  AttentionSites some;
  std::copy_if(all.begin(), all.end(), std::back_inserter(some),
               [&](const AttentionSite& site) { return site.kind == kind; });
  return some;
}

const AttentionSite& site_of(const AttentionSites& all, AttentionKind kind, std::int64_t layer) {
  require(!all.empty(), "this model has no attention");
  const auto count = std::count_if(all.begin(), all.end(), [&](const AttentionSite& s) { return s.kind == kind; });
  if (count == 0) {
    std::vector<std::string_view> kinds;
    for (const AttentionKind other : attention_kind_names().values())
      if (!sites_of(all, other).empty()) kinds.push_back(name_of(other));
    fail("this model has no attention of kind {}, only {}", name_of(kind), fmt::join(kinds, " and "));
  }
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const AttentionSite& s) { return s.kind == kind && s.layer == layer; });
  require(found != all.end(), "there is no layer {}; the model has {}, counted from 0", layer, count);
  return *found;
}

AttentionView usual_view(const AttentionSites& all, const GuidedConfig& guided) {
  const AttentionSites cross = sites_of(all, AttentionKind::cross);
  AttentionView view{.layer = cross.empty() ? 0 : cross.back().layer};
  if (guided.weight == 0) return view;
  if (guided.layer >= 0) view.layer = guided.layer;
  view.choice.head = static_cast<int>(guided.head);
  return view;
}

}  // namespace gaze::train
