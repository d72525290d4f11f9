#include <gaze/nn/bahdanau.h>
#include <gaze/nn/model.h>
#include <gaze/nn/recorder.h>
#include <gaze/optim/adam.h>
#include <gaze/optim/clipping.h>

#include <cmath>
#include <memory>
#include <set>

#include "../catch.h"
#include "../settings.h"
#include "golden.h"

using namespace gaze;

namespace {

ModelOptions small(Norm norm = Norm::post) {
  return {
      .source_vocab = 9,
      .target_vocab = 7,
      .max_length = 6,
      .transformer = {
          .encoder_layers = 1, .decoder_layers = 1, .d_model = 8, .heads = 2, .d_ff = 16, .dropout = 0, .norm = norm}};
}

Tensor ids(Shape shape, std::vector<std::int32_t> values) { return Tensor::from<std::int32_t>(shape, values); }

std::set<std::string> names(const Params& params) {
  std::set<std::string> all;
  for (const Parameter& p : params.list()) all.insert(p.name);
  return all;
}

}  // namespace

TEST_CASE("the models of the workloads have as many parameters as PyTorch's") {
  struct Workload {
    const char* name;
    bool pair;
    std::int64_t layers, d_model, heads, d_ff, vocab, length;
    Norm norm;
    bool tied;
    std::int64_t parameters;
  };
  const Workload workloads[] = {
      {"gpt-char", false, 4, 128, 4, 512, 65, 64, Norm::pre, true, 809856},
      {"seq2seq-toy", true, 2, 64, 4, 256, 32, 12, Norm::post, false, 241408},
      {"seq2seq-small", true, 3, 256, 8, 512, 6000, 16, Norm::post, false, 8570880},
      {"seq2seq-base", true, 6, 512, 8, 2048, 10000, 32, Norm::post, false, 59533312},
  };
  for (const Workload& w : workloads) {
    INFO(w.name);
    Params params;
    const ModelOptions options{.source_vocab = w.vocab,
                               .target_vocab = w.vocab,
                               .max_length = w.length,
                               .tied = w.tied,
                               .transformer = {.encoder_layers = w.layers,
                                               .decoder_layers = w.layers,
                                               .d_model = w.d_model,
                                               .heads = w.heads,
                                               .d_ff = w.d_ff,
                                               .norm = w.norm}};
    if (w.pair)
      Seq2Seq(Scope(params), options);
    else
      LanguageModel(Scope(params), options);
    CHECK(params.count() == w.parameters);
  }
}

TEST_CASE("a language model's parameters have PyTorch's names") {
  const Norm norm = GENERATE(Norm::pre, Norm::post);
  Params params;
  const LanguageModel model(Scope(params), small(norm));
  std::set<std::string> expected = {"tgt_embed.tok.weight", "tgt_embed.pos.weight", "head.weight"};
  for (const char* name : {"self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight",
                           "self_attn.out_proj.bias", "linear1.weight", "linear1.bias", "linear2.weight",
                           "linear2.bias", "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"})
    expected.insert(std::string("body.layers.0.") + name);
  if (norm == Norm::pre) expected.insert({"body.norm.weight", "body.norm.bias"});
  CHECK(names(params) == expected);
}

TEST_CASE("a translation model's parts have PyTorch's names") {
  Params params;
  const Seq2Seq model(Scope(params), small());
  for (const char* name : {"src_embed.tok.weight", "tgt_embed.pos.weight", "head.weight", "body.encoder.norm.weight",
                           "body.encoder.layers.0.self_attn.in_proj_weight", "body.decoder.norm.bias",
                           "body.decoder.layers.0.multihead_attn.out_proj.weight", "body.decoder.layers.0.norm3.bias"})
    CHECK(params.contains(name));
  CHECK(params["src_embed.tok.weight"].shape() == Shape{9, 8});
  CHECK(params["head.weight"].shape() == Shape{7, 8});
  CHECK(params.list().size() == 2 + 2 + 12 + 2 + 18 + 2 + 1);
}

