#include <cmath>
#include <functional>

#include <gaze/nn/safetensors.h>

#include "small_runs.h"

namespace {

/// A copy of a run with something else in a file.
void copy_with(Program& gaze, const std::string& run, const std::string& copy, const std::string& file,
               const std::string& bytes) {
  fs::remove_all(gaze.folder / copy);
  fs::copy(gaze.folder / run, gaze.folder / copy, fs::copy_options::recursive);
  write(gaze.folder / copy / file, bytes);
}

/// The checkpoint of a run with one number of a tensor or a note changed.
void change_checkpoint(Program& gaze, const std::string& run, const std::string& copy,
                       const std::function<void(gaze::Checkpoint&)>& change) {
  copy_with(gaze, run, copy, "x", "");
  gaze::Checkpoint checkpoint = gaze::load_safetensors(gaze.folder / run / "checkpoint.safetensors");
  change(checkpoint);
  gaze::save_safetensors(gaze.folder / copy / "checkpoint.safetensors", checkpoint);
}

}  // namespace

TEST_CASE("every command that uses weights refuses numbers that are none, naming tensor and file", "[program]") {
  Program gaze;
  train(gaze, "run");
  write(gaze.folder / "text", std::string(400, 'a') + "\n" + std::string(400, 'b') + "\n");
  write(gaze.folder / "words", "a b\n");
  REQUIRE(gaze.run({"train", "chars", "--text", "text", "--run", "text-run", "--steps", "2", "--set", "d_model=8",
                    "--set", "d_ff=8", "--set", "batch=2", "--set", "length=4"})
              .status == 0);
  for (const float number : {NAN, INFINITY}) {
    const auto spoil = [&](gaze::Checkpoint& checkpoint) {
      for (auto& [name, array] : checkpoint.arrays)
        if (name == "body.decoder.layers.0.linear1.weight" || name == "body.layers.0.linear1.weight")
          array.set(5, number);
    };
    change_checkpoint(gaze, "run", "bad", spoil);
    change_checkpoint(gaze, "text-run", "bad-text", spoil);
    fs::copy_file(gaze.folder / "bad-text/checkpoint.safetensors", gaze.folder / "bad-text/best.safetensors",
                  fs::copy_options::overwrite_existing);
    for (const Args& args : {Args{"translate", "bad"},
                             {"inspect", "bad", "a b"},
                             {"align", "bad", "--src", "words", "--tgt", "words"},
                             {"align", "bad", "--src", "words", "--tgt", "words", "--best"},
                             {"export", "bad", "out.safetensors"},
                             {"gradcheck", "--model", "bad"},
                             {"train", "--resume", "bad", "--steps", "9"},
                             {"sample", "bad-text"},
                             {"sample", "bad-text", "--next", "3", "--attention"}}) {
      const Result r = gaze.run(args, {.input = "a b\n"});
      CAPTURE(args, r.err);
      const std::string run = args[1] == "--resume" || args[1] == "--model" ? args[2] : args[1];
      check_complaint(r, 1, run == "bad" ? "body.decoder.layers.0.linear1.weight" : "body.layers.0.linear1.weight");
      CHECK_THAT(r.err, ContainsSubstring(run + "/") && ContainsSubstring(".safetensors"));
    }
  }
}

TEST_CASE("sizes that no machine has are refused before they are allocated", "[program]") {
  Program gaze;
  train(gaze, "run");
  struct Row {
    const char* config;
    const char* names;
  };
  for (const Row& row : {Row{R"({"task": "reverse", "layers": 1000000, "d_model": 1024})", "1000000 layers"},
                         {R"({"task": "reverse", "batch": 1000000, "length": 1000000})", "1000000 rows"},
                         {R"({"task": "reverse", "length": 1000000, "min_length": 1000000})", "64 rows"},
                         {R"({"task": "digits", "validation": 1000000000000})", "1000000000000 held-out sentences"}}) {
    write(gaze.folder / "large.json", row.config);
    const Result r = gaze.run({"train", "large.json", "--run", "large"});
    CAPTURE(row.config, r.err);
    check_complaint(r, 1, row.names);
    CHECK_THAT(r.err, ContainsSubstring("GB of memory, and this machine has"));
    CHECK_FALSE(fs::exists(gaze.folder / "large"));
  }
  for (const auto& [name, text] : {std::pair("layers", "100000"), {"d_model", "100000"}, {"d_ff", "1000000"}}) {
    change_checkpoint(gaze, "run", "bad", [&](gaze::Checkpoint& checkpoint) {
      json config = json::parse(checkpoint.metadata["config"]);
      config[name] = json::parse(text);
      checkpoint.metadata["config"] = config.dump();
    });
    const Result r = gaze.run({"translate", "bad"}, {.input = "a b\n"});
    CAPTURE(name, r.err);
    check_complaint(r, 1, "bad/checkpoint.safetensors: its weights are ");
  }
  change_checkpoint(gaze, "run", "bad",
                    [&](gaze::Checkpoint& checkpoint) { checkpoint.metadata["source_longest"] = "1000000000"; });
  check_complaint(gaze.run({"translate", "bad"}, {.input = "a b\n"}), 1,
                  "bad/checkpoint.safetensors: its weights are ");
}

