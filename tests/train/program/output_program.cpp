#include <gaze/train/program/commands/output.h>

#include <cstdlib>
#include <set>

#include <fmt/ranges.h>

#include "../../scratch.h"
#include "small_runs.h"

using gaze::train::shell_quoted;
using gaze::train::shown_text;

namespace {

/// A run on text of one's own whose sentences a shell would read in its own way.
void train_pairs(Program& gaze, const std::string& run) {
  std::string source, target;
  for (int i = 0; i < 40; ++i) source += "a $(touch pwned) `b`\n", target += "c \"d\" \\ 'e'\n";
  write(gaze.folder / "src", source), write(gaze.folder / "tgt", target);
  const Result r =
      gaze.run({"train", "pairs",    "--src",    "src",     "--tgt",      "tgt",      "--run",     run,     "--steps",
                "2",     "--set",    "epochs=0", "--set",   "d_model=16", "--set",    "d_ff=32",   "--set", "heads=2",
                "--set", "layers=1", "--set",    "batch=8", "--set",      "probes=0", "--threads", "1"});
  INFO(r.err);
  REQUIRE(r.status == 0);
  const auto lines = lines_of(r.out);
  const auto hint =
      std::find_if(lines.begin(), lines.end(), [](const auto& l) { return l.starts_with("Look further:"); });
  REQUIRE(hint != lines.end());
  CHECK_THAT(*hint, EndsWith(" inspect " + shell_quoted(run) + " 'a $(touch pwned) `b`'"));
}

}  // namespace

TEST_CASE("what a shell reads is the word that was quoted", "[program][output]") {
  const ScratchFolder scratch;
  const auto read_by_shell = [&](const std::string& word) {
    const fs::path file = scratch.path / "word";
    const std::string line = "cd " + scratch.path.string() + " && printf %s " + shell_quoted(word) + " > word";
    REQUIRE(std::system(line.c_str()) == 0);
    return read(file);
  };
  for (const char* word : {"plain-word_1.txt", "two words", "", "$(touch pwned)", "`touch pwned`", "it's", "a\"b",
                           "a\\b", "$HOME", "!!", "a;b", "<x>", "é 苹果", "'\"$'", "*", "~", "a&b"})
    CHECK(read_by_shell(word) == word);
  CHECK_FALSE(fs::exists(scratch.path / "pwned"));
  CHECK(shell_quoted("le chat noir") == "\"le chat noir\"");
  CHECK(shell_quoted("a\x1b[2Jb") ==
        "$'a\\033\\133"
        "2Jb'");
}

TEST_CASE("hints are quoted for the shell", "[program][output]") {
  Program gaze;
  train_pairs(gaze, "my run");
}

TEST_CASE("text of models does not steer a terminal, and is as it is elsewhere", "[program][output]") {
  const std::string text = "a\x1b[2Jb\tc\nd\x07";
  CHECK(shown_text(text, false) == text);
  CHECK(shown_text(text, true) == "a\uFFFD[2Jb\tc\nd\uFFFD");
}

TEST_CASE("with --json standard output holds the object alone, whatever the command", "[program][output]") {
  Program gaze;
  train(gaze, "run", {"--steps", "2", "--set", "source_eos=true"});
  write(gaze.folder / "text", std::string(400, 'a') + "bcdabcab\nabacabad\n" + std::string(200, 'b'));
  write(gaze.folder / "src", "a b\nc\n"), write(gaze.folder / "tgt", "a b\nc\n"),
      write(gaze.folder / "gold", "0-0 1-1\n0-0\n");
  const Result language =
      gaze.run({"train", "chars",      "--text", "text",     "--run",     "chars",   "--steps", "1",
                "--set", "d_model=16", "--set",  "d_ff=32",  "--set",     "heads=2", "--set",   "layers=1",
                "--set", "batch=2",    "--set",  "length=4", "--threads", "1",       "--json"});
  INFO(language.err);
  CHECK(json::parse(language.out, nullptr, false).is_object());
  const std::vector<Args> all = {training("other", {"--steps", "1"}),
                                 {"train", "--resume", "other", "--steps", "2"},
                                 {"tasks"},
                                 {"tasks", "copy"},
                                 {"tasks", "copy", "--write", "written", "--count", "2"},
                                 {"sample", "chars", "--tokens", "3"},
                                 {"sample", "chars", "--next", "2", "--attention"},
                                 {"inspect", "run", "a b"},
                                 {"check", "run"},
                                 {"align", "run", "--src", "src", "--tgt", "tgt"},
                                 {"align", "run", "--src", "src", "--tgt", "tgt", "--best"},
                                 {"score", "align", "--gold", "gold", "--pred", "gold"},
                                 {"score", "bleu", "--ref", "src", "--hyp", "tgt"},
                                 {"gradcheck", "softmax"},
                                 {"gradcheck", "--eps-sweep", "exp"},
                                 {"gradcheck", "--model", "run"},
                                 {"lesson", "similarity"},
                                 {"bench", "chain", "--steps", "1", "--warmup", "0", "--profile"}};
  for (const Args& args : all) {
    const Result r = gaze.run(joined(args, {"--json"}));
    INFO(fmt::format("{}", fmt::join(args, " ")) << "\n" << r.out << r.err);
    CHECK(r.status == 0);
    CHECK(json::parse(r.out, nullptr, false).is_object());
    CHECK(lines_of(r.out).size() == 1);
  }
  std::set<std::string> tried;  // what no row of the table stands for is found here
  for (const Args& args : all) tried.insert(args.front());
  for (const std::string& line : lines_of(gaze.run({"help"}).out)) {
    if (!line.starts_with("  ") || line.size() < 3 || line[2] == ' ' || line[2] == '-') continue;
    const std::string command = line.substr(2, line.find(' ', 2) - 2);
    const Result help = gaze.run({"help", command});
    if (help.status == 0 && help.out.find("--json") != std::string::npos) CHECK(tried.contains(command));
  }
}

