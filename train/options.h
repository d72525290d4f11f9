#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <gaze/train/config.h>

namespace gaze::train {

// The options by the flat names that the command line (--set), config.json, presets, workloads and checkpoints use.

/// The names of all options.
std::vector<std::string> config_keys();
/// Sets one option from text ("heads", "4"; "betas", "[0.9, 0.99]"). Throws for an unknown name (suggesting the
/// nearest), a value of the wrong type, or one that is not allowed. `typed` is what the user wrote, for errors.
void set_option(Config&, std::string_view key, std::string_view value, std::string_view typed);
/// "key=value"
void set_option(Config&, std::string_view assignment);
/// The value of an option, as config.json would have it. Throws for an unknown name.
nlohmann::json option_value(const Config&, std::string_view key);

/// Reads the options that a JSON object names over those of `config`. `source` names it in errors.
void read_config(Config& config, const nlohmann::json& object, std::string_view source);
/// A config file by hand: what it names over the options that its task begins with, or Config's own without a task.
Config config_from(const nlohmann::json& object, std::string_view source);
/// The options of a run as its config.json or checkpoint has them. Of a model of somebody's own what gaze does not know
/// is kept as it is.
void read_run_config(Config& config, const nlohmann::json& object, std::string_view source);
/// The options of a run of a model of somebody's own, whose kind and options gaze does not know: they stand in its
/// config.json, and stay when it is continued. Values are JSON; what is not JSON is text. Of the groups the training's,
/// guided and recording count. Throws for a kind that gaze has, and for names of options that every run has.
Config own_config(std::string task, std::string kind, std::map<std::string, std::string> options = {});
/// The options that the run has a use for: what is left out has no effect, and its default when it is read again.
nlohmann::json to_json(const Config&);

/// Whether an option has any effect on a run with these options.
bool is_used(const Config&, std::string_view key);
/// Throws when an option that somebody wrote has no effect, unless its value is the default (of Config or of the task's
/// preset). `typed` is what they wrote.
void require_used(const Config&, std::string_view key, std::string_view typed);
/// The same for assignments "key=value" of --set.
void require_settings_used(const Config&, const std::vector<std::string>& settings);
/// The same for a config file that is written by hand. One that names most of what has no effect is not: earlier
/// versions listed all options in a run's config.json.
void require_file_used(const Config&, const nlohmann::json& object, std::string_view source);

/// The options of `wanted` that a run with `trained` cannot be continued with, as "name: old, not new"; data, model and
/// the order of batches stay what they are, lengths and rates may change. Files may have moved: they are not compared,
/// nor is what neither has a use for.
std::vector<std::string> fixed_differences(const Config& trained, const Config& wanted);
/// The options that make a run's weights what they are: of those that it has a use for, all but threads, file names and
/// those of decoding.
nlohmann::json portable(const Config&);
/// The defaults, but for what portable() leaves to the machine, which is taken from `config`.
Config local_options(const Config& config);

/// An option as help shows it.
struct OptionGuide {
  std::string section;  ///< a heading: options of one section follow one another
  std::string name;
  std::string expects;  ///< "a whole number from 1 to 1000000"
  std::string what;     ///< a sentence
  std::string where;    ///< "model rnn"; empty: everywhere
  bool file = false;    ///< whether it names a file, for which there is an option --NAME, too
};
std::vector<OptionGuide> option_guides();

}  // namespace gaze::train
