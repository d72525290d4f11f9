#include <gaze/nn/recorder.h>

#include <algorithm>

#include <gaze/autograd/ops.h>

namespace gaze {
namespace {

template <class T>
bool chosen(const std::vector<T>& choice, const T& value) {
  return choice.empty() || std::find(choice.begin(), choice.end(), value) != choice.end();
}

std::int64_t layer_in(std::string_view name) {
  const std::size_t end = name.find_last_of("0123456789");
  if (end == name.npos) return 0;
  const std::size_t before = name.find_last_not_of("0123456789", end);
  const std::string digits(name.substr(before == name.npos ? 0 : before + 1, end - before));
  return digits.size() < 10 ? std::stoll(digits) : 0;
}

}  // namespace

std::string_view name_of(AttentionKind kind) {
  switch (kind) {
    case AttentionKind::encoder: return "encoder";
    case AttentionKind::decoder: return "decoder";
    default: return "cross";
  }
}

AttentionKind attention_kind(std::string_view name) {
  for (const AttentionKind kind : {AttentionKind::encoder, AttentionKind::decoder, AttentionKind::cross})
    if (name == name_of(kind)) return kind;
  fail("{} is not a kind of attention; there are encoder, decoder and cross", name);
}

void AttentionRecorder::offer(std::string_view name, AttentionKind kind, const std::function<Tensor()>& weights) {
  const std::int64_t layer = layer_in(name);
  if (!chosen(kinds, kind) || !chosen(layers, layer) || (wants && !wants(name))) return;
  const auto keep = [&] {
    const Tensor all = weights();
    if (heads.empty()) return all;
    std::vector<Tensor> some;
    for (const std::int64_t head : heads) {
      require(head >= 0 && head < all.size(1), "recorder: {} has no head {} of {}", name, head, all.size(1));
      some.push_back(slice(all, 1, head, head + 1));
    }
    return concat(some, 1);
  };
  const auto kept = [&] {
    if (differentiable) return keep();
    const NoGrad no_grad;
    return keep();
  };
  modules.insert_or_assign(std::string(name), RecordedAttention{kind, layer, kept()});
}

}  // namespace gaze
