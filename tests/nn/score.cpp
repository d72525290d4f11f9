#include <gaze/nn/score.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gaze/autograd/check/gradcheck.h>
#include <gaze/nn/attention.h>
#include <gaze/nn/recorder.h>

#include "../catch.h"
#include "golden.h"

using namespace gaze;

namespace {

Tensor drawn(const Shape& shape, std::uint64_t seed) {
  Random random({.seed = seed});
  std::vector<double> numbers(static_cast<std::size_t>(shape.size()));
  for (double& n : numbers) n = random.normal();
  return Tensor::from<double>(shape, numbers);
}

/// Two heads of three numbers each, or of other sizes for keys.
struct Example {
  explicit Example(Score kind, std::int64_t key_size = 6)
      : keys(drawn({2, 5, key_size}, 2)),
        score(Scope(params, {.seed = 7}),
              {.score = kind, .query_size = 6, .key_size = key_size, .heads = 2, .width = 4, .strength = 1.5}) {}
  Params params{DType::float64};
  Tensor queries = drawn({2, 3, 6}, 1);
  Tensor keys;
  ScoreFunction score;
};

/// The definitions in score.h, by loops: the score of query t and key s of head h.
double by_definition(const Example& e, std::int64_t b, std::int64_t h, std::int64_t t, std::int64_t s) {
  const std::int64_t query_size = 3, key_size = e.keys.size(2) / 2;
  const auto q = [&](std::int64_t i) { return e.queries.at({b, t, h * query_size + i}); };
  const auto k = [&](std::int64_t i) { return e.keys.at({b, s, h * key_size + i}); };
  double dot = 0, of_q = 0, of_k = 0, sum = 0;
  for (std::int64_t i = 0; i < query_size && key_size == query_size; ++i)
    dot += q(i) * k(i), of_q += q(i) * q(i), of_k += k(i) * k(i);
  switch (e.score.score) {
    case Score::dot: return dot;
    case Score::scaled_dot: return dot / std::sqrt(static_cast<double>(key_size));
    case Score::cosine: return 1.5 * dot / std::sqrt(of_q * of_k);
    case Score::bilinear:
      for (std::int64_t i = 0; i < query_size; ++i)
        for (std::int64_t j = 0; j < key_size; ++j) sum += q(i) * e.params["weight"].at({h * query_size + i, j}) * k(j);
      return sum;
    default:
      for (std::int64_t a = 0; a < 4; ++a) {
        double inside = 0;
        for (std::int64_t i = 0; i < query_size; ++i) inside += e.params["query.weight"].at({h * 4 + a, i}) * q(i);
        for (std::int64_t j = 0; j < key_size; ++j) inside += e.params["key.weight"].at({h * 4 + a, j}) * k(j);
        sum += e.params["v"].at({h, a}) * std::tanh(inside);
      }
      return sum;
  }
}

}  // namespace

TEST_CASE("scores are what their definitions say, head by head") {
  const Score kind = GENERATE(Score::dot, Score::scaled_dot, Score::cosine, Score::bilinear, Score::additive);
  const bool learns_sizes = kind == Score::bilinear || kind == Score::additive;
  const std::int64_t key_size = GENERATE(6, 10);
  if (key_size != 6 && !learns_sizes) return;
  CAPTURE(name_of(kind), key_size);
  const Example e(kind, key_size);
  const Tensor scores = e.score(e.queries, e.keys);
  REQUIRE(scores.shape() == Shape{2, 2, 3, 5});
  for (std::int64_t b = 0; b < 2; ++b)
    for (std::int64_t h = 0; h < 2; ++h)
      for (std::int64_t t = 0; t < 3; ++t)
        for (std::int64_t s = 0; s < 5; ++s)
          CHECK(scores.at({b, h, t, s}) == Approx(by_definition(e, b, h, t, s)).epsilon(1e-12));
}

TEST_CASE("every score attends to the same effect in one pass and in parts, under masks") {
  const Score kind = GENERATE(Score::dot, Score::scaled_dot, Score::cosine, Score::bilinear, Score::additive);
  CAPTURE(name_of(kind));
  const Example e(kind);
  const Tensor values = drawn({2, 5, 4}, 3);
  AttentionOptions masks{.causal = true};
  masks.key_lengths = Tensor::from<std::int32_t>({2}, {5, 2});
  const Columns q = e.score.prepared_queries(e.queries), k = e.score.prepared_keys(e.keys);
  const Tensor weights = e.score.weights(q, k, masks);
  AttentionOptions whole = masks;
  whole.heads = 2;
  CHECK(distance(weights, masked_weights(e.score(e.queries, e.keys), whole).array()) < 1e-14);
  CHECK(distance(e.score.attend(q, k, values, masks),
                 attend(e.score(e.queries, e.keys), values, whole).output.array()) < 1e-14);
  CHECK(weights.at({1, 0, 2, 2}) == 0);  // behind the row's length
  CHECK(weights.at({0, 1, 0, 0}) == 1);  // the first query sees the first key
}

