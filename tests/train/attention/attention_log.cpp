#include <algorithm>
#include <cmath>
#include <set>

#include <nlohmann/json.hpp>

#include <gaze/train/attention/attention_log.h>
#include <gaze/train/options.h>
#include <gaze/train/text/translator.h>

#include "../../catch.h"
#include "../../scratch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

AttentionLog::Look look_of(const Translator& model) {
  return
      [&model](const std::vector<Example>& examples, AttentionRecorder& recorder) { model.record(examples, recorder); };
}

Marks marks_of(const Translator& model) { return {.begin = true, .end = model.config().data.source_eos}; }

Config small(std::initializer_list<const char*> more = {}) {
  Config config;
  for (const char* s : {"d_model=16", "heads=2", "d_ff=32", "layers=2", "batch=8", "vocab=9", "length=6", "probes=7"})
    set_option(config, s);
  for (const char* s : more) set_option(config, s);
  return config;
}

std::uintmax_t bytes_in(const std::filesystem::path& folder) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) bytes += entry.file_size();
  return bytes;
}

}  // namespace

TEST_CASE("the steps that are recorded include the first and the last and are denser at the start") {
  for (const std::int64_t last : {0, 1, 5, 59, 60, 1000, 5000})
    for (const std::int64_t max_steps : {2, 3, 10, 60}) {
      const auto steps = recorded_steps(last, max_steps);
      CAPTURE(last, max_steps);
      CHECK(steps.front() == 0);
      CHECK(steps.back() == last);
      CHECK(static_cast<std::int64_t>(steps.size()) <= max_steps);
      CHECK(std::is_sorted(steps.begin(), steps.end()));
      CHECK(std::adjacent_find(steps.begin(), steps.end()) == steps.end());
    }
  const auto steps = recorded_steps(5000, 60);
  CHECK(steps.size() == 60);
  CHECK(steps[30] < 1200);
  CHECK(steps[59] - steps[58] > 10 * (steps[1] - steps[0]));
}

TEST_CASE("the scores of a head agree with a hand-computed example") {
  // Two heads over one pair: two target words, two source words and an end mark; the last query says the end.
  const Tensor weights = Tensor::from<float>(
      {1, 2, 3, 3}, std::vector<float>{.5f, .25f, .25f, 0, 0, 1, 1, 0, 0, 0, 1, 0, .5f, .5f, 0, 1, 0, 0});
  const std::vector<Example> pair = {{{"a", "b"}, {"x", "y"}, {{0, 0, true}, {1, 1, false}}}};
  const HeadScore first = score_head(weights, pair, 0, true), second = score_head(weights, pair, 1, true),
                  mean = score_head(weights, pair, -1, true);
  // Head 0 links x to a (sure) and y to a, the first of two zeros (wrong); head 1 x to b (wrong), y to a (wrong).
  CHECK(first.aer.value() == Approx(1 - 2.0 / 3));
  CHECK(second.aer.value() == Approx(1));
  CHECK(first.gold_mass == Approx((.5 + 0) / 2));
  CHECK(second.gold_mass == Approx((0 + .5) / 2));
  CHECK(mean.gold_mass == Approx(.25));
  CHECK(first.end_mass == Approx((.25 + 1) / 2));
  CHECK(second.end_mass == 0);
  CHECK(first.entropy == Approx(1.5 * std::log(2) / std::log(3) / 2));
  CHECK(second.entropy == Approx(std::log(2) / std::log(3) / 2));
  // Without an end mark only the words' columns count.
  CHECK(score_head(weights, pair, 1, false).entropy == Approx(.5));
  CHECK_FALSE(score_head(weights, {{{"a"}, {}, {}}}, 0, true).aer.has_value());
}

