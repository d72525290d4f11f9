#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include <gaze/autograd/xtensor.h>

#include "../../catch.h"
#include "../../program.h"

using nlohmann::json;

namespace {

/// A reverser that is trained enough to have opinions: two layers of two heads.
void train(Program& gaze, const std::string& run, const Args& more = {}) {
  Args args = {"train",         "reverse", "--run",      run,       "--threads", "1",        "--set",
               "steps=60",      "--set",   "d_model=32", "--set",   "d_ff=64",   "--set",    "layers=2",
               "--set",         "heads=2", "--set",      "vocab=8", "--set",     "length=5", "--set",
               "validation=32", "--set",   "probes=6"};
  const Result r = gaze.run(joined(std::move(args), more));
  INFO(r.err);
  REQUIRE(r.status == 0);
}

json last_line(const Result& r) {
  INFO(r.err);
  REQUIRE(r.status == 0);
  return json::parse(lines_of(r.out).back());
}

}  // namespace

TEST_CASE("score align agrees with a hand-computed example, sure and possible apart, from either base", "[program]") {
  Program gaze;
  // Sure: 0-0 1-2 and 0-0; possible besides: 2-1. Predicted: 0-0 2-1 2-2 and 0-0.
  write(gaze.folder / "gold", "0-0 1-2 2p1\n0-0\n\n");
  write(gaze.folder / "gold1", "1-1 2-3 3p2\r\n1-1\r\n\r\n");
  write(gaze.folder / "pred", "0-0 2-1 2-2 0-0\n0-0\n\n");
  for (const Args& more : {Args{"--gold", "gold"}, Args{"--gold", "gold1", "--gold-base", "1"}}) {
    const json score = last_line(gaze.run(joined({"score", "align", "--pred", "pred", "--json"}, more)));
    CHECK(score["precision"].get<double>() == Approx(3.0 / 4));
    CHECK(score["recall"].get<double>() == Approx(2.0 / 3));
    CHECK(score["aer"].get<double>() == Approx(1 - 5.0 / 7));
  }
}

TEST_CASE("score align says what counts from 1 and which sentences do not count", "[program]") {
  Program gaze;
  write(gaze.folder / "gold", "1-1 2-2\n1p2\n");
  write(gaze.folder / "pred", "0-0 1-1\n0-1\n");
  const Args command = {"score", "align", "--gold", "gold", "--pred", "pred", "--json"};
  const Result r = gaze.run(command);
  CHECK(lines_of(r.err).front() ==
        "gaze: gold: no link names word 0, and words are counted from 0; for a file that counts from 1: --gold-base 1");
  const Result told = gaze.run(joined(command, {"--gold-base", "1"}));
  CHECK_THAT(told.err, !ContainsSubstring("gaze: "));
  CHECK(last_line(told)["aer"] == 0);
  write(gaze.folder / "pred1", "1-1 2-2\n1-2\n");
  const Result other = gaze.run({"score", "align", "--gold", "pred", "--pred", "pred1"});
  CHECK_THAT(other.err,
             StartsWith("gaze: pred1: no link names word 0") && ContainsSubstring("perl -pe 's/\\d+/$&-1/ge'"));
  CHECK(lines_of(other.err).size() == 1);

  // The second sentence has no gold: its links are neither right nor wrong.
  write(gaze.folder / "part", "0-0 1-1\n\n");
  const Result part = gaze.run({"score", "align", "--gold", "part", "--pred", "pred", "--json"});
  CHECK_THAT(part.err, StartsWith("gaze: part: 1 of 2 sentences have no gold links and do not count\n"));
  CHECK(last_line(part)["aer"] == 0);
  CHECK(last_line(part)["precision"] == 1);
  write(gaze.folder / "none", "\n\n");
  const Result none = gaze.run({"score", "align", "--gold", "none", "--pred", "pred", "--json"});
  CHECK_THAT(none.err, ContainsSubstring("alignment error rate n/a"));
  CHECK(last_line(none)["aer"].is_null());
}

