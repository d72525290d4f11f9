#include <gaze/nn/recorder.h>

#include <algorithm>

#include <gaze/autograd/ops.h>

namespace gaze {
namespace {

template <class T>
bool chosen(const std::vector<T>& choice, const T& value) {
  return choice.empty() || std::find(choice.begin(), choice.end(), value) != choice.end();
}

}  // namespace

Tensor RecordedAttention::weights() const {
  require(!steps.empty(), "recorder: nothing was recorded of {}", site.name);
  if (steps.size() == 1) return steps.front();
  // Word by word there are ever more keys: those that a step did not see yet have a weight of 0.
  const std::int64_t keys = steps.back().size(3);
  std::vector<Tensor> rows;
  for (const Tensor& step : steps)
    rows.push_back(step.size(3) == keys ? step : pad(step, {{0, 0}, {0, 0}, {0, 0}, {0, keys - step.size(3)}}));
  return concat(rows, 2);
}

Taps AttentionRecorder::taps() {
  Taps taps;
  add_to(taps);
  return taps;
}

void AttentionRecorder::add_to(Taps& taps) {
  const TapFilter where(TapPoint::weights, [this](const TapPlace& place) {
    if (!place.attention) return false;  // weights of another kind of module
    const AttentionSite& site = *place.attention;
    return chosen(kinds, site.kind) && chosen(layers, site.layer) && (!wants || wants(site.name));
  });
  if (!differentiable) {
    taps.look(where, [this](const TapPlace& place, const Tensor& weights) { keep(place, weights); });
    return;
  }
  taps.replace(where, [this](const TapPlace& place, const Tensor& weights) {
    keep(place, weights);
    return weights;
  });
}

void AttentionRecorder::keep(const TapPlace& place, const Tensor& weights) {
  RecordedAttention& recorded = modules[place.attention->name];
  recorded.site = *place.attention;
  if (place.first_query == 0) recorded.steps.clear();  // a new pass
  if (heads.empty()) {
    recorded.steps.push_back(weights);
    return;
  }
  std::vector<Tensor> some;
  for (const std::int64_t head : heads) {
    require(head >= 0 && head < weights.size(1), "recorder: {} has no head {} of {}", recorded.site.name, head,
            weights.size(1));
    some.push_back(slice(weights, 1, head, head + 1));
  }
  recorded.steps.push_back(concat(some, 1));
}

}  // namespace gaze
