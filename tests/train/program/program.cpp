#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gaze/nn/safetensors.h>
#include <gaze/train/options.h>
#include <gaze/train/program/terminal/terminal.h>

#include "../../catch.h"
#include "../../program.h"

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

/// Every file below a folder, by its path: its bytes.
std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    found[fs::relative(entry.path(), folder).string()] = entry.is_regular_file() ? read(entry.path()) : "";
  return found;
}

/// A small and quick run; `more` comes last.
Args training(const std::string& run, const Args& more = {}) {
  Args args = {"train", "copy",          "--run", run,           "--threads", "1",       "--set", "d_model=16",
               "--set", "d_ff=32",       "--set", "batch=8",     "--set",     "vocab=9", "--set", "length=6",
               "--set", "validation=16", "--set", "log_every=5", "--set",     "probes=0"};
  return joined(std::move(args), more);
}

void train(Program& gaze, const std::string& run, const Args& more = {"--steps", "6"}) {
  const Result r = gaze.run(training(run, more));
  INFO(r.err);
  REQUIRE(r.status == 0);
}

/// Every line, parsed.
std::vector<json> metrics(const fs::path& run) {
  const std::string text = read(run / "metrics.jsonl");
  std::vector<json> lines;
  for (const std::string& line : lines_of(text)) {
    INFO(line);
    lines.push_back(json::parse(line, nullptr, false));
    CHECK(lines.back().is_object());
  }
  CHECK((text.empty() || text.ends_with("\n")));
  return lines;
}

bool has_escapes(const std::string& text) { return text.find('\x1b') != std::string::npos; }

struct Complaint {
  Args args;
  std::string names;
};

}  // namespace

