#include <gaze/nn/bahdanau.h>

#include <cmath>
#include <set>

#include <gaze/autograd/check/gradcheck.h>
#include <gaze/nn/recorder.h>

#include "../catch.h"
#include "golden.h"

using namespace gaze;

namespace {

BahdanauOptions small(Cell cell = Cell::gru, std::optional<Score> score = Score::additive) {
  return {.source_vocab = 9, .target_vocab = 7, .d_model = 4, .layers = 2, .heads = 2, .cell = cell, .score = score};
}

Tensor ids(const Shape& shape, const std::vector<std::int32_t>& values) { return Tensor::from(shape, values); }

std::vector<std::optional<Score>> scores_and_none() {
  const auto scores = score_names().values();
  std::vector<std::optional<Score>> all(scores.begin(), scores.end());
  all.push_back(std::nullopt);
  return all;
}

const std::vector<std::int32_t> words = {1, 2, 3, 4, 5, 6, 0, 0};

}  // namespace

TEST_CASE("a recurrent translation model's parts have their names and shapes") {
  Params params;
  const Bahdanau model(Scope(params), small());
  std::set<std::string> names;
  for (const Parameter& p : params.list()) names.insert(p.name);
  std::set<std::string> expected = {"src_embed.tok.weight",
                                    "tgt_embed.tok.weight",
                                    "body.start.weight",
                                    "body.start.bias",
                                    "body.attention.score.query.weight",
                                    "body.attention.score.key.weight",
                                    "body.attention.score.v",
                                    "body.out.weight",
                                    "body.out.bias",
                                    "head.weight"};
  for (const char* part : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"})
    for (const char* layer : {"_l0", "_l1"}) {
      expected.insert(std::string("body.decoder.") + part + layer);
      expected.insert(std::string("body.encoder.") + part + layer);
      expected.insert(std::string("body.encoder.") + part + layer + "_reverse");
    }
  CHECK(names == expected);
  CHECK(params["body.decoder.weight_ih_l0"].shape() == Shape{12, 12});  // reads a word and a context of two directions
  CHECK(params["body.attention.score.query.weight"].shape() == Shape{4, 2});
  CHECK(params["body.attention.score.key.weight"].shape() == Shape{4, 4});

  Params keyed;
  const Bahdanau dot(Scope(keyed), small(Cell::gru, Score::dot));
  CHECK(keyed["body.attention.key.weight"].shape() == Shape{4, 8});
  Params fixed;
  const Bahdanau none(Scope(fixed), small(Cell::lstm, std::nullopt));
  for (const Parameter& p : fixed.list()) CHECK_THAT(p.name, !ContainsSubstring("attention"));
  CHECK(fixed["body.encoder.weight_hh_l1_reverse"].shape() == Shape{16, 4});
}

TEST_CASE("a recurrent model's logits do not see later targets, nor the padding of the source") {
  const Cell cell = GENERATE(Cell::gru, Cell::lstm);
  const std::optional<Score> score = GENERATE(from_range(scores_and_none()));
  CAPTURE(name_of(cell), score ? name_of(*score) : "none");
  Params params(DType::float64);
  const Bahdanau model(Scope(params, {.seed = 3}), small(cell, score));
  Context context;
  const Tensor lengths = ids({2}, {4, 2}), source = ids({2, 4}, words),
               repadded = ids({2, 4}, {1, 2, 3, 4, 5, 6, 8, 7});
  const Tensor target = ids({2, 3}, {1, 2, 3, 4, 5, 6}), changed = ids({2, 3}, {1, 2, 0, 4, 5, 0});
  const Tensor logits = model(source, lengths, target, context);
  REQUIRE(logits.shape() == Shape{2, 3, 7});
  CHECK(distance(model(repadded, lengths, target, context), logits.array()) == 0);
  CHECK(distance(model(repadded, {}, target, context), logits.array()) > 1e-4);
  const Tensor other = model(source, lengths, changed, context);
  CHECK(distance(other.slice(1, 0, 2), logits.slice(1, 0, 2).array()) == 0);
  CHECK(distance(other, logits.array()) > 1e-4);
  // A sentence of its own length says the same alone.
  const Tensor alone = model(ids({1, 2}, {5, 6}), {}, target.slice(0, 1, 2), context);
  CHECK(distance(alone, logits.slice(0, 1, 2).array()) < 1e-14);
  CHECK(distance(reshape(model.loss({source, lengths, target, target}, {}, context), {}),
                 cross_entropy(logits, target).array()) < 1e-12);
}

TEST_CASE("gradients of a recurrent model, by the name of every parameter") {
  const Cell cell = GENERATE(Cell::gru, Cell::lstm);
  const std::optional<Score> score = GENERATE(from_range(scores_and_none()));
  CAPTURE(name_of(cell), score ? name_of(*score) : "none");
  Params params(DType::float64);
  const Bahdanau model(Scope(params, {.seed = 3}), small(cell, score));
  const Tensor source = ids({2, 4}, words), lengths = ids({2}, {4, 2}), target = ids({2, 3}, {1, 2, 3, 4, 5, 6});
  const GradcheckReport report = gradcheck(params, [&] {
    Context context;
    return model.loss({source, lengths, target, ids({2, 3}, {2, 3, 0, 5, 6, 1})}, {}, context);
  });
  INFO(report.to_string());
  CHECK(report);
  CHECK(report.inputs.size() == params.list().size());
}

TEST_CASE("the recorder knows a recurrent model's attention and changes nothing") {
  const Score score = GENERATE(Score::additive, Score::cosine);
  BahdanauOptions options = small(Cell::gru, score);
  options.dropout = 0.2;
  Params params;
  const Bahdanau model(Scope(params), options);
  const Tensor source = ids({2, 4}, words), target = ids({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto run = [&](AttentionRecorder* recorder) {
    const Taps taps = recorder ? recorder->taps() : Taps();
    Context context{.training = true, .stream = {.seed = 2}, .taps = recorder ? &taps : nullptr};
    return model(source, ids({2}, {4, 2}), target, context);
  };
  AttentionRecorder recorder;
  const Tensor plain = run(nullptr);
  CHECK(distance(run(&recorder), plain.array()) == 0);
  REQUIRE(recorder.modules.size() == 1);
  const RecordedAttention& recorded = recorder.modules.at("body.attention");
  CHECK(recorded.site.kind == AttentionKind::cross);
  CHECK(recorded.site.layer == 0);
  REQUIRE(recorded.weights().shape() == Shape{2, 2, 3, 4});
  CHECK(distance(sum(recorded.weights(), {-1}), Array::full({2, 2, 3}, DType::float32, 1)) < 1e-6);
  CHECK(recorded.weights().at({1, 0, 0, 2}) == 0);
  // A loss can be put on it.
  AttentionRecorder differentiable{.differentiable = true};
  run(&differentiable);
  differentiable.modules.at("body.attention").weights().slice(3, 0, 1).sum().backward();
  CHECK(largest(params["body.decoder.weight_hh_l1"].grad().array()) > 0);
}

TEST_CASE("a source of no words gives a recurrent model no NaN") {
  Params params;
  const Bahdanau model(Scope(params),
                       small(Cell::gru, GENERATE(std::optional(Score::additive), std::optional<Score>())));
  Context context;
  const Tensor logits = model(ids({2, 2}, {0, 0, 3, 4}), ids({2}, {0, 2}), ids({2, 2}, {1, 2, 1, 3}), context);
  cross_entropy(logits, ids({2, 2}, {2, 3, 3, 2})).backward();
  CHECK(std::isfinite(logits.sum().item()));
  for (const Parameter& p : params.list()) CHECK(std::isfinite(p.value.grad().sum().item()));
}