TEST_CASE("score align names the file and the line of what is wrong", "[program]") {
  Program gaze;
  write(gaze.folder / "gold", "0-0\n1-1\n");
  write(gaze.folder / "short", "0-0\n");
  write(gaze.folder / "odd", "0-0\n1_1\n");
  write(gaze.folder / "possible", "0-0\n1p1\n");
  write(gaze.folder / "src", "a b\na\n");
  write(gaze.folder / "tgt", "a b\na b\n");
  const auto score = [&](const Args& more) { return gaze.run(joined({"score", "align"}, more)); };
  check_complaint(score({"--gold", "gold", "--pred", "short"}), 1, "short:2: the line is missing; gold has 2 lines");
  check_complaint(score({"--gold", "odd", "--pred", "gold"}), 1, "odd:2: 1_1");
  check_complaint(score({"--gold", "gold", "--pred", "odd"}), 1, "odd:2: 1_1");
  check_complaint(score({"--gold", "gold", "--pred", "possible"}), 1, "possible:2: 1p1");
  check_complaint(score({"--gold", "gold", "--pred", "gold", "--gold-base", "1"}), 1, "gold:1: 0-0");
  check_complaint(score({"--gold", "gold", "--pred", "gold", "--src", "src"}), 1, "gold:2: a link to source word 1");
  check_complaint(score({"--gold", "gold", "--pred", "gold", "--tgt", "short"}), 1, "short:2: the line is missing");
  write(gaze.folder / "nothing", "");
  check_complaint(score({"--gold", "nothing", "--pred", "nothing"}), 1, "nothing: there are no sentences");
  check_complaint(score({"--gold", "none", "--pred", "gold"}), 1, "none");
  check_complaint(score({"--gold", "gold", "--pred", "gold", "--gold-base", "2"}), 2, "--gold-base");
  check_complaint(score({"--gold", "gold"}), 2, "--pred");
  CHECK(score({"--gold", "gold", "--pred", "gold", "--tgt", "tgt"}).status == 0);
  // Where nothing is predicted, precision is not a number: 100 % would praise silence.
  write(gaze.folder / "silent", "\n\n");
  const Result silent = score({"--gold", "gold", "--pred", "silent", "--json"});
  CHECK_THAT(silent.err, ContainsSubstring("precision n/a"));
  CHECK(last_line(silent)["precision"].is_null());
  CHECK(last_line(silent)["aer"] == 1);
}

TEST_CASE("align reads links from the layer, head and shift that are asked for", "[program]") {
  Program gaze;
  train(gaze, "run");
  train(gaze, "other", {"--seed", "2"});
  write(gaze.folder / "src", "a b c\nd e f g\nh\n");
  write(gaze.folder / "tgt", "c b a\ng f e d\nh\n");
  write(gaze.folder / "gold", "2-0 1-1 0-2\n3-0 2-1 1-2 0-3\n0-0\n");
  const auto align = [&](const Args& more) {
    const Result r = gaze.run(joined({"align", "run", "--src", "src", "--tgt", "tgt"}, more));
    INFO(r.err);
    REQUIRE(r.status == 0);
    return lines_of(r.out);
  };
  const auto usual = align({});
  REQUIRE(usual.size() == 3);
  CHECK(usual == align({"--layer", "1", "--head", "mean", "--shift", "produced"}));
  CHECK(usual[2] == "0-0");

  // The very weights that inspect shows, at both shifts.
  for (const char* shift : {"produced", "consumed"})
    for (const char* layer : {"0", "1"})
      for (const char* head : {"0", "1"}) {
        const auto links = align({"--layer", layer, "--head", head, "--shift", shift, "--null", "0.4"});
        const json shown = last_line(gaze.run({"inspect", "run", "d e f g", "g f e d", "--layer", layer, "--head", head,
                                               "--shift", shift, "--null", "0.4", "--json"}));
        CHECK(shown["links"] == links[1]);
        std::string expected;
        for (std::size_t t = 0; t < 4; ++t) {
          const auto row = shown["weights"][t].get<std::vector<double>>();
          const auto strongest = std::max_element(row.begin(), row.end());
          if (*strongest >= 0.4)
            expected +=
                (expected.empty() ? "" : " ") + std::to_string(strongest - row.begin()) + "-" + std::to_string(t);
        }
        CHECK(links[1] == expected);
      }

  // Consumed is what the query after the word sees.
  const auto weights = [&](const char* target, const char* shift) {
    return last_line(gaze.run({"inspect", "run", "d e f g", target, "--shift", shift, "--json"}))["weights"];
  };
  CHECK(weights("g f e d", "consumed")[0] == weights("g f e d", "produced")[1]);
  CHECK(weights("g f", "consumed")[1].size() == 4);

  // One that has every other's links at least as well.
  const Result best = gaze.run({"align", "run", "--src", "src", "--tgt", "tgt", "--best", "--valid-src", "src",
                                "--valid-tgt", "tgt", "--valid-gold", "gold", "--json"});
  const json picked = last_line(best);
  CHECK_THAT(best.err, ContainsSubstring("picked layer") && ContainsSubstring("%"));
  for (const char* layer : {"0", "1"})
    for (const char* head : {"mean", "0", "1"}) {
      std::string links;
      for (const std::string& line : align({"--layer", layer, "--head", head})) links += line + "\n";
      write(gaze.folder / "pred", links);
      CHECK(
          last_line(gaze.run({"score", "align", "--gold", "gold", "--pred", "pred", "--json"}))["aer"].get<double>() >=
          picked["validation_aer"].get<double>());
    }

  // Both directions: reversing is its own inverse.
  const auto both = align({"--reverse", "other", "--symmetrize", "intersection"}),
             either = align({"--reverse", "other", "--symmetrize", "union"}),
             grown = align({"--reverse", "other", "--symmetrize", "grow-diag"});
  const auto backward = lines_of(gaze.run({"align", "other", "--src", "tgt", "--tgt", "src"}).out);
  for (std::size_t i = 0; i < 3; ++i) {
    std::size_t common = 0;
    std::istringstream links(backward[i]);
    for (std::string link; links >> link;) {
      const std::string turned = link.substr(link.find('-') + 1) + "-" + link.substr(0, link.find('-'));
      common += (" " + usual[i] + " ").find(" " + turned + " ") != std::string::npos;
      CHECK((" " + either[i] + " ").find(" " + turned + " ") != std::string::npos);
    }
    CHECK(static_cast<std::size_t>(std::count(both[i].begin(), both[i].end(), '-')) == common);
    CHECK(both[i].size() <= grown[i].size());
    CHECK(grown[i].size() <= either[i].size());
  }
}