TEST_CASE("a wrong command line exits with 2, says what is wrong and makes nothing", "[program]") {
  const std::vector<Complaint> table = {
      {{"trian", "copy"}, "unknown command trian; did you mean train?"},
      {{"trian", "--help"}, "did you mean train?"},
      {{"TRAIN", "copy"}, "did you mean train?"},
      {{"frobnicate"}, "gaze has train, tasks, translate"},
      {{"-v"}, "-v: gaze has no such option; see gaze help"},
      {{"help", "trian"}, "did you mean train?"},
      {{"help", "frobnicate"}, "gaze has train, tasks, translate"},
      {{"help", "lesson", "score"}, "did you mean scores?"},
      {{"help", "train", "copy"}, "copy: gaze train has no commands"},
      {{"train"}, "task"},
      {{"train", "cpoy"}, "did you mean copy?"},
      {{"train", "COPY"}, "did you mean copy?"},
      {{"train", "multi30"}, "did you mean multi30k?"},
      {{"train", "french"}, "unknown task french; there are copy"},
      {{"train", "multi30k"}, "multi30k (pairs) needs sentences and their translations, line by line: --src FILE"},
      {{"train", "pairs"}, "pairs needs sentences and their translations"},
      {{"train", "pairs", "--src", "x"}, "--src x needs its translations, too: --tgt FILE"},
      {{"train", "pairs", "--tgt", "x"}, "--tgt x needs the sentences that it translates, too: --src FILE"},
      {{"train", "pairs", "--tsv", "x", "--src", "y", "--tgt", "z"}, "--tsv x: give this or --src and --tgt, not both"},
      {{"train", "pairs", "--tsv", "x", "--valid-src", "y"}, "--valid-src y needs its translations, too: --valid-tgt"},
      {{"train", "chars"}, "chars needs a text to learn from: --text FILE"},
      {{"train", "words", "--src", "x"}, "--src x: option src is of no use to task words: it is for task pairs"},
      {{"train", "reverse", "--text", "x"},
       "--text x: option text is of no use to task reverse: it is for tasks chars and words"},
      {{"train", "/"}, "/ is a folder"},
      {{"train", "/dev/null"}, "/dev/null is a file; to learn from it"},
      {{"train", ""}, "task"},
      {{"train", "copy", "extra"}, "extra"},
      {{"train", "copy", "--stpes", "3"}, "--stpes: gaze train has no such option; did you mean --steps?"},
      {{"train", "copy", "--step=3"}, "--step: gaze train has no such option; did you mean --steps?"},
      {{"train", "copy", "--heads", "2"}, "did you mean --set heads=2?"},
      {{"train", "copy", "--d-model=32"}, "did you mean --set d_model=32?"},
      {{"train", "copy", "heads=2"}, "did you mean --set heads=2?"},
      {{"train", "--heads", "2", "copy"}, "did you mean --set heads=VALUE?"},
      {{"train", "copy", "--frobnicate"}, "see gaze help train"},
      {{"train", "copy", "--steps"}, "--steps: expects a value"},
      {{"train", "copy", "--steps", "1", "--steps", "2"}, "--steps: it is given more than once"},
      {{"train", "copy", "--steps", "-1"}, "-1"},
      {{"train", "copy", "--steps", "ten"}, "ten"},
      {{"train", "copy", "--threads", "-2"}, "--threads"},
      {{"train", "copy", "--steps", "1", "--seed", "-1"}, "-1"},
      {{"train", "copy", "--steps", "1", "--seed", "18446744073709551616"}, "--seed"},
      {{"train", "copy", "--set"}, "--set"},
      {{"train", "copy", "--set", "heads"}, "--set heads: expects key=value, as in --set heads=1"},
      {{"train", "copy", "--set", "hedas=2"}, "did you mean heads?"},
      {{"train", "copy", "--set", "LAYERS=2"}, "did you mean layers?"},
      {{"train", "copy", "--set", "norm=pots"}, "--set norm=pots: expects pre or post; did you mean post?"},
      {{"train", "copy", "--set", "cell=lstm"}, "option cell is of no use to task copy: it is for model rnn"},
      {{"train", "reverse", "--set", "model=rnn", "--set", "norm=post"}, "it is for model transformer"},
      {{"train", "grammar", "--set", "vocab=9"}, "option vocab is of no use to task grammar"},
      {{"train", "chars", "--text", "x", "--set", "guided=1"}, "option guided is of no use to task chars"},
      {{"train", "pairs", "--src", "x", "--tgt", "x", "--set", "validation=9"}, "it is for toy tasks"},
      {{"tasks", "digits", "--set", "length=9"}, "option length is of no use to task digits"},
      {{"gradcheck", "--model", "copy", "--set", "lr_end=1"}, "it is for schedule cosine"},
      {{"train", "cpoy", "--help-options"}, "did you mean copy?"},
      {{"train", "copy", "--set", "heads=3"}, "d_model 64 must divide into 3 heads; it does into 2 or 4"},
      {{"train", "copy", "--set", "steps=-1"}, "steps=-1"},
      {{"train", "copy", "--set", "d_model=64", "--set", "heads=5"}, "heads"},
      {{"train", "copy", "--set", "dropout=2"}, "dropout=2"},
      {{"train", "copy", "--set", "batch=many"}, "batch=many"},
      {{"train", "copy", "--set", "task=cpoy"}, "did you mean copy?"},
      {{"train", "copy", "--set", "min_length=9", "--set", "length=3"}, "min_length"},
      {{"train", "copy", "--steps", "1", "--set", "vocab=4294967297"}, "vocab"},
      {{"train", "copy", "--steps", "1", "--set", "threads=100000"}, "threads"},
      {{"train", "copy", "--steps", "1", "--set", "kind=chain"}, "kind"},
      {{"translate"}, "run is missing: the folder of a run; usage: gaze translate run"},
      {{"inspect", "x"}, "source is missing: the sentence to read; usage: gaze inspect run source [target]"},
      {{"score"}, "gaze score: say which of align, bleu"},
      {{"score", "blue"}, "unknown command blue; did you mean bleu?"},
      {{"score", "bleu"}, "--ref is missing"},
      {{"lesson", "Headz"}, "did you mean heads?"},
      {{"bench"}, "bench: which workload? There are chain"},
      {{"bench", "chian"}, "did you mean chain?"},
      {{"bench", "chain", "--dtype", "float16"}, "float16"},
  };
  for (const Complaint& row : table) {
    Program gaze;
    const Result r = gaze.run(row.args);
    CAPTURE(row.args, r.err);
    check_complaint(r, 2, row.names);
    CHECK(contents(gaze.folder).empty());
  }
}

