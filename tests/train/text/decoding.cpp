#include <gaze/train/text/decoding.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
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

/// The first word id of models whose words are made up.
constexpr std::int32_t word = Vocabulary::unk + 1;

/// Says how likely the end is after 0, 1, 2, ... words, the last number standing for all that follow; else one word.
struct EndsAfter final : SequenceModel {
  explicit EndsAfter(std::vector<double> p) : p_end(std::move(p)) {}
  Tensor logits(const TokenBatch& batch, Context&) const override {
    ++passes;
    const std::int64_t rows = batch.target.size(0), words = batch.target.size(1), ids = word + 1;
    Array all = Array::full({rows, words, ids}, DType::float64, -1000);
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t t = 0; t < words; ++t) {
        const double p = p_end[std::min(static_cast<std::size_t>(t), p_end.size() - 1)];
        double* const logit = all.write<double>() + (row * words + t) * ids;
        logit[Vocabulary::eos] = std::log(p), logit[word] = std::log(1 - p);
      }
    return Tensor(std::move(all));
  }
  std::vector<double> p_end;
  mutable int passes = 0;
};

/// Any probabilities after any words, by a seed.
struct Whims final : SequenceModel {
  static constexpr std::int32_t ids = word + 3;
  explicit Whims(std::uint64_t number) : seed(number) {}
  std::vector<double> after(std::span<const std::int32_t> words) const {
    RandomStream stream{seed, 0};
    for (const std::int32_t w : words) stream = stream.split(static_cast<std::uint64_t>(w));
    Random random(stream);
    std::vector<double> logits;
    for (std::int32_t i = 0; i < ids; ++i) logits.push_back(3 * random.uniform() + (i == Vocabulary::eos));
    for (const int mark : {Vocabulary::pad, Vocabulary::bos, Vocabulary::unk})
      logits[static_cast<std::size_t>(mark)] = -60;
    return logits;
  }
  Tensor logits(const TokenBatch& batch, Context&) const override {
    const std::int64_t rows = batch.target.size(0), words = batch.target.size(1);
    std::vector<double> all;
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t t = 0; t < words; ++t) {
        const auto before = batch.target.values<std::int32_t>().subspan(static_cast<std::size_t>(row * words + 1),
                                                                        static_cast<std::size_t>(t));
        const auto of_row = after(before);
        all.insert(all.end(), of_row.begin(), of_row.end());
      }
    return Tensor::from<double>({rows, words, ids}, all);
  }
  std::uint64_t seed;
};

/// The best that there is of at most so many words.
double best_of_all(const Whims& model, std::size_t longest, double alpha) {
  double best = -std::numeric_limits<double>::infinity();
  const std::function<void(std::vector<std::int32_t>, double)> visit = [&](const std::vector<std::int32_t>& words,
                                                                           double so_far) {
    const auto logits = model.after(words);
    double sum = 0;
    for (const double x : logits) sum += std::exp(x);
    const auto log_p = [&](std::int32_t id) { return so_far + logits[static_cast<std::size_t>(id)] - std::log(sum); };
    best = std::max(best, log_p(Vocabulary::eos) / std::pow((5 + static_cast<double>(words.size()) + 1) / 6, alpha));
    if (words.size() == longest) return;
    for (std::int32_t w = word; w < Whims::ids; ++w) {
      auto next = words;
      next.push_back(w);
      visit(next, log_p(w));
    }
  };
  visit({}, 0);
  return best;
}

Batch source_of(std::size_t words) {
  return make_batch(std::vector<PairIds>{{std::vector<std::int32_t>(words, word), {}}});
}

Hypothesis best_of(const SequenceModel& model, std::int64_t beam, double alpha, std::int64_t longest = 20,
                   const LengthLimit& limit = {}) {
  const DecodingOptions options{.beam = beam, .length_penalty = alpha, .longest = longest, .limit = limit};
  return decode(model, source_of(2), options).front().front();
}

}  // namespace

