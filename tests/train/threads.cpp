#include <atomic>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include <gaze/autograd/base/files.h>
#include <gaze/nn/safetensors.h>
#include <gaze/train/attention/attention_log.h>
#include <gaze/train/options.h>
#include <gaze/train/text/pair_data.h>
#include <gaze/train/text/text_data.h>
#include <gaze/train/text/text_model.h>
#include <gaze/train/training_run.h>

#include "../catch.h"
#include "../scratch.h"
#include "../settings.h"

// Whole trainings in threads: see also tests/autograd/threads.cpp.

using namespace gaze;
using namespace gaze::train;
namespace fs = std::filesystem;

namespace {

Config tiny(const char* task, std::initializer_list<const char*> more) {
  Config c = default_config(task);
  for (const char* s : {"d_model=16", "heads=2", "batch=8", "steps=4", "log_every=2", "dropout=0.1", "patience=9"})
    set_option(c, s);
  for (const char* s : more) set_option(c, s);
  return c;
}

/// Name and bits of all that a run's checkpoint holds.
std::map<std::string, std::uint64_t> bits_of(const fs::path& run) {
  std::map<std::string, std::uint64_t> hashes;
  for (const auto& [name, array] : load_safetensors(run / "checkpoint.safetensors").arrays)
    for_any(array.dtype(), [&]<class T>() {
      hashes[name] = hash_of({reinterpret_cast<const char*>(array.data<T>()), array.bytes()});
    });
  return hashes;
}

/// Trains a toy task into a folder, its attention recorded, and translates with what came of it.
void train_toy(const Config& c, const fs::path& path) {
  Translator translator(c);
  const auto pairs = toy_pairs(c, translator.languages());
  SequenceLearner learner(c, translator.params(), translator.model(), *pairs, translator.metadata());
  RunFolder folder = RunFolder::create(path, c);
  TrainingRun run(learner, folder);
  const auto look = [&](const std::vector<Example>& sentences, AttentionRecorder& recorder) {
    translator.record(sentences, recorder);
  };
  AttentionLog log(c, translator.attentions(), Marks{}, look, folder, pairs->probes(3));
  log.begin(0);
  run.on_step([&](const StepReport& report) { log.after(report.step); });
  run.run();
  Translator::load(folder)->translate({{"a", "b"}, {"b"}}, 3, 1);
}

void train_text(const Config& c, const std::string& text, const fs::path& path) {
  const TextData::Text parts{text, text.substr(0, text.size() / 4)};
  const Language language = TextData::learn_language(c, parts.train);
  TextModel model(c, language);
  TextData data(c, language, parts);
  SequenceLearner learner(c, model.params(), model.model(), data, model.metadata());
  RunFolder folder = RunFolder::create(path, c);
  TrainingRun(learner, folder).run();
}

/// The trainings of this file by the names of their folders.
std::map<std::string, std::function<void(const fs::path&)>> trainings() {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "the dog runs to house " + std::to_string(i * i) + "\n";
  return {{"transformer",
           [](const fs::path& path) {
             train_toy(tiny("sort", {"d_ff=64", "length=6", "vocab=8", "validation=16"}), path);
           }},
          {"recurrent",
           [](const fs::path& path) {
             train_toy(tiny("copy", {"model=rnn", "length=6", "vocab=8", "validation=16"}), path);
           }},
          {"language model", [text](const fs::path& path) {
             train_text(tiny("chars", {"d_ff=64", "layers=1", "length=16"}), text, path);
           }}};
}

}  // namespace

TEST_CASE("trainings have the same bits with any number of threads, and three at once in threads of their own",
          "[threads]") {
  const UseProducts products(GENERATE(ProductsBy::own, ProductsBy::openblas));
  const ScratchFolder scratch;
  const Threads use(1);
  const auto all = trainings();
  std::map<std::string, std::map<std::string, std::uint64_t>> alone;
  for (const auto& [name, train] : all) {
    train(scratch.path / name);
    alone[name] = bits_of(scratch.path / name);
    CHECK(alone[name].size() > 5);
    for (const int count : {2, 3}) {
      set_threads(count);
      const fs::path path = scratch.path / (name + " with " + std::to_string(count));
      train(path);
      CHECK(bits_of(path) == alone[name]);
    }
  }

  std::atomic<int> running = static_cast<int>(all.size());
  std::vector<std::string> failures(all.size());
  std::vector<std::thread> trainers;
  for (const auto& [name, train] : all)
    trainers.emplace_back([&, &name = name, &train = train, &failure = failures[trainers.size()]] {
      try {
        train(scratch.path / (name + " among others"));
      } catch (const std::exception& error) {
        failure = error.what();
      }
      --running;
    });
  for (int count = 1; running > 0; count = count % 4 + 1) {
    set_threads(count);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (std::thread& trainer : trainers) trainer.join();
  for (const std::string& failure : failures) CHECK(failure.empty());
  for (const auto& [name, train] : all) CHECK(bits_of(scratch.path / (name + " among others")) == alone[name]);
}
