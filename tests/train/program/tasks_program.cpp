#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include <gaze/datasets/toy.h>
#include <gaze/train/program/commands/output.h>

#include "../../catch.h"
#include "../../program.h"

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const Args names = {"copy", "shift", "reverse", "sort", "digits", "dates", "grammar"};

json object_of(const Result& r) {
  INFO(r.err);
  REQUIRE(r.status == 0);
  CHECK(lines_of(r.out).size() == 1);
  json object = json::parse(r.out, nullptr, false);
  REQUIRE(object.is_object());
  return object;
}

Result train(Program& gaze, const std::string& task, const std::string& run, const Args& more = {}) {
  Result r = gaze.run(joined({"train", task, "--run", run, "--threads", "1", "--set", "d_model=16", "--set", "d_ff=32",
                              "--set", "probes=0", "--set", "validation=40"},
                             more));
  INFO(r.err);
  REQUIRE(r.status == 0);
  return r;
}

/// The alignment error rate of a text that ends with "alignment error rate 1.23 %".
std::string error_rate_in(const std::string& text) {
  const std::string before = "alignment error rate ";
  const auto at = text.find(before);
  REQUIRE(at != text.npos);
  return text.substr(at + before.size(), text.find(" %", at) - at - before.size());
}

}  // namespace

TEST_CASE("the demo's model answers what people type first", "[program]") {
  bool too_slow = std::getenv("GAZE_OTHER_LEVELS") != nullptr;  // once is enough: it trains for seconds
#ifdef __SANITIZE_ADDRESS__
  too_slow = true;
#endif
  if (too_slow) {
    WARN("skipped: a training of hundreds of steps");
    return;
  }
  const std::vector<std::pair<std::string, std::string>> sentences = {
      {"Bonjour", "hello"},
      {"bonsoir", "good evening"},
      {"salut !", "hi"},
      {"au revoir", "goodbye"},
      {"Merci.", "thank you"},
      {"bonne nuit", "good night"},
      {"oui", "yes"},
      {"Bonjour le monde", "hello world"},
      {"bonjour mon ami", "hello my friend"},
      {"Bonjour, madame", "hello madam"},
      {"bonjour les filles", "hello girls"},
      {"le chat", "the cat"},
      {"l'homme", "the man"},
      {"les enfants", "the children"},
      {"une pomme", "an apple"},
      {"un petit chien noir", "a small black dog"},
      {"les fleurs rouges", "the red flowers"},
      {"le chat dort", "the cat sleeps"},
      {"la fille mange une poire", "the girl eats a pear"},
      {"le chien ne dort pas", "the dog does not sleep"},
      {"la femme regarde les oiseaux", "the woman watches the birds"},
      {"je mange", "I eat"},
      {"je mange une pomme", "I eat an apple"},
      {"J'aime le chat", "I love the cat"},
      {"J\u2019aime les pommes", "I love the apples"},
      {"je n'aime pas les poires", "I do not love the pears"},
      {"je t'aime", "I love you"},
      {"il dort", "he sleeps"},
      {"elle chante bien", "she sings well"},
      {"nous mangeons", "we eat"},
      {"tu as un chien", "you have a dog"},
      {"c'est un chat", "it is a cat"},
      {"ce n'est pas un chat", "it is not a cat"},
      {"Où est le chat ?", "where is the cat"},
      {"le chat est noir", "the cat is black"},
      {"elle est belle", "she is beautiful"},
      {"La petite fille regarde les fleurs rouges", "the small girl watches the red flowers"},
      {"Les chiens noirs ne mangent pas la poire verte", "the black dogs do not eat the green pear"}};
  Program gaze;
  const Result trained = gaze.run({"train", "grammar", "--demo", "--set", "probes=0"});  // they change no bit
  INFO(trained.err);
  REQUIRE(trained.status == 0);
  CHECK_THAT(trained.out,
             ContainsSubstring("tasks grammar") && ContainsSubstring("inspect runs/demo \"J'aime les pommes\""));
  std::string input;
  for (const auto& [french, english] : sentences) input += french + "\n";
  const Result r = gaze.run({"translate", "runs/demo"}, {.input = input});
  CHECK(r.status == 0);
  CHECK(r.err == "");
  const auto answers = lines_of(r.out);
  REQUIRE(answers.size() == sentences.size());
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    INFO(sentences[i].first);
    CHECK(answers[i] == sentences[i].second);
  }
}

