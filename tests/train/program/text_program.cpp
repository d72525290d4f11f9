#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <gaze/datasets/toy.h>

#include "../../catch.h"
#include "../../program.h"

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

/// Files of parallel sentences in a program's folder: train, valid and test, .fr and .en and .tsv.
void write_texts(const Program& gaze) {
  const auto task = gaze::train::make_toy_task("grammar", {.seed = 1});
  const auto texts = [&](const std::string& name, gaze::train::Split split, std::int64_t count) {
    std::string fr, en, both;
    for (const gaze::train::Example& e : task->examples(split, count)) {
      const std::string source = task->join_source(e.source), target = task->join(e.target);
      fr += source + "\n", en += target + "\n", both += source + "\t" + target + "\n";
    }
    write(gaze.folder / (name + ".fr"), fr);
    write(gaze.folder / (name + ".en"), en);
    write(gaze.folder / (name + ".tsv"), both);
  };
  texts("train", gaze::train::Split::train, 300);
  texts("valid", gaze::train::Split::validation, 20);
  texts("test", gaze::train::Split::test, 12);
}

/// A small translator of these; `more` comes last.
Args training(const std::string& run, const Args& more = {}) {
  Args args = {"train", "pairs"};
  for (const char* name : {"train", "valid", "test"}) {
    const std::string option = std::string(name) == "train" ? "--" : "--" + std::string(name) + "-";
    args =
        joined(std::move(args), {option + "src", std::string(name) + ".fr", option + "tgt", std::string(name) + ".en"});
  }
  return joined(joined(std::move(args), {"--run", run, "--threads", "1", "--set", "steps=12"}),
                joined({"--set", "d_model=16", "--set", "d_ff=32", "--set", "heads=2", "--set", "layers=1", "--set",
                        "batch=16", "--set", "log_every=5", "--set", "length=12", "--set", "probes=2"},
                       more));
}

void run_well(Program& gaze, const Args& args) {
  const Result r = gaze.run(args);
  CAPTURE(args, r.err);
  REQUIRE(r.status == 0);
}

/// metrics.jsonl without what depends on the clock.
std::vector<json> metrics(const fs::path& run) {
  std::vector<json> lines;
  for (const std::string& line : lines_of(read(run / "metrics.jsonl"))) {
    lines.push_back(json::parse(line, nullptr, false));
    REQUIRE(lines.back().is_object());
    lines.back().erase("tokens_per_s");
  }
  return lines;
}

}  // namespace

TEST_CASE("parallel text is learned, translated and scored", "[text]") {
  Program gaze;
  write_texts(gaze);
  const Result r = gaze.run(training("run", {"--json", "--set", "beam=2", "--set", "validate_every=6"}));
  INFO(r.err);
  REQUIRE(r.status == 0);
  CHECK_THAT(r.err, !ContainsSubstring("gaze: "));
  const json last = json::parse(lines_of(r.out).back(), nullptr, false);
  REQUIRE(last.is_object());
  for (const char* key : {"loss", "validation_loss", "token_accuracy", "test_loss", "test_perplexity", "bleu"})
    CHECK((last.contains(key) && last[key].is_number()));
  CHECK_FALSE(last.contains("aer"));
  CHECK(last["test_perplexity"].get<double>() == Approx(std::exp(last["test_loss"].get<double>())));
  for (const char* file : {"config.json", "metrics.jsonl", "checkpoint.safetensors", "best.safetensors", "test.hyp"})
    CHECK(fs::exists(gaze.folder / "run" / file));
  CHECK(lines_of(read(gaze.folder / "run/test.hyp")).size() == 12);

  const Result again = gaze.run({"translate", "run", "--quiet"}, {.input = read(gaze.folder / "test.fr")});
  CHECK(again.out == read(gaze.folder / "run/test.hyp"));
  const Result score = gaze.run({"score", "bleu", "--ref", "test.en", "--hyp", "run/test.hyp", "--json"});
  CHECK(json::parse(lines_of(score.out).back(), nullptr, false)["bleu"].get<double>() ==
        Approx(last["bleu"].get<double>()));
  CHECK(gaze.run({"inspect", "run", "le chat dort"}).status == 0);
  CHECK(gaze.run({"align", "run", "--src", "test.fr", "--tgt", "test.en"}).status == 0);
  CHECK(gaze.run({"report", "run"}).status == 0);
}

