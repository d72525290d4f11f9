#include <array>
#include <map>
#include <memory>

#include <gaze/autograd/base/files.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/train/attention/attention_log.h>
#include <gaze/train/text/pair_data.h>
#include <gaze/train/training_run.h>

#include <nlohmann/json.hpp>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;
namespace fs = std::filesystem;

namespace {

/// A run of two steps, with its files as they were written, and what it is trained with.
struct Run {
  Run() : path(fuzz::folder() / "run") {
    config = default_config("copy");
    config.model.d_model = config.model.d_ff = 4, config.model.layers = config.model.heads = 1;
    config.data.vocab = 3, config.data.length = 3, config.data.validation = 4, config.training.batch = 2;
    config.training.steps = 2, config.training.log_every = 1, config.training.patience = 5;
    config.recording.probes = 2;
    translator = std::make_unique<Translator>(config, toy_languages(config));
    pairs = toy_pairs(config, translator->languages());
    learner = std::make_unique<SequenceLearner>(config, translator->params(), translator->model(), *pairs,
                                                translator->metadata());
    RunFolder folder = RunFolder::create(path, config);
    TrainingRun run(*learner, folder);
    const auto log = attention(folder);
    log->begin(0);
    run.on_step([&](const StepReport& report) { log->after(report.step); });
    run.run();
    for (const auto& entry : fs::recursive_directory_iterator(path))
      if (entry.is_regular_file()) files[entry.path()] = read_file(entry.path());
  }

  std::unique_ptr<AttentionLog> attention(const RunFolder& folder) const {
    const auto look = [this](const std::vector<Example>& sentences, AttentionRecorder& recorder) {
      translator->record(sentences, recorder);
    };
    return std::make_unique<AttentionLog>(config, translator->attentions(), Marks{}, look, folder, pairs->probes(2));
  }
  /// All files as they were.
  void restore() const {
    fs::remove_all(path);
    fs::create_directories(path / "attention");
    for (const auto& [file, bytes] : files) fuzz::write(file, bytes);
  }

  fs::path path;
  Config config;
  std::unique_ptr<Translator> translator;
  std::unique_ptr<PairData> pairs;
  std::unique_ptr<SequenceLearner> learner;
  std::map<fs::path, std::string> files;
};

}  // namespace

/// A run that is taken up again when one of its files is broken: one byte says which, the others are its own. Either
/// it is refused, or what lies in the folder afterwards can be read and taken up once more.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Run run;
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  run.restore();
  switch (data[0] % 5) {
    case 0: {
      Checkpoint checkpoint = load_safetensors(run.path / "checkpoint.safetensors");
      checkpoint.metadata["progress"] = text;
      if (!fuzz::accepts([&] { save_safetensors(run.path / "checkpoint.safetensors", checkpoint); })) return 0;
      break;
    }
    case 1: fuzz::write(run.path / "attention" / "index.json", text); break;
    case 2: fuzz::write(run.path / "metrics.jsonl", text); break;
    case 3: fuzz::write(run.path / "config.json", text); break;
    default: fuzz::write(run.path / "best.safetensors", text);
  }
  const bool taken_up = fuzz::accepts([&] {
    RunFolder folder = RunFolder::open(run.path);
    folder.config();
    TrainingRun again(*run.learner, folder);
    again.resume();
    fuzz::must(again.steps_done() >= 0 && again.steps_done() <= run.config.training.steps, "steps are those asked for");
    run.attention(folder)->begin(again.steps_done());
  });
  if (!taken_up) return 0;
  RunFolder folder = RunFolder::open(run.path);
  TrainingRun again(*run.learner, folder);
  again.resume();  // what was made good once stays so
  fuzz::accepts([&] { folder.weights(); });
  fuzz::accepts([&] { AttentionLog::load(folder); });
  return 0;
}
