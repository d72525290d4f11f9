#include <gaze/train/program/commands/commands.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/files.h>
#include <gaze/train/memory.h>
#include <gaze/train/options.h>
#include <gaze/train/program/commands/output.h>
#include <gaze/train/program/terminal/terminal.h>
#include <gaze/train/program/terminal/typed_numbers.h>
#include <gaze/train/text/translator.h>

namespace gaze::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Arguments {
  std::optional<std::string> name, folder;
  std::string split = "test";
  std::vector<std::string> settings;
  std::int64_t count = 0;  ///< 0: as many as training reports on
  bool json = false;
  std::string program;  ///< how this program was called
};

/// A task with the options to make it, and the run that people try it on.
struct Chosen {
  Config config;
  std::string run;
  bool trained = false;  ///< whether that run is there
};

bool is_toy(const std::string& name) {
  const auto& names = toy_task_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// With the run that somebody has who trained the task by the book, or with a folder for it.
Chosen with_usual_run(Config config) {
  const auto fits = [&](const std::string& run) {
    try {
      const Config of_run = RunFolder::open(run).config();
      return of_run.task == config.task && of_run.data.vocab == config.data.vocab &&
             of_run.data.min_length == config.data.min_length && of_run.data.length == config.data.length;
    } catch (const Error&) {  // it is not there, or not one to try anything on
      return false;
    }
  };
  const std::string usual = "runs/" + config.task;
  for (const std::string& run : {usual, std::string("runs/demo")})
    if (fits(run)) return {std::move(config), run, true};
  std::string run = usual;
  std::error_code none;
  for (int number = 2; fs::exists(run, none); ++number) run = fmt::format("{}-{}", usual, number);
  return {std::move(config), std::move(run), false};
}

/// The options of a run of a toy task that this program's version of the task still fits.
Config config_of_run(const std::string& path) {
  const RunFolder run = RunFolder::open(path);
  const std::string file = run.checkpoint().string();
  Config config = run.config();
  std::unique_ptr<Checkpoint> trained;
  if (file_exists(run.checkpoint())) {  // else it was stopped before its first
    trained = std::make_unique<Checkpoint>(load_safetensors(run.checkpoint()));
    config = config_of(*trained, config, file);
  }
  require(!has_text(config), "{}: it is not a run of a toy task, but of text of its own ({})", path, config.task);
  if (trained) require_languages_of_task(saved_languages(*trained, config, file), config, path);
  return config;
}

Chosen choose(const Arguments& a) {
  const auto set = [&](Config config) {
    const std::string task = config.task;
    try {
      for (const std::string& setting : a.settings) set_option(config, setting);
      require(config.task == task, "--set task={}: it is {} that was asked for", config.task, task);
      check_translation(config);
      require_settings_used(config, a.settings);
      require_sentences(config);
    } catch (const TooLarge&) {
      throw;
    } catch (const Error& error) {
      throw UsageError(error.what());
    }
    return config;
  };
  const std::string& name = *a.name;
  if (is_toy(name)) return with_usual_run(set(default_config(name)));
  std::error_code none;
  if (fs::exists(name, none) || name.find('/') != name.npos) return {set(config_of_run(name)), name, true};
  throw UsageError(fmt::format("unknown task {}; there are {}, or the folder of a run{}", name,
                               fmt::join(toy_task_names(), ", "), did_you_mean(name, toy_task_names())));
}

/// The command that makes the run to try things on.
std::string training(const Arguments& a, const Chosen& chosen) {
  std::string command =
      fmt::format("{} train {} --run {}", shell_quoted(a.program), chosen.config.task, shell_quoted(chosen.run));
  for (const std::string& setting : a.settings) command += fmt::format(" --set {}", shell_quoted(setting));
  return command;
}

/// Words in lines that a terminal has room for, entries kept whole.
void print_entries(const std::vector<TaskGuide::Entry>& entries) {
  constexpr int room = 80;
  const std::string margin = "    ";
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& [words, meaning] = entries[i];
    pieces.push_back(fmt::format("{}{}{}", words, meaning.empty() ? "" : fmt::format(" ({})", meaning),
                                 i + 1 < entries.size() ? "," : ""));
  }
  for (const std::string& line : wrap(pieces, room - display_width(margin))) fmt::print("{}{}\n", margin, line);
}

json json_of(const TaskGuide& guide) {
  json words = json::object();
  for (const auto& [name, entries] : guide.words)
    for (const auto& [text, meaning] : entries) words[name].push_back({{"words", text}, {"meaning", meaning}});
  return {{"words", words}, {"forms", guide.forms}, {"examples", guide.examples}};
}

void list(const Arguments& a) {
  json tasks = json::array();
  for (const std::string& name : toy_task_names())
    tasks.push_back({{"name", name}, {"description", make_toy_task(name, {})->description()}});
  if (a.json) {
    JsonOutput(true).print({{"tasks", tasks}});
    return;
  }
  fmt::print("The toy tasks:\n\n");
  for (const json& task : tasks)
    fmt::print("  {:<9} {}\n", task["name"].get<std::string>(), task["description"].get<std::string>());
  fmt::print("\nWords, sentences and examples of one:  {} tasks {}\n", shell_quoted(a.program),
             toy_task_names().back());
}