TEST_CASE("align refuses what it cannot align", "[program]") {
  Program gaze;
  train(gaze, "run", {"--set", "steps=1"});
  write(gaze.folder / "src", "a b\nc\n");
  write(gaze.folder / "one", "a b\n");
  write(gaze.folder / "empty", "a b\n\n");
  const auto align = [&](const Args& more) { return gaze.run(joined({"align", "run"}, more)); };
  check_complaint(align({"--src", "src", "--tgt", "src", "--best", "--valid-src", "empty", "--valid-tgt", "empty",
                         "--valid-gold", "empty"}),
                  1, "empty:2: the line is empty");
  check_complaint(align({"--src", "src", "--tgt", "one"}), 1, "one:2: the line is missing; src has 2 lines");
  check_complaint(align({"--src", "src", "--tgt", "src", "--layer", "2"}), 2, "--layer 2");
  check_complaint(align({"--src", "src", "--tgt", "src", "--head", "2"}), 2, "--head 2");
  check_complaint(align({"--src", "src", "--tgt", "src", "--head", "-1"}), 2, "--head");
  check_complaint(align({"--src", "src", "--tgt", "src", "--null", "2"}), 2, "--null");
  check_complaint(align({"--src", "src", "--tgt", "src", "--symmetrize", "union"}), 2, "--reverse");
  check_complaint(align({"--src", "src", "--tgt", "src", "--best", "--valid-src", "src"}), 2, "--valid-gold");
  check_complaint(align({"--src", "src", "--tgt", "src", "--best", "--layer", "0"}), 2, "--best picks");
  check_complaint(align({"--src", "src", "--tgt", "src", "--null", "nan"}), 2, "--null");
  write(gaze.folder / "past", "0-0\n1-0\n");
  write(gaze.folder / "none", "\n\n");
  const auto pick_by = [&](const char* gold) {
    return align(
        {"--src", "src", "--tgt", "src", "--best", "--valid-src", "src", "--valid-tgt", "src", "--valid-gold", gold});
  };
  check_complaint(pick_by("past"), 1, "past:2: a link to source word 1");
  check_complaint(pick_by("none"), 1, "none: there are no links to pick by");
  write(gaze.folder / "strange", "a zz\nc\n");
  const Result strange = align({"--src", "src", "--tgt", "strange"});
  CHECK(strange.status == 0);
  CHECK_THAT(strange.err, ContainsSubstring("strange:1: unknown to the model: zz"));
}

