#include <gaze/train/program/terminal/terminal.h>

#include "small_runs.h"

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
             StartsWith("\x1b]8;;file://") && ContainsSubstring("/" + gaze.folder.filename().string() +
                                                                "/a%20run/report.html\x1b\\" + page + "\x1b]8;;"));
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