TEST_CASE("tasks lists all toy tasks, and describes each with commands to paste", "[program]") {
  Program gaze;
  const Result all = gaze.run({"tasks"});
  CHECK(all.status == 0);
  for (const std::string& name : names) {
    const Result one = gaze.run({"tasks", name});
    INFO(name);
    CHECK(one.status == 0);
    const auto task = gaze::train::make_toy_task(name, {});
    CHECK_THAT(all.out, ContainsSubstring(name + " ") && ContainsSubstring(task->description()));
    CHECK_THAT(one.out, ContainsSubstring(task->description()) && ContainsSubstring("gaze train " + name));
    for (const std::string& sentence : task->guide().examples)
      CHECK_THAT(one.out,
                 ContainsSubstring("gaze inspect runs/" + name + " " + gaze::train::shell_quoted(sentence) + "\n"));
    for (const std::string& line : lines_of(one.out)) CHECK(line.size() < 130);
  }
  const json listed = object_of(gaze.run({"tasks", "--json"}));
  Args found;
  for (const json& task : listed["tasks"]) found.push_back(task["name"]);
  CHECK(found == names);
  const json grammar = object_of(gaze.run({"tasks", "grammar", "--json"}));
  CHECK(grammar["words"]["verbs"][0] == json{{"words", "dors dort dormons dormez dorment"}, {"meaning", "sleep"}});
  CHECK(grammar["commands"].size() == grammar["examples"].size());
  CHECK_THAT(gaze.run({"tasks", "sort", "--set", "vocab=3"}).out, ContainsSubstring("    a b c\n"));

  CHECK_THAT(gaze.run({"tasks", "sort", "--set", "vocab=3"}).out,
             ContainsSubstring("gaze train sort --run runs/sort --set vocab=3\n"));

  // What is pasted works.
  train(gaze, "reverse", "runs/reverse", {"--steps", "1"});
  const Result described = gaze.run({"tasks", "reverse"});
  CHECK_THAT(described.out, !ContainsSubstring("gaze train"));
  CHECK_THAT(gaze.run({"tasks", "reverse", "--set", "vocab=3"}).out,
             ContainsSubstring("gaze train reverse --run runs/reverse-2 --set vocab=3\n") &&
                 ContainsSubstring("gaze inspect runs/reverse-2 "));
  const json commands = object_of(gaze.run({"tasks", "reverse", "--json"}))["examples"];
  REQUIRE(commands.size() == 3);
  for (const json& sentence : commands) CHECK(gaze.run({"inspect", "runs/reverse", sentence}).err == "");
}

TEST_CASE("the sentences that tasks writes are those that training reports on", "[program]") {
  Program gaze;
  for (const std::string task : {"grammar", "reverse", "digits", "dates"}) {
    INFO(task);
    const Result trained = train(gaze, task, task, {"--steps", "20", "--seed", "3", "--set", "heads=2"});
    const std::string source = task + "/text/source.txt", target = task + "/text/target.txt";
    const Result written = gaze.run({"tasks", task, "--set", "seed=3", "--count", "40", "--write", task + "-text"});
    CHECK(written.status == 0);
    const Result of_run = gaze.run({"tasks", "./" + task, "--write", task + "/text"});
    CHECK(of_run.status == 0);
    for (const char* file : {"source.txt", "target.txt", "gold.txt"}) {
      CHECK(read(gaze.folder / task / "text" / file) == read(gaze.folder / (task + "-text") / file));
      CHECK(lines_of(read(gaze.folder / task / "text" / file)).size() == 40);
    }
    const Result aligned = gaze.run({"align", task, "--src", source, "--tgt", target});
    CHECK(aligned.status == 0);
    CHECK(aligned.err == "");
    write(gaze.folder / "predicted", aligned.out);
    Args score = {"score", "align", "--gold", task + "/text/gold.txt", "--pred", "predicted"};
    const bool words = task == "grammar" || task == "reverse";
    if (words) score = joined(score, {"--src", source, "--tgt", target});
    CHECK((written.out.find("--src " + task + "-text/source.txt --tgt " + task + "-text/target.txt\n") !=
           std::string::npos) == words);
    const Result scored = gaze.run(score);
    INFO(scored.err);
    CHECK(scored.status == 0);
    CHECK(error_rate_in(scored.out) == error_rate_in(trained.out));

    const json valid =
        object_of(gaze.run({"tasks", task, "--write", task + "-valid", "--split", "valid", "--count", "7", "--json"}));
    CHECK(valid["split"] == "valid");
    CHECK(valid["sentences"] == 7);
    const auto held_out = lines_of(read(gaze.folder / valid["source"].get<std::string>()));
    const auto maker = gaze::train::make_toy_task(task, {});
    REQUIRE(held_out.size() == 7);
    for (std::size_t i = 0; i < 7; ++i)
      CHECK(maker->tokenize(held_out[i]) == maker->example(gaze::train::Split::validation, i).source);
  }
}

