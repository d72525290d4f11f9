#include <csignal>

#include "small_runs.h"

TEST_CASE("a run that is broken or not there is named", "[program]") {
  Program gaze;
  train(gaze, "whole");
  const auto broken = [&](const std::string& name, const std::string& file, const std::string& text) {
    fs::copy(gaze.folder / "whole", gaze.folder / name);
    write(gaze.folder / name / file, text);
  };
  const std::string weights = read(gaze.folder / "whole/checkpoint.safetensors");
  fs::create_directory(gaze.folder / "empty");
  broken("half", "checkpoint.safetensors", weights.substr(0, weights.size() / 2));
  broken("one-byte-less", "checkpoint.safetensors", weights.substr(0, weights.size() - 1));
  broken("header", "checkpoint.safetensors", weights.substr(0, 20));
  broken("nothing", "checkpoint.safetensors", "");
  broken("garbage", "config.json", "}{");
  broken("other-keys", "config.json", R"({"layer": 1})");
  broken("no-weights", "x", "");
  fs::remove(gaze.folder / "no-weights/checkpoint.safetensors");
  const std::vector<std::pair<std::string, std::string>> table = {
      {"missing", "missing"},
      {"empty", "empty"},
      {"half", "half/checkpoint.safetensors"},
      {"one-byte-less", "one-byte-less/checkpoint.safetensors"},
      {"header", "header/checkpoint.safetensors"},
      {"nothing", "nothing/checkpoint.safetensors"},
      {"garbage", "garbage/config.json"},
      {"other-keys", "other-keys/config.json"},
      {"no-weights", "no-weights/checkpoint.safetensors"},
  };
  for (const auto& [run, names] : table)
    for (const Args& args : {Args{"translate", run}, Args{"inspect", run, "a b"}}) {
      const Result r = gaze.run(args, {.input = "a b\n"});
      CAPTURE(args, r.err);
      check_complaint(r, 1, names);
    }
}

TEST_CASE("output that cannot be written is an error", "[program]") {
  Program gaze;
  train(gaze, "run");
  const std::vector<Args> table = {{"translate", "run"},
                                   {"inspect", "run", "a b"},
                                   {"inspect", "run", "a b", "--json"},
                                   {"bench", "chain", "--steps", "1", "--warmup", "0"},
                                   {"--help"},
                                   training("other", {"--steps", "1", "--json"})};
  for (const Args& args : table) {
    const Result r = gaze.run(args, {.input = "a b\n", .output = "/dev/full"});
    CAPTURE(args, r.err);
    CHECK(r.status == 1);
    const auto lines = lines_of(r.err);
    CHECK(std::count_if(lines.begin(), lines.end(), [](const auto& line) { return line.starts_with("gaze: "); }) == 1);
  }
}