TEST_CASE("whatever a source is, it is answered", "[text]") {
  Program gaze;
  write_texts(gaze);
  run_well(gaze, training("run", {"--set", "min_frequency=3"}));
  std::string endless;
  for (int i = 0; i < 5000; ++i) endless += "chat ";
  const std::string input = "\xef\xbb\xbfle chat dort\r\n\n   \nzzz yyy\n" + endless + "\nle chat dort";
  const Result r = gaze.run({"translate", "run", "--beam", "3"}, {.input = input});
  INFO(r.err);
  CHECK(r.status == 0);
  const auto lines = lines_of(r.out);
  REQUIRE(lines.size() == 6);
  CHECK(lines[0] == lines[5]);
  CHECK((lines[1].empty() && lines[2].empty()));
  CHECK_THAT(r.err, ContainsSubstring("stdin:4: unknown to the model: zzz yyy") &&
                        ContainsSubstring("stdin:5: 5000 tokens; the model reads the first 12"));
  CHECK(gaze.run({"translate", "run", "--beam", "3", "--quiet"}, {.input = input}).out == r.out);

  check_complaint(gaze.run({"translate", "run", "--beam", "2", "--n-best", "8"}, {.input = "le chat dort\n"}), 2,
                  "--n-best 8: a beam of 2 finds 2 at most; give --beam 8");
  check_complaint(gaze.run({"translate", "run", "--max-ratio", "-1"}), 2, "--max-ratio");
  CHECK(gaze.run({"translate", "run", "--max-ratio", "0", "--max-extra", "0"}, {.input = "le chat dort\n"}).out ==
        "\n");
  const Result broken = gaze.run({"translate", "run"}, {.input = "le chat dort\nle \xff\nle chat dort\n"});
  CHECK(broken.status == 1);
  CHECK(lines_of(broken.out).size() == 1);
  CHECK_THAT(broken.err, ContainsSubstring("stdin:2: "));

  const Result best = gaze.run({"translate", "run", "--n-best", "3"}, {.input = "le chat dort\n\nun chien\n"});
  const auto listed = lines_of(best.out);
  REQUIRE(listed.size() == 7);  // the empty line has one answer
  CHECK_THAT(listed[0], StartsWith("1 ||| "));
  CHECK_THAT(listed[3], StartsWith("2 |||  ||| 0.0000"));
  CHECK_THAT(listed[6], StartsWith("3 ||| "));
}

TEST_CASE("tokens may be words, characters or pieces of words, with one table for both languages", "[text]") {
  Program gaze;
  write_texts(gaze);
  for (const char* units : {"characters", "subwords"}) {
    CAPTURE(units);
    run_well(gaze, training(units, {"--set", std::string("units=") + units, "--set", "vocab=150", "--set", "length=60",
                                    "--set", "shared=true", "--set", "tied=true", "--set", "lowercase=true"}));
    const Result r = gaze.run({"translate", units}, {.input = "Le Chat dort\n"});
    CHECK(r.status == 0);
    CHECK(r.err == "");
    CHECK(lines_of(r.out).size() == 1);
    CHECK(gaze.run({"train", std::string(units) + "/config.json", "--run", std::string(units) + "-again"}).status == 0);
    CHECK((read(gaze.folder / units / "checkpoint.safetensors") ==
           read(gaze.folder / (std::string(units) + "-again") / "checkpoint.safetensors")));
  }
}