TEST_CASE("help goes to standard output", "[program]") {
  Program gaze;
  const Result all = gaze.run({"--help"}), one = gaze.run({"train", "--help"});
  CHECK(all.status == 0);
  CHECK_THAT(all.out, ContainsSubstring("train") && ContainsSubstring("translate") && ContainsSubstring("inspect") &&
                          ContainsSubstring("bench"));
  CHECK(one.status == 0);
  CHECK_THAT(one.out, ContainsSubstring("--steps") && ContainsSubstring("--set"));
  CHECK(all.err + one.err == "");

  const Result plain = gaze.run({}), help = gaze.run({"help"}), help_train = gaze.run({"help", "train"}),
               deeper = gaze.run({"help", "lesson", "scores"});
  for (const Result* r : {&plain, &help, &help_train, &deeper}) {
    CHECK(r->status == 0);
    CHECK(r->err == "");
  }
  CHECK(plain.out == all.out);
  CHECK(help.out == all.out);
  CHECK(help_train.out == one.out);
  CHECK(deeper.out == gaze.run({"lesson", "scores", "--help"}).out);
  CHECK(contents(gaze.folder).empty());
}

TEST_CASE("the program knows its version", "[program]") {
  Program gaze;
  const Result r = gaze.run({"--version"});
  CHECK(r.status == 0);
  CHECK(r.err == "");
  REQUIRE_THAT(r.out, StartsWith("gaze ") && EndsWith("\n"));
  const std::string version = r.out.substr(5, r.out.size() - 6);
  CHECK_THAT(read(source_folder() / "CMakeLists.txt"), ContainsSubstring("project(gaze VERSION " + version + " "));
}

TEST_CASE("words that are names of commands are arguments behind another command", "[program]") {
  Program gaze;
  train(gaze, "train");
  const Result r = gaze.run({"inspect", "train", "report"});
  CHECK(r.err == "gaze: source: unknown to the model: report; gaze tasks copy lists the words that it knows\n");
  CHECK(r.status == 0);
}

TEST_CASE("a folder or file that is not there is named as it was typed, with the nearest", "[program]") {
  Program gaze;
  train(gaze, "runs/one");
  write(gaze.folder / "text.txt", "a b\n");
  write(gaze.folder / "a.json", "{}");
  const std::vector<Complaint> table = {
      {{"inspect", "runs/onee", "a"}, "runs/onee: there is no such folder; did you mean runs/one?"},
      {{"inspect", "one", "a"}, "one: there is no such folder; did you mean runs/one?"},
      {{"report", "runs"}, "runs: there is no run in this folder (no config.json); there is one in runs/one"},
      {{"train", "--resume", "runs/nothing"}, "runs/nothing: there is no such folder\n"},
      {{"train", "words", "--text", "test.txt"}, "--text test.txt: No such file or directory; did you mean text.txt?"},
      {{"train", "b.json"}, "b.json: No such file or directory; did you mean a.json?"},
      {{"train", "multi30k.json"}, "did you mean multi30k, without .json?"},
  };
  for (const Complaint& row : table) {
    const Result r = gaze.run(row.args);
    CAPTURE(row.args, r.err);
    check_complaint(r, 1, row.names);
  }
  check_complaint(gaze.run({"train", "runs/one"}), 2, "runs/one is a run; go on with it: gaze train --resume runs/one");
}