TEST_CASE("an interrupted run keeps its weights though its attention cannot be written", "[program]") {
  Program gaze;
  gaze.start({"train",  "copy",         "--run",      "run",         "--threads", "1",       "--steps",
              "100000", "--set",        "d_model=16", "--set",       "d_ff=32",   "--set",   "batch=8",
              "--set",  "validation=8", "--set",      "log_every=1", "--set",     "probes=3"});
  const auto run = gaze.folder / "run";
  gaze.wait_until([&] { return lines_of(read(run / "metrics.jsonl")).size() > 2; });
  std::filesystem::remove_all(run / "attention");
  write(run / "attention", "in the way");
  ::kill(gaze.child, SIGINT);
  const Result r = gaze.finish();
  CHECK(r.status != 0);
  CHECK(gaze.run({"translate", "run"}, {.input = "a b\n"}).status == 0);
}

TEST_CASE("recording attention changes no byte of a run's weights or figures", "[program]") {
  Program gaze;
  train(gaze, "with", {"--set", "dropout=0.1", "--set", "log_every=20"});
  train(gaze, "without", {"--set", "dropout=0.1", "--set", "log_every=20", "--set", "probes=0"});
  CHECK(std::filesystem::exists(gaze.folder / "with/attention/index.json"));
  CHECK_FALSE(std::filesystem::exists(gaze.folder / "without/attention"));
  const std::string with = read(gaze.folder / "with/checkpoint.safetensors"),
                    without = read(gaze.folder / "without/checkpoint.safetensors");
  CHECK(weights_of(with) == weights_of(without));  // the config in the header differs
  const auto figures = [&](const char* run) {
    std::vector<json> lines;
    for (const std::string& line : lines_of(read(gaze.folder / run / "metrics.jsonl"))) {
      lines.push_back(json::parse(line));
      lines.back().erase("tokens_per_s");
    }
    return lines;
  };
  CHECK(figures("with") == figures("without"));
}

TEST_CASE("a guided head is drawn to the gold links and is what AER is measured on", "[program]") {
  Program gaze;
  const Args more = {"--set", "guided=1",  "--set", "guided_head=1",  "--set", "layers=1",
                     "--set", "steps=150", "--set", "log_every=150",  "--set", "lr=0.005",
                     "--set", "warmup=20", "--set", "schedule=cosine"};
  train(gaze, "run", more);
  const json index = json::parse(read(gaze.folder / "run/attention/index.json"));
  const auto score = [&](const char* module, const json& head, std::size_t step) {
    for (const json& s : index["steps"][step]["scores"])
      if (s["module"] == module && s["head"] == head) return s["gold_mass"].get<double>();
    return -1.0;
  };
  const std::size_t last = index["steps"].size() - 1;
  const double guided = score("body.decoder.layers.0.multihead_attn", 1, last);
  CHECK(guided > 0.9);
  CHECK(guided > score("body.decoder.layers.0.multihead_attn", 0, last) + 0.1);
  const json final = json::parse(lines_of(read(gaze.folder / "run/metrics.jsonl")).back());
  CHECK(final["aer"].get<double>() < 0.1);
  const Result refused = gaze.run({"train", "copy", "--run", "no", "--set", "guided=1", "--set", "guided_head=1"});
  check_complaint(refused, 2, "guided_head");
}

TEST_CASE("inspect writes pictures and NumPy files of any attention", "[program]") {
  Program gaze;
  train(gaze, "run", {"--set", "steps=1", "--set", "source_eos=true"});
  const auto shape = [&](const char* kind) {
    const Result r = gaze.run({"inspect", "run", "a b c", "c b", "--kind", kind, "--layer", "0", "--head", "1", "--svg",
                               "map.svg", "--npy", "map.npy"});
    INFO(r.err);
    REQUIRE(r.status == 0);
    const std::string svg = read(gaze.folder / "map.svg");
    CHECK((svg.starts_with("<svg ") && svg.ends_with("</svg>\n")));
    const gaze::Tensor weights = gaze::load_npy(gaze.folder / "map.npy");
    const double total = weights.sum().item();
    CHECK(total == Approx(static_cast<double>(weights.size(0))).epsilon(1e-6));
    return weights.shape();
  };
  using gaze::Shape;
  CHECK(shape("cross") == Shape{2, 4});
  CHECK(shape("encoder") == Shape{4, 4});
  CHECK(shape("decoder") == Shape{3, 3});
}

