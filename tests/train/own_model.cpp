#include <gaze/train/text/sequence_learner.h>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/files.h>
#include <gaze/datasets/batch.h>
#include <gaze/nn/attention.h>
#include <gaze/nn/embedding.h>
#include <gaze/train/attention/attention_log.h>
#include <gaze/train/options.h>
#include <gaze/train/report/report.h>
#include <gaze/train/text/decoding.h>
#include <gaze/train/text/sampling.h>
#include <gaze/train/training_run.h>

#include "../program.h"
#include "../scratch.h"

using namespace gaze;
using namespace gaze::train;
using Catch::Matchers::EndsWith;
using Catch::Matchers::Equals;

namespace {

/// One layer of attention, as somebody may write it who has the library alone.
struct Own final : SequenceModel {
  explicit Own(const Scope& scope)
      : embed(scope / "embed", {.vocab = 6, .d_model = 8, .max_length = 8}),
        attention(scope / "attention", 8, 2, 0, Score::scaled_dot, AttentionKind::decoder),
        head(scope / "head", 8, 6, false) {}

  Tensor logits(const TokenBatch& batch, Context& context) const override {
    const Tensor x = embed(batch.target, context);
    return head(x + attention(x, x, {.causal = true}, context));
  }
  Anatomy anatomy() const override {
    Anatomy all;
    all.add(attention.site);
    return all;
  }

  TokenEmbedding embed;
  MultiHeadAttention attention;
  Linear head;
};

/// Each symbol is followed by the next; the first of a sentence is anybody's guess.
struct Counting final : TrainingData {
  SequenceBatch batch(std::int64_t number) override {
    Random random(RandomStream{7, 0}.split(static_cast<std::uint64_t>(number)));
    std::vector<std::int32_t> in, out;
    for (int b = 0; b < 4; ++b) {
      auto symbol = static_cast<std::int32_t>(random.below(6));
      for (int t = 0; t < 8; ++t) {
        in.push_back(symbol);
        symbol = (symbol + 1) % 6;
        out.push_back(t == 0 ? -1 : symbol);
      }
    }
    return {.ids = {.target = Tensor::from({4, 8}, in), .gold = Tensor::from({4, 8}, out)}, .ignored = -1};
  }
  const std::vector<SequenceBatch>& validation() const override { return held_out; }
  std::uint64_t hash() const override { return salt; }

  std::uint64_t salt = 1;
  std::vector<SequenceBatch> held_out = {batch(1000)};
};

/// Sentences of three symbols without gold.
SequenceBatch probes() {
  return {.ids = {.target = Tensor::from({2, 3}, std::vector<std::int32_t>{1, 2, 3, 5, 0, 1})},
          .examples = {{.source = {}, .target = {"1", "2", "3"}, .gold = {}},
                       {.source = {}, .target = {"5", "0", "1"}, .gold = {}}}};
}

/// Trains in a folder up to a step, or goes on there; the hash of the weights.
std::uint64_t trained(const std::filesystem::path& path, const std::string& steps, std::uint64_t salt = 1,
                      const std::string& period = "6") {
  Config config = own_config("counting", "one-layer", {{"period", period}});
  for (const std::string& setting : {"steps=" + steps, std::string("lr=0.01"), std::string("warmup=0")})
    set_option(config, setting);
  Params params;
  const Own model(Scope(params, {config.seed, 1}));
  Counting data;
  data.salt = salt;
  SequenceLearner learner(config, params, model, data);
  RunFolder folder = RunFolder::create_or_open(path, config);
  TrainingRun run(learner, folder);
  run.resume();
  AttentionLog log(config, model, probes(), folder);
  log.begin(run.steps_done());
  run.on_step([&](const StepReport& report) { log.after(report.step); });
  CHECK(run.run() == TrainingRun::End::finished);
  CHECK(RunFolder::open(path).config().training.steps == config.training.steps);
  if (steps == "200") {
    CHECK(run.last_line().at("token_accuracy") == 1);
    CHECK(sample(model, std::vector<std::int32_t>{2, 3}, 4, {.temperature = 0, .context_length = 8}) ==
          std::vector<std::int32_t>{4, 5, 0, 1});
  }
  return params.hash();
}

}  // namespace

