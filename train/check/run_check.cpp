#include <gaze/train/check/run_check.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/base/files.h>
#include <gaze/datasets/lines.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/train/attention/attention_log.h>
#include <gaze/train/folder.h>
#include <gaze/train/json.h>
#include <gaze/train/optimizers.h>
#include <gaze/train/options.h>
#include <gaze/train/saved_model.h>
#include <gaze/train/text/text_model.h>
#include <gaze/train/text/translator.h>
#include <gaze/train/training_run.h>

namespace gaze::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* repeat = "gaze train config.json --run OTHER repeats the run to the bit";

/// A model as the commands load it from a file of weights.
struct Model {
  std::unique_ptr<Translator> translator;
  std::unique_ptr<TextModel> text;

  static Model load(const fs::path& weights, const Config& config) {
    Model model;
    if (is_plain_text(config))
      model.text = TextModel::load(weights, config);
    else
      model.translator = Translator::load(weights, config);
    return model;
  }
  Params& params() { return text ? text->params() : translator->params(); }
  AttentionSites attentions() const {
    return text ? text->model().anatomy().attentions : translator->model().anatomy().attentions;
  }
};

/// Reads one run, file after file; what the first tell is what the others are held against.
class Reading {
 public:
  explicit Reading(const RunFolder& run) : run_(run) {}

  RunCheck all() {
    RunCheck check;
    check.in_use = run_.in_use();
    list();
    options();
    checkpoint();
    metrics();
    best();
    averaged();
    snapshots();
    attention();
    for (const char* name : {"report.html", "test.hyp"}) output(name);
    for (const std::string& name : std::exchange(present_, {})) rest(name);
    check.files = std::move(files_);
    return check;
  }

 private:
  std::string path_of(const std::string& name) const { return (run_.path() / name).string(); }

  /// All files, by their names within the folder.
  void list() {
    for (const fs::path& entry : entries_below(run_.path()))
      if (!fs::is_directory(entry)) present_.insert(fs::relative(entry, run_.path()).generic_string());
  }

  bool is_there(const std::string& name) const { return present_.contains(name); }

  /// Adds a file and has it read; what is thrown is what is wrong with it.
  CheckedFile& add(const std::string& name, const std::string& what, const std::string& remedy,
                   const std::function<void(CheckedFile&)>& read) {
    CheckedFile file{.name = name, .what = what};
    present_.erase(name);
    try {
      const fs::file_status status = fs::status(run_.path() / name);
      require(fs::is_regular_file(status), "{}: {}", path_of(name),
              fs::exists(status) ? "it is not a regular file" : "there is no such file");
      read(file);
    } catch (const std::bad_alloc&) {
      set(file, FileState::wrong, path_of(name) + ": there is no memory to read it", remedy);
    } catch (const std::exception& error) {
      set(file, FileState::wrong, error.what(), remedy);
    }
    files_.push_back(std::move(file));
    return files_.back();
  }
  static void set(CheckedFile& file, FileState state, std::string wrong, std::string remedy) {
    file.state = state, file.wrong = std::move(wrong), file.remedy = std::move(remedy);
  }
  void missing(const std::string& name, const std::string& what, const std::string& wrong, const std::string& remedy) {
    files_.push_back({.name = name,
                      .state = FileState::wrong,
                      .what = what,
                      .wrong = path_of(name) + ": " + wrong,
                      .remedy = remedy});
  }

  void options() {
    const std::string remedy =
        "write the options anew: those that it was trained with stand in checkpoint.safetensors, in its metadata";
    add("config.json", "options", remedy, [&](CheckedFile& file) {
      config_ = run_.config();
      file.what = fmt::format("options of a training on {}, of {} steps", config_->task, config_->training.steps);
    });
  }

