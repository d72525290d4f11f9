#include <gaze/train/config.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include <gaze/autograd/base/error.h>
#include <gaze/train/preset_files.h>

namespace gaze::train {
namespace {

using nlohmann::json;

/// What an option may do to a run that is continued.
enum class Resume {
  fixed,  ///< stays: the model, the data, the order of batches
  free,   ///< may change from here on
  local   ///< says nothing about the weights
};

/// One option: how it is written to JSON, read from JSON, and what a right value is called in an error.
struct Option {
  const char* name;
  std::string expects;
  std::function<json(const Config&)> get;
  std::function<bool(Config&, const json&)> set;  ///< false when the value is not what is expected
  Resume resume = Resume::fixed;
  bool plain = false;  ///< what is typed is text, whatever it looks like
};

Option freely(Option option) {
  option.resume = Resume::free;
  return option;
}

template <class T>
bool assign_number(T& member, const json& value, double min, double max) {
  if (!value.is_number() || (std::is_integral_v<T> && !value.is_number_integer())) return false;
  const double number = value.get<double>();
  if (!std::isfinite(number) || number < min || number > max) return false;
  member = value.get<T>();
  return true;
}

constexpr std::int64_t any_count = 1'000'000'000'000, any_size = 1'000'000;

Option count(const char* name, std::int64_t Config::*member, std::int64_t min, std::int64_t max = any_size) {
  return {name, fmt::format("a whole number from {} to {}", min, max), [=](const Config& c) { return json(c.*member); },
          [=](Config& c, const json& v) {
            return assign_number(c.*member, v, static_cast<double>(min), static_cast<double>(max));
          }};
}

Option real(const char* name, double Config::*member, const char* expects, double min, double max) {
  return {name, expects, [=](const Config& c) { return json(c.*member); },
          [=](Config& c, const json& v) { return assign_number(c.*member, v, min, max); }};
}

Option yes_or_no(const char* name, bool Config::*member) {
  return {name, "true or false", [=](const Config& c) { return json(c.*member); },
          [=](Config& c, const json& v) { return v.is_boolean() && (c.*member = v.get<bool>(), true); }};
}

Option choice(const char* name, std::string Config::*member, const char* expects, std::vector<std::string> allowed) {
  return {name, expects, [=](const Config& c) { return json(c.*member); },
          [=](Config& c, const json& v) {
            if (!v.is_string()) return false;
            const auto text = v.get<std::string>();
            if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), text) == allowed.end()) return false;
            c.*member = text;
            return true;
          }};
}

Option locally(Option option) {
  option.resume = Resume::local;
  return option;
}

/// Any text but JSON's own strings is taken as it is typed.
Option file(const char* name, std::string Config::*member) {
  return {name,
          "a file name",
          [=](const Config& c) { return json(c.*member); },
          [=](Config& c, const json& v) { return v.is_string() && (c.*member = v.get<std::string>(), true); },
          Resume::local,
          true};
}