TEST_CASE("a disk that fills up breaks no file", "[program]") {
  struct Row {
    rlim_t bytes;
    const char* file;  ///< that does not fit
    const char* probes;
  };
  for (const Row& row : {Row{100, "config.json", "probes=0"}, Row{1400, "metrics.jsonl", "probes=0"},
                         Row{10'000, "checkpoint.safetensors", "probes=0"}, Row{3000, "attention", "probes=3"}}) {
    Program gaze;
    const Result r = gaze.run(training("run", {"--steps", "40", "--set", row.probes}), {.file_limit = row.bytes});
    CAPTURE(row.file, r.err);
    CHECK(r.status == 1);
    CHECK(lines_of(r.err).size() == 1);
    CHECK_THAT(r.err, ContainsSubstring(row.file));
    metrics(gaze.folder / "run");
    const auto files = contents(gaze.folder / "run");
    CHECK_FALSE(files.contains("checkpoint.safetensors"));
    for (const auto& [name, bytes] : files)
      CHECK((name == "config.json" || name == "metrics.jsonl" || name.starts_with("attention")));
  }
}

TEST_CASE("an interrupt saves the run and exits with 130", "[program]") {
  Program gaze;
  const fs::path run = gaze.folder / "run";
  gaze.start(training("run", {"--steps", "100000"}));
  gaze.wait_until([&] { return !read(run / "metrics.jsonl").empty(); });
  ::kill(gaze.child, SIGINT);
  const Result r = gaze.finish();
  CAPTURE(r.err);
  CHECK(r.status == 130);
  CHECK(contents(run).size() == 3);
  const auto lines = metrics(run);
  REQUIRE_FALSE(lines.empty());
  const auto last = lines.back()["step"].get<int>();
  CHECK((last >= 5 && last < 100000));
  CHECK_THAT(r.out, ContainsSubstring("step " + std::to_string(last)));  // the last line is the state that was saved
  CHECK(gaze.run({"translate", "run"}, {.input = "a b\n"}).status == 0);
}

TEST_CASE("a training that is killed leaves whole files", "[program]") {
  const auto has_part = [](const fs::path& run) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(run, none))
      if (entry.path().filename().string().starts_with("checkpoint")) return true;
    return false;
  };
  for (const bool while_saving : {false, true}) {
    Program gaze;
    const fs::path run = gaze.folder / "run";
    // The model is large enough that saving it takes a while.
    gaze.start(training("run", {"--steps", while_saving ? "2" : "100000", "--set", "log_every=1", "--set",
                                while_saving ? "d_model=256" : "d_model=16", "--set", "d_ff=1024"}));
    gaze.wait_until([&] { return while_saving ? has_part(run) : lines_of(read(run / "metrics.jsonl")).size() >= 3; });
    ::kill(gaze.child, SIGKILL);
    CHECK(gaze.finish().status == 1000 + SIGKILL);
    CHECK_FALSE(metrics(run).empty());
    const bool saved = fs::exists(run / "checkpoint.safetensors");
    const Result r = gaze.run({"translate", "run"}, {.input = "a b\n"});
    CAPTURE(while_saving, saved, r.err);
    CHECK(r.status == (saved ? 0 : 1));
    if (!saved) check_complaint(r, 1, "checkpoint.safetensors");
  }
}

TEST_CASE("a standard stream that is closed is an error to use, and no file gets what was meant for it", "[program]") {
  Program gaze;
  const Args more = {"--steps", "12", "--set", "probes=2", "--set", "checkpoint_every=4", "--set", "patience=9"};
  train(gaze, "run", more);
  const auto without_clock = [&](const char* run) {
    auto files = contents(gaze.folder / run);
    for (const char* name : {"metrics.jsonl", "config.json"}) files.erase(name);
    return files;
  };
  for (const std::vector<int>& closed : {std::vector<int>{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 1, 2}}) {
    fs::remove_all(gaze.folder / "other");
    const Result r = gaze.run(training("other", more), {.closed = closed});
    CAPTURE(closed, r.err);
    const bool told = std::ranges::count(closed, 1) == 0;
    CHECK(r.status == (told ? 0 : 1));
    if (!told && std::ranges::count(closed, 2) == 0) CHECK_THAT(r.err, ContainsSubstring("standard output: Bad file"));
    CHECK(without_clock("other") == without_clock("run"));
    CHECK(metrics(gaze.folder / "other").size() == metrics(gaze.folder / "run").size());
  }
  const Result r = gaze.run({"translate", "run"}, {.closed = {0}});
  check_complaint(r, 1, "stdin: Bad file");
}

TEST_CASE("recorded weights that the index does not name are gone when a training goes on", "[program]") {
  Program gaze;
  train(gaze, "run", {"--steps", "6", "--set", "probes=2"});
  const fs::path attention = gaze.folder / "run/attention";
  const fs::path left = attention / "body.decoder.layers.0.multihead_attn.0000099.npy";
  fs::copy(attention / "body.decoder.layers.0.multihead_attn.0000006.npy", left);
  REQUIRE(gaze.run({"train", "--resume", "run", "--steps", "9"}).status == 0);
  CHECK_FALSE(fs::exists(left));
  CHECK(fs::exists(attention / "body.decoder.layers.0.multihead_attn.0000006.npy"));
}