TEST_CASE("a file that is not what it should be is named with its line", "[program]") {
  Program gaze;
  train(gaze, "run", {"--steps", "6", "--set", "probes=2"});
  const std::string config = read(gaze.folder / "run/config.json"), lines = read(gaze.folder / "run/metrics.jsonl");
  struct Row {
    const char* file;
    std::string bytes, names;
  };
  for (const Row& row :
       {Row{"config.json", config + "x", fmt::format("config.json:{}: it is not JSON", lines_of(config).size() + 1)},
        {"config.json", "{\n\"steps\": 5,\n\"steps\": 7}", "config.json:3: steps is named twice"},
        {"config.json", "{\n\"lr\": 1e999}", "config.json:2: it is not JSON"},
        {"config.json", std::string(200'000, '['), "config.json:1: more than 200 brackets"},
        {"config.json", R"({"d_model": 16, "heads": 3})", "config.json: config: d_model 16"},
        {"metrics.jsonl", "{\"step\": 1}\nnothing\n" + lines, "metrics.jsonl:2: it is not JSON"},
        {"metrics.jsonl", "{\"step\": 1, \"loss\": \"low\"}\n" + lines, "metrics.jsonl:1: its loss is not a number"},
        {"metrics.jsonl", "{\"step\": 1.5}\n" + lines, "metrics.jsonl:1: step is 1.5"},
        {"attention/index.json", "{\n}x", "index.json:2: it is not JSON"}}) {
    copy_with(gaze, "run", "bad", row.file, row.bytes);
    const Result r = gaze.run({"report", "bad"});
    CAPTURE(row.names, r.err);
    check_complaint(r, 1, row.names);
    CHECK(r.err.find("json.exception") == std::string::npos);
  }
  change_checkpoint(gaze, "run", "bad", [&](gaze::Checkpoint& checkpoint) {
    json progress = json::parse(checkpoint.metadata["progress"]);
    progress["step"] = 3.7;
    checkpoint.metadata["progress"] = progress.dump();
  });
  check_complaint(gaze.run({"train", "--resume", "bad", "--steps", "9"}), 1, "step is 3.7, expects a whole number");
}

TEST_CASE("numbers on the command line are what they look like", "[program]") {
  Program gaze;
  train(gaze, "run");
  const std::vector<std::pair<Args, std::string>> numbers = {
      {{"translate", "run", "--beam"}, "--beam: expects a whole number from 1 to 1000, not "},
      {{"translate", "run", "--n-best"}, "--n-best: expects a whole number"},
      {{"translate", "run", "--length-penalty"}, "--length-penalty: expects a number from 0 to 10, not "},
      {{"translate", "run", "--threads"}, "--threads: expects a whole number"},
      {{"inspect", "run", "a b", "--null"}, "--null: expects a number from 0 to 1, not "},
      {{"inspect", "run", "a b", "--layer"}, "--layer"},
      {{"inspect", "run", "a b", "--head"}, "--head"},
      {{"sample", "run", "--temperature"}, "--temperature: expects a number"},
      {{"sample", "run", "--top-p"}, "--top-p: expects a number"},
      {{"sample", "run", "--seed"}, "--seed: expects a whole number from 0, not "},
      {{"watch", "run", "--port"}, "--port: expects a whole number"},
      {{"bench", "chain", "--seed"}, "--seed: expects a whole number"},
      {{"tasks", "copy", "--write", "x", "--count"}, "--count: expects a whole number"},
      {{"lesson", "soft-lookup", "--bandwidth"}, "--bandwidth: expects a number"},
      {{"train", "copy", "--steps"}, "--steps"},
      {{"train", "copy", "--seed"}, "--seed"},
      {{"train", "copy", "--threads"}, "--threads"},
      {{"train", "copy", "--set", "lr="}, "--set"}};
  for (const auto& [given, names] : numbers)
    for (const std::string typed : {"", "nan", "inf", "-3", "3x", "0x1", "1e999", "99999999999999999999999", " 1"}) {
      Args args = given;
      if (args.back() == "lr=")
        args.back() +=
            typed == "0x1" || typed == "3x" || typed == " 1" || typed == "99999999999999999999999" ? "x" : typed;
      else
        args.push_back(typed);
      if (args[0] == "train" && typed == " 1") continue;  // JSON
      const Result r = gaze.run(args, {.input = "a b\n"});
      CAPTURE(args, r.err);
      check_complaint(r, 2, names);
    }
  for (const Args& args : {Args{"translate", "run", "--beam", "010"},
                           {"train", "copy", "--set", ""},
                           {"train", "copy", "--set", "steps="},
                           {"train", "copy", "--run", ""},
                           {"train", "copy", "--set", "epochs=3"},
                           {"translate", ""},
                           {"export", "run", ""}}) {
    const Result r = gaze.run(args, {.input = "a b\n"});
    CAPTURE(args, r.err);
    check_complaint(r, 2, "");
  }
  CHECK_FALSE(fs::exists(gaze.folder / "runs"));
}
