#include <nlohmann/json.hpp>

#include "../../program.h"

using nlohmann::json;

namespace {

/// A small recurrent model of reverse.
Args training(const std::string& run, const Args& more = {}) {
  return joined({"train", "reverse",       "--run", run,           "--threads", "1",        "--set", "model=rnn",
                 "--set", "d_model=16",    "--set", "batch=8",     "--set",     "vocab=9",  "--set", "length=6",
                 "--set", "validation=16", "--set", "log_every=5", "--set",     "probes=4", "--json"},
                more);
}

json last_of(const Result& r) {
  INFO(r.err);
  REQUIRE(r.status == 0);
  return json::parse(lines_of(r.out).back());
}

}  // namespace

TEST_CASE("a recurrent model is trained, recorded, continued and looked at like any other", "[program]") {
  const std::string score = GENERATE("auto", "dot", "cosine");
  const std::string cell = score == "cosine" ? "lstm" : "gru";
  Program gaze;
  const Args options = {"--set", "score=" + score, "--set", "cell=" + cell};
  const json whole = last_of(gaze.run(training("whole", joined(options, {"--steps", "10"}))));
  CHECK(whole.at("aer").is_number());
  // Interrupted and taken up again, the same bits.
  last_of(gaze.run(training("part", joined(options, {"--steps", "5"}))));
  CHECK(last_of(gaze.run({"train", "--resume", "part", "--steps", "10", "--json"})).at("loss") == whole.at("loss"));
  const json index = json::parse(read(gaze.folder / "whole" / "attention" / "index.json"));
  REQUIRE(index.at("modules").size() == 1);
  CHECK(index.at("modules")[0].at("name") == "body.attention");

  const Result translated = gaze.run({"translate", "whole", "--beam", "3"}, {.input = "a b c\n\nd\n"});
  CHECK(translated.status == 0);
  CHECK(lines_of(translated.out).size() == 3);
  CHECK(lines_of(translated.out)[1] == "");
  const json map = last_of(gaze.run({"inspect", "whole", "a b c", "c b a", "--json"}));
  CHECK(map.at("module") == "body.attention");
  CHECK(map.at("weights").size() == 3);
  CHECK(gaze.run({"report", "whole"}).status == 0);
  CHECK(std::filesystem::file_size(gaze.folder / "whole" / "report.html") > 10000);
  write(gaze.folder / "s", "a b c\n"), write(gaze.folder / "t", "c b a\n");
  const Result aligned = gaze.run({"align", "whole", "--src", "s", "--tgt", "t"});
  CHECK(aligned.status == 0);
  CHECK_THAT(aligned.out, ContainsSubstring("-0"));
  check_complaint(gaze.run({"inspect", "whole", "a b", "--kind", "encoder"}), 1, "only cross");
  check_complaint(gaze.run({"inspect", "whole", "a b", "--layer", "1"}), 2, "layer");
}

TEST_CASE("a recurrent model without attention is trained, and says that there is nothing to see", "[program]") {
  Program gaze;
  check_complaint(gaze.run(training("none", {"--set", "score=none"})), 2, "option probes is of no use");
  const json figures =
      last_of(gaze.run(training("none", {"--set", "score=none", "--set", "probes=40", "--steps", "6"})));
  CHECK_FALSE(figures.contains("aer"));
  CHECK_FALSE(std::filesystem::exists(gaze.folder / "none" / "attention"));
  CHECK(gaze.run({"translate", "none"}, {.input = "a b\n"}).status == 0);
  check_complaint(gaze.run({"report", "none"}), 1, "no attention");
  check_complaint(gaze.run({"inspect", "none", "a b"}), 1, "no attention");
  write(gaze.folder / "s", "a b c\n"), write(gaze.folder / "t", "c b a\n");
  check_complaint(gaze.run({"align", "none", "--src", "s", "--tgt", "t"}), 1, "no attention");
}

TEST_CASE("options of recurrent models that do not go together are refused", "[program]") {
  Program gaze;
  write(gaze.folder / "text", "some text\n");
  check_complaint(gaze.run({"train", "copy", "--set", "score=none"}), 2, "score none is for model rnn");
  check_complaint(gaze.run({"train", "copy", "--set", "score=dots"}), 2, "score");
  check_complaint(gaze.run({"train", "copy", "--set", "cell=rnn"}), 2, "gru or lstm");
  check_complaint(gaze.run({"train", "chars", "--text", "text", "--set", "model=rnn"}), 2, "an rnn translates");
  check_complaint(gaze.run(training("guided", {"--set", "guided=1", "--set", "guided_layer=1", "--set", "layers=2"})),
                  2, "guided_layer 1");
  CHECK(gaze.run(training("guided", {"--set", "guided=0.5", "--steps", "2"})).status == 0);
}

TEST_CASE("a Transformer may score in other ways", "[program]") {
  const std::string score = GENERATE("additive", "bilinear");
  Program gaze;
  const Result r = gaze.run({"train", "copy", "--run", "r", "--steps", "3", "--set", "score=" + score, "--set",
                             "d_model=16", "--set", "heads=2", "--set", "validation=16", "--set", "probes=0"});
  INFO(r.err);
  CHECK(r.status == 0);
  CHECK_THAT(read(gaze.folder / "r" / "checkpoint.safetensors"), ContainsSubstring("multihead_attn.score."));
}
