#include <gaze/train/program/commands/commands.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include <gaze/autograd/base/files.h>
#include <gaze/autograd/base/threads.h>
#include <gaze/datasets/toy.h>
#include <gaze/train/program/commands/training_job.h>
#include <gaze/train/program/terminal/training_view.h>
#include <gaze/train/report/server.h>
#include <gaze/train/text/text_model.h>
#include <gaze/train/text/translator.h>
#include <gaze/train/training_run.h>

namespace gaze::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// The options of Config that name files: "--valid-src" is valid_src.
struct FileOption {
  const char *option, *what;
  std::string Config::*member;
};
constexpr std::array<FileOption, 11> file_options = {{
    {"src", "pairs: sentences to learn from, a line each", &Config::src},
    {"tgt", "pairs: their translations, line by line", &Config::tgt},
    {"valid-src", "pairs: held-out sentences (default: some of those to learn from)", &Config::valid_src},
    {"valid-tgt", "pairs: their translations", &Config::valid_tgt},
    {"test-src", "pairs: sentences to translate in the end", &Config::test_src},
    {"test-tgt", "pairs: their translations, for BLEU", &Config::test_tgt},
    {"tsv", "pairs: source and target in two columns instead of two files", &Config::tsv},
    {"valid-tsv", "pairs: the same for held-out sentences", &Config::valid_tsv},
    {"test-tsv", "pairs: the same for the test", &Config::test_tsv},
    {"text", "chars and words: the text to learn from", &Config::text},
    {"valid-text", "chars and words: held-out text (default: the last tenth)", &Config::valid_text},
}};

struct Arguments {
  std::string task, run, resume;
  std::array<std::string, file_options.size()> files;
  std::vector<std::string> settings;
  std::string steps, seed, threads;  ///< as typed; empty: not given
  bool demo = false, json = false, watch = false;
  int port = 8080;
  std::string program;  ///< how this program was called
};

std::atomic<bool> interrupted{false};

/// The first Ctrl-C lets the step finish and the run be saved, the second ends the program at once.
extern "C" void on_interrupt(int) {
  if (interrupted.exchange(true)) _exit(130);
}

/// Once everything is saved, the first ends it.
extern "C" void on_late_interrupt(int) { _exit(130); }

void check(const Config& config) {
  if (is_plain_text(config)) {
    check_text(config);
  } else {
    check_translation(config);
  }
}

bool is_known(const std::string& task) {
  const auto holds = [&](const auto& names) { return std::find(names.begin(), names.end(), task) != names.end(); };
  return holds(toy_task_names()) || holds(preset_names());
}

/// What to say when the word behind `train` is not a task, preset or config file.
std::string no_task(const std::string& typed, const std::string& program) {
  std::error_code none;
  if (fs::exists(fs::path(typed) / "config.json", none))
    return fmt::format("{} is a run; go on with it: {} train --resume {}", typed, program, typed);
  if (fs::is_directory(typed, none))
    return fmt::format(
        "{} is a folder; text of your own is given as files: pairs --src FILE --tgt FILE, or chars "
        "--text FILE",
        typed);
  if (fs::exists(typed, none))
    return fmt::format(
        "{} is a file; to learn from it, say what it is: chars --text {}, words --text {}, or pairs --tsv "
        "{}",
        typed, typed, typed, typed);
  auto names = toy_task_names();
  const auto presets = preset_names();
  names.insert(names.end(), presets.begin(), presets.end());
  return fmt::format("unknown task {}; there are {}, and with text of your own {}{}", typed,
                     fmt::join(toy_task_names(), ", "), fmt::join(presets, ", "), did_you_mean(typed, names));
}