TEST_CASE("a model of pieces is looked at by words, and by pieces when asked", "[text]") {
  Program gaze;
  write_texts(gaze);
  write(gaze.folder / "src", "le chat noir dort\n  un\tchien  dort \nle chatж\n");
  write(gaze.folder / "tgt", "the black cat sleeps\na dog\tsleeps\n苹 the cat\n");
  const std::vector<std::string> first_words = {"le", "chat", "noir", "dort", "</s>"};
  for (const char* units : {"characters", "subwords"}) {
    CAPTURE(units);
    run_well(gaze,
             training(units, {"--set", std::string("units=") + units, "--set", "vocab=80", "--set", "length=60"}));
    const auto align = [&](const Args& more) {
      const Result r = gaze.run(joined({"align", units, "--src", "src", "--tgt", "tgt"}, more));
      INFO(r.err);
      REQUIRE(r.status == 0);
      write(gaze.folder / "links", r.out);
      return lines_of(r.out);
    };
    // A link for each word of the target, to a word of the source.
    const auto links = align({});
    REQUIRE(links.size() == 3);
    CHECK(std::count(links[0].begin(), links[0].end(), '-') == 4);
    CHECK(std::count(links[1].begin(), links[1].end(), '-') == 3);
    CHECK(std::count(links[2].begin(), links[2].end(), '-') == 3);
    write(gaze.folder / "gold", "0-0 1-2 2-1 3-3\n0-0 1-1 2-2\n0-1 1-2\n");
    CHECK(gaze.run({"score", "align", "--gold", "gold", "--pred", "links", "--src", "src", "--tgt", "tgt"}).status ==
          0);
    const Args pick = {"--best", "--valid-src", "src", "--valid-tgt", "tgt", "--valid-gold", "gold"};
    const auto picked = align(pick);
    CHECK(std::count(picked[0].begin(), picked[0].end(), '-') == 4);

    // The map is that of the pieces, folded.
    const auto inspect = [&](const Args& more) {
      const Result r = gaze.run(
          joined({"inspect", units, "le chat noir dort", "the black cat sleeps", "--layer", "0", "--json"}, more));
      INFO(r.err);
      REQUIRE(r.status == 0);
      return json::parse(r.out);
    };
    for (const char* shift : {"produced", "consumed"}) {
      const json words = inspect({"--shift", shift}), pieces = inspect({"--shift", shift, "--pieces"});
      CHECK(words["source"] == json(first_words));
      CHECK(words["target"] == json({"the", "black", "cat", "sleeps"}));
      REQUIRE(pieces["target"].size() > 4);
      CHECK(pieces["weights"].size() == pieces["target"].size());
      // A word begins where its mark does: characters have a space, subwords U+2581.
      const auto word_of = [](const json& tokens) {
        std::vector<std::size_t> numbers;
        for (std::size_t i = 0; i < tokens.size(); ++i) {
          const std::string token = tokens[i];
          const bool begins = i > 0 && (token.starts_with(" ") || token.starts_with("▁") || token == "</s>");
          numbers.push_back(i == 0 ? 0 : numbers.back() + begins);
        }
        return numbers;
      };
      const auto from = word_of(pieces["source"]), to = word_of(pieces["target"]);
      std::vector<std::vector<double>> folded(4, std::vector<double>(5, 0));
      for (std::size_t t = 0; t < to.size(); ++t)
        for (std::size_t s = 0; s < from.size(); ++s)
          folded.at(to[t]).at(from[s]) +=
              pieces["weights"][t][s].get<double>() / static_cast<double>(std::count(to.begin(), to.end(), to[t]));
      std::string expected;
      for (std::size_t t = 0; t < 4; ++t) {
        for (std::size_t s = 0; s < 5; ++s) CHECK(words["weights"][t][s].get<double>() == Approx(folded[t][s]));
        const auto best = std::max_element(folded[t].begin(), folded[t].end() - 1) - folded[t].begin();
        expected += (t > 0 ? " " : "") + std::to_string(best) + "-" + std::to_string(t);
      }
      CHECK(words["links"] == expected);
      CHECK(align({"--layer", "0", "--shift", shift})[0] == expected);
    }
    CHECK(inspect({"--kind", "encoder"})["source"].size() == inspect({"--kind", "encoder"})["target"].size());
    CHECK(inspect({"--kind", "decoder"})["target"] == json({"<s>", "the", "black", "cat", "sleeps"}));
    const auto by_pieces = align({"--pieces"});
    CHECK(std::count(by_pieces[0].begin(), by_pieces[0].end(), '-') == std::ssize(inspect({"--pieces"})["target"]));
    CHECK(gaze.run({"inspect", units, "le chat noir dort"}).status == 0);  // the model's own words

    // The record is of pieces, and says of which words.
    const json index = json::parse(read(gaze.folder / units / "attention/index.json"));
    for (const json& probe : index["probes"])
      for (const char* side : {"source", "target"})
        CHECK(probe[std::string(side) + "_words"].size() == probe[side].size());
  }
}

