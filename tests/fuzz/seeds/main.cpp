/// Seeds for the harnesses of tests/fuzz/: what gaze itself writes, and lines as people write them. See ./run fuzz.

#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/files.h>
#include <gaze/datasets/subwords.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/train/attention/attention_log.h>
#include <gaze/train/options.h>
#include <gaze/train/preset_files.h>
#include <gaze/train/text/pair_data.h>
#include <gaze/train/text/text_data.h>
#include <gaze/train/text/text_model.h>
#include <gaze/train/training_run.h>

using namespace gaze;
using namespace gaze::train;
namespace fs = std::filesystem;

namespace {

/// A file for a harness.
void seed(const fs::path& folder, const std::string& harness, const std::string& name, std::string_view bytes) {
  fs::create_directories(folder / harness);
  write_file_atomically(folder / harness / name, {bytes}, false);
}

Config tiny(const std::string& task, const std::vector<std::string>& settings) {
  Config config = default_config(task);
  for (const char* all : {"d_model=8", "layers=1", "heads=2", "batch=4", "log_every=1", "patience=3", "average=2"})
    set_option(config, all);
  config.training.epochs = 0, config.training.steps = 2;
  if (is_used(config, "probes")) config.recording.probes = 2;
  for (const std::string& setting : settings) set_option(config, setting);
  return config;
}

/// Trains in a new folder.
void train(Learner& learner, const fs::path& path,
           const std::function<std::unique_ptr<AttentionLog>(const RunFolder&)>& record = {}) {
  RunFolder folder = RunFolder::create(path, learner.config());
  TrainingRun run(learner, folder);
  const auto log = record ? record(folder) : nullptr;
  if (log) {
    log->begin(0);
    run.on_step([&](const StepReport& report) { log->after(report.step); });
  }
  run.run();
}

void train_translator(const Config& config, const LanguagePair& languages, PairData& pairs, const fs::path& path) {
  Translator translator(config, languages);
  SequenceLearner learner(config, translator.params(), translator.model(), pairs, translator.metadata());
  train(learner, path, [&](const RunFolder& folder) {
    const auto look = [&](const std::vector<Example>& sentences, AttentionRecorder& recorder) {
      translator.record(sentences, recorder);
    };
    return std::make_unique<AttentionLog>(config, translator.attentions(), Marks{.end = config.data.source_eos}, look,
                                          folder, pairs.probes(2));
  });
}

void train_toy(const Config& config, const fs::path& path) {
  const LanguagePair languages = toy_languages(config);
  train_translator(config, languages, *toy_pairs(config, languages), path);
}

void train_pairs(const Config& config, const fs::path& path) {
  const PairTexts texts = PairTexts::read(config);
  const LanguagePair languages = learn_languages(config, texts.train);
  TextPairs pairs(config, texts, languages);
  train_translator(config, languages, pairs, path);
}

void train_text(const Config& config, const fs::path& path) {
  TextData::Text text = TextData::read(config);
  const Language language = TextData::learn_language(config, text.train);
  TextModel model(config, language);
  TextData data(config, language, std::move(text));
  SequenceLearner learner(config, model.params(), model.model(), data, model.metadata());
  train(learner, path);
}

/// What a run's folder holds, for those that read it.
void take_run(const fs::path& seeds, const fs::path& run, bool copied) {
  const std::string name = run.filename().string();
  for (const auto& entry : fs::recursive_directory_iterator(run)) {
    if (!entry.is_regular_file()) continue;
    const fs::path& file = entry.path();
    const std::string bytes = read_file(file), own = name + "-" + file.filename().string();
    if (file.extension() == ".safetensors") seed(seeds, "safetensors", own, bytes);
    if (file.extension() == ".npy") seed(seeds, "npy", own, bytes);
    if (file.extension() == ".json") seed(seeds, "json", own, bytes);
    if (file.filename() == "config.json") seed(seeds, "config", own, bytes);
    if (file.filename() == "index.json") seed(seeds, "attention_index", own, bytes);
    if (file.filename() == "metrics.jsonl") seed(seeds, "metrics", own, bytes);
  }
  const auto checkpoint = load_safetensors(run / "checkpoint.safetensors");
  const Metadata known = load_safetensors_metadata(run / "best.safetensors");
  char number = name == "chars" ? '\x80' : '\0';  // as the harness takes it: which note it is, of which model
  std::string notes;
  for (const auto& [note, text] : known) {
    if (note.ends_with("subwords")) continue;
    seed(seeds, "notes", name + "-" + note, number + text);
    notes += number++ + text + '\xff';
  }
  seed(seeds, "notes", name, notes);
  if (!copied) return;
  seed(seeds, "resume", name + "-progress", '\0' + checkpoint.metadata.at("progress"));
  seed(seeds, "resume", name + "-index", '\1' + read_file(run / "attention" / "index.json"));
  seed(seeds, "resume", name + "-metrics", '\2' + read_file(run / "metrics.jsonl"));
  seed(seeds, "resume", name + "-config", '\3' + read_file(run / "config.json"));
  seed(seeds, "resume", name + "-best", '\4' + read_file(run / "best.safetensors"));
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    fmt::print(stderr, "usage: seeds FOLDER\n");
    return 2;
  }
  try {
    const fs::path seeds = arguments[1], work = fs::absolute(seeds.string() + ".work");
    fs::remove_all(seeds), fs::remove_all(work);
    fs::create_directories(work);
    std::string source, target, columns;
    for (int i = 0; i < 30; ++i)
      for (const auto& [from, to] : {std::pair("der hund l\u00e4uft", "the dog runs"), {"ein haus", "a house"}}) {
        source += fmt::format("{} {}\n", from, i), target += fmt::format("{} {}\n", to, i);
        columns += fmt::format("{}\t{} {}\n", from, to, i);
      }
    write_file_atomically(work / "source", {source}, false);
    write_file_atomically(work / "target", {target}, false);
    const std::string src = "src=" + (work / "source").string(), tgt = "tgt=" + (work / "target").string(),
                      text = "text=" + (work / "target").string();

    train_toy(tiny("copy", {"vocab=3", "length=3", "validation=4"}), work / "copy");
    train_toy(tiny("sort", {"model=rnn", "vocab=4", "length=4", "validation=4", "source_eos=true"}), work / "sort");
    train_pairs(tiny("pairs", {src, tgt, "length=8"}), work / "pairs");
    train_pairs(tiny("pairs", {src, tgt, "units=subwords", "vocab=40", "length=20", "shared=true"}), work / "pieces");
    train_text(tiny("chars", {text, "length=8"}), work / "chars");
    for (const char* run : {"copy", "sort", "pairs", "pieces", "chars"})
      take_run(seeds, work / run, run == std::string_view("copy"));

    for (const auto& [name, file] : preset_files()) seed(seeds, "config", name, file), seed(seeds, "json", name, file);
    const Config defaults;
    for (const std::string& key : config_keys())
      seed(seeds, "options", key, key + "=" + option_value(defaults, key).dump() + "\n");
    seed(seeds, "options", "some", "betas=[0.9, 0.99]\nlr=1e-3\ntask=reverse\nmodel=rnn\nunits=characters\n");

    std::vector<std::string_view> lines;
    for (std::string_view rest = source; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1))
      lines.push_back(rest.substr(0, rest.find('\n')));
    seed(seeds, "subwords", "pieces", Subwords::train(lines, 40, {}).serialized());
    seed(seeds, "text", "source", source.substr(0, 200));
    seed(seeds, "text", "marks",
         "\u0301a\u0301 \u200b\u05d0 \U0001F600\u00a0\r\n\u039f\u03a3 \u0130\u1100\u1161\u2028x");
    seed(seeds, "text", "order", "\ufeffe\u0323\u0307\u3000 \U0001F1E9\U0001F1EA \U0001F469\u200d\U0001F467");
    seed(seeds, "columns", "pairs", columns.substr(0, 200));
    seed(seeds, "alignments", "links", "0-0 1p1 2-1\n\n3-0\t0p3");
    seed(seeds, "alignments", "crossed", "1-3 2-2 3-1 3p3 4-4");
    using std::string_literals::operator""s;
    seed(seeds, "einsum", "product", "ij,jk->ik\n\2\3\0\3\2\0"s);
    seed(seeds, "einsum", "scores", "bhtk,bhsk->bhts\n\1\2\3\2\0\1\2\3\2\0"s);
    seed(seeds, "einsum", "sum", "ij->j\n\3\3\0"s);
    fs::remove_all(work);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "seeds: {}\n", error.what());
    return 1;
  }
}
