#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include <gaze/autograd/check/gradcheck.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>
#include <gaze/nn/bahdanau.h>
#include <gaze/nn/model.h>
#include <gaze/nn/recorder.h>

#include "../catch.h"
#include "golden.h"

using namespace gaze;

namespace {

Tensor normal(const Shape& shape, std::uint64_t seed = 1, DType dtype = DType::float64) {
  Array a(shape, dtype);
  Random random(RandomStream{.seed = seed});
  for (std::int64_t i = 0; i < a.size(); ++i) a.set(i, random.normal());
  return Tensor(a);
}

Tensor ids(Shape shape, const std::vector<std::int32_t>& values) { return Tensor::from<std::int32_t>(shape, values); }

ModelOptions small(Norm norm = Norm::pre) {
  return {.source_vocab = 9,
          .target_vocab = 7,
          .max_length = 8,
          .transformer = {.encoder_layers = 2,
                          .decoder_layers = 2,
                          .d_model = 8,
                          .heads = 2,
                          .d_ff = 12,
                          .dropout = 0.2,
                          .norm = norm}};
}

/// A pass of a model of any kind over the same sentences: sources and targets of two rows.
struct Subject {
  Params params = Params(DType::float64);
  std::unique_ptr<SequenceModel> model;
  bool reads_source = true;
  Tensor source = ids({2, 4}, {1, 2, 3, 4, 5, 6, 0, 0}), lengths = ids({2}, {4, 2});
  Tensor target = ids({2, 3}, {1, 2, 3, 4, 5, 6}), gold = ids({2, 3}, {2, 3, 0, 5, 6, 1});

  explicit Subject(const std::string& kind) {
    const Scope scope(params, {.seed = 3});
    if (kind == "language") {
      model = std::make_unique<LanguageModel>(scope, small());
      source = lengths = Tensor(), reads_source = false;
    } else if (kind == "transformer") {
      model = std::make_unique<Seq2Seq>(scope, small(Norm::post));
    } else {
      model = std::make_unique<Bahdanau>(
          scope, BahdanauOptions{.source_vocab = 9,
                                 .target_vocab = 7,
                                 .d_model = 8,
                                 .layers = 2,
                                 .heads = 2,
                                 .score = kind == "additive" ? Score::additive : Score::scaled_dot,
                                 .dropout = 0.2});
    }
  }
  Tensor logits(Context& context) const { return model->logits({source, lengths, target, gold}, context); }
  Tensor loss(Context& context) const { return model->loss({source, lengths, target, gold}, {}, context); }
  Tensor logits(const Taps* taps, bool training = false) const {
    Context context{.training = training, .stream = {.seed = 2}, .taps = taps};
    return logits(context);
  }
  double loss(const Taps* taps, bool training = true) const {
    Context context{.training = training, .stream = {.seed = 2}, .taps = taps};
    return loss(context).item();
  }
  /// [B,T,V], `beams` equal continuations of each source, word by word; of the first of each. The words of a prompt
  /// come at once, and there are logits after its last alone.
  Tensor word_by_word(const Taps* taps, std::int64_t beams = 1, std::int64_t prompt = 1) const {
    const NoGrad no_grad;
    Context context{.taps = taps};
    DecodingState state = model->begin(source, lengths, context);
    std::vector<Tensor> steps;
    for (std::int64_t first = 0, end = prompt; first < 3; first = end++) {
      std::vector<std::int32_t> words;
      for (std::int64_t row = 0; row < 2 * beams; ++row)
        for (std::int64_t t = first; t < end; ++t)
          words.push_back(target.values<std::int32_t>()[static_cast<std::size_t>(row / beams * 3 + t)]);
      const Tensor of_rows = model->next(ids({2 * beams, end - first}, words), state, context);
      steps.push_back(reshape(slice(reshape(of_rows, {2, beams, of_rows.size(1)}), 1, 0, 1), {2, of_rows.size(1)}));
    }
    return stack(steps, 1);
  }
};

const std::vector<std::string> kinds = {"transformer", "language", "additive", "scaled_dot"};

double distance(const Tensor& a, const Tensor& b) { return distance(a, b.array()); }

/// A tap at every point of a model that changes it a little: by a factor, so that masked weights stay 0.
Taps meddling(const SequenceModel& model) {
  Taps taps;
  for (const std::string& point : model.anatomy().points)
    taps.replace(point, [](const TapPlace&, const Tensor& value) { return value * 1.01; });
  return taps;
}

/// Taps that change a model by positions and sentences, too.
Taps meddling_by_place(const SequenceModel& model) {
  Taps taps = meddling(model);
  for (const AttentionSite& site : model.anatomy().attentions) {
    taps.replace(site.name + ".values", zeroed_positions({1}));
    for (const char* point : {".scores", ".keys", ".head_outputs"})
      taps.replace(site.name + point, with_noise(0.1, {.seed = 4}));
  }
  for (const char* point : {"tgt_embed.output", "logits"}) taps.replace(point, with_noise(0.1, {.seed = 4}));
  // A sentence of its own is told apart, wherever it stands in the batch.
  taps.replace(TapPoint::output, [](const TapPlace& place, const Tensor& value) {
    Array factors({value.size(0), 1, 1}, DType::float64);
    for (std::int64_t b = 0; b < value.size(0); ++b) factors.set(b, place.sentence(b) == 1 ? 1.2 : 1);
    return value * Tensor(factors);
  });
  return taps;
}

}  // namespace

