#include <gaze/train/program/commands/option_page.h>

#include <nlohmann/json.hpp>

#include <gaze/datasets/tokenizer.h>
#include <gaze/train/options.h>
#include <gaze/train/program/terminal/terminal.h>

namespace gaze::train {
namespace {

constexpr int columns = 80;

void print_paragraph(const std::string& text, const std::string& margin) {
  for (const std::string& line : wrap(words_of(text), columns - display_width(margin)))
    fmt::print("{}{}\n", margin, line);
}

/// "heads=1", as it would be typed.
std::string assignment(const OptionGuide& option, const Config& config) {
  const nlohmann::json value = option_value(config, option.name);
  return fmt::format("{}={}", option.name, value.is_string() ? value.get<std::string>() : value.dump());
}

}  // namespace

void print_options(const std::optional<Config>& config) {
  print_paragraph(config ? fmt::format("The options that {} has a use for, with their values.", config->task)
                         : "All options, with their defaults. A task's preset has others: see gaze train TASK "
                           "--help-options.",
                  "");
  print_paragraph("They are set with --set NAME=VALUE, or in a config file in JSON.", "");
  const Config shown = config.value_or(Config());
  std::string section;
  for (const OptionGuide& option : option_guides()) {
    if (config && !is_used(*config, option.name)) continue;
    if (section != option.section) fmt::print("\n{}:\n", section = option.section);
    constexpr int name_columns = 26;
    std::string name = assignment(option, shown);
    for (const std::string& line : wrap(words_of(option.expects), columns - name_columns - 2)) {
      fmt::print("  {}{}\n", pad(name, name_columns), line);
      name.clear();
    }
    const bool says_where = !config && !option.where.empty();
    print_paragraph(option.what + (says_where ? fmt::format(" Only for {}.", option.where) : ""), "      ");
  }
}

}  // namespace gaze::train
