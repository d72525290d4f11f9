#include <gaze/train/saved_model.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include <gaze/autograd/graph.h>
#include <gaze/datasets/subwords.h>
#include <gaze/train/json.h>
#include <gaze/train/options.h>

namespace gaze::train {
namespace {

/// Bytes as text: metadata are UTF-8.
std::string hexadecimal(const std::string& bytes) {
  return fmt::format("{:02x}", fmt::join(reinterpret_cast<const unsigned char*>(bytes.data()),
                                         reinterpret_cast<const unsigned char*>(bytes.data()) + bytes.size(), ""));
}

std::string bytes_of(const std::string& digits, const std::string& file) {
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    unsigned value = 0;
    const char* const end = digits.data() + std::min(i + 2, digits.size());
    const auto [stop, error] = std::from_chars(digits.data() + i, end, value, 16);
    require(error == std::errc() && stop == end && i + 2 <= digits.size(), "{}: its subwords are broken", file);
    bytes += static_cast<char>(static_cast<unsigned char>(value));
  }
  return bytes;
}

}  // namespace

const std::string& note_of(const Checkpoint& checkpoint, std::string_view name, const std::string& file) {
  const auto found = checkpoint.metadata.find(std::string(name));
  require(found != checkpoint.metadata.end(), "{}: it holds no {}; it is not a checkpoint of a run", file, name);
  return found->second;
}

void add_validation(Metadata& metadata, const ValidationNote& note) {
  metadata["validation"] = nlohmann::json{{"step", note.step}, {"loss", note.loss}}.dump();
}

std::optional<ValidationNote> validation_of(const std::filesystem::path& weights) {
  const Metadata metadata = load_safetensors_metadata(weights);
  const auto found = metadata.find("validation");
  if (found == metadata.end()) return {};
  const std::string where = weights.string() + ": validation";
  const nlohmann::json note = parse_json(found->second, where);
  require(note.is_object() && note.contains("step") && note.contains("loss") && note["loss"].is_number(),
          "{}: it is not a step and a loss", where);
  return ValidationNote{whole_number(note["step"], 0, max_count, where + ": step"), note["loss"].get<double>()};
}

void require_known_kind(const Config& config, const std::string& run) {
  require(config.own.kind.empty(), "{}: this run is of kind {}, which this program does not know", run,
          config.own.kind);
}

Config config_of(const Checkpoint& checkpoint, const Config& local, const std::string& file) {
  const Config config = run_config_of(checkpoint, local, file);
  require_known_kind(config, file);
  return config;
}

Config run_config_of(const Checkpoint& checkpoint, const Config& local, const std::string& file) {
  Config config = local_options(local);
  read_run_config(config, parse_json(note_of(checkpoint, "config", file), file + ": config"), file);
  check_config_of(file, config);
  return config;
}

Checkpoint weights_of(const Checkpoint& checkpoint, std::string_view strip_prefix) {
  Checkpoint weights;
  std::vector<std::string> names;
  for (const auto& [name, array] : checkpoint.arrays) {
    if (name.starts_with("optimizer.")) continue;
    names.push_back(name);
    if (!name.starts_with(strip_prefix)) continue;
    if (const auto bad = first_not_finite(array)) {
      const double number = array.at(*bad);  // whatever its sign, NaN is NaN
      fail("export: not finite: {} ({} at element {})", name, std::isnan(number) ? std::abs(number) : number, *bad);
    }
    weights.arrays.emplace_back(name.substr(strip_prefix.size()), array);
  }
  require(!weights.arrays.empty(), "export: no parameter begins with {}; there are {}", strip_prefix,
          fmt::join(names, ", "));
  for (const auto& [alias, name] : checkpoint.metadata)
    if (alias.starts_with(strip_prefix) && name.starts_with(strip_prefix) && checkpoint.find(name))
      weights.metadata[alias.substr(strip_prefix.size())] = name.substr(strip_prefix.size());
  return weights;
}

void require_as_many_numbers(const Checkpoint& checkpoint, double parameters, const std::string& file) {
  double numbers = 0;
  for (const auto& [name, array] : checkpoint.arrays)
    if (!name.starts_with("optimizer.")) numbers += static_cast<double>(array.size());
  require(parameters <= numbers,
          "{}: its weights are {:.17g} numbers, and the model that its options describe has at least {:.17g}: tensors "
          "are missing "
          "or of the wrong shape, or the options are another model's",
          file, numbers, parameters);
}

Spelling spelling_of(const Config& config) {
  return {.unicode = config.data.unicode,
          .lowercase = config.data.lowercase,
          .ascii_spaces = config.data.units == Units::subwords};  // sentencepiece knows no other
}

Language learn_language(const Config& config, std::span<const std::string_view> lines, const char* line_end) {
  Language language{.tokenizer = {}, .vocabulary = Vocabulary({}), .longest = config.data.length};
  if (config.data.units == Units::subwords) {
    constexpr std::int64_t usual = 8000;
    const Subwords subwords =
        Subwords::train(lines, config.data.vocab > 0 ? config.data.vocab : usual, spelling_of(config));
    std::vector<std::string> tokens = subwords.pieces();
    if (line_end) tokens.insert(tokens.begin(), line_end);
    language.vocabulary = Vocabulary(tokens);
    language.subwords = subwords.serialized();
    language.tokenizer = tokenizer_of(config, language.subwords);
    return language;
  }
  language.tokenizer = tokenizer_of(config, {});
  std::unordered_map<std::string, std::int64_t> counts;
  std::string key;
  for (const std::string_view line : lines) {
    language.tokenizer.for_each(line, [&](std::string_view token) {
      key = token;
      ++counts[key];
    });
    if (line_end) ++counts[line_end];
  }
  language.vocabulary = Vocabulary::from_counts(counts, config.data.min_frequency, config.data.vocab);
  require(language.vocabulary.size() > Vocabulary({}).size(),
          "config: no token of the text occurs {} times (min_frequency)", config.data.min_frequency);
  return language;
}

Tokenizer tokenizer_of(const Config& config, const std::string& subwords) {
  Tokenizer tokenizer = config.data.units == Units::subwords     ? Subwords::from(subwords).tokenizer()
                        : config.data.units == Units::characters ? character_tokenizer(config.data.unicode)
                                                                 : word_tokenizer(config.data.unicode);
  return spelled(std::move(tokenizer), spelling_of(config));
}

void add_language(Metadata& metadata, const std::string& name, const Language& language) {
  metadata[name + "_vocabulary"] = nlohmann::json(language.vocabulary.tokens()).dump();
  metadata[name + "_longest"] = std::to_string(language.longest);
  if (!language.subwords.empty()) metadata[name + "_subwords"] = hexadecimal(language.subwords);
}

Language language_of(const Checkpoint& checkpoint, const std::string& name, const Config& config,
                     const std::string& file) {
  const auto parsed = [&](const char* what) {
    return parse_json(note_of(checkpoint, name + what, file), fmt::format("{}: {}{}", file, name, what));
  };
  try {
    Language language{{},
                      Vocabulary::from_list(parsed("_vocabulary").get<std::vector<std::string>>()),
                      whole_number(parsed("_longest"), 0, 1'000'000'000, file + ": the longest sentence")};
    if (config.data.units == Units::subwords)
      language.subwords = bytes_of(note_of(checkpoint, name + "_subwords", file), file);
    language.tokenizer = tokenizer_of(config, language.subwords);
    return language;
  } catch (const nlohmann::json::exception&) {
    fail("{}: its {} vocabulary is broken", file, name);
  }
}

}  // namespace gaze::train