const std::vector<Option>& options() {
  static const std::vector<Option> all = {
      choice("task", &Config::task, "the name of a task", {}),
      choice("model", &Config::model, "transformer or rnn", {"transformer", "rnn"}),
      choice("kind", &Config::kind, "seq2seq, decoder or chain", {"seq2seq", "decoder", "chain"}),
      count("layers", &Config::layers, 1),
      count("d_model", &Config::d_model, 1),
      count("heads", &Config::heads, 1),
      count("d_ff", &Config::d_ff, 1),
      freely(real("dropout", &Config::dropout, "a number from 0 to below 1", 0, 0.999999)),
      choice("activation", &Config::activation, "relu or gelu", {"relu", "gelu"}),
      choice("norm", &Config::norm, "pre or post", {"pre", "post"}),
      choice("positions", &Config::positions, "learned, sinusoidal or none", {"learned", "sinusoidal", "none"}),
      choice("score", &Config::score, "auto, dot, scaled_dot, cosine, bilinear, additive or none",
             {"auto", "dot", "scaled_dot", "cosine", "bilinear", "additive", "none"}),
      choice("cell", &Config::cell, "gru or lstm", {"gru", "lstm"}),
      yes_or_no("tied", &Config::tied),
      yes_or_no("shared", &Config::shared),
      count("vocab", &Config::vocab, 0),
      count("min_length", &Config::min_length, 1),
      count("length", &Config::length, 1),
      yes_or_no("source_eos", &Config::source_eos),
      count("batch", &Config::batch, 1),
      count("tokens", &Config::tokens, 0, any_count),
      count("accumulate", &Config::accumulate, 1),
      file("src", &Config::src),
      file("tgt", &Config::tgt),
      file("valid_src", &Config::valid_src),
      file("valid_tgt", &Config::valid_tgt),
      file("test_src", &Config::test_src),
      file("test_tgt", &Config::test_tgt),
      file("tsv", &Config::tsv),
      file("valid_tsv", &Config::valid_tsv),
      file("test_tsv", &Config::test_tsv),
      file("text", &Config::text),
      file("valid_text", &Config::valid_text),
      choice("units", &Config::units, "words, characters or subwords", {"words", "characters", "subwords"}),
      yes_or_no("lowercase", &Config::lowercase),
      count("min_frequency", &Config::min_frequency, 1, any_count),
      freely(count("validation", &Config::validation, 1, any_count)),
      freely(count("steps", &Config::steps, 0, any_count)),
      freely(count("epochs", &Config::epochs, 0, 100'000)),
      choice("optimizer", &Config::optimizer, "adam, adamw or sgd", {"adam", "adamw", "sgd"}),
      freely(real("lr", &Config::lr, "a number above 0", 1e-300, 1e6)),
      {"betas", "two numbers from 0 to below 1", [](const Config& c) { return json(c.betas); },
       [](Config& c, const json& v) {
         return v.is_array() && v.size() == 2 && assign_number(c.betas.first, v[0], 0, 1 - 1e-12) &&
                assign_number(c.betas.second, v[1], 0, 1 - 1e-12);
       }},
      freely(real("eps", &Config::eps, "a number from 0", 0, 1)),
      freely(real("momentum", &Config::momentum, "a number from 0 to below 1", 0, 1 - 1e-12)),
      freely(real("weight_decay", &Config::weight_decay, "a number from 0", 0, 1e6)),
      freely(real("clip", &Config::clip, "a number from 0", 0, 1e300)),
      freely(real("label_smoothing", &Config::label_smoothing, "a number from 0 to 1", 0, 1)),
      freely(real("guided", &Config::guided, "a number from 0", 0, 1e6)),
      count("guided_layer", &Config::guided_layer, -1),
      count("guided_head", &Config::guided_head, 0),
      freely(choice("schedule", &Config::schedule, "constant, inverse_sqrt (noam) or cosine",
                    {"constant", "inverse_sqrt", "noam", "cosine"})),
      freely(count("warmup", &Config::warmup, 0, any_count)),
      freely(real("lr_end", &Config::lr_end, "a number from 0 to 1", 0, 1)),
      freely(count("validate_every", &Config::validate_every, 0, any_count)),
      freely(count("checkpoint_every", &Config::checkpoint_every, 0, any_count)),
      freely(count("patience", &Config::patience, 0, any_count)),
      freely(count("average", &Config::average, 0, 1000)),
      locally(count("beam", &Config::beam, 1, 1000)),
      locally(real("length_penalty", &Config::length_penalty, "a number from 0 to 10", 0, 10)),
      freely(count("log_every", &Config::log_every, 1, any_count)),
      count("probes", &Config::probes, 0, 10'000),
      choice("record", &Config::record, "all or cross", {"all", "cross"}),
      {"seed", "a whole number from 0", [](const Config& c) { return json(c.seed); },
       [](Config& c, const json& v) { return v.is_number_unsigned() && (c.seed = v.get<std::uint64_t>(), true); }},
      locally(count("threads", &Config::threads, 0, 1024)),
      count("width", &Config::width, 1),
      count("links", &Config::links, 1, any_count),
  };
  return all;
}

const Option& option(std::string_view key, std::string_view source) {
  for (const Option& o : options())
    if (o.name == key) return o;
  fail("{}: unknown option {}{}", source, key, did_you_mean(key, config_keys()));
}

}  // namespace

std::vector<std::string> config_keys() {
  std::vector<std::string> keys;
  for (const Option& o : options()) keys.emplace_back(o.name);
  return keys;
}

void set_option(Config& config, std::string_view key, std::string_view value, std::string_view typed) {
  const Option& o = option(key, typed);
  json parsed = json::parse(value, nullptr, false);
  if (parsed.is_discarded() || (o.plain && !parsed.is_string())) parsed = std::string(value);  // a bare word is text
  require(o.set(config, parsed), "{}: expects {}", typed, o.expects);
}

void set_option(Config& config, std::string_view assignment) {
  const std::size_t sign = assignment.find('=');
  if (sign == std::string_view::npos) {
    const std::string source = fmt::format("--set {}", assignment);
    const Option& o = option(assignment, source);
    fail("{}: expects key=value, as in --set {}={}", source, o.name, o.get(config).dump());
  }
  set_option(config, assignment.substr(0, sign), assignment.substr(sign + 1), fmt::format("--set {}", assignment));
}

void read_config(Config& config, const json& object, std::string_view source) {
  require(object.is_object(), "{}: expects a JSON object of options", source);
  for (const auto& [key, value] : object.items()) {
    const Option& o = option(key, source);
    require(o.set(config, value), "{}: {} is {}, expects {}", source, key, value.dump(), o.expects);
  }
}

json to_json(const Config& config) {
  json object = json::object();
  for (const Option& o : options()) object[o.name] = o.get(config);
  return object;
}

bool is_parallel_text(const Config& c) { return c.task == "pairs"; }
bool is_plain_text(const Config& c) { return c.task == "chars" || c.task == "words"; }

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& [name, content] : preset_files()) names.push_back(name);
  return names;
}

