#include <gaze/train/program/commands/usage.h>

#include <algorithm>
#include <vector>

#include <gaze/train/options.h>
#include <gaze/train/program/commands/commands.h>

namespace gaze::train {
namespace {

/// A command and the words that call it.
struct Called {
  const CLI::App* command;
  std::string words;
};

/// The command of the command line, as far as its words were understood.
Called called(const CLI::App& app) {
  Called called{&app, app.get_name()};
  while (!called.command->get_subcommands().empty()) {
    called.command = called.command->get_subcommands().front();
    called.words += " " + called.command->get_name();
  }
  return called;
}

std::vector<std::string> subcommand_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* subcommand : command.get_subcommands({})) names.push_back(subcommand->get_name());
  return names;
}

bool is_option(const std::string& word) { return word.starts_with('-'); }

/// "--steps=10" as its name, without dashes, and its value; the value may be the next word.
struct Typed {
  std::string name, value;
};

Typed typed(const std::string& word, const std::string& next) {
  const std::size_t sign = word.find('=');
  const std::string name = word.substr(0, sign);
  return {name.substr(std::min(name.find_first_not_of('-'), name.size())),
          sign == word.npos ? next : word.substr(sign + 1)};
}

/// "; did you mean --set heads=2?" for "--heads 2" and "heads=2", which are options of config.json; else nothing.
std::string did_you_mean_setting(const Typed& option, bool exactly) {
  std::string key = option.name;
  std::ranges::replace(key, '-', '_');
  const std::string near = nearest_name(key, config_keys());
  if (near.empty() || (exactly && near != key)) return "";
  std::string value = option.value;
  try {
    Config config;
    set_option(config, near, value, "");
  } catch (const Error&) {
    value = "VALUE";  // the word that follows is something else
  }
  return fmt::format("; did you mean --set {}={}?", near, value);
}

/// Of words that the command does not take, the first option is named, else the first.
std::string unexpected(const Called& called, const std::string& help, const std::vector<std::string>& words) {
  auto word = std::ranges::find_if(words, is_option);
  if (word == words.end()) word = words.begin();
  const bool trains = called.command->get_name() == "train";
  const Typed option = typed(*word, word + 1 != words.end() && !is_option(word[1]) ? word[1] : "");
  if (!is_option(*word)) {
    const bool assigns = trains && word->find('=') != word->npos;
    const std::string hint = assigns ? did_you_mean_setting(option, false) : "";
    return fmt::format("{}: {} takes no such argument{}", *word, called.words, hint.empty() ? "; see " + help : hint);
  }
  std::vector<std::string> options;
  for (const CLI::Option* known : called.command->get_options())
    for (const std::string& name : known->get_lnames()) options.push_back("--" + name);
  std::string hint = trains ? did_you_mean_setting(option, true) : "";
  if (hint.empty()) hint = did_you_mean("--" + option.name, options);
  if (hint.empty() && trains) hint = did_you_mean_setting(option, false);
  return fmt::format("{}: {} has no such option{}", word->substr(0, word->find('=')), called.words,
                     hint.empty() ? "; see " + help : hint);
}

/// "gaze inspect run source [target]": what has to be given, and what may be beside options.
std::string usage_of(const Called& called) {
  std::string usage = called.words;
  for (const CLI::Option* option : called.command->get_options()) {
    if (option->get_required())
      usage += " " + option->get_name() + (option->get_positional() ? "" : " " + option->get_type_name());
    else if (option->get_positional())
      usage += fmt::format(" [{}]", option->get_name());
  }
  return usage;
}

std::string missing(const Called& called) {
  for (const CLI::Option* option : called.command->get_options())
    if (option->get_required() && option->count() == 0) {
      std::string what = option->get_description();
      if (!what.empty() && what[0] >= 'A' && what[0] <= 'Z') what[0] = static_cast<char>(what[0] - 'A' + 'a');
      return fmt::format("{} is missing: {}; usage: {}", option->get_name(), what, usage_of(called));
    }
  return fmt::format("something is missing; usage: {}", usage_of(called));
}

}  // namespace

std::string help_of(const CLI::App& command, const std::string& words) {
  return command.get_formatter()->make_help(&command, words, CLI::AppFormatMode::Normal);
}

void require_subcommand_named(const CLI::App& command, const std::string& words, const std::string& name) {
  const auto names = subcommand_names(command);
  if (std::ranges::find(names, name) != names.end()) return;
  if (names.empty()) throw UsageError(fmt::format("{}: {} has no commands of its own", name, words));
  const std::string near = did_you_mean(name, names);
  throw UsageError(fmt::format("unknown command {}{}", name,
                               near.empty() ? fmt::format("; {} has {}", words, fmt::join(names, ", ")) : near));
}

std::string complaint_of(const CLI::App& app, const CLI::ParseError& error) {
  const Called at = called(app);
  const std::string help = fmt::format("{} help{}", app.get_name(), at.words.substr(app.get_name().size()));
  const auto words = app.remaining(true);
  const auto names = subcommand_names(*at.command);
  if (!names.empty() && !words.empty() && !is_option(words.front())) try {
      require_subcommand_named(*at.command, at.words, words.front());
    } catch (const UsageError& unknown) {
      return unknown.what();
    }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) && !words.empty()) return unexpected(at, help, words);
  if (dynamic_cast<const CLI::RequiredError*>(&error)) {
    if (names.empty()) return missing(at);
    return fmt::format("{}: say which of {}", at.words, fmt::join(names, ", "));
  }
  const std::string_view what = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) && what.ends_with("missing"))
    return fmt::format("{}: expects a value; see {}", what.substr(0, what.find(':')), help);
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) && what.find("At Most 1 ") != what.npos)
    return fmt::format("{}: it is given more than once", what.substr(0, what.find(':')));
  return error.what();
}

}  // namespace gaze::train