TEST_CASE("a run's config.json repeats it from anywhere, and a preset is a beginning", "[text]") {
  Program gaze;
  write_texts(gaze);
  run_well(gaze, training("run", {"--set", "epochs=1", "--set", "tokens=200", "--set", "dropout=0.2"}));
  const json config = json::parse(read(gaze.folder / "run/config.json"), nullptr, false);
  CHECK(config["epochs"] == 1);
  CHECK(config["steps"] != 12);  // epochs were asked for by name
  CHECK(fs::path(config["src"].get<std::string>()).is_absolute());
  run_well(gaze, {"train", "run/config.json", "--run", "again"});
  CHECK((read(gaze.folder / "run/checkpoint.safetensors") == read(gaze.folder / "again/checkpoint.safetensors")));
  CHECK(metrics(gaze.folder / "run") == metrics(gaze.folder / "again"));

  run_well(gaze, {"train", "multi30k", "--tsv", "train.tsv", "--run", "preset", "--steps", "1", "--set", "d_model=16",
                  "--set", "d_ff=16", "--set", "vocab=120"});
  CHECK(json::parse(read(gaze.folder / "preset/config.json"), nullptr, false)["task"] == "pairs");
}

TEST_CASE("a training that is killed at any moment goes on from its last checkpoint", "[text]") {
  Program gaze;
  write_texts(gaze);
  const Args more = {"--set", "checkpoint_every=3", "--set", "dropout=0.1", "--set", "steps=40",
                     "--set", "validate_every=8",   "--set", "average=2",   "--set", "accumulate=2"};
  run_well(gaze, training("whole", more));
  gaze.start(training("killed", more));
  int kills = 0;
  for (bool done = false; !done; ++kills) {
    REQUIRE(kills < 200);
    ::usleep(static_cast<useconds_t>(20'000 + 15'000 * (kills % 7)));
    ::kill(gaze.child, SIGKILL);
    done = gaze.finish().status == 0;
    if (!fs::exists(gaze.folder / "killed/config.json")) {
      fs::remove_all(gaze.folder / "killed");
      gaze.start(training("killed", more));
    } else if (!done) {
      gaze.start({"train", "--resume", "killed", "--threads", std::to_string(1 + kills % 3)});
    }
    if (kills > 12 && !done) done = gaze.finish().status == 0;  // slow machines get there, too
  }
  CHECK(kills > 1);
  for (const char* file : {"checkpoint.safetensors", "best.safetensors", "snapshots/000000032.safetensors"})
    CHECK((read(gaze.folder / "whole" / file) == read(gaze.folder / "killed" / file)));
  CHECK(metrics(gaze.folder / "whole") == metrics(gaze.folder / "killed"));
}

