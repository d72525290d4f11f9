#include <sys/stat.h>

#include <cmath>
#include <csignal>
#include <functional>
#include <set>

#include <gaze/nn/safetensors.h>

#include "small_runs.h"

namespace {

/// A run with a file of every kind: options, figures, states, best, best on the way, snapshots, attention,
/// page, translations, and a last state that is better than the validations before.
void train_whole(Program& gaze) {
  std::string source, target;
  for (int i = 0; i < 40; ++i) {
    source += fmt::format("ein {} hund\n", i % 3 ? "alter" : "junger");
    target += fmt::format("an {} dog\n", i % 3 ? "old" : "young");
  }
  write(gaze.folder / "source", source);
  write(gaze.folder / "target", target);
  Args args = {"train"};
  for (const char* word : {"pairs", "--src", "source", "--tgt", "target", "--test-src", "source", "--test-tgt",
                           "target", "--run", "run", "--threads", "1", "--steps", "14"})
    args.emplace_back(word);
  for (const char* setting :
       {"d_model=16", "d_ff=32", "heads=2", "layers=1", "batch=8", "units=subwords", "vocab=40", "log_every=2",
        "validate_every=4", "checkpoint_every=7", "average=2", "probes=2", "lr=0.01"})
    args.insert(args.end(), {"--set", setting});
  const Result r = gaze.run(args);
  INFO(r.err);
  REQUIRE(r.status == 0);
  REQUIRE(gaze.run({"report", "run"}).status == 0);
}

/// What `gaze check` says of a file.
json said_of(const json& check, const std::string& file) {
  for (const json& f : check["files"])
    if (f["file"] == file) return f;
  return {};
}

json check_of(Program& gaze, const std::string& run, int status) {
  const auto before = contents(gaze.folder / run);
  const Result r = gaze.run({"check", run, "--json"});
  CAPTURE(r.out, r.err);
  CHECK(r.status == status);
  CHECK(contents(gaze.folder / run) == before);
  const json check = json::parse(r.out, nullptr, false);
  REQUIRE(check.is_object());
  CHECK(check["whole"] == (status == 0));
  return check;
}

std::string cut(const std::string& bytes) { return bytes.substr(0, bytes.size() / 2); }

}  // namespace

TEST_CASE("check says of every file of a run that it is whole, and what it is of", "[check]") {
  Program gaze;
  train_whole(gaze);
  const json check = check_of(gaze, "run", 0);
  std::set<std::string> names;
  for (const json& file : check["files"]) {
    INFO(file);
    CHECK(file["state"] == "whole");
    CHECK(names.insert(file["file"]).second);
  }
  for (const auto& [name, bytes] : contents(gaze.folder / "run"))
    if (!fs::is_directory(gaze.folder / "run" / name)) CHECK(names.contains(name));
  for (const char* name : {"best.safetensors", "snapshots/best.safetensors", "averaged.safetensors", "test.hyp"})
    if (!names.contains(name)) WARN("this training has no " << name);
  CHECK(said_of(check, "checkpoint.safetensors")["step"] == 14);
  CHECK(said_of(check, "best.safetensors")["validation_loss"].is_number());
  CHECK(said_of(check, "attention/index.json")["step"] == 14);

  const Result r = gaze.run({"check", "run"});
  CHECK(r.status == 0);
  CHECK(r.err.empty());
  CHECK_THAT(r.out, ContainsSubstring("checkpoint.safetensors") && ContainsSubstring(", step 14"));
  CHECK_THAT(r.out, ContainsSubstring("multihead_attn.*.npy"));  // those of a module are one line
  check_complaint(gaze.run({"check", "nowhere"}), 1, "nowhere: there is no such folder");
  check_complaint(gaze.run({"check", "."}), 1, "there is one in ./run");
}