TEST_CASE("a model of one's own is trained into a run folder, continued and sampled", "[own]") {
  const ScratchFolder scratch;
  const std::uint64_t whole = trained(scratch.path / "whole", "200");
  CHECK(trained(scratch.path / "parts", "70") != whole);
  CHECK(trained(scratch.path / "parts", "200") == whole);
  CHECK_THROWS_WITH(trained(scratch.path / "parts", "300", 2), ContainsSubstring("the data are not those"));
  CHECK_THROWS_WITH(trained(scratch.path / "parts", "300", 1, "7"), EndsWith(": period: 6, not 7"));
  const RunFolder held = RunFolder::create_or_open(scratch.path / "parts", {});
  CHECK_THROWS_WITH(RunFolder::create_or_open(scratch.path / "parts", {}),
                    ContainsSubstring("is training in this folder"));
}

TEST_CASE("attention of a model that reads one text is recorded without marks, and shown", "[own]") {
  const ScratchFolder scratch;
  trained(scratch.path / "own", "20");
  const RunFolder run = RunFolder::open(scratch.path / "own");
  const AttentionRecord record = AttentionLog::load(run);
  CHECK_FALSE(record.marks.begin);
  REQUIRE(record.modules.size() == 1);
  CHECK(record.modules.front().name == "attention");
  CHECK(record.modules.front().kind == AttentionKind::decoder);
  const Tensor weights = AttentionLog::weights(run, "attention", 20);
  REQUIRE(weights.shape() == Shape{2, 2, 3, 3});
  for (std::int64_t t = 0; t < 3; ++t)
    for (std::int64_t s = t + 1; s < 3; ++s) CHECK(weights.at({1, 0, t, s}) == 0);
  const nlohmann::json data = report_data(run);
  CHECK(data.at("run").at("description") == "a model of kind one-layer");
  CHECK(data.at("run").at("config").at("period") == 6);
  CHECK(data.at("start") == nlohmann::json{{"module", "attention"}, {"head", "mean"}});
  CHECK(data.at("probes").at(0).at("queries") == nlohmann::json{"1", "2", "3"});
  CHECK_THAT(report_page(run), ContainsSubstring("a model of kind one-layer"));
}

/// Says what it reads, from right to left; without attention.
struct Mirror final : SequenceModel {
  explicit Mirror(std::int64_t tokens) : vocabulary(tokens) {}
  Tensor logits(const TokenBatch& batch, Context&) const override {
    const std::int64_t rows = batch.target.size(0), words = batch.target.size(1), sources = batch.source.size(1);
    Array all = Array::zeros({rows, words, vocabulary}, DType::float32);
    for (std::int64_t b = 0; b < rows; ++b) {
      const std::int32_t length = batch.source_lengths.values<std::int32_t>()[static_cast<std::size_t>(b)];
      for (std::int64_t t = 0; t < words; ++t) {
        const auto place = static_cast<std::size_t>(b * sources + length - 1 - t);
        const std::int32_t said = t < length ? batch.source.values<std::int32_t>()[place] : Vocabulary::eos;
        all.write<float>()[(b * words + t) * vocabulary + said] = 10;
      }
    }
    return Tensor(std::move(all));
  }
  std::int64_t vocabulary;
};

TEST_CASE("an encoder-decoder of one's own translates from its logits alone", "[own]") {
  const Vocabulary words({"a", "b", "c", "d"});
  const Batch batch =
      make_batch({{.source = {"a", "b", "c"}, .target = {}, .gold = {}}, {.source = {"d"}, .target = {}, .gold = {}}},
                 words, words);
  const Mirror model(words.size());
  const auto found = decode(model, batch, {.beam = 1, .longest = 6});
  CHECK(words.decode(found[0].front().ids) == std::vector<std::string>{"c", "b", "a"});
  CHECK(words.decode(found[1].front().ids) == std::vector<std::string>{"d"});
}

TEST_CASE("a model without attention has nothing to record, which is said once", "[own]") {
  const ScratchFolder scratch;
  const RunFolder run = RunFolder::create(scratch.path / "run", own_config("mirroring", "mirror"));
  const Mirror model(8);
  CHECK_THROWS_WITH(AttentionLog({}, model, probes(), run), Equals("this model has no attention to record"));
  CHECK_THROWS_WITH(site_of(model.anatomy().attentions, AttentionKind::cross, 0),
                    Equals("this model has no attention"));
  CHECK_THROWS_WITH(report_page(run), ContainsSubstring("no attention was recorded"));
  Config guided;
  guided.guided.weight = 1;
  Context context;
  CHECK_THROWS_WITH(training_loss(model, Counting().batch(1), guided, context), Equals("this model has no attention"));
}