TEST_CASE("a model comes to all of its points, and to no other", "[taps]") {
  const std::string kind = GENERATE_COPY(from_range(kinds));
  CAPTURE(kind);
  const Subject subject(kind);
  std::set<std::string> seen;
  Taps taps;
  for (const TapPoint point :
       {TapPoint::queries, TapPoint::keys, TapPoint::values, TapPoint::scores, TapPoint::weights,
        TapPoint::head_outputs, TapPoint::output, TapPoint::residual, TapPoint::hidden, TapPoint::logits})
    taps.look(point, [&](const TapPlace& place, const Tensor&) { seen.insert(place.name()); });
  subject.logits(&taps);
  const auto points = subject.model->anatomy().points;
  CHECK(std::set(points.begin(), points.end()) == seen);
  CHECK(points.size() == seen.size());
  seen.clear();
  subject.loss(&taps);
  CHECK(seen.size() == points.size());
  seen.clear();
  subject.word_by_word(&taps);
  CHECK(seen.size() == points.size());
}

TEST_CASE("a model's attentions are listed in the order of a pass", "[taps]") {
  std::vector<std::string> lines;
  for (const char* kind : {"transformer", "language", "additive"})
    for (const AttentionSite& site : Subject(kind).model->anatomy().attentions)
      lines.push_back(fmt::format("{} {} {} {}", site.name, name_of(site.kind), site.layer, site.heads));
  CHECK(lines == std::vector<std::string>{
                     "body.encoder.layers.0.self_attn encoder 0 2", "body.encoder.layers.1.self_attn encoder 1 2",
                     "body.decoder.layers.0.self_attn decoder 0 2", "body.decoder.layers.0.multihead_attn cross 0 2",
                     "body.decoder.layers.1.self_attn decoder 1 2", "body.decoder.layers.1.multihead_attn cross 1 2",
                     "body.layers.0.self_attn decoder 0 2", "body.layers.1.self_attn decoder 1 2",
                     "body.attention cross 0 2"});
}