TEST_CASE("inspect shows the end mark's column, and says whose weights it shows", "[program][output]") {
  Program gaze;
  train(gaze, "run", {"--steps", "4", "--set", "source_eos=true"});
  const json map = json::parse(gaze.run({"inspect", "run", "a b c", "c b", "--json"}).out);
  CHECK(map["source"] == json{"a", "b", "c", "</s>"});
  for (const json& row : map["weights"]) {
    double sum = 0;
    for (const json& weight : row) sum += weight.get<double>();
    CHECK(sum == Approx(1));
  }
  CHECK(map["file"] == "run/checkpoint.safetensors");
  const Result text = gaze.run({"inspect", "run", "a b c", "--weights", "last"});
  CHECK(text.status == 0);
  CHECK_THAT(text.out, ContainsSubstring("weights: run/checkpoint.safetensors\n") && ContainsSubstring("</s>"));
  check_complaint(gaze.run({"inspect", "run", "a b c", "--weights", "best"}), 1, "best");
}

TEST_CASE("a file whose name promises another format is refused", "[program][output]") {
  Program gaze;
  train(gaze, "run");
  check_complaint(gaze.run({"inspect", "run", "a b", "--svg", "map.pdf"}), 2, "map.pdf");
  check_complaint(gaze.run({"inspect", "run", "a b", "--npy", "map.csv"}), 2, "map.csv");
  check_complaint(gaze.run({"report", "run", "-o", "page.pdf"}), 2, "page.pdf");
  CHECK_FALSE(fs::exists(gaze.folder / "map.pdf"));
  CHECK(gaze.run({"inspect", "run", "a b", "--svg", "map.SVG"}).status == 0);
}

TEST_CASE("a training that is watched ends in a script, where nobody can end it", "[program][output]") {
  Program gaze;
  const Result r = gaze.run(training("run", {"--steps", "2", "--watch", "--port", "0"}));
  INFO(r.err);
  CHECK(r.status == 0);
  CHECK_THAT(r.out, ContainsSubstring("Watch it at http://"));
}

TEST_CASE("a run without attention says why there is no page", "[program][output]") {
  Program gaze;
  train(gaze, "run");
  check_complaint(gaze.run({"report", "run"}), 1, "probes=0");
}

TEST_CASE("lessons say what they show", "[program][output]") {
  Program gaze;
  const std::string learning = gaze.run({"lesson", "learning", "--runs", "9", "--steps", "20"}).out;
  CHECK_THAT(learning, ContainsSubstring("9 runs") && ContainsSubstring("The first 8 of them"));
  const std::string scaling = gaze.run({"lesson", "scaling", "--quick"}).out;
  CHECK_THAT(scaling, ContainsSubstring("q.k, d =") && ContainsSubstring("q.k / sqrt(d), d ="));
  const std::string of_heads = gaze.run({"lesson", "heads"}).out;
  CHECK_THAT(of_heads, ContainsSubstring("Head 0") && ContainsSubstring("Head 1") && !ContainsSubstring("Head 2"));
  const Result polysemy = gaze.run({"lesson", "polysemy", "--epochs", "2", "--json"});
  const json readings = json::parse(polysemy.out)["readings"];
  std::vector<double> most(readings[0]["words"].size());  // of any head, by word
  for (const json& look : readings[0]["looks"])
    for (std::size_t t = 0; t < most.size(); ++t) most[t] = std::max(most[t], look[t].get<double>());
  const auto strongest = static_cast<std::size_t>(std::max_element(most.begin(), most.end()) - most.begin());
  const std::string named =
      strongest == 2 ? "more than any other word" : "and " + readings[0]["words"][strongest].get<std::string>();
  std::string text;  // in one line
  for (const std::string& line : lines_of(polysemy.err))
    text += line.substr(std::min(line.find_first_not_of(' '), line.size())) + " ";
  CHECK_THAT(text, ContainsSubstring(named));
}