TEST_CASE("options of one's own are kept as they are, and cannot be taken for gaze's", "[own]") {
  const ScratchFolder scratch;
  const auto written = [&](const char* name, const std::map<std::string, std::string>& options) {
    const RunFolder run = RunFolder::create(scratch.path / name, own_config("mine", "one-layer", options));
    const Config again = run.config();
    CHECK(to_json(again) == to_json(own_config("mine", "one-layer", options)));
    CHECK(again.own.options == own_config("mine", "one-layer", options).own.options);
    return nlohmann::json::parse(read_file(run.path() / "config.json"));
  };
  const auto json = written("kept", {{"layers", "2"}, {"activation", "gelu"}, {"sizes", "[1, 2]"}, {"name", "\"x\""}});
  CHECK(json.at("layers") == 2);
  CHECK(json.at("activation") == "gelu");
  CHECK(json.at("sizes") == nlohmann::json{1, 2});
  CHECK(json.at("name") == "x");
  CHECK_FALSE(json.contains("d_ff"));
  for (const char* name : {"", "lr", "steps", "seed", "task", "model", "kind", "probes", "guided"})
    CHECK_THROWS_WITH(own_config("mine", "one-layer", {{name, "1"}}), ContainsSubstring("cannot be called"));
  for (const char* kind : {"", "transformer", "rnn"})
    CHECK_THROWS_WITH(own_config("mine", kind), ContainsSubstring("is not a kind of one's own"));

  // A mistyped model of gaze's own is not somebody's.
  Config config;
  nlohmann::json known = to_json(config);
  for (const char* typed : {"transfomer", ""}) {
    known["model"] = typed;
    CHECK_THROWS_WITH(read_run_config(config, known, "config.json"), ContainsSubstring("expects transformer or rnn"));
  }
  known["model"] = "transformer", known["layer"] = 1;
  CHECK_THROWS_WITH(read_run_config(config, known, "config.json"), ContainsSubstring("did you mean layers?"));

  // Whatever its task is called, it is somebody's own.
  for (const char* task : {"reverse", "pairs", "chars"}) {
    const Config c = own_config(task, "one-layer");
    CHECK_FALSE(has_text(c));
    CHECK_FALSE(to_json(c).contains("epochs"));
    CHECK(to_json(c).contains("guided"));
  }
}

TEST_CASE("batches that are not what they say are refused", "[own]") {
  Params params;
  const Own model(Scope(params, {1, 1}));
  Context context;
  const auto loss = [&](const SequenceBatch& batch) { return training_loss(model, batch, Config(), context); };
  SequenceBatch good = Counting().batch(1);
  CHECK(loss(good).tokens == 4 * 7);
  good.examples.resize(4);
  CHECK_NOTHROW(loss(good));
  SequenceBatch bad = good;
  bad.examples.resize(3);
  CHECK_THROWS_WITH(loss(bad), Equals("batch: 3 sentences for 4 rows of ids"));
  CHECK_THROWS_WITH(evaluate(model, std::vector{bad}), Equals("batch: 3 sentences for 4 rows of ids"));
  bad = good;
  bad.examples[2].target.assign(9, "x");
  CHECK_THROWS_WITH(loss(bad), Equals("batch: sentence 2 has 0 source and 9 target words, its rows 0 and 8 ids"));
  for (const Link link : {Link{0, 0}, Link{-1, 0}, Link{0, 5}}) {
    bad = good;
    bad.examples[1].target.assign(3, "x");
    bad.examples[1].gold = {link};
    CHECK_THROWS_WITH(loss(bad), ContainsSubstring("batch: sentence 1: a gold link") && EndsWith("past its sentence"));
  }
  bad = good;
  bad.ids.source = Tensor::from({1, 2}, std::vector<std::int32_t>{0, 1});
  CHECK_THROWS_WITH(loss(bad), Equals("batch: 1 rows of source ids for 4 of target ids"));
  bad = good;
  bad.ids.gold = Tensor::from({4, 8}, std::vector<std::int32_t>(32, -1));
  CHECK_THROWS_WITH(loss(bad), ContainsSubstring("nothing to predict"));
  CHECK_THROWS_WITH(evaluate(model, std::vector{bad}), ContainsSubstring("nothing to predict"));
  Counting data;
  data.held_out.clear();
  CHECK_THROWS_WITH(SequenceLearner(Config(), params, model, data), ContainsSubstring("nothing to validate on"));
}