TEST_CASE("taps that only look change no bit, of logits, loss and gradients", "[taps]") {
  const std::string kind = GENERATE_COPY(from_range(kinds));
  CAPTURE(kind);
  Subject subject(kind);
  Taps taps;
  int looks = 0;
  for (const std::string& point : subject.model->anatomy().points)
    taps.look(point, [&](const TapPlace&, const Tensor& value) {
      ++looks;
      CHECK_FALSE(value.requires_grad());
    });
  const auto gradients = [&](const Taps* with) {
    Context context{.training = true, .stream = {.seed = 2}, .taps = with};
    subject.params.zero_grad();
    subject.loss(context).backward();
    std::vector<Array> all;
    for (const Parameter& p : subject.params.list()) all.push_back(p.value.grad().array().copy());
    return all;
  };
  CHECK(distance(subject.logits(&taps, true), subject.logits(nullptr, true)) == 0);
  CHECK(subject.loss(&taps) == subject.loss(nullptr));
  const auto plain = gradients(nullptr), watched = gradients(&taps);
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(distance(Tensor(plain[i]), Tensor(watched[i])) == 0);
  CHECK(distance(subject.word_by_word(&taps, 2), subject.word_by_word(nullptr, 2)) == 0);
  CHECK(looks > 0);
}

TEST_CASE("word by word with taps equals teacher forcing with them", "[taps]") {
  const std::string kind = GENERATE_COPY(from_range(kinds));
  CAPTURE(kind);
  const Subject subject(kind);
  const Taps taps = meddling_by_place(*subject.model);
  const Tensor whole = subject.logits(&taps);
  CHECK(distance(whole, subject.logits(nullptr)) > 1e-3);
  CHECK(distance(subject.word_by_word(&taps), whole) < 1e-12);
  if (subject.reads_source) CHECK(distance(subject.word_by_word(&taps, 3), whole) < 1e-12);
}

TEST_CASE("a prompt of several words with taps equals teacher forcing with them", "[taps]") {
  const Subject subject("language");
  const Taps taps = meddling_by_place(*subject.model);
  const Tensor whole = subject.logits(&taps);
  for (const std::int64_t prompt : {2, 3}) {
    CAPTURE(prompt);
    const Tensor rest = subject.word_by_word(&taps, 1, prompt);
    REQUIRE(rest.size(1) == 4 - prompt);
    CHECK(distance(rest, slice(whole, 1, prompt - 1, 3)) < 1e-12);
  }
}

TEST_CASE("a decoder of no layers is tapped word by word as well", "[taps]") {
  const bool has_lengths = GENERATE(true, false);
  CAPTURE(has_lengths);
  Params params(DType::float64);
  ModelOptions options = small(Norm::post);
  options.transformer.decoder_layers = 0;
  Subject subject("transformer");
  subject.model = std::make_unique<Seq2Seq>(Scope(params, {.seed = 3}), options);
  if (!has_lengths) subject.lengths = Tensor();
  const Taps taps = meddling_by_place(*subject.model);
  const Tensor whole = subject.logits(&taps);
  CHECK(distance(whole, subject.logits(nullptr)) > 1e-3);
  for (const std::int64_t beams : {1, 3}) CHECK(distance(subject.word_by_word(&taps, beams), whole) < 1e-12);

  // Its rows are told apart when a source ends and hypotheses change places.
  const NoGrad no_grad;
  Context context{.taps = &taps};
  DecodingState state = subject.model->begin(subject.source, subject.lengths, context);
  subject.model->next(ids({4, 1}, {1, 1, 4, 4}), state, context);
  state.select_sources(ids({1}, {1}));
  state.select_rows(ids({2}, {3, 2}));
  const Tensor second = subject.model->next(ids({2, 1}, {5, 5}), state, context);
  for (const std::int64_t row : {0, 1}) CHECK(distance(second[row], whole[1][1]) < 1e-12);
}