TEST_CASE("a report's path can be clicked where the terminal is known to do that", "[program]") {
  Program gaze;
  train(gaze, "a run", {"--steps", "1", "--set", "probes=1"});
  const Args report = {"report", "a run"};
  const auto out = [&](const std::vector<std::string>& environment, bool terminal) {
    return gaze.run(report, {.environment = environment, .terminal = terminal}).out;
  };
  const std::string page = "a run/report.html";
  CHECK(out({"TERM=xterm-256color"}, true) == page + "\r\n");
  CHECK(out({"TERM=xterm-kitty"}, false) == page + "\n");
  CHECK(out({"TERM=xterm-kitty", "FORCE_HYPERLINK=0"}, true) == page + "\r\n");
  CHECK_THAT(out({"TERM=xterm-kitty", "NO_COLOR=1"}, true),
             StartsWith("\x1b]8;;file://") && ContainsSubstring("/work/a%20run/report.html\x1b\\" + page + "\x1b]8;;"));
}

TEST_CASE("what is printed without a terminal fits 80 columns", "[program]") {
  Program gaze;
  for (const Args& args : {Args{"train", "grammar", "--demo", "--run", "demo", "--steps", "11"},
                           Args{"train", "reverse", "--run", "reverse", "--steps", "6", "--set", "log_every=2"}}) {
    const Result r = gaze.run(joined(args, {"--threads", "1", "--set", "validation=16", "--set", "d_model=16"}));
    CAPTURE(r.err);
    REQUIRE(r.status == 0);
    for (const std::string& line : lines_of(r.out)) {
      if (line.starts_with("Look further:")) continue;  // a command, to be copied as a whole
      CAPTURE(line);
      CHECK(::gaze::train::display_width(line) <= 80);
    }
  }
}

TEST_CASE("settings may come before the task", "[program]") {
  Program gaze;
  const Result r = gaze.run({"train", "--set", "validation=4", "copy", "--run", "run", "--steps", "0"});
  INFO(r.err);
  CHECK(r.status == 0);
}

TEST_CASE("a wrong config file is named and makes nothing", "[program]") {
  const std::vector<Complaint> table = {
      {{"", "missing"}, "a.json"},
      {{"layers = 2"}, "a.json"},
      {{""}, "a.json"},
      {{"[1]"}, "a.json"},
      {{R"({"task": "copy", "layer": 2})"}, "did you mean layers?"},
      {{R"({"task": "copy", "layers": "two"})"}, "layers"},
      {{R"({"task": "copy", "layers": -2})"}, "layers"},
      {{R"({"task": "copy", "d_model": 64, "heads": 5})"}, "heads"},
      {{R"({"task": "cpoy"})"}, "cpoy"},
      {{R"({"task": "copy", "cell": "lstm"})"}, "option cell is of no use to task copy: it is for model rnn"},
  };
  for (const Complaint& row : table) {
    Program gaze;
    if (row.args.size() == 1) write(gaze.folder / "a.json", row.args.front());
    const auto before = contents(gaze.folder);
    const Result r = gaze.run({"train", "a.json"});
    CAPTURE(row.args, r.err);
    check_complaint(r, 1, row.names);
    CHECK_THAT(r.err, ContainsSubstring("a.json"));
    CHECK(contents(gaze.folder) == before);
  }
}

TEST_CASE("options that make no sentence leave no run folder behind", "[program]") {
  Program gaze;
  const Result r = gaze.run({"train", "copy", "--run", "run", "--steps", "1", "--set", "vocab=1", "--set", "length=3"});
  CHECK(r.status == 2);
  CHECK(lines_of(r.err).size() == 1);
  CHECK(contents(gaze.folder).empty());
}