TEST_CASE("a recording that cannot be of its sentences is refused, and one of a run that begins anew is forgotten",
          "[own]") {
  const ScratchFolder scratch;
  const RunFolder run = RunFolder::create(scratch.path / "run", own_config("counting", "one-layer"));
  Params params, others;
  const Own model(Scope(params, {1, 1})), other(Scope(others, {2, 1}));
  SequenceBatch batch = probes();
  const Config config;
  const auto logged = [&] { AttentionLog(config, model, batch, run).begin(0); };
  batch.ids.target = Tensor::from({2, 5}, std::vector<std::int32_t>(10, 1));
  CHECK_THROWS_WITH(logged(), Equals("attention: a row of 5 ids for a sentence of 3 words"));
  batch = probes(), batch.examples.clear();
  CHECK_THROWS_WITH(logged(), ContainsSubstring("has no sentences"));
  batch = probes();
  Config cross;
  cross.recording.kinds = RecordedKinds::cross;
  CHECK_THROWS_WITH(AttentionLog(cross, model, batch, run), ContainsSubstring("no cross-attention to record"));
  AttentionSites sites = model.anatomy().attentions;
  const auto look = [](const std::vector<Example>&, AttentionRecorder&) {};
  sites.front().kind = AttentionKind::encoder;
  CHECK_THROWS_WITH(AttentionLog(config, sites, {}, look, run, batch.examples),
                    ContainsSubstring("attention is of kind encoder, but the sentences have no source"));
  CHECK_FALSE(std::filesystem::exists(AttentionLog::folder(run)));

  batch = probes();  // an end mark follows one source, but not the other
  batch.ids.source = Tensor::from({2, 3}, std::vector<std::int32_t>{1, 2, 0, 1, 2, 3});
  batch.ids.source_lengths = Tensor::from({2}, std::vector<std::int32_t>{2, 3});
  for (Example& e : batch.examples) e.source = {"a", "b"};
  CHECK_THROWS_WITH(logged(), ContainsSubstring("an end mark follows some sources, but not all"));
  CHECK_FALSE(std::filesystem::exists(AttentionLog::folder(run)));

  // Rows are as wide as the longest of the sentences that are recorded, not of the batch.
  batch = probes();
  batch.ids.target = Tensor::from({2, 5}, std::vector<std::int32_t>{1, 2, 3, 0, 0, 5, 0, 1, 2, 3});
  batch.examples[1].target = {"5", "0", "1", "2", "3"};
  Config one;
  one.recording.probes = 1;
  AttentionLog(one, model, batch, run).begin(0);
  CHECK(AttentionLog::weights(run, "attention", 0).shape() == Shape{1, 2, 3, 3});
  batch = probes();

  logged();
  const Array before = AttentionLog::weights(run, "attention", 0).array();
  AttentionLog again(config, other, batch, run);
  again.begin(0);
  CHECK(AttentionLog::weights(run, "attention", 0).array().data<float>()[3] != before.data<float>()[3]);
  CHECK(AttentionLog::load(run).steps == std::vector<std::int64_t>{0});
  batch.examples[1].target[0] = "4";
  AttentionLog changed(config, model, batch, run);
  changed.begin(1);
  CHECK_THROWS_WITH(changed.finish(9), ContainsSubstring("is not there now: 5 0 1"));
}

TEST_CASE("commands that read files alone work on a run of a kind that is not known, the others say so", "[own]") {
  Program gaze;
  trained(gaze.folder / "own", "60");
  CHECK(gaze.run({"report", "own"}).status == 0);
  const nlohmann::json written = nlohmann::json::parse(read_file(gaze.folder / "own/config.json"));
  CHECK(written.at("model") == "one-layer");
  CHECK(written.at("period") == 6);
  CHECK_FALSE(written.contains("d_model"));
  CHECK(gaze.run({"export", "own", "weights.safetensors"}).status == 0);
  CHECK(gaze.run({"check", "own"}).status == 0);
  const std::string unknown = "this run is of kind one-layer, which this program does not know";
  for (const Args& command : {Args{"sample", "own"}, Args{"translate", "own"}, Args{"inspect", "own", "a"},
                              Args{"align", "own", "--src", "x", "--tgt", "x"}, Args{"tasks", "own"},
                              Args{"train", "--resume", "own", "--steps", "90"}, Args{"gradcheck", "--model", "own"}}) {
    CAPTURE(command);
    const Result r = gaze.run(command);
    CHECK(r.status == 1);
    CHECK(lines_of(r.err).size() == 1);
    CHECK_THAT(r.err, ContainsSubstring(unknown));
  }
}