TEST_CASE("a tap is told which sentence a row belongs to when sources end and hypotheses change places", "[taps]") {
  const std::string kind = GENERATE(as<std::string>(), "transformer", "additive");
  const Subject subject(kind);
  std::vector<std::int32_t> told;
  Taps taps;
  taps.look(TapPoint::head_outputs, [&](const TapPlace& place, const Tensor& value) {
    if (place.attention->kind != AttentionKind::cross) return;
    told.clear();
    for (std::int64_t row = 0; row < value.size(0); ++row)
      told.push_back(static_cast<std::int32_t>(place.sentence(row)));
  });
  const NoGrad no_grad;
  Context context{.taps = &taps};
  const SequenceModel& model = *subject.model;
  DecodingState state = model.begin(subject.source, subject.lengths, context);
  model.next(ids({4, 1}, {1, 1, 1, 1}), state, context);
  CHECK(told == std::vector<std::int32_t>{0, 0, 1, 1});
  state.select_sources(ids({1}, {1}));
  state.select_rows(ids({2}, {3, 2}));
  model.next(ids({2, 1}, {2, 3}), state, context);
  CHECK(told == std::vector<std::int32_t>{1, 1});
  CHECK(context.sentences.empty());
  CHECK(context.first_query == 0);
}

TEST_CASE("keys and values are tapped once, when they are made, by their absolute positions", "[taps]") {
  const Subject subject("transformer");
  std::vector<std::string> told;
  Taps taps;
  for (const TapPoint point : {TapPoint::keys, TapPoint::queries, TapPoint::weights})
    taps.look(TapFilter(point, [](const TapPlace& place) { return place.attention->layer == 0; }),
              [&](const TapPlace& place, const Tensor& value) {
                told.push_back(fmt::format("{} {} {} {} {}", name_of(place.attention->kind), name_of(place.point),
                                           place.first_query, place.first_key,
                                           value.size(place.point == TapPoint::weights ? 3 : 1)));
              });
  subject.word_by_word(&taps);
  CHECK(std::count(told.begin(), told.end(), "cross keys 0 0 4") == 1);
  for (const char* line : {"decoder keys 0 0 1", "decoder keys 1 1 1", "decoder keys 2 2 1", "decoder queries 2 0 1",
                           "decoder weights 2 0 3", "cross weights 2 0 4", "cross queries 1 0 1"}) {
    CAPTURE(line);
    CHECK(std::count(told.begin(), told.end(), line) == 1);
  }
}

TEST_CASE("every point of attention is what is computed by hand", "[taps]") {
  Params params(DType::float64);
  const MultiHeadAttention attend(Scope(params, {.seed = 1}) / "attend", 8, 2);
  const Tensor x = normal({2, 3, 8}), memory = normal({2, 4, 8}, 2);
  const AttentionMasks masks{.key_lengths = ids({2}, {4, 2})};
  std::map<std::string, Tensor> seen;
  Taps taps;
  for (const char* point : {"queries", "keys", "values", "scores", "weights", "head_outputs", "output"})
    taps.look(fmt::format("attend.{}", point),
              [&](const TapPlace& place, const Tensor& value) { seen[std::string(name_of(place.point))] = value; });
  Context context{.taps = &taps};
  const Tensor y = attend(x, memory, masks, context);

  const auto projected = [&](const Tensor& from, const Tensor& weight, std::int64_t block) {
    const Tensor bias = slice(attend.in_proj_bias, 0, 8 * block, 8 * block + 8);
    return matmul(from, weight, {.transpose_b = true}) + bias;
  };
  const Tensor q = projected(x, attend.w_q(), 0), k = projected(memory, attend.w_k(), 1),
               v = projected(memory, attend.w_v(), 2);
  CHECK(distance(reshape(seen.at("queries"), {2, 3, 8}), q) < 1e-14);
  CHECK(distance(reshape(seen.at("keys"), {2, 4, 8}), k) < 1e-14);
  CHECK(distance(reshape(seen.at("values"), {2, 4, 8}), v) < 1e-14);
  const Tensor scores = matmul(split_heads(q, 2), split_heads(k, 2), {.transpose_b = true}) / std::sqrt(4.0);
  CHECK(distance(seen.at("scores"), scores) < 1e-14);
  AttentionOptions options;
  options.key_lengths = masks.key_lengths;
  const Tensor weights = masked_weights(scores, options);
  CHECK(distance(seen.at("weights"), weights) < 1e-14);
  const Tensor outputs = join_heads(matmul(weights, split_heads(v, 2)));
  CHECK(distance(reshape(seen.at("head_outputs"), {2, 3, 8}), outputs) < 1e-14);
  CHECK(distance(seen.at("output"), y) == 0);
  CHECK(distance(y, attend.out_proj(outputs)) < 1e-14);
}