/// Throws unless a task has the files that it learns from, and uses all that the command line names.
void check_files(const Config& c, const Arguments& a) {
  // "multi30k (pairs)": what was typed, and what it stands for.
  const std::string who = a.task.empty() || a.task == c.task ? c.task : fmt::format("{} ({})", a.task, c.task);
  for (std::size_t i = 0; i < file_options.size(); ++i) {
    const FileOption& file = file_options[i];
    const bool of_text = file.member == &Config::text || file.member == &Config::valid_text;
    if (a.files[i].empty() || (of_text ? is_plain_text(c) : is_parallel_text(c))) continue;
    fail("--{} {}: it is for {}, not for {}", file.option, a.files[i], of_text ? "chars and words" : "pairs", who);
  }
  require(!is_plain_text(c) || !c.text.empty(), "{} needs a text to learn from: --text FILE", who);
  if (!is_parallel_text(c)) return;
  require(!c.src.empty() || !c.tgt.empty() || !c.tsv.empty(),
          "{} needs sentences and their translations, line by line: --src FILE --tgt FILE, or both in --tsv FILE", who);
  const auto check_part = [](const char* part, const std::string& src, const std::string& tgt, const std::string& tsv) {
    require((src.empty() && tgt.empty()) || tsv.empty(), "--{0}tsv {1}: give this or --{0}src and --{0}tgt, not both",
            part, tsv);
    require(src.empty() || !tgt.empty(), "--{0}src {1} needs its translations, too: --{0}tgt FILE", part, src);
    require(tgt.empty() || !src.empty(), "--{0}tgt {1} needs the sentences that it translates, too: --{0}src FILE",
            part, tgt);
  };
  check_part("", c.src, c.tgt, c.tsv);
  check_part("valid-", c.valid_src, c.valid_tgt, c.valid_tsv);
  check_part("test-", c.test_src, c.test_tgt, c.test_tsv);
}

/// The options of a config file, or of a run that is continued, or the defaults of a task.
Config base_of(const Arguments& a) {
  const auto overlaid = [&](Config config, const json& object) {
    read_config(config, object, a.task);
    if (object.contains("steps") && !object.contains("epochs")) config.epochs = 0;
    return config;
  };
  const bool from_file = a.task.ends_with(".json");
  json object;
  if (from_file) {
    std::error_code none;
    if (const std::string name = fs::path(a.task).stem().string(); is_known(name) && !fs::exists(a.task, none))
      fail("{}: No such file or directory; did you mean {}, without .json?", a.task, name);
    object = json::parse(read_file(a.task), nullptr, false);
    require(!object.is_discarded(), "{}: it is not JSON", a.task);
  }
  if (!a.task.empty() && !from_file && !is_known(a.task)) throw UsageError(no_task(a.task, a.program));
  if (!a.resume.empty()) {
    Config config = RunFolder::open(a.resume).config();
    if (from_file) return overlaid(config, object);
    if (!a.task.empty()) config.task = a.task;
    return config;
  }
  if (!from_file) return default_config(a.task);
  const bool names_task = object.is_object() && object.contains("task") && object["task"].is_string();
  return overlaid(names_task ? default_config(object["task"].get<std::string>()) : Config(), object);
}

