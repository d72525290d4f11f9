#include <gaze/autograd/ops.h>
#include <gaze/nn/recorder.h>

#include "../catch.h"

using namespace gaze;

namespace {

/// [1,3,1,2]: head h looks at the second of two keys with a weight of h / 4.
Tensor three_heads() { return Tensor::from<float>({1, 3, 1, 2}, std::vector<float>{1, 0, .75f, .25f, .5f, .5f}); }

void offer_all(AttentionRecorder& recorder) {
  recorder.offer("body.encoder.layers.0.self_attn", AttentionKind::encoder, three_heads);
  recorder.offer("body.encoder.layers.12.self_attn", AttentionKind::encoder, three_heads);
  recorder.offer("body.decoder.layers.0.self_attn", AttentionKind::decoder, three_heads);
  recorder.offer("body.decoder.layers.1.multihead_attn", AttentionKind::cross, three_heads);
  recorder.offer("attend", AttentionKind::cross, three_heads);
}

std::vector<std::string> names(const AttentionRecorder& recorder) {
  std::vector<std::string> all;
  for (const auto& [name, recorded] : recorder.modules) all.push_back(name);
  return all;
}

}  // namespace

TEST_CASE("a recorder keeps the kinds, layers and names that it is asked for") {
  using Names = std::vector<std::string>;
  AttentionRecorder all, encoder{.kinds = {AttentionKind::encoder}}, first{.layers = {0}},
      cross{.kinds = {AttentionKind::cross}, .layers = {1, 2}},
      named{.wants = [](std::string_view name) { return name.starts_with("body.decoder"); }};
  for (AttentionRecorder* r : {&all, &encoder, &first, &cross, &named}) offer_all(*r);
  CHECK(all.modules.size() == 5);
  CHECK(all.modules.at("body.encoder.layers.12.self_attn").layer == 12);
  CHECK(all.modules.at("body.encoder.layers.12.self_attn").kind == AttentionKind::encoder);
  CHECK(all.modules.at("attend").layer == 0);
  CHECK(names(encoder) == Names{"body.encoder.layers.0.self_attn", "body.encoder.layers.12.self_attn"});
  CHECK(names(first) == Names{"attend", "body.decoder.layers.0.self_attn", "body.encoder.layers.0.self_attn"});
  CHECK(names(cross) == Names{"body.decoder.layers.1.multihead_attn"});
  CHECK(names(named) == Names{"body.decoder.layers.0.self_attn", "body.decoder.layers.1.multihead_attn"});
}

TEST_CASE("weights that nobody wants are not computed") {
  AttentionRecorder recorder{.kinds = {AttentionKind::cross}};
  recorder.offer("layers.0.self_attn", AttentionKind::encoder, []() -> Tensor { throw Error("computed"); });
  CHECK(recorder.modules.empty());
}

TEST_CASE("a recorder keeps the heads that it is asked for, in their order") {
  AttentionRecorder recorder{.heads = {2, 0}};
  recorder.offer("attend", AttentionKind::cross, three_heads);
  const Tensor kept = recorder.modules.at("attend").weights;
  REQUIRE(kept.shape() == Shape{1, 2, 1, 2});
  CHECK(kept.at({0, 0, 0, 1}) == Approx(0.5));
  CHECK(kept.at({0, 1, 0, 1}) == 0);
  AttentionRecorder none{.heads = {3}};
  CHECK_THROWS_WITH(none.offer("attend", AttentionKind::cross, three_heads), ContainsSubstring("no head 3 of 3"));
}

TEST_CASE("recorded weights carry gradients only when asked to") {
  const Tensor scores = Tensor(Array::from<float>({1, 1, 1, 2}, std::vector<float>{1, 2}), true);
  for (const bool differentiable : {false, true}) {
    AttentionRecorder recorder{.differentiable = differentiable};
    recorder.offer("attend", AttentionKind::cross, [&] { return softmax(scores); });
    CHECK(recorder.modules.at("attend").weights.requires_grad() == differentiable);
  }
}