TEST_CASE("tasks overwrites nothing and leaves nothing half-written", "[program]") {
  Program gaze;
  for (const char* file : {"source.txt", "target.txt", "gold.txt"}) {
    const std::string folder = std::string("with-") + file;
    fs::create_directory(gaze.folder / folder);
    write(gaze.folder / folder / file, "mine");
    check_complaint(gaze.run({"tasks", "copy", "--write", folder}), 1, folder + "/" + file);
    CHECK(read(gaze.folder / folder / file) == "mine");
    CHECK(std::distance(fs::directory_iterator(gaze.folder / folder), {}) == 1);
  }
  write(gaze.folder / "file", "mine");
  check_complaint(gaze.run({"tasks", "copy", "--write", "file"}), 1, "file");
  check_complaint(gaze.run({"tasks", "copy", "--write", "file/in/it"}), 1, "file");
  CHECK(read(gaze.folder / "file") == "mine");
  // The sources fit, their gold links do not.
  check_complaint(gaze.run({"tasks", "copy", "--write", "a/b/c", "--count", "200"}, {.file_limit = 4096}), 1, "a/b/c");
  CHECK_FALSE(fs::exists(gaze.folder / "a"));
  fs::create_directory(gaze.folder / "there");
  check_complaint(gaze.run({"tasks", "copy", "--write", "there", "--count", "200"}, {.file_limit = 4096}), 1, "there");
  CHECK(fs::is_empty(gaze.folder / "there"));
  CHECK(gaze.run({"tasks", "copy", "--write", "there/", "--count", "1"}).status == 0);
  check_complaint(gaze.run({"tasks", "copy", "--write", "there", "--count", "1"}), 1, "nothing is overwritten");
}

TEST_CASE("tasks refuses what it does not have", "[program]") {
  Program gaze;
  write(gaze.folder / "text", "a b\nc d\ne f\n");
  train(
      gaze, "pairs", "pairs-run",
      {"--src", "text", "--tgt", "text", "--valid-src", "text", "--valid-tgt", "text", "--steps", "0", "--set",
       "min_frequency=1", "--set", "layers=1", "--set", "validation=512"});  // the default, as pairs have no use for it
  check_complaint(gaze.run({"tasks", "pairs-run"}), 1, "pairs-run: it is not a run of a toy task");
  check_complaint(gaze.run({"tasks", "runs/none"}), 1, "runs/none");
  check_complaint(gaze.run({"tasks", "text"}), 1, "text");
  const std::vector<std::pair<Args, std::string>> wrong = {
      {{"tasks", "grammer"}, "did you mean grammar?"},
      {{"tasks", ""}, "not an empty word"},
      {{"tasks", "pairs"}, "unknown task pairs"},
      {{"tasks", "copy", "sort"}, "sort"},
      {{"tasks", "--write", "x"}, "which?"},
      {{"tasks", "--set", "seed=2"}, "which?"},
      {{"tasks", "copy", "--write", ""}, "not an empty word"},
      {{"tasks", "copy", "--write"}, "--write"},
      {{"tasks", "copy", "--count", "3"}, "--write"},
      {{"tasks", "copy", "--split", "test"}, "--write"},
      {{"tasks", "copy", "--write", "x", "--count", "0"}, "--count"},
      {{"tasks", "copy", "--write", "x", "--count", "-1"}, "--count"},
      {{"tasks", "copy", "--write", "x", "--count", "many"}, "--count"},
      {{"tasks", "copy", "--write", "x", "--split", "train"}, "--split"},
      {{"tasks", "copy", "--set", "vocab"}, "vocab"},
      {{"tasks", "copy", "--set", "vocba=3"}, "did you mean vocab?"},
      {{"tasks", "copy", "--set", "vocab=-3"}, "vocab=-3"},
      {{"tasks", "copy", "--set", "min_length=30"}, "min_length"},
      {{"tasks", "copy", "--set", "task=sort"}, "task=sort"}};
  for (const auto& [args, what] : wrong) {
    CAPTURE(args);
    check_complaint(gaze.run(args), 2, what);
  }
  CHECK_FALSE(fs::exists(gaze.folder / "x"));
}