TEST_CASE("logits do not see later targets, nor the padding of the source") {
  const ModelOptions options = small(GENERATE(Norm::pre, Norm::post));
  Params params;
  const Seq2Seq model(Scope(params), options);
  Context context;
  const Tensor lengths = ids({2}, {4, 2});
  const Tensor source = ids({2, 4}, {1, 2, 3, 4, 5, 6, 0, 0}), repadded = ids({2, 4}, {1, 2, 3, 4, 5, 6, 8, 7});
  const Tensor target = ids({2, 3}, {1, 2, 3, 4, 5, 6}), changed = ids({2, 3}, {1, 2, 0, 4, 5, 0});
  const Tensor logits = model(source, lengths, target, context);
  REQUIRE(logits.shape() == Shape{2, 3, 7});
  CHECK(distance(model(repadded, lengths, target, context), logits.array()) == 0);
  CHECK(distance(model(repadded, {}, target, context), logits.array()) > 1e-4);
  const Tensor other = model(source, lengths, changed, context);
  CHECK(distance(other.slice(1, 0, 2), logits.slice(1, 0, 2).array()) == 0);
  CHECK(distance(other, logits.array()) > 1e-4);
  const Tensor memory = model.encode(source, lengths, context);
  CHECK(memory.shape() == Shape{2, 4, 8});
  CHECK(distance(model.decode(target, memory, lengths, context), logits.array()) == 0);

  Params more;
  const LanguageModel language(Scope(more), options);
  const Tensor continued = language(target, context);
  CHECK(continued.shape() == Shape{2, 3, 7});
  CHECK(distance(language(changed, context).slice(1, 0, 2), continued.slice(1, 0, 2).array()) == 0);
}

TEST_CASE("a tied head is the target embedding, and both uses add to its gradient") {
  ModelOptions options = small();
  Params apart(DType::float64), tied(DType::float64);
  const LanguageModel two(Scope(apart), options);
  options.tied = true;
  const LanguageModel one(Scope(tied), options);
  CHECK(tied.ties().at("head.weight") == "tgt_embed.tok.weight");
  CHECK(tied.list().size() + 1 == apart.list().size());
  CHECK(one.head.weight.same(one.tgt_embed.tok.weight));
  Tensor head = two.head.weight;
  head.assign(two.tgt_embed.tok.weight);

  const Tensor inputs = ids({2, 3}, {0, 6, 2, 3, 3, 1}), gold = ids({2, 3}, {6, 2, 1, 3, 1, 0});
  Context context;
  cross_entropy(two(inputs, context), gold).backward();
  cross_entropy(one(inputs, context), gold).backward();
  const Tensor sum = two.head.weight.grad() + two.tgt_embed.tok.weight.grad();
  CHECK(distance(one.head.weight.grad(), sum.array()) < 1e-14);
}

TEST_CASE("a source row of padding alone gives no NaN") {
  Params params;
  const Seq2Seq model(Scope(params), small(GENERATE(Norm::pre, Norm::post)));
  Context context;
  const Tensor logits = model(ids({2, 2}, {0, 0, 3, 4}), ids({2}, {0, 2}), ids({2, 2}, {1, 2, 1, 3}), context);
  cross_entropy(logits, ids({2, 2}, {2, 3, 3, 2})).backward();
  CHECK(std::isfinite(logits.sum().item()));
  for (const Parameter& p : params.list()) CHECK(std::isfinite(p.value.grad().sum().item()));
}

