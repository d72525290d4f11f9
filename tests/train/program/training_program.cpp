#include <algorithm>
#include <cmath>

#include <gaze/nn/safetensors.h>
#include <gaze/train/options.h>

#include "small_runs.h"

TEST_CASE("training leaves config, metrics and a checkpoint", "[program]") {
  Program gaze;
  const Result r = gaze.run(training("run", {"--steps", "12", "--seed", "7", "--json"}));
  INFO(r.err);
  REQUIRE(r.status == 0);
  CHECK_THAT(r.err, !ContainsSubstring("gaze: ") && ContainsSubstring("step"));
  CHECK_FALSE(has_escapes(r.err));
  const fs::path run = gaze.folder / "run";
  const json config = json::parse(read(run / "config.json"), nullptr, false);
  REQUIRE(config.is_object());
  CHECK(config["task"] == "copy");
  CHECK(config["steps"] == 12);
  CHECK(config["seed"] == 7);
  CHECK(config["d_model"] == 16);

  const auto lines = metrics(run);
  REQUIRE(lines.size() == 3);
  for (const json& line : lines) {
    INFO(line);
    for (const char* key : {"step", "loss", "token_accuracy", "aer", "lr", "grad_norm", "tokens_per_s"})
      CHECK((line.contains(key) && line[key].is_number()));
    for (const char* rate : {"token_accuracy", "aer"}) CHECK((line[rate] >= 0 && line[rate] <= 1));
  }
  CHECK(lines[0]["step"] == 5);
  CHECK(lines[1]["step"] == 10);
  CHECK(lines[2]["step"] == 12);
  CHECK(lines[2]["lr"].get<double>() == Approx(1e-3 * 12 / 100));  // within the warm-up
  CHECK(json::parse(lines_of(r.out).back(), nullptr, false) == lines.back());

  const auto files = contents(run);
  CHECK(files.size() == 3);
  CHECK(files.contains("checkpoint.safetensors"));
}

TEST_CASE("a run of no steps is a run", "[program]") {
  Program gaze;
  train(gaze, "run", {"--steps", "0"});
  const auto lines = metrics(gaze.folder / "run");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["step"] == 0);
  CHECK(gaze.run({"translate", "run"}, {.input = "a b\n"}).status == 0);
}

TEST_CASE("runs without --run get folders of their own", "[program]") {
  Program gaze;
  const Args args = {"train", "copy", "--steps", "1", "--set", "validation=4", "--set", "d_model=16"};
  for (int i = 0; i < 2; ++i) CHECK(gaze.run(args).status == 0);
  CHECK(fs::exists(gaze.folder / "runs/copy/checkpoint.safetensors"));
  CHECK(fs::exists(gaze.folder / "runs/copy-2/checkpoint.safetensors"));
}