Config config_of(const Arguments& a) {
  Config config = base_of(a);
  if (a.task.ends_with(".json")) {
    try {
      check(config);
    } catch (const Error& error) {
      fail("{}: {}", a.task, error.what());
    }
  }
  if (a.demo) config.steps = 800, config.epochs = 0, config.schedule = "cosine", config.log_every = 10;
  try {
    for (std::size_t i = 0; i < file_options.size(); ++i)
      if (!a.files[i].empty()) config.*file_options[i].member = a.files[i];
    const std::int64_t epochs = config.epochs;
    for (const std::string& setting : a.settings) set_option(config, setting);
    for (const auto& [key, value] : {std::pair("steps", &a.steps), {"seed", &a.seed}, {"threads", &a.threads}})
      if (!value->empty()) set_option(config, key, *value, fmt::format("--{} {}", key, *value));
    const bool steps_given = !a.steps.empty() || std::any_of(a.settings.begin(), a.settings.end(),
                                                             [](const auto& s) { return s.starts_with("steps="); });
    if (steps_given && config.epochs == epochs) config.epochs = 0;  // steps instead
    check(config);
    check_files(config, a);
    for (const FileOption& file : file_options) check_utf8(config.*file.member);  // config.json is
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  for (std::size_t i = 0; i < file_options.size(); ++i) {  // said in the words that were typed
    std::error_code error;
    if (!a.files[i].empty() && fs::status(a.files[i], error).type() == fs::file_type::not_found)
      fail("--{} {}: {}{}", file_options[i].option, a.files[i], std::strerror(ENOENT), did_you_mean_file(a.files[i]));
  }
  for (const FileOption& file : file_options)  // the run's config.json is good wherever one stands
    if (std::string& name = config.*file.member; !name.empty()) name = fs::absolute(name).lexically_normal().string();
  return config;
}

/// runs/NAME, or runs/NAME-2, -3, ...: the first that does not exist.
fs::path fresh_folder(const std::string& name) {
  const fs::path base = fs::path("runs") / name;
  fs::path path = base;
  for (int number = 2; fs::exists(path); ++number) path = fmt::format("{}-{}", base.string(), number);
  return path;
}

/// One training from the command line, new or continued.
class Session {
 public:
  Session(const Arguments& a, const Config& config) : a_(a) {
    std::unique_ptr<Checkpoint> trained;
    if (!a.resume.empty()) {
      folder_ = std::make_unique<RunFolder>(RunFolder::open(a.resume));
      folder_->lock();
      std::error_code none;
      if (fs::exists(folder_->checkpoint(), none))  // else it was stopped before its first
        trained = std::make_unique<Checkpoint>(load_safetensors(folder_->checkpoint()));
    }
    job_ = make_job(config, trained.get(), trained ? folder_->checkpoint().string() : "", a.demo);
    trained.reset();
    const Config& c = job_->learner().config();
    if (!folder_) {  // last: what cannot be trained leaves no folder behind
      folder_ = std::make_unique<RunFolder>(
          RunFolder::create(a.run.empty() ? fresh_folder(a.demo ? "demo" : c.task) : fs::path(a.run), c));
    }
    run_ = std::make_unique<TrainingRun>(job_->learner(), *folder_);
    if (!a.resume.empty()) {
      if (const std::string notice = run_->resume(); !notice.empty()) fmt::print(stderr, "gaze: {}\n", notice);
      folder_->write_config(c);
    }
    view_ = std::make_unique<TrainingView>([] { return detect_terminal(STDOUT_FILENO); }, stdout, run_->steps_done(),
                                           c.steps, has_text(c));
    run_->on_step([this](const StepReport& report) {
      job_->after(report.step);
      view_->tick(report.step);
    });
    run_->on_figures([this](const Figures& figures) { view_->update(figures, job_->picture()); });
  }

  const RunFolder& folder() const { return *folder_; }

  /// Throws Interrupted after a clean save.
  json train() {
    const Config& c = job_->learner().config();
    for (const std::string& notice : job_->notices()) fmt::print(stderr, "gaze: {}\n", notice);
    fmt::print("{}: {}\n{} parameters, {} threads, {}into {}\n", c.task, job_->description(),
               job_->learner().params().count(), threads(),
               run_->steps_done() > 0 ? fmt::format("on from step {} ", run_->steps_done()) : "",
               folder_->path().string());
    fmt::print("\n");
    std::fflush(stdout);
    if (run_->steps_done() == 0) {
      const Evaluation untrained = job_->learner().evaluate();
      view_->update({.step = 0, .loss = untrained.loss, .held_out = untrained}, job_->picture());
    }
    job_->begin(*folder_, run_->steps_done());
    const TrainingRun::End end = run_->run(interrupted);
    job_->end(run_->steps_done());
    folder_->unlock();
    view_->finish();
    if (end == TrainingRun::End::interrupted) {
      fmt::print("Interrupted after step {}; saved in {}\nGo on with:  {} train --resume {}\n", run_->steps_done(),
                 folder_->path().string(), a_.program, folder_->path().string());
      throw Interrupted();
    }
    std::signal(SIGINT, on_late_interrupt);
    std::signal(SIGTERM, on_late_interrupt);
    if (end == TrainingRun::End::early)
      fmt::print("No lower validation loss for {} validations: the training ends at step {}\n", c.patience,
                 run_->steps_done());
    if (const auto best = run_->best(); best && keeps_best(c))
      fmt::print("Lowest validation loss {:.4f} (perplexity {:.2f}) at step {}\n", best->first, std::exp(best->first),
                 best->second);
    if (const auto loss = run_->averaged_loss())
      fmt::print("Mean of the last weights: validation loss {:.4f} (perplexity {:.2f}), {}\n", *loss, std::exp(*loss),
                 run_->best() && *loss < run_->best()->first ? "kept" : "no better");
    json figures = run_->last_line();
    figures.update(job_->close(*folder_, a_.program), true);
    return figures;
  }

 private:
  const Arguments& a_;
  std::unique_ptr<TrainingJob> job_;
  std::unique_ptr<RunFolder> folder_;
  std::unique_ptr<TrainingRun> run_;
  std::unique_ptr<TrainingView> view_;
};

void train(const Arguments& a) {
  if (a.task.empty() && a.resume.empty())
    throw UsageError(
        fmt::format("train: which task? There are {}, and with text of your own {}; to go on with a run, "
                    "--resume FOLDER",
                    fmt::join(toy_task_names(), ", "), fmt::join(preset_names(), ", ")));
  if (!a.resume.empty() && !a.run.empty()) throw UsageError("--run and --resume do not go together");
  const Config config = config_of(a);
  if (config.threads > 0) set_threads(static_cast<int>(config.threads));
  std::unique_ptr<ReportServer> server;
  if (a.watch) server = std::make_unique<ReportServer>("127.0.0.1", a.port);
  Session session(a, config);
  std::signal(SIGINT, on_interrupt);  // from here on there is something to save
  std::signal(SIGTERM, on_interrupt);
  if (server) {
    server->serve(RunFolder::open(session.folder().path()));  // without its lock
    fmt::print("Watch it at {}\n", server->url());
  }
  const json last = session.train();
  if (a.json) fmt::print("{}\n", last.dump());
  if (!server) return;
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  fmt::print(stderr, "Still to be watched at {} until Ctrl-C\n", server->url());
  flush_output();
  while (!interrupted) std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

}  // namespace

void add_train(CLI::App& app) {
  const auto a = std::make_shared<Arguments>();
  a->program = app.get_name();
  CLI::App* command = app.add_subcommand("train", "Trains a Transformer on a task and shows its attention on the way");
  command->add_option("task", a->task,
                      fmt::format("A toy task ({}), text of your own (pairs, chars, words), another preset ({}), or a "
                                  "config file (.json)",
                                  fmt::join(toy_task_names(), ", "), fmt::join(preset_names(), ", ")));
  command->add_option("--run", a->run, "Folder of the run: new or empty (default: runs/TASK)");
  command->add_option("--resume", a->resume, "Go on with the run in this folder");
  for (std::size_t i = 0; i < file_options.size(); ++i)
    command->add_option(fmt::format("--{}", file_options[i].option), a->files[i], file_options[i].what);
  command->add_option("--steps", a->steps, "Training steps");
  command->add_option("--seed", a->seed, "Of weights, data and dropout");
  command->add_option("--threads", a->threads, "Threads to use (0: as many as there are processors)");
  command->add_option("--set", a->settings, "key=value: any option of config.json; may be repeated")
      ->allow_extra_args(false);
  command->add_flag("--watch", a->watch, "Serve a page that shows the attention while it learns (see gaze watch)");
  command->add_option("--port", a->port, "The port of --watch; 0: any that is free")->check(CLI::Range(0, 65535));
  command->add_flag("--demo", a->demo, "Watch every tenth step of a short run");
  command->add_flag("--json", a->json, "Print the final figures as one JSON object");
  command->callback([a] { train(*a); });
}

}  // namespace gaze::train
