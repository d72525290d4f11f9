#include <gaze/train/program/commands/commands.h>

#include <unistd.h>

#include <algorithm>
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
#include <gaze/train/json.h>
#include <gaze/train/memory.h>
#include <gaze/train/options.h>
#include <gaze/train/program/commands/option_page.h>
#include <gaze/train/program/commands/output.h>
#include <gaze/train/program/commands/training_job.h>
#include <gaze/train/program/terminal/training_view.h>
#include <gaze/train/program/terminal/typed_numbers.h>
#include <gaze/train/report/server.h>
#include <gaze/train/text/text_model.h>
#include <gaze/train/text/translator.h>
#include <gaze/train/training_run.h>

namespace gaze::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// An option of Config that names a file, and its name on the command line: "--valid-src" is valid_src.
struct FileOption {
  std::string key, flag, what;
};

const std::vector<FileOption>& file_options() {
  static const std::vector<FileOption> all = [] {
    std::vector<FileOption> list;
    for (const OptionGuide& o : option_guides()) {
      if (!o.file) continue;
      std::string flag = o.name;
      std::ranges::replace(flag, '_', '-');
      list.push_back({o.name, "--" + flag, fmt::format("{} ({})", o.what.substr(0, o.what.size() - 1), o.where)});
    }
    return list;
  }();
  return all;
}

struct Arguments {
  std::string task, run, resume;
  std::vector<std::string> files = std::vector<std::string>(file_options().size());  ///< empty: not given
  std::vector<std::string> settings;
  std::string steps, seed, threads;  ///< as typed; empty: not given
  bool demo = false, json = false, watch = false, help_options = false;
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

/// What the signals do that ask a process to end; one that was ignored stays so (nohup).
void handle_ends(void (*handler)(int)) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP})
    if (std::signal(number, handler) == SIG_IGN) std::signal(number, SIG_IGN);
}