TEST_CASE("gradients of scores, of their parameters too") {
  const Score kind = GENERATE(Score::dot, Score::scaled_dot, Score::cosine, Score::bilinear, Score::additive);
  CAPTURE(name_of(kind));
  const Example e(kind);
  std::vector<Tensor> inputs = {e.queries, e.keys};
  for (const Parameter& p : e.params.list()) inputs.push_back(p.value.detach());
  const auto call = [kind](const std::vector<Tensor>& in) {
    Example fresh(kind);
    ScoreFunction score = fresh.score;
    if (kind == Score::bilinear) score.weight = in[2];
    if (kind == Score::cosine) score.strength = in[2];
    if (kind == Score::additive) score.query_weight = in[2], score.key_weight = in[3], score.v = in[4];
    return score(in[0], in[1]);
  };
  const GradcheckReport report = gradcheck(call, inputs);
  INFO(report.to_string());
  CHECK(report);
}

TEST_CASE("a cosine of nothing is nothing") {
  const Example e(Score::cosine);
  const Tensor zeros(Array::zeros({2, 3, 6}, DType::float64), true);
  const Tensor scores = e.score(zeros, e.keys);
  CHECK(largest(scores.array()) == 0);
  scores.sum().backward();
  CHECK(std::isfinite(largest(zeros.grad().array())));
}

TEST_CASE("multi-head attention takes any score, with and without weights, word by word as well") {
  const Score kind = GENERATE(Score::dot, Score::scaled_dot, Score::cosine, Score::bilinear, Score::additive);
  CAPTURE(name_of(kind));
  Params params(DType::float64);
  const MultiHeadAttention attention(Scope(params, {.seed = 2}) / "self_attn", 8, 2, 0, kind);
  const Tensor x = drawn({2, 4, 8}, 5);
  Context context;
  const AttentionMasks causal{.causal = true};
  AttentionRecorder recorder, differentiable{.differentiable = true};  // the latter in separate operations
  const Taps composed = differentiable.taps(), looking = recorder.taps();
  Context composing{.taps = &composed};
  const Tensor all = attention(x, x, causal, composing);
  CHECK(distance(attention(x, x, causal, context), all.array()) < 1e-14);
  KeysValues cache;
  std::vector<Tensor> words;
  for (std::int64_t t = 0; t < 4; ++t) {
    words.push_back(attention.extend(slice(x, 1, t, t + 1), cache, context));
    CHECK(distance(words.back(), slice(all, 1, t, t + 1).array()) < 1e-14);
  }
  const auto gradients = [&](const Tensor& y) {  // they come through the keys and values of earlier words
    params.zero_grad();
    sum(y * drawn({2, 4, 8}, 6)).backward();
    std::map<std::string, Array> of;
    for (const Parameter& p : params.list()) of[p.name] = p.value.grad().array().copy();
    return of;
  };
  const auto of_all = gradients(all);
  for (const auto& [name, gradient] : gradients(concat(words, 1)))
    CHECK(distance(Tensor(of_all.at(name)), gradient) < 1e-13);
  context.taps = &looking;
  attention(x, x, causal, context);
  CHECK(distance(recorder.modules.at("self_attn").weights(), differentiable.modules.at("self_attn").weights().array()) <
        1e-14);
}

TEST_CASE("scores have names, and say which sizes they cannot compare") {
  for (const Score score : score_names().values()) CHECK(score_names().named(name_of(score)) == score);
  CHECK_THROWS_WITH(score_names().named("dots"), ContainsSubstring("additive"));
  Params params;
  CHECK_THROWS_WITH(ScoreFunction(Scope(params) / "s", {.score = Score::dot, .query_size = 4, .key_size = 6}),
                    ContainsSubstring("got 4 and 6"));
  CHECK_THROWS_WITH(ScoreFunction(Scope(params) / "s", {.query_size = 4, .key_size = 4, .heads = 3}),
                    ContainsSubstring("3 heads"));
}