TEST_CASE("what is wrong with a text is named by file and line, and nothing is made", "[text]") {
  Program gaze;
  write_texts(gaze);
  write(gaze.folder / "short", "un\n");
  write(gaze.folder / "empty", "");
  write(gaze.folder / "blank", "\n\n\n");
  write(gaze.folder / "bytes", "un\n\xff\xfe\n");
  write(gaze.folder / "nul", std::string("un\ndeux\0\n", 9));
  write(gaze.folder / "columns", "un\tone\ndeux\n");
  struct Row {
    Args args;
    std::string names;
  };
  const Args pairs = {"train", "pairs", "--run", "run"};
  const std::vector<Row> table = {
      {joined(pairs, {"--src", "train.fr", "--tgt", "short"}), "short:2: the line is missing"},
      {joined(pairs, {"--src", "train.fr", "--tgt", "none"}), "none"},
      {joined(pairs, {"--src", "empty", "--tgt", "empty"}), "empty:1: the file is empty"},
      {joined(pairs, {"--src", "blank", "--tgt", "blank"}), "no token of the text"},
      {joined(pairs, {"--src", "bytes", "--tgt", "train.en"}), "bytes:2: the text is not UTF-8"},
      {joined(pairs, {"--src", "nul", "--tgt", "train.en"}), "nul:2: there is a NUL byte"},
      {joined(pairs, {"--tsv", "columns"}), "columns:2: 1 column"},
      {joined(pairs, {"--tsv", "train.tsv", "--set", "units=subwords", "--set", "vocab=3"}), "subwords"},
      {{"train", "chars", "--text", "empty", "--run", "run"}, "empty:1"},
      {{"train", "chars", "--text", "short", "--run", "run"}, "at least"},
      {{"train", "words", "--text", "bytes", "--run", "run"}, "bytes:2"},
  };
  for (const Row& row : table) {
    const Result r = gaze.run(row.args);
    CAPTURE(row.args, r.err);
    check_complaint(r, 1, row.names);
    CHECK_FALSE(fs::exists(gaze.folder / "run"));
  }
  CHECK(gaze.run({"score", "bleu", "--ref", "train.en", "--hyp", "short"}).status == 1);
}

TEST_CASE("sentences that cannot be learned from are left out and counted", "[text]") {
  Program gaze;
  write_texts(gaze);
  std::string lines = read(gaze.folder / "train.tsv"), endless(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) endless += " y";
  write(gaze.folder / "more.tsv", "\tnothing\n" + lines + "un\t" + endless + "\n");
  const Result r =
      gaze.run({"train", "pairs", "--tsv", "more.tsv", "--valid-tsv", "valid.tsv", "--run", "run", "--steps", "1",
                "--set", "d_model=16", "--set", "d_ff=16", "--set", "length=12", "--set", "probes=0"});
  INFO(r.err);
  CHECK(r.status == 0);
  CHECK_THAT(r.err, ContainsSubstring("more.tsv:1: 1 of 302 pairs have an empty side") &&
                        ContainsSubstring("more.tsv:302: 1 of 302 pairs are longer than 12 tokens"));
}

TEST_CASE("a second training in the same folder is refused, and a full disk loses nothing", "[text]") {
  Program gaze, other;
  write_texts(gaze);
  gaze.start(training("run", {"--set", "steps=1000000", "--set", "checkpoint_every=1"}));
  gaze.wait_until([&] { return fs::exists(gaze.folder / "run/checkpoint.safetensors"); });
  const Result refused = other.run({"train", "--resume", (gaze.folder / "run").string()});
  check_complaint(refused, 1, "another process is training in this folder");
  ::kill(gaze.child, SIGINT);
  CHECK(gaze.finish().status == 130);

  const std::string before = read(gaze.folder / "run/checkpoint.safetensors");
  const auto steps = json::parse(read(gaze.folder / "run/config.json"), nullptr, false)["steps"].get<int>();
  CHECK(steps == 1'000'000);
  const Result full = gaze.run({"train", "--resume", "run"}, {.file_limit = before.size() / 2});
  CAPTURE(full.err);
  CHECK(full.status == 1);
  CHECK_THAT(full.err, ContainsSubstring("run/"));
  CHECK((read(gaze.folder / "run/checkpoint.safetensors") == before));
}