TEST_CASE("a run of another version of its task is inspected with its own words, and refused where the task counts",
          "[program]") {
  Program gaze;
  train(gaze, "copy", "old", {"--steps", "1", "--set", "vocab=4"});
  // As if the task had other symbols today: the run keeps those of its checkpoint.
  std::string checkpoint = read(gaze.folder / "old/checkpoint.safetensors");
  for (std::size_t at = 0; (at = checkpoint.find(R"(\"b\")", at)) != checkpoint.npos; ++at) checkpoint[at + 2] = 'z';
  write(gaze.folder / "old/checkpoint.safetensors", checkpoint);
  const Result inspected = gaze.run({"inspect", "old", "a z c", "z"});
  INFO(inspected.err);
  CHECK(inspected.status == 0);
  CHECK(inspected.err == "");
  CHECK_THAT(gaze.run({"inspect", "old", "b"}).err,
             ContainsSubstring("unknown to the model: b; it was trained on another version of the task copy\n"));
  CHECK(gaze.run({"translate", "old"}, {.input = "z\n"}).err == "");
  CHECK(gaze.run({"gradcheck", "--model", "old"}).status == 0);
  check_complaint(gaze.run({"train", "--resume", "old", "--set", "vocab=5"}), 1, "another version of the task copy");
  const std::string refused = "trained on another version of the task copy: its vocabulary differs";
  write(gaze.folder / "text", "a z\n");
  CHECK(gaze.run({"align", "old", "--src", "text", "--tgt", "text"}).status == 0);
  check_complaint(gaze.run({"align", "old", "--src", "text", "--tgt", "text", "--best"}), 1, refused);
  check_complaint(gaze.run({"train", "--resume", "old", "--steps", "2"}), 1, refused);
  check_complaint(gaze.run({"tasks", "old"}), 1, refused);
  check_complaint(gaze.run({"tasks", "old", "--write", "x"}), 1, refused);
  CHECK_FALSE(fs::exists(gaze.folder / "x"));
}

TEST_CASE("an answer that is empty is called so, and its end mark's attention is shown", "[program]") {
  // A model of no training answers this or that: with few words soon nothing.
  Program gaze;
  train(gaze, "copy", "run", {"--steps", "0", "--set", "vocab=4"});
  std::optional<Result> empty;
  for (int seed = 1; !empty && seed < 40; ++seed) {
    const std::string run = "run" + std::to_string(seed);
    train(gaze, "copy", run, {"--steps", "0", "--set", "vocab=2", "--seed", std::to_string(seed)});
    if (gaze.run({"translate", run}, {.input = "a quux\n"}).out != "\n") continue;
    empty = gaze.run({"inspect", run, "a quux"});
    const json shown = object_of(gaze.run({"inspect", run, "a quux", "--json"}));
    CHECK(shown["target"] == json{"</s>"});
    CHECK(shown["links"] == "");
    REQUIRE(shown["weights"].size() == 1);
    CHECK(shown["weights"][0][0].get<double>() + shown["weights"][0][1].get<double>() == Approx(1));
    CHECK(gaze.run({"inspect", run, "a quux", "--shift", "consumed"}).status == 0);
    for (const char* kind : {"encoder", "decoder"})
      CHECK(gaze.run({"inspect", run, "a quux", "--kind", kind}).status == 0);
  }
  REQUIRE(empty);
  CHECK(empty->status == 0);
  CHECK_THAT(empty->err, ContainsSubstring("source: unknown to the model: quux; gaze tasks copy lists the words") &&
                             ContainsSubstring("the model's answer is empty"));
  CHECK_THAT(empty->out, ContainsSubstring("</s>"));
  check_complaint(gaze.run({"inspect", "run", "a", " "}), 1, "the target sentence has no words");
}
