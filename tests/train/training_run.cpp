#include <gaze/train/training_run.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include <gaze/autograd/base/files.h>
#include <gaze/train/options.h>
#include <gaze/train/saved_model.h>
#include <gaze/train/text/pair_data.h>

#include "../catch.h"
#include "../scratch.h"

using namespace gaze;
using namespace gaze::train;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const std::atomic<bool> go_on{false};

Config small(std::initializer_list<const char*> more = {}) {
  Config c;
  for (const char* s : {"d_model=16", "d_ff=32", "batch=8", "validation=16", "vocab=9", "length=6", "log_every=3",
                        "dropout=0.1", "steps=10"})
    set_option(c, s);
  for (const char* s : more) set_option(c, s);
  return c;
}

/// A toy task and a model that learns it.
struct ToyLearner {
  explicit ToyLearner(const Config& c)
      : translator(c),
        pairs(toy_pairs(c, translator.languages())),
        learner(c, translator.params(), translator.model(), *pairs, translator.metadata()) {}
  Translator translator;
  std::unique_ptr<PairData> pairs;
  SequenceLearner learner;
};

/// A run of it in a folder of its own.
struct Toy : ToyLearner {
  explicit Toy(const Config& c, const fs::path& path, bool resume = false)
      : ToyLearner(c), folder(resume ? RunFolder::open(path) : RunFolder::create(path, c)), run(learner, folder) {
    if (resume) run.resume();
  }
  RunFolder folder;
  TrainingRun run;
};

/// The lines of metrics.jsonl without what depends on the clock.
std::vector<json> metrics(const fs::path& run) {
  std::vector<json> lines;
  std::istringstream stream(read_file(run / "metrics.jsonl"));
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(json::parse(line));
    lines.back().erase("tokens_per_s");
  }
  return lines;
}

/// Name and bits of every tensor; the notes of a file say how many steps were asked for.
std::map<std::string, std::uint64_t> tensors(const fs::path& file) {
  std::map<std::string, std::uint64_t> hashes;
  for (const auto& [name, array] : load_safetensors(file).arrays)
    for_any(array.dtype(), [&]<class T>() {
      hashes[name] = hash_of({reinterpret_cast<const char*>(array.data<T>()), array.bytes()});
    });
  return hashes;
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

json progress_of(const fs::path& run) {
  return json::parse(load_safetensors(run / "checkpoint.safetensors").metadata.at("progress"));
}

/// Held-out losses as a test wants them: the fourth number is of the fourth validation.
struct Scripted : Learner {
  explicit Scripted(Config c, std::vector<double> script) : options(std::move(c)), losses(std::move(script)) {
    x = parameters.add("x", Array::full({1}, DType::float32, 0));
  }
  const Config& config() const override { return options; }
  Params& params() override { return parameters; }
  StepLoss loss(std::int64_t, Context&) override { return {x.sum(), 1}; }
  Evaluation evaluate() const override { return {.loss = losses.at(asked++), .token_accuracy = 0, .aer = {}}; }
  Metadata metadata() const override { return {{"config", portable(options).dump()}}; }
  std::uint64_t data_hash() const override { return 0; }
  BatchPlan::Position position(std::int64_t batch) override { return {0, batch}; }

  Config options;
  Params parameters;
  Tensor x;
  std::vector<double> losses;
  mutable std::size_t asked = 0;
};

float weight_in(const fs::path& file) { return load_safetensors(file).find("x")->data<float>()[0]; }

}  // namespace