void check(const Config& config) {
  if (is_plain_text(config)) {
    check_text(config);
  } else {
    check_translation(config);
    if (!has_text(config)) require_sentences(config);
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
    return fmt::format("{} is a run; go on with it: {} train --resume {}", typed, shell_quoted(program),
                       shell_quoted(typed));
  if (fs::is_directory(typed, none))
    return fmt::format(
        "{} is a folder; text of your own is given as files: pairs --src FILE --tgt FILE, or chars "
        "--text FILE",
        typed);
  if (fs::exists(typed, none))
    return fmt::format(
        "{} is a file; to learn from it, say what it is: chars --text {}, words --text {}, or pairs --tsv "
        "{}",
        typed, shell_quoted(typed), shell_quoted(typed), shell_quoted(typed));
  auto names = toy_task_names();
  const auto presets = preset_names();
  names.insert(names.end(), presets.begin(), presets.end());
  return fmt::format("unknown task {}; there are {}, and with text of your own {}{}", typed,
                     fmt::join(toy_task_names(), ", "), fmt::join(presets, ", "), did_you_mean(typed, names));
}

/// Throws unless a task has the files that it learns from.
void check_files(const Config& c, const Arguments& a) {
  // "multi30k (pairs)": what was typed, and what it stands for.
  const std::string who = a.task.empty() || a.task == c.task ? c.task : fmt::format("{} ({})", a.task, c.task);
  require(!is_plain_text(c) || !c.files.text.empty(), "{} needs a text to learn from: --text FILE", who);
  if (!is_parallel_text(c)) return;
  require(!c.files.src.empty() || !c.files.tgt.empty() || !c.files.tsv.empty(),
          "{} needs sentences and their translations, line by line: --src FILE --tgt FILE, or both in --tsv FILE", who);
  const auto check_part = [](const char* part, const std::string& src, const std::string& tgt, const std::string& tsv) {
    require((src.empty() && tgt.empty()) || tsv.empty(), "--{0}tsv {1}: give this or --{0}src and --{0}tgt, not both",
            part, tsv);
    require(src.empty() || !tgt.empty(), "--{0}src {1} needs its translations, too: --{0}tgt FILE", part, src);
    require(tgt.empty() || !src.empty(), "--{0}tgt {1} needs the sentences that it translates, too: --{0}src FILE",
            part, tgt);
  };
  check_part("", c.files.src, c.files.tgt, c.files.tsv);
  check_part("valid-", c.files.valid_src, c.files.valid_tgt, c.files.valid_tsv);
  check_part("test-", c.files.test_src, c.files.test_tgt, c.files.test_tsv);
}

/// The options that a training begins with, and what a config file says of them, if there is one.
struct Base {
  Config config;
  json written = json::object();
};

/// The options of a config file, or of a run that is continued, or the defaults of a task.
Base base_of(const Arguments& a) {
  const auto written = [](Config config, const json& object) {
    if (object.contains("steps") && !object.contains("epochs")) config.training.epochs = 0;
    return Base{config, object};
  };
  const bool from_file = a.task.ends_with(".json");
  json object;
  if (from_file) {
    std::error_code none;
    if (const std::string name = fs::path(a.task).stem().string(); is_known(name) && !fs::exists(a.task, none))
      fail("{}: No such file or directory; did you mean {}, without .json?", a.task, name);
    object = parse_json(read_file(a.task), a.task);
  }
  if (!a.task.empty() && !from_file && !is_known(a.task)) throw UsageError(no_task(a.task, a.program));
  if (!a.resume.empty()) {
    Config config = RunFolder::open(a.resume).config();
    require_known_kind(config, a.resume);
    if (from_file) {
      read_config(config, object, a.task);
      return written(config, object);
    }
    if (!a.task.empty()) config.task = a.task;
    return {config};
  }
  if (!from_file) return {default_config(a.task)};
  return written(config_from(object, a.task), object);
}

Config config_of(const Arguments& a) {
  auto [config, written] = base_of(a);
  if (a.task.ends_with(".json")) {
    try {
      check(config);
    } catch (const Error& error) {
      fail("{}: {}", a.task, error.what());
    }
  }
  TrainingConfig& training = config.training;
  if (a.demo) training.steps = 800, training.epochs = 0, training.schedule = Decay::cosine, training.log_every = 10;
  const auto typed_file = [&](std::size_t i) { return fmt::format("{} {}", file_options()[i].flag, a.files[i]); };
  try {
    for (std::size_t i = 0; i < a.files.size(); ++i)
      if (!a.files[i].empty()) read_config(config, {{file_options()[i].key, a.files[i]}}, typed_file(i));
    const std::int64_t epochs = training.epochs;
    for (const std::string& setting : a.settings) set_option(config, setting);
    for (const auto& [key, value] : {std::pair("steps", &a.steps), {"seed", &a.seed}, {"threads", &a.threads}})
      if (!value->empty()) set_option(config, key, *value, fmt::format("--{} {}", key, *value));
    const bool steps_given = !a.steps.empty() || std::any_of(a.settings.begin(), a.settings.end(),
                                                             [](const auto& s) { return s.starts_with("steps="); });
    if (steps_given && training.epochs == epochs) training.epochs = 0;  // steps instead
    check(config);
    for (std::size_t i = 0; i < a.files.size(); ++i)
      if (!a.files[i].empty()) require_used(config, file_options()[i].key, typed_file(i));
    require_settings_used(config, a.settings);
    check_files(config, a);
    for (const FileOption& file : file_options())  // config.json is
      check_utf8(option_value(config, file.key).get<std::string>());
  } catch (const TooLarge&) {
    throw;  // on another machine it is no mistake
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  require_file_used(config, written, a.task);
  for (std::size_t i = 0; i < a.files.size(); ++i) {  // said in the words that were typed
    std::error_code error;
    if (!a.files[i].empty() && fs::status(a.files[i], error).type() == fs::file_type::not_found)
      fail("{}: {}{}", typed_file(i), std::strerror(ENOENT), did_you_mean_file(a.files[i]));
  }
  for (const FileOption& file : file_options()) {  // the run's config.json is good wherever one stands
    const auto name = option_value(config, file.key).get<std::string>();
    if (!name.empty()) read_config(config, {{file.key, fs::absolute(name).lexically_normal().string()}}, file.flag);
  }
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
      if (file_exists(folder_->checkpoint()))  // else it was stopped before its first
        trained = std::make_unique<Checkpoint>(load_safetensors(folder_->checkpoint()));
    }
    job_ = make_job(config, trained.get(), trained ? folder_->checkpoint().string() : "", a.demo);
    trained.reset();
    const Config& c = job_->learner().config();
    if (!folder_) {  // last: what cannot be trained leaves no folder behind
      folder_ = std::make_unique<RunFolder>(
          RunFolder::create(a.run.empty() ? fresh_folder(a.demo ? "demo" : c.task) : fs::path(a.run), c));
    }
    if (!folder_->locks_missing().empty())
      fmt::print(stderr, "gaze: {}: the folder cannot be locked ({}): see that nobody else trains in it\n",
                 folder_->path().string(), folder_->locks_missing());
    run_ = std::make_unique<TrainingRun>(job_->learner(), *folder_);
    if (!a.resume.empty()) {
      if (const std::string notice = run_->resume(); !notice.empty()) fmt::print(stderr, "gaze: {}\n", notice);
    }
    view_ = std::make_unique<TrainingView>([] { return detect_terminal(STDOUT_FILENO); }, stdout, run_->steps_done(),
                                           c.training.steps, has_text(c));
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
               printable(folder_->path().string()));
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
                 printable(folder_->path().string()), shell_quoted(a_.program), shell_quoted(folder_->path().string()));
      throw Interrupted();
    }
    handle_ends(on_late_interrupt);
    if (end == TrainingRun::End::early)
      fmt::print("No lower validation loss for {} validations: the training ends at step {}\n", c.training.patience,
                 run_->steps_done());
    if (const auto best = run_->best(); best && keeps_best(c))
      fmt::print("Lowest validation loss {:.4f} (perplexity {:.2f}) at step {}\n", best->loss, std::exp(best->loss),
                 best->step);
    if (const auto loss = run_->averaged_loss())
      fmt::print("Mean of the last weights: validation loss {:.4f} (perplexity {:.2f}), {}\n", *loss, std::exp(*loss),
                 run_->best() && *loss < run_->best()->loss ? "kept" : "no better");
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