TEST_CASE("a language model is trained, sampled and asked for the next token", "[text]") {
  Program gaze;
  write_texts(gaze);
  for (const char* task : {"chars", "words"}) {
    CAPTURE(task);
    run_well(gaze, {"train", task, "--text", "train.en", "--run", task, "--steps", "20", "--set", "d_model=16", "--set",
                    "heads=2", "--set", "layers=2", "--set", "length=16", "--threads", "1"});
    const Args sample = {"sample", task, "--prompt", "the cat", "--tokens", "30"};
    const Result one = gaze.run(sample), same = gaze.run(sample), other = gaze.run(joined(sample, {"--seed", "2"}));
    CHECK(one.status == 0);
    CHECK_THAT(one.out, StartsWith("the cat") && EndsWith("\n"));
    CHECK(one.out == same.out);
    CHECK(one.out != other.out);
    CHECK(gaze.run(joined(sample, {"--temperature", "0", "--seed", "3"})).out ==
          gaze.run(joined(sample, {"--top-k", "1"})).out);

    const Result next = gaze.run({"sample", task, "--prompt", "the cat", "--next", "5"});
    CHECK(lines_of(next.out).size() == 5);
    CHECK_THAT(lines_of(next.out)[0], ContainsSubstring("%"));
    const Result figures = gaze.run({"sample", task, "--prompt", "the cat", "--next", "3", "--attention", "--json"});
    const json object = json::parse(figures.out, nullptr, false);
    REQUIRE(object.is_object());
    CHECK(object["next"].size() == 3);
    CHECK(object["attention"]["layers"].size() == 2);
    CHECK(object["attention"]["layers"][0].size() == object["attention"]["tokens"].size());
    CHECK_THAT(gaze.run({"sample", task, "--prompt", "the cat", "--attention"}).out, ContainsSubstring("layer 1:"));
    CHECK(gaze.run({"sample", task, "--top-p", "2"}).status == 2);
    CHECK(gaze.run(joined(sample, {}), {.output = "/dev/full"}).status == 1);
    check_complaint(gaze.run({"translate", task}, {.input = "a\n"}), 1, "language model");
    CHECK(gaze.run({"train", std::string(task) + "/config.json", "--run", std::string(task) + "-again"}).status == 0);
    CHECK((read(gaze.folder / task / "checkpoint.safetensors") ==
           read(gaze.folder / (std::string(task) + "-again") / "checkpoint.safetensors")));
  }
  run_well(gaze, training("run"));
  check_complaint(gaze.run({"sample", "run"}), 1, "not a language model");
}

TEST_CASE("text that looks the same is the same to a run, but not to one from before the option", "[text]") {
  Program gaze;
  std::string composed, decomposed, english;
  for (int i = 0; i < 30; ++i) {
    composed += "un caf\u00e9 noir\nun th\u00e9\u00a0vert\n", decomposed += "un cafe\u0301 noir\nun the\u0301 vert\n";
    english += "a black coffee\na green tea\n";
  }
  write(gaze.folder / "one", composed);
  write(gaze.folder / "other", decomposed);
  write(gaze.folder / "english", english);
  const auto train = [&](const std::string& run, const std::string& source) {
    run_well(gaze,
             {"train", "pairs",    "--src", source,    "--tgt",      "english",  "--run",   run,       "--threads",
              "1",     "--steps",  "30",    "--set",   "d_model=16", "--set",    "d_ff=32", "--set",   "heads=2",
              "--set", "layers=1", "--set", "batch=8", "--set",      "probes=0", "--set",   "warmup=1"});
    return json::parse(read(gaze.folder / run / "config.json"), nullptr, false);
  };
  json config = train("a", "one");
  CHECK(config["unicode"] == "nfc");
  train("b", "other");
  const auto weights = [&](const std::string& run) {  // behind what names the source file
    const std::string all = read(gaze.folder / run / "checkpoint.safetensors");
    return all.substr(all.size() / 2);
  };
  CHECK((weights("a") == weights("b")));
  const Args translate = {"translate", "a", "--weights", "best"};
  const Result right = gaze.run(translate, {.input = "un caf\u00e9\n"}),
               same = gaze.run(translate, {.input = "un\u00a0cafe\u0301\n"});
  CHECK(right.err == "");
  CHECK(same.err == "");
  CHECK(same.out == right.out);
  CHECK(gaze.run({"inspect", "a", "un cafe\u0301", "--json"}).out ==
        gaze.run({"inspect", "a", "un caf\u00e9", "--json"}).out);

  // A run without the key: text as it stands.
  const std::string file = read(gaze.folder / "a/best.safetensors");
  std::string old = file;
  const std::string key = "\\\"unicode\\\":\\\"nfc\\\",";
  REQUIRE(old.find(key) != old.npos);
  old.replace(old.find(key), key.size(), std::string(key.size(), ' '));
  write(gaze.folder / "a/best.safetensors", old);
  config.erase("unicode");
  write(gaze.folder / "a/config.json", config.dump());
  CHECK(gaze.run(translate, {.input = "un caf\u00e9\n"}).out == right.out);
  CHECK_THAT(gaze.run(translate, {.input = "un cafe\u0301\n"}).err,
             ContainsSubstring("unknown to the model: cafe\u0301"));
}