TEST_CASE("a folder that holds anything is left as it is", "[program]") {
  Program gaze;
  train(gaze, "run");
  fs::create_directory(gaze.folder / "notes");
  write(gaze.folder / "notes/thoughts.txt", "keep me");
  write(gaze.folder / "file", "keep me too");
  const auto before = contents(gaze.folder);
  for (const std::string taken : {"run", "notes", "file", "file/below", "/proc/nothing/here"}) {
    const Result r = gaze.run(training(taken, {"--steps", "1"}));
    CAPTURE(taken, r.err);
    check_complaint(r, 1, taken);
    CHECK(contents(gaze.folder) == before);
  }
}

TEST_CASE("training leaves config, metrics and a checkpoint", "[program]") {
  Program gaze;
  const Result r = gaze.run(training("run", {"--steps", "12", "--seed", "7", "--json"}));
  INFO(r.err);
  REQUIRE(r.status == 0);
  CHECK(r.err == "");
  CHECK_FALSE(has_escapes(r.out));
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

TEST_CASE("translate prints a line for a line", "[program]") {
  Program gaze;
  train(gaze, "run");
  const std::string input = "a b c\n\nb\n   \nsomething quite unknown\n<eos> <pad>\nc a";
  const Result r = gaze.run({"translate", "run"}, {.input = input});
  CAPTURE(r.err);
  CHECK(r.status == 0);
  CHECK(r.err ==
        "gaze: stdin:5: unknown to the model: something quite unknown; gaze tasks copy lists the words that it "
        "knows\n"
        "gaze: stdin:6: unknown to the model: <eos> <pad>\n");
  const std::vector<std::string> lines = lines_of(r.out);
  REQUIRE(lines.size() == 7);
  CHECK(lines[1] == "");
  CHECK(lines[3] == "");
  CHECK_FALSE(has_escapes(r.out));
  CHECK(gaze.run({"translate", "run", "--threads", "2"}, {.input = input}).out == r.out);
  CHECK(gaze.run({"translate", "run"}).out == "");
}

TEST_CASE("translate says which line it cannot read", "[program]") {
  const std::string line = GENERATE(as<std::string>{}, std::string("a \0 b", 5), "a \xff b");  // NUL; not UTF-8
  Program gaze;
  train(gaze, "run");
  const Result r = gaze.run({"translate", "run"}, {.input = "a b\n" + line + "\nc\n"});
  CAPTURE(r.err);
  CHECK(r.status == 1);
  CHECK(lines_of(r.out).size() == 1);
  CHECK(lines_of(r.err).size() == 1);
  CHECK_THAT(r.err, ContainsSubstring("stdin:2:"));
}

TEST_CASE("inspect shows the attention of the translation, or of a given one", "[program]") {
  Program gaze;
  train(gaze, "run");
  const Result picture = gaze.run({"inspect", "run", "a b c", "c b"});
  INFO(picture.err);
  CHECK(picture.status == 0);
  CHECK_THAT(picture.out, ContainsSubstring("a b c -> c b") && ContainsSubstring("%"));
  CHECK_FALSE(has_escapes(picture.out));

  const Result figures = gaze.run({"inspect", "run", "a b c", "c b", "--json"});
  CHECK(figures.status == 0);
  const json object = json::parse(lines_of(figures.out).back(), nullptr, false);
  REQUIRE(object.is_object());
  CHECK(object["source"] == json{"a", "b", "c"});
  CHECK(object["target"] == json{"c", "b"});
  REQUIRE(object["weights"].size() == 2);
  for (const json& row : object["weights"]) {
    REQUIRE(row.size() == 3);
    const auto weights = row.get<std::vector<double>>();
    CHECK(*std::min_element(weights.begin(), weights.end()) > 0);
    CHECK(weights[0] + weights[1] + weights[2] == Approx(1));
  }

  const std::string own = lines_of(gaze.run({"translate", "run"}, {.input = "a b c\n"}).out).at(0);
  const json translated = json::parse(gaze.run({"inspect", "run", "a b c", "--json"}).out, nullptr, false);
  std::string words;
  for (const json& word : translated["target"]) words += (words.empty() ? "" : " ") + word.get<std::string>();
  CHECK(words == own);
  for (const std::string strange : {"something unknown", "\x1b[31m"}) {
    const Result r = gaze.run({"inspect", "run", strange});
    CAPTURE(strange, r.err);
    CHECK(r.status == 0);
    CHECK_FALSE(has_escapes(r.out + r.err));
  }
  check_complaint(gaze.run({"inspect", "run", "  "}), 1, "the source sentence has no words");
}

TEST_CASE("a terminal gets colours unless NO_COLOR is set", "[program]") {
  const auto has_colors = [](std::string_view text) {  // ESC [ digits m
    for (std::size_t at = 0; (at = text.find("\x1b[", at)) != text.npos; at += 2)
      if (const auto end = text.find_first_not_of("0123456789;:", at + 2); end != text.npos && text[end] == 'm')
        return true;
    return false;
  };
  const std::string term = "TERM=xterm-256color";
  Program gaze;
  train(gaze, "run");
  const Args inspect = {"inspect", "run", "a b c"};
  CHECK(has_colors(gaze.run(inspect, {.environment = {term}, .terminal = true}).out));
  CHECK_FALSE(has_escapes(gaze.run(inspect, {.environment = {term}}).out));
  const Result plain = gaze.run(inspect, {.environment = {term, "NO_COLOR=1"}, .terminal = true});
  CHECK_FALSE(has_escapes(plain.out));
  CHECK_THAT(plain.out, ContainsSubstring("%"));

  // A training redraws its picture, in colour or not.
  const auto watched = [&](const std::string& run, std::vector<std::string> environment) {
    const Result r = gaze.run(training(run, {"--steps", "6"}), {.environment = environment, .terminal = true});
    CHECK(r.status == 0);
    CHECK(has_escapes(r.out));
    return has_colors(r.out);
  };
  CHECK(watched("colors", {term}));
  CHECK_FALSE(watched("plain", {term, "NO_COLOR=1"}));
}

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
    CHECK(lines_of(r.err).size() == 1);
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

TEST_CASE("bench prints its figures as one JSON object, with or without --json", "[program]") {
  Program gaze;
  const Args args = {"bench", "chain", "--steps", "2", "--warmup", "0"};
  for (const bool flag : {false, true}) {
    Args all = args;
    if (flag) all.push_back("--json");
    const Result r = gaze.run(all);
    CAPTURE(flag, r.err);
    CHECK(r.status == 0);
    REQUIRE_FALSE(r.out.empty());
    const json object = json::parse(lines_of(r.out).back(), nullptr, false);
    CHECK((object.is_object() && object.contains("ms_median")));
  }
  const Result losses = gaze.run({"bench", "chain", "--steps", "2", "--losses"});
  CHECK(json::parse(losses.out, nullptr, false).size() == 2);
  CHECK(contents(gaze.folder).empty());
}

TEST_CASE("a wrong table of workloads is named", "[program]") {
  Program gaze;
  write(gaze.folder / "a.json", R"({"small": {"layer": 1}})");
  write(gaze.folder / "b.json", "[");
  const std::vector<Complaint> table = {{{"bench", "small", "--workloads", "a.json"}, "a.json"},
                                        {{"bench", "small", "--workloads", "b.json"}, "b.json"},
                                        {{"bench", "small", "--workloads", "c.json"}, "c.json"},
                                        {{"bench", "seq2seq-toy", "--init", "a.json"}, "a.json"},
                                        {{"bench", "seq2seq-toy", "--batch", "c.json"}, "c.json"}};
  for (const Complaint& row : table) {
    const Result r = gaze.run(row.args);
    CAPTURE(row.args, r.err);
    check_complaint(r, 1, row.names);
  }
  check_complaint(gaze.run({"bench", "chain", "--workloads", "a.json"}), 2, "chain");
}