TEST_CASE("the points around attention are what is computed by hand", "[taps]") {
  const Norm norm = GENERATE(Norm::pre, Norm::post);
  Params params(DType::float64);
  ModelOptions options = small(norm);
  const LanguageModel model(Scope(params, {.seed = 3}), options);
  const Tensor words = ids({2, 3}, {1, 2, 3, 4, 5, 6});
  std::map<std::string, Tensor> seen;
  Taps taps;
  for (const std::string& point : model.anatomy().points)
    taps.look(point, [&](const TapPlace& place, const Tensor& value) { seen[place.name()] = value; });
  Context context{.taps = &taps};
  const Tensor logits = model(words, context);

  CHECK(distance(seen.at("tgt_embed.output"),
                 model.tgt_embed.tok(words) * std::sqrt(8.0) + slice(params["tgt_embed.pos.weight"], 0, 0, 3)) < 1e-14);
  const EncoderLayer& layer = model.body.layers[0];
  const Tensor x = seen.at("tgt_embed.output"), attended = seen.at("body.layers.0.self_attn.output"),
               stream = seen.at("body.layers.0.self_attn.residual");
  CHECK(distance(stream, norm == Norm::pre ? x + attended : layer.norm1(x + attended)) < 1e-13);
  const FeedForward& feed_forward = layer.feed_forward;
  const Tensor read = norm == Norm::pre ? layer.norm2(stream) : stream;
  const Tensor hidden = relu(feed_forward.linear1(read)), answer = feed_forward.linear2(hidden);
  CHECK(distance(seen.at("body.layers.0.feed_forward.hidden"), hidden) < 1e-13);
  CHECK(distance(seen.at("body.layers.0.feed_forward.residual"),
                 norm == Norm::pre ? stream + answer : layer.norm2(stream + answer)) < 1e-13);
  CHECK(distance(seen.at("logits"), logits) == 0);
}

TEST_CASE("gradients are right through taps at every point", "[taps]") {
  const std::string kind = GENERATE_COPY(from_range(kinds));
  CAPTURE(kind);
  Subject subject(kind);
  const Taps taps = meddling(*subject.model);
  const GradcheckReport report = gradcheck(subject.params, [&] {
    Context context{.training = true, .stream = {.seed = 2}, .taps = &taps};
    return subject.loss(context);
  });
  INFO(report.to_string());
  CHECK(report);
}

TEST_CASE("a head scaled by 0 is one whose columns of out_proj are 0, bit for bit", "[taps]") {
  Subject subject("transformer");
  const std::string module = "body.decoder.layers.1.multihead_attn";
  Taps taps;
  taps.replace(module + ".head_outputs", scaled_heads({1, 0}));
  const Tensor without = subject.logits(&taps);
  Tensor weight = subject.params[module + ".out_proj.weight"];  // [D,D]: head 1 writes by columns 4 to 7
  auto numbers = weight.change<double>();
  for (std::size_t row = 0; row < 8; ++row)
    for (std::size_t column = 4; column < 8; ++column) numbers[row * 8 + column] = 0;
  CHECK(distance(subject.logits(nullptr), without) == 0);

  Taps wrong;
  wrong.replace(module + ".head_outputs", scaled_heads({1, 0, 1}));
  CHECK_THROWS_WITH(subject.logits(&wrong), ContainsSubstring("3 factors") && ContainsSubstring(module));
}

