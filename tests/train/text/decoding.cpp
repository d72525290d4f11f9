#include <gaze/train/text/decoding.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>

#include <gaze/autograd/ops.h>
#include <gaze/nn/bahdanau.h>

#include "../../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

constexpr std::int64_t vocabulary = 7;

std::unique_ptr<EncoderDecoder> transformer(const Scope& scope) {
  return std::make_unique<Seq2Seq>(
      scope,
      ModelOptions{.source_vocab = vocabulary,
                   .target_vocab = vocabulary,
                   .max_length = 8,
                   .embedding_std = 1,
                   .transformer = {
                       .encoder_layers = 1, .decoder_layers = 1, .d_model = 8, .heads = 2, .d_ff = 16, .dropout = 0}});
}

std::unique_ptr<EncoderDecoder> recurrent(const Scope& scope, Cell cell, std::optional<Score> score) {
  return std::make_unique<Bahdanau>(scope, BahdanauOptions{.source_vocab = vocabulary,
                                                           .target_vocab = vocabulary,
                                                           .d_model = 8,
                                                           .layers = 2,
                                                           .heads = 2,
                                                           .cell = cell,
                                                           .score = score});
}

/// A small model of random weights, and two sources. Kinds: 0, a Transformer; 1 to 3, recurrent ones.
struct Setup {
  static constexpr int kinds = 4;
  explicit Setup(int kind = 0) {
    const Scope scope(params, {.seed = 11});
    owner = kind == 0   ? transformer(scope)
            : kind == 1 ? recurrent(scope, Cell::gru, Score::additive)
            : kind == 2 ? recurrent(scope, Cell::lstm, Score::dot)
                        : recurrent(scope, Cell::gru, std::nullopt);
    params.pack();
    for (const Parameter& p : params.list())
      if (p.name == "head.weight") Tensor(p.value).assign(p.value * (kind == 0 ? 4.0 : 20.0));  // clear preferences
  }
  Params params;
  std::unique_ptr<EncoderDecoder> owner;
  const EncoderDecoder& model() const { return *owner; }
  Batch batch = make_batch(std::vector<PairIds>{{{4, 5, 6}, {}}, {{6, 4}, {}}});

  /// log p of words and, if asked for, the end mark, for source b.
  double log_probability(std::int64_t b, std::vector<std::int32_t> ids, bool end) const {
    const NoGrad no_grad;
    Context context;
    std::vector<std::int32_t> in = {Vocabulary::bos};
    in.insert(in.end(), ids.begin(), ids.end());
    const auto length = batch.source_lengths.at(b);
    const Tensor source = slice(Tensor(batch.source), 0, b, b + 1);
    const Tensor logits =
        model()(source, Tensor::from<std::int32_t>({1}, std::vector<std::int32_t>{static_cast<std::int32_t>(length)}),
                Tensor::from({1, static_cast<std::int64_t>(in.size())}, in), context);
    const Tensor p = log_softmax(logits);
    if (end) ids.push_back(Vocabulary::eos);
    double sum = 0;
    for (std::size_t t = 0; t < ids.size(); ++t) sum += p.at({0, static_cast<std::int64_t>(t), ids[t]});
    return sum;
  }
};

}  // namespace

TEST_CASE("greedy decoding takes the likeliest word after word", "[decoding]") {
  const int kind = GENERATE(range(0, Setup::kinds));
  CAPTURE(kind);
  const Setup s(kind);
  const auto found = decode(s.model(), s.batch, {.beam = 1, .length_penalty = 0, .longest = 6});
  REQUIRE(found.size() == 2);
  for (std::int64_t b = 0; b < 2; ++b) {
    std::vector<std::int32_t> words;
    bool ended = false;
    while (words.size() < 6 && !ended) {
      std::int32_t best = -1;
      double best_score = -1e300;
      for (std::int32_t w = Vocabulary::eos; w < vocabulary; ++w) {
        auto next = words;
        if (w != Vocabulary::eos) next.push_back(w);
        if (const double p = s.log_probability(b, next, w == Vocabulary::eos); p > best_score) best_score = p, best = w;
      }
      ended = best == Vocabulary::eos;
      if (!ended) words.push_back(best);
    }
    const Hypothesis& h = found[static_cast<std::size_t>(b)].front();
    CHECK(h.ids == words);
    CHECK(h.log_probability == Approx(s.log_probability(b, words, ended)).epsilon(1e-4));
    CHECK(found[static_cast<std::size_t>(b)].size() == 1);
  }
}

TEST_CASE("a beam as wide as all sentences finds the best of them", "[decoding]") {
  const int kind = GENERATE(range(0, Setup::kinds));
  CAPTURE(kind);
  const Setup s(kind);
  constexpr double alpha = 0.8;
  constexpr std::int64_t longest = 3;
  const auto found = decode(s.model(), s.batch, {.beam = 400, .length_penalty = alpha, .longest = longest});
  for (std::int64_t b = 0; b < 2; ++b) {
    std::vector<std::pair<double, std::vector<std::int32_t>>> all;  // every sentence that ends in time
    const std::function<void(std::vector<std::int32_t>)> visit = [&](const std::vector<std::int32_t>& words) {
      const double penalty = std::pow((5 + static_cast<double>(words.size()) + 1) / 6, alpha);
      all.emplace_back(-s.log_probability(b, words, true) / penalty, words);
      if (words.size() + 1 == longest) return;
      for (std::int32_t w = Vocabulary::unk; w < vocabulary; ++w) {
        auto next = words;
        next.push_back(w);
        visit(next);
      }
    };
    visit({});
    std::sort(all.begin(), all.end());
    const auto& hypotheses = found[static_cast<std::size_t>(b)];
    REQUIRE(hypotheses.size() == all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      CHECK(hypotheses[i].normalised == Approx(-all[i].first).epsilon(1e-4));
      CHECK(hypotheses[i].log_probability == Approx(s.log_probability(b, hypotheses[i].ids, true)).epsilon(1e-4));
    }
    CHECK(hypotheses[0].ids == all[0].second);
  }
}

TEST_CASE("hypotheses come best first, and a sentence is translated alike in any batch", "[decoding]") {
  const int kind = GENERATE(range(0, Setup::kinds));
  CAPTURE(kind);
  const Setup s(kind);
  for (const std::int64_t beam : {1, 2, 4, 8}) {
    const auto both = decode(s.model(), s.batch, {.beam = beam, .length_penalty = 0, .longest = 7});
    for (std::size_t b = 0; b < 2; ++b) {
      const Hypothesis& best = both[b].front();
      CHECK(std::is_sorted(both[b].begin(), both[b].end(),
                           [](const Hypothesis& x, const Hypothesis& y) { return x.normalised > y.normalised; }));
      const Batch alone = make_batch(std::vector<PairIds>{b == 0 ? PairIds{{4, 5, 6}, {}} : PairIds{{6, 4}, {}}});
      const auto same = decode(s.model(), alone, {.beam = beam, .length_penalty = 0, .longest = 7}).front();
      REQUIRE(same.size() == both[b].size());
      CHECK(same.front().ids == best.ids);
    }
  }
  CHECK(decode(s.model(), s.batch, {.beam = 2, .longest = 0}).front().front().ids.empty());
  CHECK_THROWS_AS(decode(s.model(), s.batch, {.beam = 0, .longest = 3}), Error);
  Tensor(s.params["head.weight"]).fill(std::nan(""));
  CHECK_THROWS_WITH(decode(s.model(), s.batch, {.beam = 2, .longest = 3}), ContainsSubstring("not numbers"));
}