TEST_CASE("the seed decides every bit, the number of threads none", "[program]") {
  Program gaze;
  const auto checkpoint = [&](const std::string& run, const Args& more) {
#ifdef __SANITIZE_ADDRESS__
    constexpr const char* steps = "10";
#else
    constexpr const char* steps = "50";
#endif
    // Large enough that the kernels do share their work.
    Args args = {"train", "copy",     "--run", run,           "--steps", steps,
                 "--set", "batch=32", "--set", "dropout=0.1", "--set",   "validation=16"};
    args.insert(args.end(), more.begin(), more.end());
    const Result r = gaze.run(args);
    INFO(r.err);
    REQUIRE(r.status == 0);
    return read(gaze.folder / run / "checkpoint.safetensors");
  };
  const std::string one = checkpoint("one", {"--threads", "1"});
  REQUIRE(one.size() > 100'000);
  const std::string again = checkpoint("again", {"--threads", "1"}), two = checkpoint("two", {"--threads", "2"}),
                    four = checkpoint("four", {"--threads", "4"}),
                    other = checkpoint("other", {"--threads", "1", "--seed", "2"});
  const auto same = [&](const std::string& file) { return file == one; };  // a failure prints no megabytes
  const auto same_weights = [&](const std::string& file) { return weights_of(file) == weights_of(one); };
  CHECK(same(again));
  CHECK(same_weights(two));
  CHECK(same_weights(four));
  CHECK(same(two));
  CHECK(same(four));
  CHECK_FALSE(same_weights(other));
}

TEST_CASE("a run's config.json trains the same model again", "[program]") {
  Program gaze;
  train(gaze, "run", {"--steps", "6", "--set", "dropout=0.2", "--seed", "5"});
  REQUIRE(gaze.run({"train", "run/config.json", "--run", "again"}).status == 0);
  CHECK(contents(gaze.folder / "again").at("checkpoint.safetensors") ==
        contents(gaze.folder / "run").at("checkpoint.safetensors"));
}

TEST_CASE("config.json lists what the run has a use for, and one that lists everything is as good", "[program]") {
  Program gaze;
  train(gaze, "run", {"--steps", "6", "--seed", "5"});
  json config = json::parse(read(gaze.folder / "run/config.json"));
  CHECK(config.contains("d_ff"));
  for (const char* useless : {"cell", "units", "src", "momentum", "lr_end", "width"})
    CHECK_FALSE(config.contains(useless));
  // As earlier versions wrote it, with values that never had an effect.
  config.update({{"activation", "relu"}, {"average", 0},    {"cell", "lstm"},    {"epochs", 0},   {"guided_head", 0},
                 {"guided_layer", -1},   {"links", 1000},   {"lowercase", true}, {"lr_end", 0.5}, {"min_frequency", 2},
                 {"momentum", 0.5},      {"shared", false}, {"src", ""},         {"tgt", ""},     {"valid_src", ""},
                 {"valid_tgt", ""},      {"test_src", ""},  {"test_tgt", ""},    {"tsv", ""},     {"valid_tsv", ""},
                 {"test_tsv", ""},       {"text", ""},      {"valid_text", ""},  {"tokens", 0},   {"units", "subwords"},
                 {"width", 16}});
  write(gaze.folder / "old.json", config.dump());
  REQUIRE(gaze.run({"train", "old.json", "--run", "again"}).status == 0);
  CHECK(contents(gaze.folder / "again").at("checkpoint.safetensors") ==
        contents(gaze.folder / "run").at("checkpoint.safetensors"));
  // A run of that time goes on, and from then on lists what it uses.
  write(gaze.folder / "run/config.json", config.dump());
  check_complaint(gaze.run({"train", "--resume", "run", "--set", "cell=gru", "--set", "momentum=0.1"}), 2, "momentum");
  REQUIRE(gaze.run({"train", "--resume", "run", "--steps", "8"}).status == 0);
  CHECK_FALSE(json::parse(read(gaze.folder / "run/config.json")).contains("cell"));
  REQUIRE(gaze.run({"train", "--resume", "run", "--steps", "9"}).status == 0);
  check_complaint(gaze.run({"train", "--resume", "run", "--set", "guided=1", "--set", "guided_layer=0"}), 1,
                  "guided_layer: -1, not 0");
}

TEST_CASE("runs of a task record the same sentences whatever their seed", "[program]") {
  Program gaze;
  const auto probes = [&](const std::string& seed) {
    train(gaze, seed, {"--steps", "1", "--set", "probes=5", "--seed", seed});
    return json::parse(read(gaze.folder / seed / "attention/index.json"))["probes"];
  };
  const json first = probes("1");
  CHECK(first.size() == 5);
  CHECK(probes("7") == first);
}

TEST_CASE("train --help-options lists all options in 80 columns, and those of a task with its values", "[program]") {
  Program gaze;
  const Result all = gaze.run({"train", "--help-options"});
  CHECK(all.status == 0);
  for (const std::string& line : lines_of(all.out)) CHECK(line.size() <= 80);
  for (const std::string& key : gaze::train::config_keys()) CHECK_THAT(all.out, ContainsSubstring("\n  " + key + "="));
  CHECK_THAT(all.out, ContainsSubstring("  cell=gru                  gru or lstm\n"
                                        "      The recurrent cell. Only for model rnn.\n"));
  const Result chars = gaze.run({"train", "chars", "--help-options", "--set", "optimizer=sgd"});
  CHECK_THAT(chars.out, ContainsSubstring("  d_model=128 ") && ContainsSubstring("  momentum=0.9 ") &&
                            !ContainsSubstring("probes") && !ContainsSubstring("Only for"));
  CHECK(contents(gaze.folder).empty());
}

TEST_CASE("a training that diverges names the step and keeps the weights that were sound last", "[program]") {
  Program gaze;
  const Result r = gaze.run(training("run", {"--steps", "50", "--set", "optimizer=sgd", "--set", "lr=1e6", "--set",
                                             "clip=0", "--set", "warmup=0", "--set", "log_every=1"}));
  CAPTURE(r.err);
  CHECK(r.status == 1);
  CHECK(lines_of(r.err).size() == 1);
  CHECK_THAT(r.err, ContainsSubstring("step "));
  metrics(gaze.folder / "run");
  for (const auto& [name, array] : ::gaze::load_safetensors(gaze.folder / "run/checkpoint.safetensors").arrays) {
    if (array.dtype() != ::gaze::DType::float32) continue;  // the steps of the optimizer
    const auto numbers = array.values<float>();
    CHECK(std::all_of(numbers.begin(), numbers.end(), [](float v) { return std::isfinite(v); }));
  }
}