TEST_CASE("the scores of a head are of words where it reads pieces, and of sentences with gold links") {
  // Three pieces of two words look at three pieces of two words and an end mark.
  const Tensor weights = Tensor::from<float>(
      {2, 1, 4, 4}, std::vector<float>{.2f, .2f, .4f, .2f, .5f, .1f, .4f, 0, .1f, .2f, .5f, .2f, 0, 0, 0, 1,
                                       0,   0,   1,   0,   0,   0,   1,   0, 0,   0,   1,   0,   0, 0, 1, 0});
  const Example pair{.source = {"▁a", "b", "▁c"},
                     .target = {"▁x", "y", "▁z"},
                     .gold = {{0, 0, true}, {0, 1, false}},
                     .source_words = {0, 0, 1},
                     .target_words = {0, 0, 1}};
  // Of words: x to a .5, c .4, end .1; z to a .3, c .5, end .2.
  const HeadScore score = score_head(weights, {pair}, -1, true);
  CHECK(score.aer.value() == Approx(1 - 2.0 / 3));  // x to a, sure; z to c, wrong
  CHECK(score.gold_mass == Approx((.5 + .3) / 2));
  CHECK(score.end_mass == Approx((.1 + .2) / 2));
  const auto part = [](double w) { return -w * std::log(w) / std::log(3); };
  CHECK(score.entropy == Approx((part(.5) + part(.4) + part(.1) + part(.3) + part(.5) + part(.2)) / 2).epsilon(1e-6));

  Example without = pair;  // its weights go to what would be wrong
  without.gold.clear();
  CHECK(score_head(weights, {pair, without}, 0, true).aer.value() == score.aer.value());
}

TEST_CASE("a recording keeps which tokens are pieces of which words, and one without that is of words") {
  const ScratchFolder scratch;
  const Config config = small({"steps=3"});
  const Translator model(config);
  auto candidates = toy_task(config)->examples(Split::validation, 2, 3);
  for (Example& e : candidates) {  // as though symbols were pieces: all of one word, but for the last
    e.source.resize(3), e.target.resize(3);
    e.source_words = e.target_words = {0, 0, 1}, e.gold = {{0, 1, true}};
  }
  const RunFolder run = RunFolder::create(scratch.path / "run", config);
  AttentionLog(model.config(), model.attentions(), marks_of(model), look_of(model), run, candidates).after(0);
  const AttentionRecord record = AttentionLog::load(run);
  CHECK(record.probes == candidates);
  const nlohmann::json index = AttentionLog::index(run);
  CHECK(index["probes"][0]["source_words"] == nlohmann::json({0, 0, 1}));
  CHECK(index["probes"][0]["source"].size() == 3);
  CHECK(index["baselines"]["floor"] == Approx(1 - 2.0 / 3));  // of two words a sentence, one link is wrong
  CHECK(AttentionLog::weights(run, record.modules[0].name, 0).size(2) == 3);

  nlohmann::json older = index;
  for (nlohmann::json& probe : older["probes"]) probe.erase("source_words"), probe.erase("target_words");
  CHECK(read_attention_index(older, "index.json").probes[0].source_words.empty());
  nlohmann::json broken = index;
  broken["probes"][1]["target_words"] = {0, 0};
  CHECK_THROWS_WITH(read_attention_index(broken, "index.json"),
                    "index.json: probe 1: 2 numbers of words for 3 target tokens");
  broken["probes"][1]["target_words"] = {0, 0.5, 1};
  CHECK_THROWS_WITH(read_attention_index(broken, "index.json"), ContainsSubstring("index.json: probe 1: target_words"));
}