TEST_CASE("one pass can be patched with what another was", "[taps]") {
  const Subject subject("transformer");
  const std::string point = "body.encoder.layers.1.feed_forward.residual";
  Tensor clean;
  Taps keep;
  keep.look(point, [&](const TapPlace&, const Tensor& value) { clean = value; });
  const Tensor logits = subject.logits(&keep);
  Taps noisy;
  noisy.replace("src_embed.output", with_noise(1, {.seed = 5}));
  CHECK(distance(subject.logits(&noisy), logits) > 1e-3);
  noisy.replace(point, replaced_by(clean));  // the last residual stream of the encoder is all that the decoder sees
  CHECK(distance(subject.logits(&noisy), logits) == 0);
}

TEST_CASE("values of chosen positions are zeroed, and their weights stay", "[taps]") {
  Params params(DType::float64);
  const MultiHeadAttention attend(Scope(params, {.seed = 1}) / "attend", 8, 2);
  const Tensor x = normal({1, 3, 8});
  AttentionRecorder recorder;
  Taps taps = recorder.taps();
  taps.replace("attend.values", zeroed_positions({0, 2, 7}));
  Context context{.taps = &taps}, plain;
  const Tensor y = attend(x, x, {}, context), weights = recorder.modules.at("attend").weights();
  const Tensor v = matmul(x, attend.w_v(), {.transpose_b = true}) + slice(attend.in_proj_bias, 0, 16, 24);
  const Tensor only = slice(split_heads(v, 2), 2, 1, 2), seen = slice(weights, 3, 1, 2);
  CHECK(distance(y, attend.out_proj(join_heads(matmul(seen, only)))) < 1e-14);
  AttentionRecorder before;
  const Taps looking = before.taps();
  plain.taps = &looking;
  attend(x, x, {}, plain);
  CHECK(distance(before.modules.at("attend").weights(), weights) == 0);
}

TEST_CASE("a point made a leaf has a gradient, and nothing before it", "[taps]") {
  Subject subject("language");
  const LeafTap leaf;
  CHECK_THROWS_WITH(leaf.value(), ContainsSubstring("no pass"));
  Taps taps;
  taps.replace("tgt_embed.output", leaf);
  Context context{.taps = &taps};
  const Tensor loss = subject.loss(context);
  const Tensor saliency = grad(loss, {leaf.value()}, {.retain_graph = true}).front();
  CHECK(saliency.shape() == Shape{2, 3, 8});
  CHECK(largest(saliency.array()) > 0);
  // A step of h along any direction moves the loss by h times the gradient along it.
  constexpr double h = 1e-6;
  const Tensor direction = normal({2, 3, 8}, 6);
  const auto moved = [&](double by) {
    Taps other;
    other.replace("tgt_embed.output", replaced_by(leaf.value().detach() + direction * by));
    return subject.loss(&other, false);
  };
  CHECK((moved(h) - moved(-h)) / (2 * h) == Approx(sum(saliency * direction).item()).epsilon(1e-6));
  loss.backward();
  CHECK_FALSE(subject.params["tgt_embed.tok.weight"].grad().defined());
  CHECK(subject.params["body.layers.0.linear1.weight"].grad().defined());
}

TEST_CASE("taps at one point run in the order in which they were added", "[taps]") {
  const Subject subject("language");
  std::vector<double> seen;
  Taps taps;
  const auto look = [&](const TapPlace&, const Tensor& value) { seen.push_back(value.at({0, 0, 0})); };
  taps.look("logits", look)
      .replace("logits", [](const TapPlace&, const Tensor& value) { return value + 1; })
      .look("logits", look)
      .replace("logits", [](const TapPlace&, const Tensor& value) { return value * 2; })
      .look(TapPoint::logits, look);
  const double result = subject.logits(&taps).at({0, 0, 0});
  REQUIRE(seen.size() == 3);
  CHECK(seen[1] == seen[0] + 1);
  CHECK(seen[2] == 2 * seen[1]);
  CHECK(result == seen[2]);
}