TEST_CASE("a training that is taken up again is what it would have been", "[resume]") {
  const ScratchFolder scratch;
  Config c = small({"schedule=inverse_sqrt", "accumulate=2", "guided=0.1", "patience=1000", "lr=0.1",
                    GENERATE("validate_every=2", "validate_every=0")});
  CHECK(Toy(c, scratch.path / "whole").run.run(go_on) == TrainingRun::End::finished);
  for (const std::int64_t pause : {1, 3, 4, 9}) {  // between, at and after lines of metrics.jsonl
    const fs::path path = scratch.path / std::to_string(pause);
    c.training.steps = pause;
    Toy(c, path).run.run(go_on);
    c.training.steps = 10;
    Toy second(c, path, true);
    CHECK(second.run.steps_done() == pause);
    CHECK(second.run.run(go_on) == TrainingRun::End::finished);
    CAPTURE(pause);
    CHECK((read_file(path / "checkpoint.safetensors") == read_file(scratch.path / "whole/checkpoint.safetensors")));
    CHECK(metrics(path) == metrics(scratch.path / "whole"));
    CHECK(tensors(path / "best.safetensors") == tensors(scratch.path / "whole/best.safetensors"));
    Toy third(c, path, true);  // there is nothing left to do, and nothing changes
    CHECK(third.run.run(go_on) == TrainingRun::End::finished);
    CHECK(metrics(path) == metrics(scratch.path / "whole"));
    CHECK(third.run.last_line()["grad_norm"] == metrics(path).back()["grad_norm"]);
  }
}

TEST_CASE("figures that cannot be written end a training in a state that can go on", "[resume]") {
  const ScratchFolder scratch;
  const Config c = small({"checkpoint_every=1"});
  Toy(c, scratch.path / "whole").run.run(go_on);
  const fs::path path = scratch.path / "run", metrics_file = path / "metrics.jsonl", aside = scratch.path / "aside";
  {
    Toy first(c, path);
    first.run.on_step([&](const StepReport& report) {
      if (report.step != 5) return;
      fs::rename(metrics_file, aside);
      fs::create_directory(metrics_file);  // nothing can be appended to it
    });
    CHECK_THROWS_WITH(first.run.run(go_on), ContainsSubstring("metrics.jsonl"));
  }
  fs::remove(metrics_file);
  fs::rename(aside, metrics_file);
  Toy second(c, path, true);
  CHECK(second.run.steps_done() == 5);
  second.run.run(go_on);
  CHECK(metrics(path) == metrics(scratch.path / "whole"));
  CHECK((read_file(path / "checkpoint.safetensors") == read_file(scratch.path / "whole/checkpoint.safetensors")));
}

TEST_CASE("lines that are gone are no reason not to go on, but are told of", "[resume]") {
  const ScratchFolder scratch;
  Config c = small({"steps=7"});
  const fs::path path = scratch.path / "run";
  Toy(c, path).run.run(go_on);
  fs::remove(path / "metrics.jsonl");
  c.training.steps = 9;
  ToyLearner toy(c);
  RunFolder folder = RunFolder::open(path);
  TrainingRun run(toy.learner, folder);
  CHECK_THAT(run.resume(), ContainsSubstring("2 of its 2 lines are gone"));
  run.run(go_on);
  CHECK(metrics(path).size() == 1);
  CHECK(Toy(c, path, true).run.steps_done() == 9);
}

TEST_CASE("a run that was stopped before its first checkpoint begins anew, but not one that has lost it", "[resume]") {
  const ScratchFolder scratch;
  const Config c = small({"average=2", "patience=50"});
  const fs::path path = scratch.path / "run";
  Toy(c, scratch.path / "whole").run.run(go_on);
  { const RunFolder empty = RunFolder::create(path, c); }
  fs::create_directory(path / "snapshots");
  write_file_atomically(path / "snapshots/000000009.safetensors", {"stale"});
  write_file_atomically(path / "checkpoint.safetensors.1.part", {"half"});
  write_file_atomically(path / "snapshots/000000003.safetensors.1.part", {"half"});
  ToyLearner toy(c);
  RunFolder folder = RunFolder::open(path);
  TrainingRun run(toy.learner, folder);
  CHECK_THAT(run.resume(), ContainsSubstring("begins anew"));
  run.run(go_on);
  CHECK((read_file(path / "checkpoint.safetensors") == read_file(scratch.path / "whole/checkpoint.safetensors")));
  CHECK(names_in(path / "snapshots") == names_in(scratch.path / "whole/snapshots"));
  CHECK_FALSE(fs::exists(path / "checkpoint.safetensors.1.part"));
  fs::remove(path / "checkpoint.safetensors");
  CHECK_THROWS_WITH(Toy(c, path, true), ContainsSubstring("checkpoint.safetensors: it is missing"));
}