  /// The options that weights were trained with, which must be those of this run.
  Config config_of_weights(const Checkpoint& weights, const std::string& name) const {
    const Config config = run_config_of(weights, config_.value_or(Config{}), path_of(name));
    if (trained_) {
      const auto differences = fixed_differences(*trained_, config);
      require(differences.empty(), "{}: it is not of the training that checkpoint.safetensors is of: {}", path_of(name),
              fmt::join(differences, "; "));
      for (const auto& [note, text] : notes_)
        if (const auto found = weights.metadata.find(note);
            note != "config" && note != "progress" && (found == weights.metadata.end() || found->second != text))
          fail("{}: its {} is another than that of checkpoint.safetensors", path_of(name), note);
    }
    return config;
  }

  /// Reads weights into the model that they are of. Of a model of somebody's own it reads the numbers alone, and there
  /// is none.
  std::optional<Model> model_of(const Checkpoint& weights, const Config& config, const std::string& name) const {
    if (config.own.kind.empty()) return Model::load(run_.path() / name, config);
    try {
      weights_of(weights);
    } catch (const Error& error) {
      fail("{}: {}", path_of(name), error.what());
    }
    return std::nullopt;
  }

  void checkpoint() {
    const std::string name = run_.checkpoint().filename().string(), what = "state of the training";
    if (!is_there(name)) {
      if (is_there("best.safetensors") || is_there("averaged.safetensors"))
        missing(name, what, "there is no such file: the training cannot go on",
                std::string("the weights that are there can be used; ") + repeat);
      return;
    }
    const std::string remedy = "the training cannot go on: put a copy of the file there, or use --weights best; ";
    CheckedFile& added = add(name, what, remedy + repeat, [&](CheckedFile& file) {
      const Checkpoint checkpoint = load_safetensors(run_.checkpoint());
      const Config config = config_of_weights(checkpoint, name);
      const Progress progress = progress_of(checkpoint, path_of(name));
      file.step = progress.step;
      auto model = model_of(checkpoint, config, name);
      if (model) {
        const auto optimizer = make_optimizer(model->params(), config);
        try {
          optimizer->load_state([&](const std::string& of) { return checkpoint.find("optimizer." + of); });
        } catch (const Error& error) {
          fail("{}: {}", path_of(name), error.what());
        }
        attentions_ = model->attentions();
        file.what = fmt::format("state of the training: {} parameters, {}", model->params().count(),
                                name_of(config.training.optimizer));
      } else {
        file.what = fmt::format(
            "state of the training of a model of kind {}, which this program does not know: shapes "
            "are not compared",
            config.own.kind);
      }
      trained_ = config, progress_ = progress, notes_ = checkpoint.metadata;
    });
    if (!trained_ || !config_ || added.state != FileState::whole) return;
    CheckedFile& own = files_.front();  // config.json, which may say other rates, but no other model
    auto differences = fixed_differences(*trained_, *config_);
    if (progress_->step > config_->training.steps && config_->training.epochs == 0)
      differences.push_back(fmt::format("{} steps, and {} are done", config_->training.steps, progress_->step));
    if (!differences.empty())
      set(own, FileState::wrong,
          fmt::format("{}: the state of the training has other options: {}", path_of("config.json"),
                      fmt::join(differences, "; ")),
          "write into it what the training had");
  }

