#include <gaze/train/program/commands/commands.h>

#include <memory>

#include <gaze/train/program/commands/usage.h>

namespace gaze::train {

void add_help(CLI::App& app) {
  const auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* help = app.add_subcommand("help", "Explains a command and its options");
  help->add_option("command", *names, "The command; \"lesson scores\" for one of another's. None: all of them");
  help->callback([&app, names] {
    const CLI::App* command = &app;
    std::string words = app.get_name();
    for (const std::string& name : *names) {
      require_subcommand_named(*command, words, name);
      command = command->get_subcommand(name);
      words += " " + name;
    }
    fmt::print("{}", help_of(*command, words));
  });
}

}  // namespace gaze::train