TEST_CASE("the recorder knows a model's attention by its full names and changes nothing") {
  ModelOptions options = small();
  options.transformer.dropout = 0.2;
  Params params;
  const Seq2Seq model(Scope(params), options);
  const Tensor source = ids({2, 4}, {1, 2, 3, 4, 5, 6, 0, 0}), target = ids({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto run = [&](AttentionRecorder* recorder) {
    const Taps taps = recorder ? recorder->taps() : Taps();
    Context context{.training = true, .stream = {.seed = 2}, .taps = recorder ? &taps : nullptr};
    return model(source, ids({2}, {4, 2}), target, context);
  };
  AttentionRecorder all, cross{.wants = [](std::string_view name) { return name.ends_with("multihead_attn"); }};
  const Tensor plain = run(nullptr);
  CHECK(distance(run(&all), plain.array()) == 0);
  CHECK(distance(run(&cross), plain.array()) == 0);
  CHECK(all.modules.size() == 3);
  CHECK(all.modules.at("body.encoder.layers.0.self_attn").weights().shape() == Shape{2, 2, 4, 4});
  CHECK(all.modules.at("body.decoder.layers.0.self_attn").weights().shape() == Shape{2, 2, 3, 3});
  REQUIRE(cross.modules.size() == 1);
  const Tensor weights = cross.modules.at("body.decoder.layers.0.multihead_attn").weights();
  REQUIRE(weights.shape() == Shape{2, 2, 3, 4});
  CHECK(distance(sum(weights, {-1}), Array::full({2, 2, 3}, DType::float32, 1)) < 1e-6);
  CHECK(weights.at({1, 0, 0, 2}) == 0);
}

TEST_CASE("a model of impossible sizes is refused") {
  Params params;
  ModelOptions options = small();
  options.transformer.heads = 3;
  CHECK_THROWS_WITH(Seq2Seq(Scope(params), options), ContainsSubstring("3 heads") && ContainsSubstring("8"));
  Params second;
  options = small();
  options.target_vocab = 0;
  CHECK_THROWS_WITH(LanguageModel(Scope(second), options), ContainsSubstring("tgt_embed.tok"));
}

TEST_CASE("word by word a model says what it says of the whole sentence", "[decoding]") {
  const Norm norm = GENERATE(Norm::pre, Norm::post);
  const NoGrad no_grad;
  Params params(DType::float64);
  ModelOptions options = small(norm);
  options.transformer.encoder_layers = options.transformer.decoder_layers = 2;
  const Seq2Seq model(Scope(params, {.seed = 3}), options);
  Context context;
  const Tensor source = ids({2, 4}, {1, 2, 3, 4, 5, 6, 0, 0}), lengths = ids({2}, {4, 2});
  // Three continuations of each of the two sources.
  const std::vector<std::int32_t> words = {1, 2, 3, 4, 1, 3, 5, 6, 1, 4, 4, 2, 1, 1, 2, 3, 1, 6, 5, 4, 1, 2, 2, 2};
  const Tensor target = ids({6, 4}, words);
  const Tensor both = index_select(source, 0, ids({6}, {0, 0, 0, 1, 1, 1}));
  const Tensor whole = model(both, ids({6}, {4, 4, 4, 2, 2, 2}), target, context);

  DecodingState state = model.begin(source, lengths, context);
  for (std::int64_t t = 0; t < 4; ++t) {
    const Tensor logits = model.next(slice(target, 1, t, t + 1), state, context);
    REQUIRE(logits.shape() == Shape{6, 7});
    for (std::int64_t row = 0; row < 6; ++row)
      for (std::int64_t v = 0; v < 7; ++v) CHECK(logits.at({row, v}) == Approx(whole.at({row, t, v})).epsilon(1e-12));
  }
  CHECK(state.length == 4);

  // Sources and rows can be taken out and go on as before.
  DecodingState other = model.begin(source, lengths, context);
  for (std::int64_t t = 0; t < 3; ++t) model.next(slice(target, 1, t, t + 1), other, context);
  other.select_sources(ids({1}, {1}));
  other.select_rows(ids({2}, {5, 3}));
  const Tensor rest = model.next(ids({2, 1}, {2, 3}), other, context);
  for (std::int64_t v = 0; v < 7; ++v) {
    CHECK(rest.at({0, v}) == Approx(whole.at({5, 3, v})).epsilon(1e-12));
    CHECK(rest.at({1, v}) == Approx(whole.at({3, 3, v})).epsilon(1e-12));
  }
  CHECK_THROWS_WITH(model.next(ids({2, 2}, {1, 2, 3, 4}), other, context), ContainsSubstring("one word at a time"));
  CHECK_THROWS_WITH(model.next(ids({3, 1}, {1, 2, 3}), other, context), ContainsSubstring("of 3 rows"));
}

TEST_CASE("copies of a decoding state go on in ways of their own", "[decoding]") {
  const NoGrad no_grad;
  const Score score = GENERATE(Score::scaled_dot, Score::cosine, Score::additive);
  Params params;
  ModelOptions options = small();
  options.transformer.score = score;
  const Seq2Seq model(Scope(params, {.seed = 3}), options);
  Context context;
  const Tensor source = ids({2, 4}, {1, 2, 3, 4, 5, 6, 0, 0}), lengths = ids({2}, {4, 2});
  const auto said = [&](const std::vector<std::int32_t>& words, DecodingState& state) {
    Tensor logits;
    for (const std::int32_t word : words) logits = model.next(ids({2, 1}, {word, word}), state, context);
    return logits;
  };
  DecodingState begun = model.begin(source, lengths, context), alone = begun, other_alone = begun;
  said({1, 2}, begun);  // behind two words there is a spare row
  const Tensor cache = begun.words.front().keys().packed;
  DecodingState branch = begun;
  const Tensor third = said({3}, begun), other_third = said({4}, branch);
  CHECK(begun.words.front().keys().packed.same(cache));
  CHECK_FALSE(branch.words.front().keys().packed.same(cache));
  CHECK(distance(third, said({1, 2, 3}, alone).array()) == 0);
  CHECK(distance(other_third, said({1, 2, 4}, other_alone).array()) == 0);
  CHECK(distance(said({5}, begun), said({5}, alone).array()) == 0);
  CHECK(distance(said({5}, branch), said({5}, other_alone).array()) == 0);
  const Tensor keys = begun.words.front().keys().packed;
  begun.select_rows(ids({2}, {0, 1}));
  CHECK(begun.words.front().keys().packed.same(keys));  // nothing moves
  CHECK_THROWS_WITH(begun.select_rows(ids({2}, {0, 2})), "decoding: row 2 of 2");
}

TEST_CASE("a language model reads a beginning at once and goes on word by word", "[decoding]") {
  const NoGrad no_grad;
  Params params(DType::float64);
  ModelOptions options = small(Norm::pre);
  options.transformer.decoder_layers = 2;
  const LanguageModel model(Scope(params, {.seed = 3}), options);
  Context context;
  const Tensor text = ids({2, 6}, {1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1}), whole = model(text, context);
  DecodingState state;
  Tensor logits = model.next(slice(text, 1, 0, 3), state, context);
  for (std::int64_t t = 3;; ++t) {
    for (std::int64_t row = 0; row < 2; ++row)
      for (std::int64_t v = 0; v < 7; ++v)
        CHECK(logits.at({row, v}) == Approx(whole.at({row, t - 1, v})).epsilon(1e-12));
    if (t == 6) break;
    logits = model.next(slice(text, 1, t, t + 1), state, context);
  }
  CHECK_THROWS_WITH(model.next(ids({2, 1}, {1, 2}), state, context), ContainsSubstring("maximum 6"));
}

TEST_CASE("source, target and head may share one table of token vectors") {
  ModelOptions options = small();
  options.source_vocab = 7, options.tied = options.shared = true;
  Params params;
  const Seq2Seq model(Scope(params, {.seed = 3}), options);
  CHECK(params.contains("tgt_embed.tok.weight"));
  CHECK(params.ties() == std::map<std::string, std::string>{{"head.weight", "src_embed.tok.weight"},
                                                            {"tgt_embed.tok.weight", "src_embed.tok.weight"}});
  CHECK(names(params).count("tgt_embed.tok.weight") == 0);
  CHECK(model.src_embed.tok.weight.same(model.tgt_embed.tok.weight));
  CHECK(model.head.weight.same(model.src_embed.tok.weight));
  CHECK_FALSE(params["src_embed.pos.weight"].same(params["tgt_embed.pos.weight"]));
  options.source_vocab = 9;
  Params others;
  CHECK_THROWS_WITH(Seq2Seq(Scope(others, {.seed = 3}), options), ContainsSubstring("one vocabulary"));
}

TEST_CASE("PyTorch makes the same logits of gaze's weights") {
  const Norm norm = GENERATE(Norm::pre, Norm::post);
  const std::string name = norm == Norm::pre ? "export-pre" : "export-post";
  const Checkpoint golden = load_safetensors(source_folder() / "tests/golden" / (name + ".safetensors"));
  const auto find = [&](const char* what) -> const Array& {
    const Array* found = golden.find(what);
    REQUIRE(found);
    return *found;
  };
  Params params;
  const Array &source = find("weights.src_embed.tok.weight"), &target = find("weights.tgt_embed.tok.weight");
  const Seq2Seq model(Scope(params), {.source_vocab = source.shape()[0],
                                      .target_vocab = target.shape()[0],
                                      .max_length = find("weights.tgt_embed.pos.weight").shape()[0],
                                      .tied = norm == Norm::pre,
                                      .transformer = {.encoder_layers = 2,
                                                      .decoder_layers = 2,
                                                      .d_model = source.shape()[1],
                                                      .heads = 2,
                                                      .d_ff = 16,
                                                      .dropout = 0,
                                                      .norm = norm}});
  load(params, golden, {.strip_prefix = "weights."}, name);
  Context context;
  const Tensor logits = model(Tensor(find("src")), Tensor(find("lengths")), Tensor(find("tgt")), context);
  CHECK(largest(find("logits")) > 0.5);
  CHECK(distance(logits, find("logits")) < 1e-5);
}

namespace {

/// A model of somebody's own that says what follows from its last two words, and nothing more about itself.
struct Own final : SequenceModel {
  explicit Own(const Scope& scope) : now(scope / "now", 7, 7), before(scope / "before", 7, 7) {}

  Tensor logits(const TokenBatch& batch, Context& context) const override {
    enter(context);
    const Tensor here = now(batch.target), shifted = pad(before(batch.target), {{0, 0}, {1, 0}, {0, 0}});
    Tensor sum = here + slice(shifted, 1, 0, batch.target.size(1));
    if (batch.source.defined())  // a source counts by its first word
      sum = sum + slice(before(batch.source), 1, 0, 1);
    return context.tap("", TapPoint::logits, sum);
  }

  Embedding now, before;
};

}  // namespace

TEST_CASE("a model of one's own needs logits alone, and has its loss and the next logits from them", "[decoding]") {
  Params params(DType::float64);
  const Own model(Scope(params, {.seed = 3}));
  const bool reads_source = GENERATE(false, true);
  TokenBatch batch{.target = ids({2, 3}, {1, 2, 3, 4, 5, 6}), .gold = ids({2, 3}, {2, 3, 4, 5, 6, 1})};
  if (reads_source) batch.source = ids({2, 2}, {3, 1, 5, 2}), batch.source_lengths = ids({2}, {2, 1});
  int looks = 0;
  Taps taps;
  taps.look("logits", [&](const TapPlace&, const Tensor&) { ++looks; });  // it lists no points: no name is refused
  Context context{.taps = &taps};
  const Tensor logits = model.logits(batch, context);
  CHECK(distance(model.loss(batch, {}, context), cross_entropy(logits, batch.gold).array()) == 0);
  // Two continuations of each sentence, which then change places.
  DecodingState state = model.begin(batch.source, batch.source_lengths, context);
  const auto words = [&](std::int64_t t) {
    std::vector<std::int32_t> of_rows;
    for (const std::int64_t row : {0, 0, 1, 1})
      of_rows.push_back(batch.target.values<std::int32_t>()[static_cast<std::size_t>(3 * row + t)]);
    return ids({4, 1}, of_rows);
  };
  for (std::int64_t t = 0; t < 3; ++t) {
    const Tensor next = model.next(words(t), state, context);
    REQUIRE(next.shape() == Shape{4, 7});
    for (const std::int64_t row : {0, 1, 2, 3}) CHECK(distance(next[row], logits[row / 2][t].array()) < 1e-14);
    state.select_rows(ids({4}, {1, 0, 3, 2}));
  }
  CHECK(looks == 5);
}

TEST_CASE("forty steps of training have the same bits with 1, 2 and 3 threads, whoever makes the products",
          "[threads]") {
  const auto trained = [](int count) {
    const Threads use(count);
    Params params;
    LanguageModel model(Scope(params, {.seed = 1}),
                        {.target_vocab = 20,
                         .max_length = 12,
                         .transformer = {.decoder_layers = 2, .d_model = 64, .heads = 2, .d_ff = 128, .dropout = 0.1}});
    Adam adam(params);
    Random random({.seed = 2});
    std::vector<double> losses;
    for (int step = 1; step <= 40; ++step) {
      std::vector<std::int32_t> words(32 * 12), first(32 * 12);
      for (std::size_t i = 0; i < words.size(); ++i)
        words[i] = static_cast<std::int32_t>(random.below(20)), first[i] = words[i - i % 12];
      Context context{.training = true, .stream = {3, static_cast<std::uint64_t>(step)}};
      const Tensor loss = cross_entropy(model(ids({32, 12}, words), context), ids({32, 12}, first));
      params.zero_grad();
      loss.backward();
      clip_grad_norm(params, 1);
      adam.step(3e-3);
      losses.push_back(loss.item());
    }
    CHECK(losses.back() < losses.front());
    return params.hash();
  };
  for (const ProductsBy by : {ProductsBy::own, ProductsBy::openblas}) {
    CAPTURE(static_cast<int>(by));
    const UseProducts use(by);
    const std::uint64_t alone = trained(1);
    CHECK(trained(2) == alone);
    CHECK(trained(3) == alone);
  }
}

TEST_CASE("the bias of a head is part of the loss as it is of the logits") {
  Params params(DType::float64);
  const bool translates = GENERATE(true, false);
  const Tensor bias = Tensor::from<double>({7}, {.5, -1, 2, 0, 1, -2, .25});
  const TokenBatch batch{.source = translates ? ids({1, 3}, {1, 2, 3}) : Tensor(),
                         .target = ids({1, 3}, {1, 2, 3}),
                         .gold = ids({1, 3}, {2, 3, 4})};
  Context context;
  const auto check = [&](auto model) {
    const double without = model.loss(batch, {}, context).item();
    model.head.bias = bias;
    const double with = model.loss(batch, {}, context).item();
    CHECK(with == Approx(cross_entropy(model.logits(batch, context), batch.gold).item()).epsilon(1e-12));
    CHECK(std::abs(with - without) > 1e-3);
  };
  if (translates)
    check(Seq2Seq(Scope(params, {.seed = 3}), small()));
  else
    check(LanguageModel(Scope(params, {.seed = 3}), small()));
}

TEST_CASE("sources and rows of any model can be chosen at any moment, with lengths and without", "[decoding]") {
  const NoGrad no_grad;
  Params params(DType::float64);
  const int kind = GENERATE(0, 1, 2, 3);
  const bool lengths_known = GENERATE(true, false);
  CAPTURE(kind, lengths_known);
  const Scope scope(params, {.seed = 3});
  const BahdanauOptions recurrent{.source_vocab = 9, .target_vocab = 7, .d_model = 4, .layers = 2, .heads = 2};
  std::unique_ptr<SequenceModel> model;
  if (kind == 0) model = std::make_unique<Seq2Seq>(scope, small());
  if (kind == 1) model = std::make_unique<Bahdanau>(scope, recurrent);
  if (kind == 2) {
    BahdanauOptions without = recurrent;
    without.score.reset();
    model = std::make_unique<Bahdanau>(scope, without);
  }
  if (kind == 3) model = std::make_unique<Own>(scope);
  const Tensor source = ids({3, 4}, {1, 2, 3, 4, 5, 6, 2, 2, 3, 3, 1, 6});
  const Tensor lengths = lengths_known ? ids({3}, {4, 2, 3}) : Tensor();
  Taps taps;
  std::vector<std::int32_t> sentences;
  taps.look("logits", [&](const TapPlace& place, const Tensor& logits) {
    sentences.clear();
    for (std::int64_t row = 0; row < logits.size(0); ++row)
      sentences.push_back(static_cast<std::int32_t>(place.sentence(row)));
  });
  Context context{.taps = &taps};
  // What two continuations of each source say, after one word and after two.
  DecodingState whole = model->begin(source, lengths, context);
  const Tensor first = model->next(ids({6, 1}, {1, 1, 1, 1, 1, 1}), whole, context);
  const Tensor second = model->next(ids({6, 1}, {2, 3, 4, 5, 6, 2}), whole, context);

  // Sources 2 and 1 remain before there is a word; rows that are chosen then are all alike.
  DecodingState early = model->begin(source, lengths, context);
  early.select_sources(ids({2}, {2, 1}));
  early.select_rows(ids({4}, {0, 1, 2, 3}));
  const Tensor of_early = model->next(ids({4, 1}, {1, 1, 1, 1}), early, context);
  CHECK(sentences == std::vector<std::int32_t>{2, 2, 1, 1});
  for (std::int64_t row = 0; row < 4; ++row) CHECK(distance(of_early[row], first[row < 2 ? 4 : 2].array()) < 1e-12);

  DecodingState begun = model->begin(source, lengths, context);
  begun.select_rows(ids({6}, {0, 1, 2, 3, 4, 5}));
  model->next(ids({6, 1}, {1, 1, 1, 1, 1, 1}), begun, context);
  begun.select_sources(ids({2}, {0, 2}));
  begun.select_rows(ids({4}, {1, 0, 5, 5}));
  const Tensor later = model->next(ids({4, 1}, {3, 2, 2, 6}), begun, context);
  CHECK(sentences == std::vector<std::int32_t>{0, 0, 2, 2});
  const std::vector<std::int64_t> same = {1, 0, 5, 4};
  for (std::int64_t row = 0; row < 4; ++row)
    CHECK(distance(later[row], second[same[static_cast<std::size_t>(row)]].array()) < 1e-12);
  CHECK_THROWS_AS(begun.select_sources(ids({1}, {2})), Error);
}