/// All options; of a task, a config file or a run those that it has a use for.
void help_options(const Arguments& a) {
  if (a.task.empty() && a.resume.empty()) return print_options({});
  Config config = base_of(a).config;
  try {
    for (const std::string& setting : a.settings) set_option(config, setting);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  print_options(config);
}

void train(const Arguments& a) {
  if (a.help_options) return help_options(a);
  if (a.task.empty() && a.resume.empty())
    throw UsageError(
        fmt::format("train: which task? There are {}, and with text of your own {}; to go on with a run, "
                    "--resume FOLDER",
                    fmt::join(toy_task_names(), ", "), fmt::join(preset_names(), ", ")));
  if (!a.resume.empty() && !a.run.empty()) throw UsageError("--run and --resume do not go together");
  JsonOutput output(a.json);
  const Config config = config_of(a);
  if (config.threads > 0) set_threads(static_cast<int>(config.threads));
  std::unique_ptr<ReportServer> server;
  if (a.watch) server = std::make_unique<ReportServer>("127.0.0.1", a.port);
  Session session(a, config);
  handle_ends(on_interrupt);  // from here on there is something to save
  if (server) {
    server->serve(RunFolder::open(session.folder().path()));  // without its lock
    fmt::print("Watch it at {}\n", server->url());
  }
  const json last = session.train();
  output.print(last);
  // A script, in which nobody can press Ctrl-C, goes on.
  if (!server || (::isatty(STDOUT_FILENO) == 0 && ::isatty(STDERR_FILENO) == 0)) return;
  handle_ends(on_interrupt);
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
  for (std::size_t i = 0; i < a->files.size(); ++i)
    command->add_option(file_options()[i].flag, a->files[i], file_options()[i].what);
  command->add_option("--steps", a->steps, "Training steps");
  command->add_option("--seed", a->seed, "Of weights, data and dropout");
  command->add_option("--threads", a->threads, "Threads to use (0: as many as there are processors)");
  command->add_option("--set", a->settings, "key=value: any option of config.json; may be repeated")
      ->allow_extra_args(false);
  command->add_flag("--help-options", a->help_options,
                    "Print these options, all or those of the task, with defaults, and nothing else");
  command->add_flag(
      "--watch", a->watch,
      "Serve a page that shows the attention while it learns (see gaze watch); on a terminal until Ctrl-C");
  command->add_option("--port", a->port, "The port of --watch; 0: any that is free")->check(whole_range(0, 65535));
  command->add_flag("--demo", a->demo, "Watch every tenth step of a short run");
  command->add_flag("--json", a->json,
                    "Print the final figures as one JSON object; the text then goes to standard error");
  command->callback([a] { train(*a); });
}

}  // namespace gaze::train