const std::string& preset(std::string_view name) {
  const auto found = preset_files().find(name);
  if (found != preset_files().end()) return found->second;
  fail("unknown preset {}; there are {}{}", name, fmt::join(preset_names(), ", "), did_you_mean(name, preset_names()));
}
std::int64_t cross_attention_layers(const Config& c) {
  if (c.model != "rnn") return c.layers;
  return c.score == "none" ? 0 : 1;
}
bool has_text(const Config& c) { return is_parallel_text(c) || is_plain_text(c); }

Config default_config(std::string_view task) {
  Config config;
  const auto presets = preset_names();
  if (std::find(presets.begin(), presets.end(), task) == presets.end()) {
    config.task = task;
    return config;
  }
  const std::string source = fmt::format("preset {}", task);
  const json object = json::parse(preset(task));
  if (const std::string of = object.value("task", std::string(task)); of != task) config = default_config(of);
  read_config(config, object, source);
  return config;
}

std::vector<std::string> fixed_differences(const Config& trained, const Config& wanted) {
  std::vector<std::string> differences;
  for (const Option& o : options())
    if (const json before = o.get(trained), now = o.get(wanted); o.resume == Resume::fixed && before != now)
      differences.push_back(fmt::format("{}: {}, not {}", o.name, before.dump(), now.dump()));
  return differences;
}

json portable(const Config& config) {
  json object = json::object();
  for (const Option& o : options())
    if (o.resume != Resume::local) object[o.name] = o.get(config);
  return object;
}

void check_config(const Config& c) {
  if (c.d_model % c.heads != 0) {
    std::int64_t fewer = std::min(c.heads, c.d_model), more = c.heads;  // that do divide it; one head always does
    while (c.d_model % fewer != 0) --fewer;
    while (more < c.d_model && c.d_model % more != 0) ++more;
    fail("config: d_model {} must divide into {} heads; it does into {}{}", c.d_model, c.heads, fewer,
         more <= c.d_model ? fmt::format(" or {}", more) : "");
  }
  require(has_text(c) || c.min_length <= c.length, "config: min_length {} must not exceed length {}", c.min_length,
          c.length);
  require(c.model != "rnn" || c.kind == "seq2seq", "config: an rnn translates; {} trains a {}", c.task, c.kind);
  require(c.score != "none" || c.model == "rnn", "config: score none is for model rnn; a transformer is all attention");
  require(c.guided == 0 || (c.guided_layer < cross_attention_layers(c) && c.guided_head < c.heads),
          "config: guided_layer {} and guided_head {} must be below the {} layers and {} heads of cross-attention",
          c.guided_layer, c.guided_head, cross_attention_layers(c), c.heads);
  require(c.positions != "sinusoidal" || c.d_model % 2 == 0,
          "config: sinusoidal positions need an even d_model, got {}", c.d_model);
}

}  // namespace gaze::train