TEST_CASE("a tap that throws ends the pass, and the model goes on", "[taps]") {
  const std::string kind = GENERATE_COPY(from_range(kinds));
  CAPTURE(kind);
  Subject subject(kind);
  const Tensor before = subject.logits(nullptr);
  for (const std::string& point : subject.model->anatomy().points)
    for (const bool looks : {false, true}) {
      CAPTURE(point, looks);
      Taps taps;
      if (looks)
        taps.look(point, [](const TapPlace&, const Tensor&) { throw std::runtime_error("enough"); });
      else
        taps.replace(point, [](const TapPlace&, const Tensor&) -> Tensor { throw std::runtime_error("enough"); });
      CHECK_THROWS_WITH(subject.loss(&taps), "enough");
      CHECK_THROWS_WITH(subject.word_by_word(&taps, 2), "enough");
      CHECK(grad_enabled());
    }
  CHECK(distance(subject.logits(nullptr), before) == 0);
}

TEST_CASE("two threads use one model with taps of their own", "[taps][threads]") {
  const Subject subject("transformer");
  const std::string point = "body.encoder.layers.0.self_attn.head_outputs";
  const auto logits = [&](std::vector<double> factors) {
    Taps taps;
    taps.replace(point, scaled_heads(std::move(factors)));
    return subject.logits(&taps);
  };
  const Tensor first = logits({1, 0}), second = logits({0, 1});
  CHECK(distance(first, second) > 1e-4);
  bool same[2] = {true, true};
  const auto work = [&](std::size_t i) {
    for (int n = 0; n < 50; ++n)
      same[i] = same[i] && distance(i == 0 ? logits({1, 0}) : logits({0, 1}), i == 0 ? first : second) == 0;
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  CHECK(same[0]);
  CHECK(same[1]);
}

TEST_CASE("a tap of another shape, dtype or name gets one clear error", "[taps]") {
  const Subject subject("transformer");
  const auto with = [&](const char* point, const Taps::Replace& tap) {
    Taps taps;
    taps.replace(point, tap);
    return subject.logits(&taps);
  };
  const auto itself = [](const TapPlace&, const Tensor& value) { return value; };
  CHECK_THROWS_WITH(
      with("body.encoder.layers.0.self_attn.weights",
           [](const TapPlace&, const Tensor& value) { return slice(value, 1, 0, 1); }),
      "tap at body.encoder.layers.0.self_attn.weights: it returned float64 [2,1,4,4] for float64 [2,2,4,4]; shape and "
      "dtype must stay");
  CHECK_THROWS_WITH(
      with("src_embed.output", [](const TapPlace&, const Tensor& value) { return value.to(DType::float32); }),
      ContainsSubstring("src_embed.output") && ContainsSubstring("returned float32"));
  CHECK_THROWS_WITH(with("logits", [](const TapPlace&, const Tensor&) { return Tensor(); }),
                    ContainsSubstring("returned nothing"));
  CHECK_THROWS_WITH(with("body.encoder.layers.0.self_attn.wieghts", itself),
                    ContainsSubstring("wieghts is not a point") && ContainsSubstring("did you mean weights?"));
  CHECK_THROWS_WITH(with("body.decoder.layers.0.multihead_atn.weights", itself),
                    "tap at body.decoder.layers.0.multihead_atn.weights: the model has no such point; did you mean "
                    "body.decoder.layers.0.multihead_attn.weights?");
  CHECK_THROWS_WITH(with("body.encoder.layers.2.self_attn.weights", itself), ContainsSubstring("no such point"));
}

TEST_CASE("two attentions of one kind and layer cannot be told apart, which is said", "[taps]") {
  Anatomy all;
  all.add(AttentionSite{.name = "first", .kind = AttentionKind::decoder, .layer = 0, .heads = 2});
  all.add(AttentionSite{.name = "other", .kind = AttentionKind::encoder, .layer = 0, .heads = 2});
  CHECK_THROWS_WITH(all.add(AttentionSite{.name = "second", .kind = AttentionKind::decoder, .layer = 0, .heads = 2}),
                    "anatomy: first and second are both the decoder attention of layer 0");
}