TEST_CASE("what was written after the last checkpoint is written again", "[resume]") {
  const ScratchFolder scratch;
  const Config c = small({"checkpoint_every=4", "average=5", "patience=100"});
  std::optional<double> averaged;
  {
    Toy whole(c, scratch.path / "whole");
    whole.run.run(go_on);
    averaged = whole.run.averaged_loss();
    CHECK(averaged);
  }
  const fs::path path = scratch.path / "killed";
  {
    Toy first(c, path);
    first.run.on_step([](const StepReport& report) {  // the process ends here: nothing is saved any more
      if (report.step == 7) throw std::runtime_error("killed");
    });
    CHECK_THROWS_WITH(first.run.run(go_on), "killed");
    // What the exception saved on its way is taken away again.
    Toy again(c, scratch.path / "four");
    std::atomic<bool> stop{false};
    again.run.on_step([&](const StepReport& report) { stop = report.step == 4; });
    CHECK(again.run.run(stop) == TrainingRun::End::interrupted);
    fs::copy_file(scratch.path / "four/checkpoint.safetensors", path / "checkpoint.safetensors",
                  fs::copy_options::overwrite_existing);
  }
  CHECK(metrics(path).back()["step"] == 6);
  CHECK(fs::exists(path / "snapshots/000000006.safetensors"));
  Toy second(c, path, true);
  CHECK(second.run.steps_done() == 4);
  CHECK(metrics(path).back()["step"] == 3);
  CHECK(fs::exists(path / "snapshots/000000006.safetensors"));  // until a later state is saved
  second.run.run(go_on);
  CHECK(names_in(path / "snapshots") == names_in(scratch.path / "whole/snapshots"));
  for (const char* file : {"checkpoint.safetensors", "best.safetensors", "snapshots/000000009.safetensors"})
    CHECK((read_file(path / file) == read_file(scratch.path / "whole" / file)));
  CHECK(second.run.averaged_loss() == averaged);
  CHECK(metrics(path) == metrics(scratch.path / "whole"));
}

TEST_CASE("a run is not continued with other data or another model, and the differences are listed", "[resume]") {
  const ScratchFolder scratch;
  Toy(small({"steps=2"}), scratch.path / "run").run.run(go_on);
  const std::string before = read_file(scratch.path / "run/checkpoint.safetensors"),
                    lines = read_file(scratch.path / "run/metrics.jsonl");
  CHECK_THROWS_WITH(
      Toy(small({"heads=2", "d_ff=64", "lr=0.5"}), scratch.path / "run", true),
      ContainsSubstring("heads: 1, not 2") && ContainsSubstring("d_ff: 32, not 64") && !ContainsSubstring("lr"));
  CHECK_THROWS_WITH(Toy(small({"task=reverse"}), scratch.path / "run", true),
                    ContainsSubstring("task: \"copy\", not \"reverse\"") && ContainsSubstring("data"));
  CHECK_THROWS_WITH(Toy(small({"seed=2"}), scratch.path / "run", true), ContainsSubstring("seed: 1, not 2"));
  CHECK_THROWS_WITH(Toy(small({"vocab=8"}), scratch.path / "run", true), ContainsSubstring("vocabulary is another"));
  CHECK_THROWS_WITH(Toy(small({"optimizer=sgd"}), scratch.path / "run", true), ContainsSubstring("optimizer"));
  CHECK_THROWS_WITH(Toy(small({"steps=1"}), scratch.path / "run", true),
                    ContainsSubstring("it has done 2 steps, more than 1"));

  Checkpoint broken = load_safetensors(scratch.path / "run/checkpoint.safetensors");
  broken.metadata["progress"] = "{}";
  save_safetensors(scratch.path / "run/checkpoint.safetensors", broken);
  CHECK_THROWS_WITH(Toy(small(), scratch.path / "run", true), ContainsSubstring("progress are broken"));
  write_file_atomically(scratch.path / "run/checkpoint.safetensors", {before});
  CHECK(read_file(scratch.path / "run/metrics.jsonl") == lines);
  CHECK(Toy(small({"lr=0.01", "dropout=0", "threads=2"}), scratch.path / "run", true).run.steps_done() == 2);
}