TEST_CASE("what is recorded is what the model computes, by module, step and head") {
  const ScratchFolder scratch;
  const Config config = small({"source_eos=true", "steps=3"});
  const RunFolder run = RunFolder::create(scratch.path / "run", config);
  const Translator model(config);
  const auto candidates = toy_task(config)->examples(Split::validation, 100, 3);
  AttentionLog log(model.config(), model.attentions(), marks_of(model), look_of(model), run, candidates);
  for (const std::int64_t step : {0, 1, 2}) log.after(step);
  log.finish(2);  // was recorded

  const AttentionRecord record = AttentionLog::load(run);
  CHECK(record.marks.end);
  CHECK(record.steps == std::vector<std::int64_t>{0, 1, 2});
  REQUIRE(record.probes.size() == 7);
  CHECK(record.probes[0].source == candidates[0].source);
  CHECK(record.probes[0].gold == candidates[0].gold);
  std::set<std::vector<std::string>> distinct;
  for (const Example& e : record.probes) distinct.insert(e.source);
  CHECK(distinct.size() == 7);

  std::vector<std::string> names;
  for (const auto& m : record.modules) names.push_back(m.name);
  CHECK(names == std::vector<std::string>{"body.encoder.layers.0.self_attn", "body.encoder.layers.1.self_attn",
                                          "body.decoder.layers.0.self_attn", "body.decoder.layers.1.self_attn",
                                          "body.decoder.layers.0.multihead_attn",
                                          "body.decoder.layers.1.multihead_attn"});
  AttentionRecorder recorder;
  model.record(record.probes, recorder);
  for (const std::string& name : names) {
    const Tensor kept = AttentionLog::weights(run, name, 1), computed = recorder.modules.at(name).weights();
    REQUIRE(kept.shape() == computed.shape());
    const auto a = kept.values<float>(), b = computed.values<float>();
    CHECK(std::equal(a.begin(), a.end(), b.begin()));
  }
  const nlohmann::json scores = AttentionLog::index(run)["steps"][1]["scores"];
  REQUIRE(scores.size() == 6);  // two layers of a mean and two heads
  CHECK(scores[0]["head"] == "mean");
  const HeadScore last = score_head(recorder.modules.at(names[5]).weights(), record.probes, 1, true);
  CHECK(scores[5]["module"] == names[5]);
  CHECK(scores[5]["head"] == 1);
  CHECK(scores[5]["aer"].get<double>() == last.aer.value());
  CHECK(scores[5]["end_mass"].get<double>() == last.end_mass);
}

TEST_CASE("cross-attention alone, or nothing, is recorded when asked so") {
  const ScratchFolder scratch;
  const Config cross = small({"record=cross"}), none = small({"probes=0"});
  const RunFolder run = RunFolder::create(scratch.path / "run", cross),
                  empty = RunFolder::create(scratch.path / "no", none);
  const Translator model(cross), other(none);
  const auto candidates = toy_task(cross)->examples(Split::validation, 100);
  AttentionLog(model.config(), model.attentions(), marks_of(model), look_of(model), run, candidates).after(0);
  CHECK(AttentionLog::load(run).modules.size() == 2);
  AttentionLog log(other.config(), other.attentions(), marks_of(other), look_of(other), empty, candidates);
  log.after(0), log.finish(9);
  CHECK_FALSE(std::filesystem::exists(AttentionLog::folder(empty)));
  CHECK_THROWS_WITH(AttentionLog::load(empty), ContainsSubstring("no attention was recorded"));
}

TEST_CASE("a run of 5,000 steps with 40 probes stays under 50 MB, whatever the model") {
  for (const char* size : {"layers=2", "layers=12"}) {
    const ScratchFolder scratch;
    Config config;  // dates have the longest sentences
    for (const char* s : {"task=dates", "d_model=16", "heads=4", "d_ff=16", "steps=5000", "source_eos=true", size})
      set_option(config, s);
    const RunFolder run = RunFolder::create(scratch.path / "run", config);
    const Translator model(config);
    AttentionLog log(model.config(), model.attentions(), marks_of(model), look_of(model), run,
                     toy_task(config)->examples(Split::validation, 800));
    log.after(0);
    const auto a_step = bytes_in(AttentionLog::folder(run));
    for (const std::int64_t step : recorded_steps(5000, 60)) log.after(step);
    CAPTURE(size, a_step);
    CHECK(bytes_in(AttentionLog::folder(run)) < 50'000'000);
    CHECK(AttentionLog::load(run).steps.size() > 10);
    CHECK((AttentionLog::load(run).probes.size() == 40 || std::string(size) == "layers=12"));
  }
}