TEST_CASE("check names what is wrong with a file of a run, and what to do", "[check]") {
  Program gaze;
  train_whole(gaze);
  const fs::path run = gaze.folder / "bad";
  const std::string npy = "attention/body.decoder.layers.0.multihead_attn.0000014.npy";
  const auto text = [&](const std::string& file, const std::string& bytes) {
    return [=] { write(run / file, bytes); };
  };
  const auto halved = [&](const std::string& file) { return [=] { write(run / file, cut(read(run / file))); }; };
  const auto removed = [&](const std::string& file) { return [=] { REQUIRE(fs::remove(run / file)); }; };
  const auto changed = [&](const std::string& file, const std::string& from, const std::string& to) {
    return [=] {
      std::string bytes = read(run / file);
      const std::size_t at = bytes.find(from);
      REQUIRE(at != bytes.npos);
      write(run / file, bytes.replace(at, from.size(), to));
    };
  };
  const auto checkpoint = [&](const std::string& file, const std::function<void(gaze::Checkpoint&)>& change) {
    return [=] {
      gaze::Checkpoint weights = gaze::load_safetensors(run / file);
      change(weights);
      gaze::save_safetensors(run / file, weights);
    };
  };
  const auto note = [&](const std::string& file, const std::string& name, const char* key, const json& value) {
    return checkpoint(file, [=](gaze::Checkpoint& c) {
      json object = json::parse(c.metadata.at(name));
      object[key] = value;
      c.metadata[name] = object.dump();
    });
  };
  const auto number = [&](const std::string& file, const std::string& part, float value) {
    return checkpoint(file, [=](gaze::Checkpoint& c) {
      for (auto& [name, array] : c.arrays)
        if (name.starts_with(part)) return array.set(1, value);
      FAIL("no tensor " << part);
    });
  };
  struct Row {
    std::string file, state, says;
    std::function<void()> damage;
  };
  const std::string last = "checkpoint.safetensors", best = "best.safetensors";
  for (const Row& row : {
           Row{"config.json", "wrong", "config.json:1: it is not JSON", text("config.json", "}{")},
           {"config.json", "wrong", "there is no such file", removed("config.json")},
           {"config.json", "wrong", "d_model: 16, not 32",
            changed("config.json", "\"d_model\": 16", "\"d_model\": 32")},
           {"config.json", "wrong", "9 steps, and 14 are done",
            changed("config.json", "\"steps\": 14", "\"steps\": 9")},
           {last, "wrong", "must begin at", halved(last)},
           {last, "wrong", "the training cannot go on", removed(last)},
           {last, "wrong", "not finite", number(last, "body.decoder", NAN)},
           {last, "wrong", "exp_avg_sq", number(last, "optimizer.exp_avg_sq.", -1)},
           {last, "wrong", "step is 3.7", note(last, "progress", "step", 3.7)},
           {last, "wrong", "vocabulary is broken",
            checkpoint(last, [](gaze::Checkpoint& c) { c.metadata["source_vocabulary"] = "7"; })},
           {last, "wrong", "subwords",
            checkpoint(last, [](gaze::Checkpoint& c) { c.metadata["source_subwords"].resize(101); })},
           {last, "wrong", "missing", checkpoint(last, [](gaze::Checkpoint& c) { c.arrays.erase(c.arrays.begin()); })},
           {"metrics.jsonl", "wrong", "metrics.jsonl:1: it is not JSON", text("metrics.jsonl", "nothing\n")},
           {"metrics.jsonl", "wrong", "metrics.jsonl:5: it is not JSON", halved("metrics.jsonl")},
           {"metrics.jsonl", "wrong", "6 of its 7 lines are gone", text("metrics.jsonl", "{\"step\":2}\n")},
           {"metrics.jsonl", "wrong", "lines are gone", removed("metrics.jsonl")},
           {"metrics.jsonl", "wrong", "step 4 follows step 9", changed("metrics.jsonl", "\"step\":2", "\"step\":9")},
           {"metrics.jsonl", "unfinished", "after the state",
            text("metrics.jsonl", read(gaze.folder / "run/metrics.jsonl") + "{\"step\":20}\n")},
           {"metrics.jsonl", "unfinished", "no end",
            text("metrics.jsonl", read(gaze.folder / "run/metrics.jsonl") + "{\"st")},
           {best, "wrong", "must begin at", halved(best)},
           {best, "wrong", "the training has done 14 steps", note(best, "validation", "step", 15)},
           {best, "wrong", "not a step and a loss", note(best, "validation", "loss", "low")},
           {best, "wrong", "not of the training", note(best, "config", "d_ff", 64)},
           {best, "wrong", "source_vocabulary is another",
            checkpoint(best,
                       [](gaze::Checkpoint& c) {
                         json words = json::parse(c.metadata["source_vocabulary"]);
                         std::swap(words[5], words[6]);
                         c.metadata["source_vocabulary"] = words.dump();
                       })},
           {"snapshots/000000012.safetensors", "wrong", "must begin at", halved("snapshots/000000012.safetensors")},
           {"snapshots/000000016.safetensors", "unfinished", "after the state",
            [&] { fs::copy(run / "snapshots/000000012.safetensors", run / "snapshots/000000016.safetensors"); }},
           {"attention/index.json", "wrong", "it is not JSON", halved("attention/index.json")},
           {"attention/index.json", "wrong", "has no attention",
            changed("attention/index.json", "\"heads\":2", "\"heads\":1")},
           {"attention/index.json", "unfinished", "it is empty", text("attention/index.json", "")},
           {npy, "wrong", "there is no such file", removed(npy)},
           {npy, "wrong", npy, halved(npy)},
           {npy, "wrong", "and the index has",
            [&] {
              const std::string encoder = "attention/body.encoder.layers.0.self_attn.0000000.npy";
              std::string bytes = read(run / npy);
              const std::size_t at = bytes.find("(2, 2,");
              REQUIRE(at != bytes.npos);
              write(run / npy, bytes.replace(at, 6, "(1, 4,"));
            }},
           {"attention/body.decoder.layers.0.multihead_attn.0000099.npy", "unfinished", "does not name it",
            [&] { fs::copy(run / npy, run / "attention/body.decoder.layers.0.multihead_attn.0000099.npy"); }},
           {"report.html", "wrong", "no end", halved("report.html")},
           {"test.hyp", "wrong", "test.hyp:1", text("test.hyp", "\xff\n")},
           {"metrics.jsonl", "wrong", "not a regular file",
            [&] {
              fs::remove(run / "metrics.jsonl");
              REQUIRE(::mkfifo((run / "metrics.jsonl").c_str(), 0600) == 0);
            }},
           {"checkpoint.safetensors.17.part", "unfinished", "it was being written",
            text("checkpoint.safetensors.17.part", "x")},
           {"notes.txt", "unknown", "gaze writes no such file", text("notes.txt", "mine\n")},
       }) {
    CAPTURE(row.file, row.says);
    fs::remove_all(run);
    fs::copy(gaze.folder / "run", run, fs::copy_options::recursive);
    row.damage();
    const bool wrong = row.state == "wrong";
    if (fs::is_fifo(run / row.file)) {  // whose content nobody should wait for
      check_complaint(
          {
              1,
              "",
              gaze.run({"check", "bad"}).err,
          },
          1, row.file);
      continue;
    }
    const json said = said_of(check_of(gaze, "bad", wrong), row.file);
    REQUIRE(said.is_object());
    CHECK(said["state"] == row.state);
    CHECK_THAT(said["wrong"].get<std::string>(), ContainsSubstring("bad/" + row.file) && ContainsSubstring(row.says));
    CHECK(said.contains("remedy") == (row.state != "unknown"));
    const Result r = gaze.run({"check", "bad"});
    CHECK_THAT(r.out, ContainsSubstring(row.file) && ContainsSubstring(row.says));
    CHECK(lines_of(r.err).size() == (wrong ? 1 : 0));
    if (wrong) CHECK_THAT(r.err, ContainsSubstring("bad: wrong: ") && ContainsSubstring(row.file));
  }
}

TEST_CASE("check looks at a run that is being trained, and takes nothing from it", "[check]") {
  Program gaze, other;
  const fs::path run = gaze.folder / "run";
  gaze.start(training(run.string(), {"--steps", "100000", "--set", "checkpoint_every=5", "--set", "probes=2"}));
  gaze.wait_until([&] { return fs::exists(run / "checkpoint.safetensors"); });
  for (int i = 0; i < 5; ++i) {
    const Result r = other.run({"check", run.string(), "--json"});
    INFO(r.err);
    CHECK(r.status == 0);
    const json check = json::parse(r.out, nullptr, false);
    REQUIRE(check.is_object());
    CHECK(check["in_use"] == true);
  }
  ::kill(gaze.child, SIGINT);
  CHECK(gaze.finish().status == 130);
  CHECK(json::parse(gaze.run({"check", "run", "--json"}).out)["in_use"] == false);
}
