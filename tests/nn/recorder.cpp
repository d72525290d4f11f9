#include <gaze/autograd/ops.h>
#include <gaze/nn/recorder.h>

#include "../catch.h"

using namespace gaze;

namespace {

/// [1,3,1,2]: head h looks at the second of two keys with a weight of h / 4.
Tensor three_heads() { return Tensor::from<float>({1, 3, 1, 2}, std::vector<float>{1, 0, .75f, .25f, .5f, .5f}); }

/// As an attention does that is walked through.
void pass(const Taps& taps, const AttentionSite& site, const Tensor& weights, std::int64_t first_query = 0) {
  taps.apply({.module = site.name, .point = TapPoint::weights, .attention = &site, .first_query = first_query},
             weights);
}

const AttentionSite looked_at{.name = "attend", .kind = AttentionKind::cross, .layer = 0, .heads = 3};

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
  const AttentionSite sites[] = {{"body.encoder.layers.0.self_attn", AttentionKind::encoder, 0, 3},
                                 {"body.encoder.layers.12.self_attn", AttentionKind::encoder, 12, 3},
                                 {"body.decoder.layers.0.self_attn", AttentionKind::decoder, 0, 3},
                                 {"body.decoder.layers.1.multihead_attn", AttentionKind::cross, 1, 3},
                                 looked_at};
  for (AttentionRecorder* r : {&all, &encoder, &first, &cross, &named}) {
    const Taps taps = r->taps();
    for (const AttentionSite& site : sites) pass(taps, site, three_heads());
  }
  CHECK(all.modules.size() == 5);
  CHECK(all.modules.at("body.encoder.layers.12.self_attn").site.layer == 12);
  CHECK(all.modules.at("body.encoder.layers.12.self_attn").site.kind == AttentionKind::encoder);
  CHECK(names(encoder) == Names{"body.encoder.layers.0.self_attn", "body.encoder.layers.12.self_attn"});
  CHECK(names(first) == Names{"attend", "body.decoder.layers.0.self_attn", "body.encoder.layers.0.self_attn"});
  CHECK(names(cross) == Names{"body.decoder.layers.1.multihead_attn"});
  CHECK(names(named) == Names{"body.decoder.layers.0.self_attn", "body.decoder.layers.1.multihead_attn"});
}

TEST_CASE("weights that nobody wants are not asked for") {
  AttentionRecorder recorder{.kinds = {AttentionKind::encoder}};
  CHECK(recorder.taps().interest({.module = "attend", .point = TapPoint::weights, .attention = &looked_at}) ==
        Taps::Interest::none);
}

TEST_CASE("a recorder keeps the heads that it is asked for, in their order") {
  AttentionRecorder recorder{.heads = {2, 0}};
  pass(recorder.taps(), looked_at, three_heads());
  const Tensor kept = recorder.modules.at("attend").weights();
  REQUIRE(kept.shape() == Shape{1, 2, 1, 2});
  CHECK(kept.at({0, 0, 0, 1}) == Approx(0.5));
  CHECK(kept.at({0, 1, 0, 1}) == 0);
  AttentionRecorder none{.heads = {3}};
  CHECK_THROWS_WITH(pass(none.taps(), looked_at, three_heads()), ContainsSubstring("no head 3 of 3"));
}

TEST_CASE("the steps of a pass become one map, and the next pass another") {
  AttentionRecorder recorder;
  const Taps taps = recorder.taps();
  for (const std::int64_t t : {0, 1, 2, 0, 1}) pass(taps, looked_at, three_heads(), t);
  CHECK(recorder.modules.at("attend").weights().shape() == Shape{1, 3, 2, 2});
  CHECK_THROWS_WITH(RecordedAttention().weights(), ContainsSubstring("nothing was recorded"));
}

TEST_CASE("recorded weights carry gradients only when asked to") {
  const Tensor scores = Tensor(Array::from<float>({1, 1, 1, 2}, std::vector<float>{1, 2}), true);
  for (const bool differentiable : {false, true}) {
    AttentionRecorder recorder{.differentiable = differentiable};
    pass(recorder.taps(), looked_at, softmax(scores));
    CHECK(recorder.modules.at("attend").weights().requires_grad() == differentiable);
  }
}