TEST_CASE("a prompt that is longer than the context says what is cut", "[text]") {
  Program gaze;
  write(gaze.folder / "text",
        "the cat sat on the mat and the dog sat on the cat\nthe dog and the cat sat on the mat\n");
  run_well(gaze, {"train", "chars", "--text", "text", "--run", "run", "--steps", "1", "--set", "d_model=16", "--set",
                  "heads=2", "--set", "layers=1", "--set", "length=8", "--threads", "1"});
  const Result cut = gaze.run({"sample", "run", "--prompt", "the cat sat", "--tokens", "3"});
  CHECK(cut.status == 0);
  CHECK(cut.err == "gaze: prompt: 11 tokens; the model sees the last 8, and the first 3 are cut\n");
  CHECK_THAT(cut.out, StartsWith("the cat sat"));
  CHECK_THAT(gaze.run({"sample", "run", "--prompt", "the cat sat", "--next", "2"}).err, ContainsSubstring("are cut"));
  CHECK(gaze.run({"sample", "run", "--prompt", "the cat ", "--tokens", "3"}).err == "");
}

TEST_CASE("export writes weights alone, under the names that are asked for", "[text]") {
  Program gaze;
  write_texts(gaze);
  run_well(gaze, training("run", {"--set", "tied=true"}));
  run_well(gaze, {"export", "run", "all.safetensors"});
  run_well(gaze, {"export", "run", "body.safetensors", "--strip", "body.", "--weights", "last"});
  const std::string all = read(gaze.folder / "all.safetensors"), body = read(gaze.folder / "body.safetensors");
  CHECK_THAT(all, ContainsSubstring("\"head.weight\":\"tgt_embed.tok.weight\"") && !ContainsSubstring("optimizer.") &&
                      !ContainsSubstring("config"));
  CHECK_THAT(body, ContainsSubstring("\"encoder.layers.0.self_attn.in_proj_weight\"") && !ContainsSubstring("tok"));
  check_complaint(gaze.run({"export", "run", "x", "--strip", "bdoy."}), 1, "bdoy.");
  check_complaint(gaze.run({"export", "run", "x", "--weights", "averaged"}), 1, "averaged.safetensors");
  CHECK_FALSE(fs::exists(gaze.folder / "x"));
}

TEST_CASE("who writes a line into a pipe and waits is answered", "[text]") {
  Program gaze;
  write_texts(gaze);
  run_well(gaze, training("run"));
  const fs::path pipe = gaze.scratch.path / "in";
  fs::remove(pipe);
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const int held = ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);  // while it is, nobody waits for another end
  gaze.start({"translate", "run", "--quiet"});
  std::ofstream talk(pipe);
  ::close(held);
  for (std::size_t i = 1; i <= 3; ++i) {
    talk << "le chat dort\n" << std::flush;
    gaze.wait_until([&] { return lines_of(read(gaze.scratch.path / "out")).size() == i; });
  }
  talk << "le chat dort";
  talk.close();
  const Result r = gaze.finish();
  CHECK(r.status == 0);
  CHECK(lines_of(r.out).size() == 4);
}
