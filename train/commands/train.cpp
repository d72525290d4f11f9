#include <gaze/train/commands/commands.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include <gaze/autograd/files.h>
#include <gaze/autograd/threads.h>
#include <gaze/train/attention_log.h>
#include <gaze/train/commands/report_server.h>
#include <gaze/train/model_options.h>
#include <gaze/train/report.h>
#include <gaze/train/training_view.h>
#include <gaze/train/translator.h>

namespace gaze {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Arguments {
  std::string task, run;
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

Config config_of(const Arguments& a) {
  Config config;
  const bool from_file = a.task.ends_with(".json");
  if (from_file) {
    const json object = json::parse(read_file(a.task), nullptr, false);
    require(!object.is_discarded(), "{}: it is not JSON", a.task);
    read_config(config, object, a.task);
    try {
      Translator::check(config);
    } catch (const Error& error) {
      fail("{}: {}", a.task, error.what());
    }
  } else {
    config.task = a.task;
  }
  if (a.demo) config.steps = 800, config.schedule = "cosine", config.log_every = 10;
  try {
    for (const std::string& setting : a.settings) set_option(config, setting);
    for (const auto& [key, value] : {std::pair("steps", &a.steps), {"seed", &a.seed}, {"threads", &a.threads}})
      if (!value->empty()) set_option(config, key, *value, fmt::format("--{} {}", key, *value));
    Translator::check(config);
  } catch (const Error& error) {
    throw UsageError(error.what());
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

/// One training run from the command line.
class Run {
 public:
  Run(const Config& config, const fs::path& folder, bool demo)
      : config_(config),
        demo_(demo),
        translator_(config),
        optimizer_(make_optimizer(translator_.params(), config)),
        trainer_(
            translator_.params(), *optimizer_,
            [this](std::int64_t step, Context& context) { return translator_.loss(step, context); },
            trainer_options(config)),
        view_(detect_terminal(STDOUT_FILENO), stdout),
        probe_(probe(demo)),
        folder_(RunFolder::create(folder, config)),
        attention_(translator_, folder_, probe_) {
    trainer_.on_step([this](const StepReport& report) { after(report); });
  }

  /// Throws Interrupted after a clean save.
  json train() {
    fmt::print("{}: {}\n{} parameters, {} threads, into {}\n\n", config_.task, translator_.task().description(),
               translator_.params().count(), threads(), folder_.path().string());
    show(measure());
    attention_.after(0);
    const bool done = train_and_keep();
    translator_.save(folder_);
    attention_.finish(trainer_.steps_done());
    const json last = logged_ == trainer_.steps_done() ? last_ : log(measure());
    view_.finish();
    if (!done) {
      fmt::print("Interrupted after step {}; saved in {}\n", trainer_.steps_done(), folder_.path().string());
      throw Interrupted();
    }
    const Evaluation test = translator_.evaluate(Split::test, config_.validation);
    fmt::print("On {} sentences of the test set: token accuracy {:.2f} %, alignment error rate {:.2f} %\n",
               config_.validation, 100 * test.token_accuracy, 100 * test.aer);
    return last;
  }

  void close(const std::string& program) {
    const ToyTask& task = translator_.task();
    fmt::print("\n");
    for (const std::string& sentence : task.showcase())
      fmt::print("  {}  ->  {}\n", sentence, task.join(translator_.translate(task.tokenize(sentence))));
    fmt::print("\nLook further:  {} inspect {} \"{}\"\n", program, folder_.path().string(), task.showcase().back());
    if (config_.probes == 0) return;
    if (!demo_) {
      fmt::print("As a page:     {} report {}\n", program, folder_.path().string());
      return;
    }
    const fs::path page = folder_.path() / "report.html";
    write_file_atomically(page, {report_page(folder_)});
    fmt::print("As a page:     {}\n", page.string());
  }

 private:
  /// Whatever ends the training, the weights that were sound last are saved.
  bool train_and_keep() {
    try {
      return trainer_.run(config_.steps, &interrupted);
    } catch (...) {
      try {
        if (trainer_.steps_done() > 0) translator_.save(folder_);
      } catch (const std::exception&) {
        // The first failure is the one to report.
      }
      throw;
    }
  }

  /// A held-out sentence to watch: in a demo the one whose links cross the most, as adjectives and nouns swap.
  Example probe(bool demo) const {
    constexpr std::uint64_t candidates = 200;
    const auto crossings = [](const Example& e) {
      std::int64_t n = 0;
      for (const Link& a : e.gold)
        for (const Link& b : e.gold) n += a.sure && b.sure && a.source < b.source && a.target > b.target;
      return n;
    };
    Example best = translator_.task().example(Split::validation, 0);
    for (std::uint64_t i = 1; demo && i < candidates; ++i) {
      Example next = translator_.task().example(Split::validation, i);
      if (crossings(next) > crossings(best)) best = std::move(next);
    }
    return best;
  }

  void after(const StepReport& report) {
    interval_loss_ += report.loss, ++interval_steps_;
    interval_tokens_ += report.tokens, interval_seconds_ += report.seconds;
    last_report_ = report;
    attention_.after(report.step);
    if (report.step % config_.log_every == 0) log(measure());
  }

  Evaluation measure() const { return translator_.evaluate(Split::validation, config_.validation); }

  json log(const Evaluation& held_out) {
    const Progress p = show(held_out);
    last_ = {{"step", p.step},
             {"loss", p.loss},
             {"validation_loss", held_out.loss},
             {"token_accuracy", p.token_accuracy},
             {"aer", p.aer},
             {"lr", last_report_.lr},
             {"grad_norm", last_report_.grad_norm},
             {"tokens_per_s", p.tokens_per_s}};
    folder_.append_metrics(last_);
    logged_ = p.step;
    interval_loss_ = interval_seconds_ = 0, interval_steps_ = interval_tokens_ = 0;
    return last_;
  }

  Progress show(const Evaluation& held_out) {
    const bool trained = interval_steps_ > 0;
    const Progress p{.step = trainer_.steps_done(),
                     .steps = config_.steps,
                     .loss = trained ? interval_loss_ / static_cast<double>(interval_steps_) : held_out.loss,
                     .token_accuracy = held_out.token_accuracy,
                     .aer = held_out.aer,
                     .tokens_per_s = trained ? static_cast<double>(interval_tokens_) / interval_seconds_ : 0};
    const ToyTask& task = translator_.task();
    view_.update(p, translator_.attention(probe_.source, probe_.target), probe_.gold,
                 fmt::format("{} -> {}", task.join_source(probe_.source), task.join(probe_.target)));
    return p;
  }

  Config config_;
  bool demo_;
  Translator translator_;
  std::unique_ptr<Optimizer> optimizer_;
  Trainer trainer_;
  TrainingView view_;
  Example probe_;
  RunFolder folder_;  ///< made last: what cannot be trained leaves no folder behind
  AttentionLog attention_;
  StepReport last_report_;
  json last_;
  std::int64_t logged_ = -1, interval_steps_ = 0, interval_tokens_ = 0;
  double interval_loss_ = 0, interval_seconds_ = 0;
};

void train(const Arguments& a) {
  const Config config = config_of(a);
  if (config.threads > 0) set_threads(static_cast<int>(config.threads));
  const fs::path path = a.run.empty() ? fresh_folder(a.demo ? "demo" : config.task) : fs::path(a.run);
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  std::unique_ptr<ReportServer> server;
  if (a.watch) server = std::make_unique<ReportServer>("127.0.0.1", a.port);
  Run run(config, path, a.demo);
  if (server) {
    server->serve(RunFolder::open(path));
    fmt::print("Watch it at {}\n", server->url());
  }
  const json last = run.train();
  run.close(a.program);
  if (a.json) fmt::print("{}\n", last.dump());
  if (!server) return;
  fmt::print(stderr, "Still to be watched at {} until Ctrl-C\n", server->url());
  flush_output();
  while (!interrupted) std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

}  // namespace

void add_train(CLI::App& app, const std::string& program) {
  const auto a = std::make_shared<Arguments>();
  a->program = program;
  CLI::App* command = app.add_subcommand("train", "Trains a Transformer on a task and shows its attention on the way");
  command->add_option("task", a->task, fmt::format("{}, or a config file (.json)", fmt::join(toy_task_names(), ", ")))
      ->required();
  command->add_option("--run", a->run, "Folder of the run: new or empty (default: runs/TASK)");
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

}  // namespace gaze