  void metrics() {
    const std::string name = run_.metrics().filename().string(), what = "figures";
    if (!is_there(name)) {
      if (progress_ && progress_->lines > 0)
        missing(name, what, fmt::format("its {} lines are gone", progress_->lines),
                std::string("the training goes on without them, which changes no weights; ") + repeat);
      return;
    }
    const std::string remedy =
        std::string("the training goes on with the lines before, which changes no weights; ") + repeat;
    add(name, what, remedy, [&](CheckedFile& file) {
      const std::string text = read_file(run_.metrics());
      std::int64_t lines = 0, later = 0, last = 0;
      const std::int64_t known = progress_ ? progress_->lines : 0, done = progress_ ? progress_->step : 0;
      bool ended = true;
      for (std::size_t begin = 0; begin < text.size(); ++lines) {
        const std::size_t end = text.find('\n', begin);
        ended = end != text.npos;
        if (!ended && lines >= known) break;  // it was being written
        const json line = metrics_line(std::string_view(text).substr(begin, end - begin), path_of(name), lines + 1);
        const auto step = line["step"].get<std::int64_t>();
        require(step >= last, "{}:{}: step {} follows step {}", path_of(name), lines + 1, step, last);
        require(!progress_ || step <= done || lines >= known, "{}:{}: step {}, and the training has done {} steps",
                path_of(name), lines + 1, step, done);
        // The last state's figures are there whether or not a line of that step was due.
        later += progress_ ? step > done : 1;
        last = step;
        file.step = step;
        if (const auto loss = figure_in(line, "validation_loss")) file.loss = loss;
        begin = ended ? end + 1 : text.size();
      }
      require(lines >= known, "{}: {} of its {} lines are gone", path_of(name), known - lines, known);
      file.what = fmt::format("figures in {} lines", lines);
      if (!ended)
        set(file, FileState::unfinished, fmt::format("{}:{}: the line has no end", path_of(name), lines + 1),
            goes_on());
      else if (later > 0)
        set(file, FileState::unfinished,
            fmt::format("{}: {} of its lines are of steps after the state that is saved", path_of(name), later),
            goes_on());
    });
  }

  static std::string goes_on() { return "gaze train --resume makes it good"; }

  /// Weights that are good to use: whose they are stands in themselves.
  void read_validated(CheckedFile& file) {
    const fs::path path = run_.path() / file.name;
    const Checkpoint weights = load_safetensors(path);
    model_of(weights, config_of_weights(weights, file.name), file.name);
    if (const auto note = validation_of(path)) {
      file.step = note->step, file.loss = note->loss;
      require(!progress_ || note->step <= progress_->step, "{}: it is of step {}, and the training has done {} steps",
              path.string(), note->step, progress_->step);
    }
  }

  void best() {
    const std::string name = run_.best().filename().string(), aside = "snapshots/best.safetensors",
                      what = "weights of the lowest validation loss",
                      remedy = "use --weights last; the training keeps the next validation's when it goes on";
    const BestWeights kept = progress_ && trained_ ? best_weights(run_, *trained_, *progress_) : BestWeights::none;
    const auto later = [&](const char* of) {
      return fmt::format("{}: {}; the state of the training holds them itself", path_of(name), of);
    };
    if (is_there(name)) {
      CheckedFile& file = add(name, what, remedy, [&](CheckedFile& f) { read_validated(f); });
      if (file.state == FileState::whole && kept == BestWeights::lost)
        set(file, FileState::wrong,
            fmt::format("{}: it is not of step {}, of which the lowest loss is", path_of(name), progress_->best->step),
            remedy);
      else if (file.state == FileState::whole && kept == BestWeights::checkpoint)
        set(file, FileState::unfinished, later("it is of an earlier step than the lowest loss"), goes_on());
      else if (file.state == FileState::whole && file.loss && progress_ && progress_->best &&
               kept == BestWeights::there && file.step == progress_->best->step && *file.loss != progress_->best->loss)
        set(file, FileState::wrong,
            fmt::format("{}: its validation loss is {}, and the state of the training says {}", path_of(name),
                        *file.loss, progress_->best->loss),
            remedy);
    } else if (kept == BestWeights::lost) {
      missing(name, what, fmt::format("there is no such file; it was of step {}", progress_->best->step), remedy);
    } else if (kept == BestWeights::checkpoint) {
      files_.push_back({.name = name,
                        .state = FileState::unfinished,
                        .what = what,
                        .step = progress_->step,
                        .wrong = later("there is no such file"),
                        .remedy = goes_on()});
    }
    if (is_there(aside))
      add(aside, "weights of the lowest validation loss on the way; the last state is better",
          "a training that goes on keeps the next validation's", [&](CheckedFile& f) { read_validated(f); });
  }

