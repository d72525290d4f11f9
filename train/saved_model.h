#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gaze/datasets/language.h>
#include <gaze/nn/safetensors.h>
#include <gaze/train/config.h>

namespace gaze::train {

/// What a checkpoint's metadata say beside the weights: the options, and how text becomes ids.
using Metadata = std::map<std::string, std::string>;

/// A note of a checkpoint. Throws when it has none of this name, naming the file.
const std::string& note_of(const Checkpoint& checkpoint, std::string_view name, const std::string& file);
/// The options of the run that wrote it; those that it does not name have their defaults, and what a machine may choose
/// comes from `local`.
Config run_config_of(const Checkpoint& checkpoint, const Config& local, const std::string& file);
/// The same of a run whose model this program can make. Throws for another, naming its kind.
Config config_of(const Checkpoint& checkpoint, const Config& local, const std::string& file);
/// Of which step weights are and their validation loss, as their own file says.
struct ValidationNote {
  std::int64_t step = 0;
  double loss = 0;
  bool operator==(const ValidationNote&) const = default;
};
void add_validation(Metadata& metadata, const ValidationNote& note);
/// None where the file says nothing: older programs wrote none. Throws, naming the file, when it says it wrongly.
std::optional<ValidationNote> validation_of(const std::filesystem::path& weights);

/// The parameters of a checkpoint without what belongs to an optimizer or to the training: those whose names begin with
/// `strip_prefix`, without it, and the metadata that say which second names they have. Throws when there are none, and
/// for numbers that are not finite.
Checkpoint weights_of(const Checkpoint& checkpoint, std::string_view strip_prefix = {});

/// Throws, naming the file, when a checkpoint's options describe a model of more numbers than its weights are: before
/// such a model is made.
void require_as_many_numbers(const Checkpoint& checkpoint, double parameters, const std::string& file);

/// Throws, naming the run and its kind, for options of a model of somebody's own.
void require_known_kind(const Config& config, const std::string& run);

/// The tokens of these lines, by the config's units; `line_end`, if any, is a token that closes each line. Throws when
/// nothing is as frequent as the config asks for, and what Subwords::train() throws.
Language learn_language(const Config& config, std::span<const std::string_view> lines, const char* line_end = nullptr);
/// How a run on text spells it.
Spelling spelling_of(const Config& config);
/// How text of a config's units becomes tokens; `subwords`: see Subwords::serialized().
Tokenizer tokenizer_of(const Config& config, const std::string& subwords);

/// "NAME_vocabulary", "NAME_longest" and, for subwords, "NAME_subwords".
void add_language(Metadata& metadata, const std::string& name, const Language& language);
/// Its inverse. Throws, naming the file, when something is missing or broken.
Language language_of(const Checkpoint& checkpoint, const std::string& name, const Config& config,
                     const std::string& file);

}  // namespace gaze::train
