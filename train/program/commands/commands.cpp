#include <gaze/train/program/commands/commands.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <gaze/train/program/terminal/terminal.h>
#include <gaze/train/program/terminal/typed_numbers.h>
#include <gaze/train/text/translator.h>

namespace gaze::train {

void add_commands(CLI::App& app) {
  // In the order in which help lists them.
  for (const auto add : {add_train, add_tasks, add_translate, add_sample, add_inspect, add_report, add_watch, add_check,
                         add_align, add_score, add_export, add_gradcheck, add_lesson, add_bench, add_help})
    add(app);
  refuse_empty(app, {"--prompt"});
}

bool warn_of_unknown_words(const Vocabulary& known, const std::vector<std::string>& words, const std::string& where,
                           const std::string& hint) {
  std::vector<std::string> unknown;
  for (const std::string& word : words)
    if (!known.contains(word)) unknown.push_back(printable(word));
  if (!unknown.empty())
    fmt::print(stderr, "gaze: {}: unknown to the model: {}{}\n", where, fmt::join(unknown, " "), hint);
  return !unknown.empty();
}

std::string hint_of_words(const Translator& model) {
  const Config& config = model.config();
  if (has_text(config)) return "";
  if (!has_languages_of_task(model.languages(), config))
    return fmt::format("; it was trained on another version of the task {}", config.task);
  return fmt::format("; gaze tasks {} lists the words that it knows", config.task);
}

void add_weights_option(CLI::App& command, std::string& weights) {
  command
      .add_option("--weights", weights, "last, best or averaged (default: the better of best and averaged, else last)")
      ->check(CLI::IsMember({"last", "best", "averaged"}));
}

void flush_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) fail("standard output: {}", std::strerror(errno));
}

}  // namespace gaze::train