  void averaged() {
    const std::string name = run_.averaged().filename().string();
    if (!is_there(name)) return;
    add(name, "mean of the last weights", "remove it: the best or the last weights are used then",
        [&](CheckedFile& file) { read_validated(file); });
  }

  void snapshots() {
    std::error_code none;
    const bool any = fs::is_directory(run_.snapshots(), none);
    for (const auto& [step, path] : any ? snapshots_of(run_) : std::map<std::int64_t, fs::path>()) {
      const std::string name = "snapshots/" + path.filename().string();
      const std::int64_t at = step;
      add(name, "weights for the mean", "remove it: the mean is of one less then", [&](CheckedFile& file) {
        const Checkpoint weights = load_safetensors(run_.path() / name);
        model_of(weights, config_of_weights(weights, name), name);
        file.step = at;
        if (!progress_ || at > progress_->step)
          set(file, FileState::unfinished, path_of(name) + ": it is of a step after the state that is saved",
              goes_on());
      });
    }
  }

  void attention() {
    const std::string name = "attention/index.json";
    if (!is_there(name)) return;
    std::optional<AttentionRecord> record;
    const std::string remedy = std::string("move the folder attention/ away: what comes is recorded then; ") + repeat;
    add(name, "recorded attention", remedy, [&](CheckedFile& file) {
      if (fs::file_size(run_.path() / name) == 0) {
        set(file, FileState::unfinished, path_of(name) + ": it is empty, as a crash of the system leaves it",
            goes_on());
        return;
      }
      AttentionRecord read = AttentionLog::load(run_);
      for (const AttentionSite& site : read.modules) check_site(site, path_of(name));
      const bool begun = !read.steps.empty();
      if (begun) file.step = read.steps.back();
      file.what = fmt::format("recorded attention: {} sentences, {} modules, {} steps", read.probes.size(),
                              read.modules.size(), read.steps.size());
      if (begun && is_later(read.steps.back()))
        set(file, FileState::unfinished, path_of(name) + ": it has steps after the state that is saved", goes_on());
      record = std::move(read);
    });
    if (!record) return;
    for (const AttentionSite& site : record->modules)
      for (const std::int64_t step : record->steps) {
        const fs::path path = AttentionLog::file(run_, site.name, step);
        CheckedFile& file = add("attention/" + path.filename().string(), "", remedy, [&](CheckedFile& f) {
          const Tensor weights = AttentionLog::weights(run_, *record, site, step);
          f.what = fmt::format("{} attention of layer {}, {} {}", name_of(site.kind), site.layer,
                               name_of(weights.dtype()), weights.shape());
          if (is_later(step))
            set(f, FileState::unfinished, path.string() + ": it is of a step after the state that is saved", goes_on());
        });
        file.step = step;
        file.group = fmt::format("attention/{}.*.npy", site.name);
      }
  }

  /// Of step 0 there is attention before there is a checkpoint; without one the run begins anew.
  bool is_later(std::int64_t step) const { return step > (progress_ ? progress_->step : -1); }

  /// A module that is recorded must be one of the model.
  void check_site(const AttentionSite& site, const std::string& file) const {
    if (attentions_.empty()) return;
    const auto found = std::ranges::find(attentions_, site.name, &AttentionSite::name);
    require(found != attentions_.end() && found->kind == site.kind && found->layer == site.layer &&
                found->heads == site.heads,
            "{}: the model has no attention {} of kind {} in layer {} with {} heads", file, site.name,
            name_of(site.kind), site.layer, site.heads);
  }