TEST_CASE("greedy decoding takes the likeliest word after word", "[decoding]") {
  const int kind = GENERATE(range(0, Setup::kinds));
  CAPTURE(kind);
  const Setup s(kind);
  const auto found = decode(s.model(), s.batch, {.beam = 1, .length_penalty = 0, .longest = 6});
  REQUIRE(found.size() == 2);
  for (std::int64_t b = 0; b < 2; ++b) {  // what is as long as it may be ends there
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
    CHECK(h.log_probability == Approx(s.log_probability(b, words, true)).epsilon(1e-4));
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
      if (words.size() == longest) return;
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

TEST_CASE("a wider beam does not stop at the first sentences that end", "[decoding]") {
  const EndsAfter late({.4, .3, .99});
  const Hypothesis greedy = best_of(late, 1, 0);
  CHECK(greedy.ids.size() == 2);
  CHECK(greedy.log_probability == Approx(std::log(.6 * .7 * .99)).epsilon(1e-5));
  for (const std::int64_t beam : {2, 3, 5}) CHECK(best_of(late, beam, 0).log_probability == greedy.log_probability);
  const EndsAfter rare({.05, .001, .001, .9});
  for (const std::int64_t beam : {1, 2, 4})
    CHECK(best_of(rare, beam, 0).log_probability == Approx(std::log(.95 * .999 * .999 * .9)).epsilon(1e-5));
}

TEST_CASE("a beam is never worse than greedy decoding, and a wide one finds the best there is", "[decoding]") {
  const double alpha = GENERATE(0, 0.6, 1, 2);
  constexpr std::int64_t longest = 4;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    CAPTURE(alpha, seed);
    const Whims model(seed);
    const double best = best_of_all(model, longest, alpha), greedy = best_of(model, 1, alpha, longest).normalised;
    for (const std::int64_t beam : {2, 3, 4}) {
      const Hypothesis found = best_of(model, beam, alpha, longest);
      CHECK(found.normalised >= greedy);
      CHECK(found.normalised <= best + 1e-5);
    }
    CHECK(best_of(model, 100, alpha, longest).normalised == Approx(best).epsilon(1e-5));
  }
}

TEST_CASE("a beam ends as soon as nothing can get better, which a length penalty puts off", "[decoding]") {
  // After one step a and b of a beam of two have ended at log .9 and log .09: what is running has at most log .01.
  const EndsAfter sure({.9});
  CHECK(best_of(sure, 2, 0).ids.empty());
  CHECK(sure.passes == 2);
  // At the longest output, 13 words and the end mark, log .01 would count as log .01 / (19 / 6)^2, which is more.
  const EndsAfter hoping({.9});
  best_of(hoping, 2, 2);
  CHECK(hoping.passes > 2);
  CHECK(hoping.passes <= 14);
  // One word after another at next to no cost: only the longest is long enough.
  const EndsAfter patient({.5, .001, .001, .001, .001, .001, .5});
  CHECK(best_of(patient, 2, 0).ids.empty());
  CHECK(best_of(patient, 2, 2).ids.size() >= 6);
}

TEST_CASE("an output is as long as its source allows, and the end mark counts there too", "[decoding]") {
  const EndsAfter never({1e-6});
  for (const std::int64_t beam : {1, 3}) {
    CHECK(best_of(never, beam, 1).ids.size() == 13);  // 1.5 x 2 + 10
    CHECK(best_of(never, beam, 1, 5).ids.size() == 5);
    CHECK(best_of(never, beam, 1, 20, {.per_word = 0, .more = 3}).ids.size() == 3);
    CHECK(best_of(never, beam, 1, 20, {.per_word = 2.25, .more = 0}).ids.size() == 4);
    CHECK(best_of(never, beam, 0, 5).log_probability < std::log(1e-6) + 0.1);
  }
  // Each source of a batch has its own; and a model that cannot end at all is cut.
  const Batch both = make_batch(std::vector<PairIds>{{{word}, {}}, {std::vector<std::int32_t>(4, word), {}}});
  const auto found = decode(never, both, {.beam = 2, .length_penalty = 2, .longest = 100});
  CHECK(found[0].front().ids.size() == 11);
  CHECK(found[1].front().ids.size() == 16);
  CHECK(best_of(EndsAfter({0}), 2, 1, 3).ids.size() == 3);
}

TEST_CASE("options of decoding that make no sense are refused", "[decoding]") {
  const EndsAfter model({.5});
  const Batch batch = source_of(1);
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const auto refused = [&](const DecodingOptions& options, const char* names) {
    CHECK_THROWS_WITH(decode(model, batch, options), ContainsSubstring(names));
  };
  for (const double penalty : {nan, infinity, -0.5, 11.0}) refused({.length_penalty = penalty}, "length penalty");
  for (const std::int64_t beam : {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::max()})
    refused({.beam = beam}, "a beam of");
  refused({.longest = -1}, "-1 words");
  for (const double ratio : {nan, infinity, -1.0})
    refused({.longest = 3, .limit = {.per_word = ratio}}, "of the source");
  refused({.longest = 3, .limit = {.more = -1}}, "-1 more");
  CHECK(decode(model, batch, {.longest = std::numeric_limits<std::int64_t>::max()}).front().front().ids.size() <= 11);
}
