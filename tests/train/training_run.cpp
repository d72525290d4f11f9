#include <gaze/train/training_run.h>

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>
#include <sstream>

#include <gaze/autograd/files.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/train/pair_source.h>

#include "../scratch.h"

using namespace gaze;
using Catch::Contains;
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

/// A run of a toy task in a folder of its own.
struct Toy {
  explicit Toy(const Config& c, const fs::path& path, bool resume = false)
      : learner(c, toy_languages(c), toy_pairs(c, toy_languages(c))),
        folder(resume ? RunFolder::open(path) : RunFolder::create(path, c)),
        run(learner, folder) {
    if (resume) run.resume();
  }
  TranslationLearner learner;
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
  Evaluation evaluate() const override {
    return {.loss = losses.at(asked++), .token_accuracy = 0, .aer = {}, .alignment = {}};
  }
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
  Config c = small({"schedule=inverse_sqrt", "accumulate=2", "guided=0.1"});
  CHECK(Toy(c, scratch.path / "whole").run.run(go_on) == TrainingRun::End::finished);
  for (const std::int64_t pause : {1, 3, 4, 9}) {  // between, at and after lines of metrics.jsonl
    const fs::path path = scratch.path / std::to_string(pause);
    c.steps = pause;
    Toy(c, path).run.run(go_on);
    c.steps = 10;
    Toy second(c, path, true);
    CHECK(second.run.steps_done() == pause);
    CHECK(second.run.run(go_on) == TrainingRun::End::finished);
    CAPTURE(pause);
    CHECK(read_file(path / "checkpoint.safetensors") == read_file(scratch.path / "whole/checkpoint.safetensors"));
    CHECK(metrics(path) == metrics(scratch.path / "whole"));
  }
}

TEST_CASE("what was written after the last checkpoint is written again", "[resume]") {
  const ScratchFolder scratch;
  const Config c = small({"checkpoint_every=4", "average=5", "patience=100"});
  Toy(c, scratch.path / "whole").run.run(go_on);
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
  CHECK_FALSE(fs::exists(path / "snapshots/000000006.safetensors"));
  second.run.run(go_on);
  for (const char* file : {"checkpoint.safetensors", "averaged.safetensors", "best.safetensors"})
    CHECK(read_file(path / file) == read_file(scratch.path / "whole" / file));
  CHECK(metrics(path) == metrics(scratch.path / "whole"));
}

TEST_CASE("a run is not continued with other data or another model, and the differences are listed", "[resume]") {
  const ScratchFolder scratch;
  Toy(small({"steps=2"}), scratch.path / "run").run.run(go_on);
  const std::string before = read_file(scratch.path / "run/checkpoint.safetensors"),
                    lines = read_file(scratch.path / "run/metrics.jsonl");
  CHECK_THROWS_WITH(Toy(small({"heads=2", "d_ff=64", "lr=0.5"}), scratch.path / "run", true),
                    Contains("heads: 1, not 2") && Contains("d_ff: 32, not 64") && !Contains("lr"));
  CHECK_THROWS_WITH(Toy(small({"task=reverse"}), scratch.path / "run", true),
                    Contains("task: \"copy\", not \"reverse\"") && Contains("data"));
  CHECK_THROWS_WITH(Toy(small({"seed=2"}), scratch.path / "run", true), Contains("seed: 1, not 2"));
  CHECK_THROWS_WITH(Toy(small({"vocab=8"}), scratch.path / "run", true), Contains("vocabulary is another"));
  CHECK_THROWS_WITH(Toy(small({"optimizer=sgd"}), scratch.path / "run", true), Contains("optimizer"));

  Checkpoint broken = load_safetensors(scratch.path / "run/checkpoint.safetensors");
  broken.metadata["progress"] = "{}";
  save_safetensors(scratch.path / "run/checkpoint.safetensors", broken);
  CHECK_THROWS_WITH(Toy(small(), scratch.path / "run", true), Contains("progress are broken"));
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
  CHECK_THROWS_WITH(weights_of(checkpoint, "bdoy."), Contains("begins with bdoy."));
}

TEST_CASE("the best weights are kept, and patience ends a training") {
  const ScratchFolder scratch;
  Config c = small({"steps=100", "log_every=5", "validate_every=10", "patience=3", "optimizer=sgd", "momentum=0",
                    "lr=1", "clip=0", "warmup=0", "checkpoint_every=1"});
  c.task = "test";
  Scripted learner(c, {5, 4, 4.5, 3, 3.5, 3, 3.2, 0, 0});  // the fourth validation is the best, at step 40
  const RunFolder folder = RunFolder::create(scratch.path / "run", c);
  TrainingRun run(learner, folder);
  CHECK(run.run(go_on) == TrainingRun::End::early);
  CHECK(run.steps_done() == 70);
  CHECK(run.best() == std::pair<double, std::int64_t>(3, 40));
  CHECK(weight_in(folder.best()) == -40);
  CHECK(weight_in(folder.checkpoint()) == -70);
  CHECK(folder.weights() == folder.best());
  CHECK(folder.weights("last") == folder.checkpoint());
  CHECK_THROWS_WITH(folder.weights("first"), Contains("first"));
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
  Scripted learner(c, std::vector<double>(20, 1.0));
  const RunFolder folder = RunFolder::create(scratch.path / "run", c);
  TrainingRun(learner, folder).run(go_on);
  CHECK(weight_in(folder.averaged()) == -40);  // of steps 30, 40 and 50
  CHECK(std::distance(fs::directory_iterator(folder.snapshots()), fs::directory_iterator()) == 3);
  CHECK(folder.weights() == folder.averaged());
}

TEST_CASE("two do not train in one folder") {
  const ScratchFolder scratch;
  const RunFolder folder = RunFolder::create(scratch.path / "run", small());
  auto held = folder.lock();
  CHECK_THROWS_WITH(RunFolder::open(scratch.path / "run").lock(), Contains("another process"));
  held.reset();
  CHECK_NOTHROW(folder.lock());
}