  /// What commands left behind.
  void output(const std::string& name) {
    if (!is_there(name)) return;
    const bool page = name.ends_with(".html");
    add(name, page ? "page" : "translations of the test pairs",
        page ? "gaze report writes it anew" : "gaze translate writes them anew", [&](CheckedFile& file) {
          const auto lines = read_lines(run_.path() / name);
          if (!page) file.what += fmt::format(": {} lines", lines.size());
          require(!page || (!lines.empty() &&
                            std::ranges::any_of(std::span(lines).last(1),
                                                [](const auto& line) { return line.ends_with("</html>"); })),
                  "{}: the page has no end", path_of(name));
        });
  }

  void rest(const std::string& name) {
    CheckedFile file{.name = name, .state = FileState::unknown};
    if (is_unfinished_write(name))
      set(file, FileState::unfinished, path_of(name) + ": it was being written", goes_on());
    else if (name.starts_with("attention/") && name.ends_with(".npy"))
      set(file, FileState::unfinished, path_of(name) + ": the index does not name it", goes_on());
    else
      set(file, FileState::unknown, path_of(name) + ": gaze writes no such file", "");
    files_.push_back(std::move(file));
  }

  const RunFolder& run_;
  std::set<std::string> present_;
  std::vector<CheckedFile> files_;
  std::optional<Config> config_, trained_;  ///< as config.json and the checkpoint have it
  std::optional<Progress> progress_;
  Metadata notes_;
  AttentionSites attentions_;
};

std::string line_of(const CheckedFile& file) {
  std::string line = fmt::format("{:10}  {}", name_of(file.state), file.name);
  if (!file.what.empty()) line += ": " + file.what;
  if (file.step) line += fmt::format(", step {}", *file.step);
  if (file.loss) line += fmt::format(", validation loss {:.4f}", *file.loss);
  if (!file.wrong.empty()) line += ": " + file.wrong;
  if (!file.remedy.empty()) line += "; " + file.remedy;
  return line;
}

}  // namespace

std::string_view name_of(FileState state) {
  switch (state) {
    case FileState::whole: return "whole";
    case FileState::wrong: return "wrong";
    case FileState::unfinished: return "unfinished";
    case FileState::unknown: return "unknown";
  }
  return "";
}

bool RunCheck::whole() const {
  return std::ranges::none_of(files, [](const CheckedFile& f) { return f.state == FileState::wrong; });
}

RunCheck check_run(const RunFolder& run) {
  // A training that goes on meanwhile replaces files between two that are held against each other.
  constexpr int tries = 5;
  RunCheck check;
  for (int i = 0; i < tries; ++i) {
    check = Reading(run).all();
    if (check.whole() || !check.in_use) break;
  }
  return check;
}

std::vector<std::string> lines_of(const RunCheck& check) {
  std::vector<std::string> lines;
  std::map<std::string, std::vector<const CheckedFile*>> groups;
  for (const CheckedFile& file : check.files) groups[file.group].push_back(&file);
  std::set<std::string> said;
  for (const CheckedFile& file : check.files) {
    const auto& alike = groups[file.group];
    const bool together =
        !file.group.empty() && std::ranges::all_of(alike, [](const auto* f) { return f->state == FileState::whole; });
    if (!together) {
      lines.push_back(line_of(file));
    } else if (said.insert(file.group).second) {
      CheckedFile all = file;
      all.name = file.group, all.step.reset();
      all.what += fmt::format(", {} files", alike.size());
      lines.push_back(line_of(all));
    }
  }
  return lines;
}

json to_json(const RunCheck& check) {
  json files = json::array();
  for (const CheckedFile& f : check.files) {
    json file = {{"file", f.name}, {"state", name_of(f.state)}, {"what", f.what}};
    if (f.step) file["step"] = *f.step;
    if (f.loss) file["validation_loss"] = *f.loss;
    if (!f.wrong.empty()) file["wrong"] = f.wrong;
    if (!f.remedy.empty()) file["remedy"] = f.remedy;
    files.push_back(std::move(file));
  }
  return {{"whole", check.whole()}, {"in_use", check.in_use}, {"files", files}};
}

}  // namespace gaze::train