TEST_CASE("a checkpoint says where it stands, and keeps the optimizer's numbers apart") {
  const ScratchFolder scratch;
  Toy(small({"steps=4", "accumulate=3"}), scratch.path / "run").run.run(go_on);
  const json progress = progress_of(scratch.path / "run");
  CHECK(progress["step"] == 4);
  CHECK(progress["batch"] == 12);
  CHECK(progress["lines"] == 1);
  const Checkpoint checkpoint = load_safetensors(scratch.path / "run/checkpoint.safetensors");
  std::size_t weights = 0, moments = 0;
  for (const auto& [name, array] : checkpoint.arrays) {
    weights += !name.starts_with("optimizer.");
    moments += name.starts_with("optimizer.exp_avg.") || name.starts_with("optimizer.exp_avg_sq.");
  }
  CHECK(moments == 2 * weights);
  CHECK(weights_of(checkpoint).arrays.size() == weights);
  CHECK(weights_of(checkpoint).metadata.empty());
  for (const auto& [name, array] : weights_of(checkpoint, "body.").arrays)
    CHECK((name.starts_with("encoder.") || name.starts_with("decoder.")));
  CHECK_THROWS_WITH(weights_of(checkpoint, "bdoy."), ContainsSubstring("begins with bdoy."));
  Checkpoint unsound{.arrays = {{"head.weight", Array::full({2}, DType::float32, -INFINITY)}}, .metadata = {}};
  CHECK_THROWS_WITH(weights_of(unsound), ContainsSubstring("not finite: head.weight (-inf at element 0)"));
}

TEST_CASE("the best weights are kept, and patience ends a training") {
  const ScratchFolder scratch;
  Config c = small({"steps=100", "log_every=5", "validate_every=10", "patience=3", "optimizer=sgd", "momentum=0",
                    "lr=1", "clip=0", "warmup=0", "checkpoint_every=1"});
  c.task = "test";
  Scripted learner(c, {5, 4, 4.5, 3, 3.5, 3, 3.2, 0, 0});  // the fourth validation is the best, at step 40
  RunFolder folder = RunFolder::create(scratch.path / "run", c);
  TrainingRun run(learner, folder);
  CHECK(run.run(go_on) == TrainingRun::End::early);
  CHECK(run.steps_done() == 70);
  CHECK(run.best() == ValidationNote{40, 3});
  CHECK(validation_of(folder.best()) == ValidationNote{40, 3});
  CHECK(weight_in(folder.best()) == -40);
  CHECK(weight_in(folder.checkpoint()) == -70);
  CHECK(folder.weights() == folder.best());
  CHECK(folder.weights("last") == folder.checkpoint());
  CHECK_THROWS_WITH(folder.weights("first"), ContainsSubstring("first"));
  const auto lines = metrics(scratch.path / "run");
  CHECK(lines.size() == 14);
  for (const json& line : lines) CHECK(line.contains("validation_loss") == (line["step"].get<int>() % 10 == 0));

  // Taken up again, the patience is still over.
  TrainingRun again(learner, folder);
  again.resume();
  CHECK(again.run(go_on) == TrainingRun::End::early);
  CHECK(again.steps_done() == 70);
}