TEST_CASE("report writes one page and says where", "[program]") {
  Program gaze;
  train(gaze, "run", {"--set", "steps=10"});
  const Result r = gaze.run({"report", "run"});
  CHECK(r.status == 0);
  CHECK(r.out == "run/report.html\n");
  const std::string page = read(gaze.folder / "run/report.html");
  CHECK((page.starts_with("<!doctype html>") && page.size() < 5'000'000));
  CHECK(gaze.run({"report", "run", "-o", "other.html"}).status == 0);
  CHECK(read(gaze.folder / "other.html") == page);
  check_complaint(gaze.run({"report", "nowhere"}), 1, "nowhere");
  train(gaze, "silent", {"--set", "steps=1", "--set", "probes=0"});
  check_complaint(gaze.run({"report", "silent"}), 1, "no attention was recorded");
  check_complaint(gaze.run({"watch", "nowhere"}), 1, "nowhere");
  // Typed with the slash that a shell completes.
  CHECK(gaze.run({"report", "run/", "-o", "slash.html"}).status == 0);
  CHECK(read(gaze.folder / "slash.html") == page);
  // A full disk leaves the page that was there.
  const Result full = gaze.run({"report", "run"}, {.file_limit = 1000});
  CHECK(full.status == 1);
  CHECK(read(gaze.folder / "run/report.html") == page);
}

TEST_CASE("a line that cannot be aligned has an empty one in its place", "[program]") {
  Program gaze;
  train(gaze, "run", {"--set", "steps=1"});
  write(gaze.folder / "src", "a b\n\na b c d e f g\nc\n   \nd\n");
  write(gaze.folder / "tgt", "a b\na\na b\n\nc\nd\n");
  for (const Args& more : {Args{}, Args{"--reverse", "run", "--symmetrize", "union"}}) {
    const Result r = gaze.run(joined({"align", "run", "--src", "src", "--tgt", "tgt"}, more));
    INFO(r.err);
    CHECK(r.status == 0);
    const auto lines = lines_of(r.out);
    REQUIRE(lines.size() == 6);
    for (const std::size_t i : {1, 2, 3, 4}) CHECK(lines[i] == "");
    CHECK(lines[0] != "");
    CHECK(lines[5] == "0-0");
    CHECK_THAT(r.err, ContainsSubstring("src:3: 7 tokens; this model was trained on at most 5"));
  }
  write(gaze.folder / "none", "");
  CHECK(gaze.run({"align", "run", "--src", "none", "--tgt", "none"}).out == "");
  // What is before a line that is no text is printed.
  write(gaze.folder / "bad", "a b\n\nc\xff\nc\n\nd\n");
  const Result bad = gaze.run({"align", "run", "--src", "bad", "--tgt", "tgt"});
  CHECK(bad.status == 1);
  CHECK(lines_of(bad.out).size() == 2);
  CHECK_THAT(bad.err, ContainsSubstring("bad:3: "));
}

TEST_CASE("align answers each pair of lines that comes through pipes", "[program]") {
  Program gaze;
  train(gaze, "run", {"--set", "steps=1"});
  for (const char* name : {"src", "tgt"}) REQUIRE(::mkfifo((gaze.folder / name).c_str(), 0600) == 0);
  gaze.start({"align", "run", "--src", "src", "--tgt", "tgt"});
  std::ofstream source(gaze.folder / "src"), target(gaze.folder / "tgt");
  for (std::size_t i = 1; i <= 3; ++i) {
    source << "a\n" << std::flush;
    target << "b\n" << std::flush;
    gaze.wait_until([&] { return lines_of(read(gaze.scratch.path / "out")).size() == i; });
  }
  source << "a\n";
  source.close(), target.close();
  const Result r = gaze.finish();
  CHECK(r.status == 1);
  CHECK(r.out == "0-0\n0-0\n0-0\n");
  CHECK_THAT(r.err, ContainsSubstring("tgt:4: the line is missing; src has 4 lines and tgt has 3"));
}
