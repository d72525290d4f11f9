#pragma once

#include <CLI/CLI.hpp>

#include <gaze/autograd/base/error.h>

namespace gaze::train {

/// The command line asks for something that does not exist: exit status 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Work was stopped by the user after a clean save: exit status 130.
struct Interrupted {};

class Translator;
class Vocabulary;

/// Says on standard error which words of a sentence the model never saw; `where` is the sentence's place, `hint` what
/// may follow. Returns whether there are any.
bool warn_of_unknown_words(const Vocabulary& known, const std::vector<std::string>& words, const std::string& where,
                           const std::string& hint = {});
/// Where the words that a model knows are told, as such a hint; nothing for a text of somebody's own.
std::string hint_of_words(const Translator& model);

/// --weights: which of a run's; see RunFolder::weights().
void add_weights_option(CLI::App& command, std::string& weights);

/// Throws when what was printed could not be written: a full disk, a reader that is gone.
void flush_output();

/// All subcommands. The app's name is how the program is called, for what users are told to type next.
void add_commands(CLI::App& app);

// Each adds one, whose callback does the work and throws when it cannot.
void add_train(CLI::App& app);
void add_tasks(CLI::App& app);
void add_translate(CLI::App& app);
void add_sample(CLI::App& app);
void add_inspect(CLI::App& app);
void add_report(CLI::App& app);
void add_watch(CLI::App& app);
void add_check(CLI::App& app);
void add_align(CLI::App& app);
void add_score(CLI::App& app);
void add_export(CLI::App& app);
void add_gradcheck(CLI::App& app);
void add_lesson(CLI::App& app);
void add_bench(CLI::App& app);
void add_help(CLI::App& app);

}  // namespace gaze::train