TEST_CASE("the mean of the last validations' weights is kept when asked for") {
  const ScratchFolder scratch;
  Config c =
      small({"steps=50", "log_every=10", "average=3", "optimizer=sgd", "momentum=0", "lr=1", "clip=0", "warmup=0"});
  const double of_the_mean = GENERATE(0.5, 1.0);  // better than the best, or not
  Scripted learner(c, {1, 1, 1, 1, 1, of_the_mean});
  RunFolder folder = RunFolder::create(scratch.path / "run", c);
  TrainingRun run(learner, folder);
  run.run(go_on);
  CHECK(run.averaged_loss() == of_the_mean);
  CHECK(learner.x.at({0}) == -50);  // the learner's own are back
  CHECK(std::distance(fs::directory_iterator(folder.snapshots()), fs::directory_iterator()) == 3);
  REQUIRE(fs::exists(folder.averaged()) == (of_the_mean < 1));
  if (of_the_mean < 1) {
    CHECK(weight_in(folder.averaged()) == -40);  // of steps 30, 40 and 50
    CHECK(folder.weights() == folder.averaged());
    CHECK(validation_of(folder.averaged()) == ValidationNote{50, 0.5});
  }
}

/// Validations at steps 10, 20, ... of a weight that is -step, and the best of them kept.
Config scripted(std::int64_t steps) {
  Config c = small({"log_every=5", "validate_every=10", "patience=50", "optimizer=sgd", "momentum=0", "lr=1", "clip=0",
                    "warmup=0", "checkpoint_every=100"});
  c.task = "test", c.training.steps = steps;
  return c;
}

TEST_CASE("the last state is validated and may be the best, and a training that goes on has the best on the way",
          "[best]") {
  const ScratchFolder scratch;
  const auto train = [&](const char* name, std::int64_t steps, std::vector<double> losses) {
    Scripted learner(scripted(steps), std::move(losses));
    RunFolder folder = RunFolder::create_or_open(scratch.path / name, scripted(steps));
    TrainingRun run(learner, folder);
    CHECK(run.resume().empty());
    CHECK(run.run() == TrainingRun::End::finished);
    return run.best();
  };
  const RunFolder folder = (train("run", 25, {5, 4, 3}), RunFolder::open(scratch.path / "run"));
  CHECK(validation_of(folder.best()) == ValidationNote{25, 3});
  CHECK(weight_in(folder.best()) == -25);
  CHECK(weight_in(folder.best_on_the_way()) == -20);
  CHECK(folder.weights() == folder.best());

  CHECK(train("run", 25, {3}) == ValidationNote{25, 3});  // there is nothing left to do, and nothing changes
  CHECK(weight_in(folder.best()) == -25);
  CHECK(weight_in(folder.best_on_the_way()) == -20);

  CHECK(train("run", 45, {6, 7, 8}) == ValidationNote{20, 4});  // 30, 40 and 45: none is better than 20
  CHECK(weight_in(folder.best()) == -20);
  CHECK_FALSE(fs::exists(folder.best_on_the_way()));
  train("whole", 45, {5, 4, 6, 7, 8});
  CHECK(tensors(folder.best()) == tensors(scratch.path / "whole/best.safetensors"));
}

TEST_CASE("best weights are of the step that the checkpoint says, or the checkpoint's own, or none", "[best]") {
  const ScratchFolder scratch;
  const auto run_of = [&](const char* name, std::int64_t steps, std::vector<double> losses) {
    Scripted learner(scripted(steps), std::move(losses));
    RunFolder folder = RunFolder::create_or_open(scratch.path / name, scripted(steps));
    TrainingRun run(learner, folder);
    const std::string notice = run.resume();
    run.run();
    return notice;
  };
  run_of("early", 10, {5}), run_of("run", 20, {5, 4}), run_of("late", 30, {5, 4, 3});
  const RunFolder run = RunFolder::open(scratch.path / "run");
  // A kill between the checkpoint of step 20 and its best weights.
  fs::copy_file(scratch.path / "early/best.safetensors", run.best(), fs::copy_options::overwrite_existing);
  CHECK(run_of("run", 20, {}).empty());
  CHECK(validation_of(run.best()) == ValidationNote{20, 4});
  CHECK(weight_in(run.best()) == -20);
  // Broken, or not there.
  write_file_atomically(run.best(), {"broken"});
  CHECK(run_of("run", 20, {}).empty());
  CHECK(weight_in(run.best()) == -20);
  fs::remove(run.best());
  CHECK(run_of("run", 20, {}).empty());
  CHECK(weight_in(run.best()) == -20);
  // The checkpoint is older than the best weights.
  fs::copy_file(scratch.path / "late/best.safetensors", run.best(), fs::copy_options::overwrite_existing);
  run_of("older", 25, {5, 4, 9});
  const RunFolder older = RunFolder::open(scratch.path / "older");
  fs::copy_file(scratch.path / "late/best.safetensors", older.best(), fs::copy_options::overwrite_existing);
  CHECK_THAT(run_of("older", 40, {8, 7}), ContainsSubstring("does not hold the weights of step 20"));
  CHECK(validation_of(older.best()) == ValidationNote{40, 7});
}