void describe(const Arguments& a) {
  const Chosen chosen = choose(a);
  const auto task = toy_task(chosen.config);
  const TaskGuide guide = task->guide();
  std::vector<std::string> commands;
  for (const std::string& sentence : guide.examples)
    commands.push_back(
        fmt::format("{} inspect {} {}", shell_quoted(a.program), shell_quoted(chosen.run), shell_quoted(sentence)));
  if (a.json) {
    json object = json_of(guide);
    object["task"] = task->name(), object["description"] = task->description(), object["commands"] = commands;
    JsonOutput(true).print(object);
    return;
  }
  fmt::print("{}: {}\n\nWords:\n", task->name(), task->description());
  for (const auto& [name, entries] : guide.words) {
    fmt::print("  {}\n", name);
    print_entries(entries);
  }
  fmt::print("\nSentences, of at most {} tokens:\n", task->max_source_length());
  for (const std::string& form : guide.forms) fmt::print("  {}\n", form);
  if (!chosen.trained) fmt::print("\nTrain it first:\n  {}\n", training(a, chosen));
  fmt::print("\nExamples to try:\n");
  for (const std::string& command : commands) fmt::print("  {}\n", command);
}

/// Writes files into a folder, all of them or none, and nothing over what is there. Makes the folder if needed.
void write_new_files(const fs::path& folder, const std::vector<std::pair<fs::path, std::string>>& files) {
  std::error_code error;
  for (const auto& [file, text] : files)
    require(!fs::exists(fs::symlink_status(file, error)), "{}: it is there already, and nothing is overwritten",
            file.string());
  std::vector<fs::path> made;  // the outermost last
  for (fs::path at = folder.lexically_normal(); !at.empty() && !fs::exists(at, error); at = at.parent_path())
    made.push_back(at);
  std::size_t written = 0;
  try {
    fs::create_directories(folder, error);
    require(!error && fs::is_directory(folder, error), "{}: the folder cannot be made: {}", folder.string(),
            error ? error.message() : "it is a file");
    for (; written < files.size(); ++written) write_file_atomically(files[written].first, {files[written].second});
  } catch (...) {
    for (std::size_t i = 0; i < written; ++i) fs::remove(files[i].first, error);
    for (const fs::path& path : made) fs::remove(path, error);  // if it is empty
    throw;
  }
}

void write(const Arguments& a) {
  const Chosen chosen = choose(a);
  const auto task = toy_task(chosen.config);
  const std::int64_t count = a.count > 0 ? a.count : chosen.config.data.validation;
  std::string sources, targets, gold;
  bool words = true;  // tokens are what stands between spaces
  for (const Example& e : task->examples(a.split == "test" ? Split::test : Split::validation, count)) {
    const std::string source = task->join_source(e.source), target = task->join(e.target);
    words = words && words_of(source) == e.source && words_of(target) == e.target;
    sources += source + "\n";
    targets += target + "\n";
    const char* space = "";
    for (const Link& l : e.gold) {
      gold += fmt::format("{}{}{}{}", space, l.source, l.sure ? '-' : 'p', l.target);
      space = " ";
    }
    gold += '\n';
  }
  if (a.folder->empty()) throw UsageError("--write: into which folder?");
  const fs::path folder = *a.folder;
  const fs::path source = folder / "source.txt", target = folder / "target.txt", links = folder / "gold.txt";
  write_new_files(folder, {{source, sources}, {target, targets}, {links, gold}});
  if (a.json) {
    JsonOutput(true).print({{"task", task->name()},
                            {"split", a.split},
                            {"sentences", count},
                            {"source", source.string()},
                            {"target", target.string()},
                            {"gold", links.string()}});
    return;
  }
  const auto quoted = [](const fs::path& file) { return shell_quoted(file.string()); };
  const std::string program = shell_quoted(a.program), run = shell_quoted(chosen.run),
                    predicted = quoted(folder / "predicted.txt");
  fmt::print("{} sentences of {}, split {}, with their translations and gold links:\n", count, task->name(), a.split);
  for (const fs::path& file : {source, target, links}) fmt::print("  {}\n", printable(file.string()));
  if (!chosen.trained) fmt::print("Train:  {}\n", training(a, chosen));
  fmt::print("Align:  {} align {} --src {} --tgt {} > {}\n", program, run, quoted(source), quoted(target), predicted);
  fmt::print("Score:  {} score align --gold {} --pred {}{}\n", program, quoted(links), predicted,
             words ? fmt::format(" --src {} --tgt {}", quoted(source), quoted(target)) : "");
}

void tasks(const Arguments& a) {
  if (!a.name && (a.folder || !a.settings.empty()))
    throw UsageError("tasks: which? --write and --set are for one of them");
  if (!a.name) {
    list(a);
  } else if (!a.folder) {
    describe(a);
  } else {
    write(a);
  }
}

}  // namespace

void add_tasks(CLI::App& app) {
  const auto a = std::make_shared<Arguments>();
  a->program = app.get_name();
  CLI::App* command = app.add_subcommand("tasks", "Lists the toy tasks, describes one, or writes sentences of it");
  command->add_option("task", a->name, "A toy task, or the folder of a run of one, whose options then count");
  command->add_option("--set", a->settings, "key=value: an option of the task (vocab, min_length, length, seed, ...)")
      ->allow_extra_args(false);
  CLI::Option* write = command->add_option(
      "--write", a->folder, "Write source.txt, target.txt and gold.txt (Pharaoh lines) into this folder");
  command->add_option("--split", a->split, "  of these sentences: valid or test (default: test)")
      ->check(CLI::IsMember({"valid", "test"}))
      ->needs(write);
  command->add_option("--count", a->count, "  so many (default: as many as training reports on)")
      ->check(whole_range(1, 1'000'000))
      ->needs(write);
  command->add_flag("--json", a->json, "Print one JSON object instead");
  command->callback([a] { tasks(*a); });
}

}  // namespace gaze::train