/// A weight that grows until the loss, or the weight itself, is no number.
struct Exploding : Scripted {
  using Scripted::Scripted;
  StepLoss loss(std::int64_t batch, Context&) override {
    if (batch == bad_batch) return {x.sum() * std::numeric_limits<float>::quiet_NaN(), 1};
    return {x.sum() * factor, 1};
  }
  std::int64_t bad_batch = 0;
  float factor = 1;
};

TEST_CASE("numbers that are none overwrite nothing, and the last sound state is named", "[best]") {
  const ScratchFolder scratch;
  Config c = scripted(30);
  c.training.checkpoint_every = 4;
  Exploding learner(c, {5, 4, 3});
  RunFolder folder = RunFolder::create(scratch.path / "run", c);
  SECTION("the loss") {
    learner.bad_batch = 7;
    TrainingRun run(learner, folder);
    CHECK_THROWS_WITH(run.run(), ContainsSubstring("step 7: the loss is nan") &&
                                     ContainsSubstring("the last state that is saved is that of step 4"));
    CHECK(weight_in(folder.checkpoint()) == -4);
  }
  SECTION("a weight") {
    TrainingRun run(learner, folder);
    run.on_step([&](const StepReport& report) {
      if (report.step == 6) learner.x.change<float>("test")[0] = std::numeric_limits<float>::infinity();
    });
    CHECK_THROWS_AS(run.run(), NumericFailure);
    CHECK(weight_in(folder.checkpoint()) == -4);
  }
  SECTION("before anything was saved") {
    learner.bad_batch = 2;
    TrainingRun run(learner, folder);
    CHECK_THROWS_WITH(run.run(), ContainsSubstring("the last state that is saved is that of step 1"));
    CHECK(weight_in(folder.checkpoint()) == -1);
  }
}

TEST_CASE("a folder that was moved away while it was trained in gets nothing of what lies in its place", "[best]") {
  const ScratchFolder scratch;
  const Config c = scripted(30);
  Scripted learner(c, {5, 4, 3});
  RunFolder folder = RunFolder::create(scratch.path / "run", c);
  TrainingRun run(learner, folder);
  run.on_step([&](const StepReport& report) {
    if (report.step != 12) return;
    fs::rename(scratch.path / "run", scratch.path / "moved");
    RunFolder::create(scratch.path / "run", c);
  });
  CHECK_THROWS_WITH(run.run(), ContainsSubstring("the folder was moved away while it was in use"));
  CHECK(std::distance(fs::directory_iterator(scratch.path / "run"), fs::directory_iterator()) == 1);  // config.json
}

TEST_CASE("two do not train in one folder") {
  const ScratchFolder scratch;
  {
    const RunFolder made = RunFolder::create(scratch.path / "run", small());
    CHECK_THROWS_WITH(RunFolder::open(scratch.path / "run").lock(), ContainsSubstring("another process"));
  }
  RunFolder first = RunFolder::open(scratch.path / "run"), second = RunFolder::open(scratch.path / "run");
  CHECK_FALSE(second.in_use());
  first.lock();
  CHECK(second.in_use());
  CHECK_THROWS_WITH(second.lock(), ContainsSubstring("another process"));
  const RunFolder copy = first;
  first.unlock();
  CHECK(second.in_use());  // while a copy lives
}
