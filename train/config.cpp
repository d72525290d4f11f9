#include <gaze/train/config.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include <gaze/autograd/error.h>

namespace gaze {
namespace {

using nlohmann::json;

/// One option: how it is written to JSON, read from JSON, and what a right value is called in an error.
struct Option {
  const char* name;
  std::string expects;
  std::function<json(const Config&)> get;
  std::function<bool(Config&, const json&)> set;  ///< false when the value is not what is expected
};

template <class T>
bool assign_number(T& member, const json& value, double least, double most) {
  if (!value.is_number() || (std::is_integral_v<T> && !value.is_number_integer())) return false;
  const double number = value.get<double>();
  if (!std::isfinite(number) || number < least || number > most) return false;
  member = value.get<T>();
  return true;
}

constexpr std::int64_t any_count = 1'000'000'000'000, any_size = 1'000'000;

Option count(const char* name, std::int64_t Config::*member, std::int64_t least, std::int64_t most = any_size) {
  return {name, fmt::format("a whole number from {} to {}", least, most),
          [=](const Config& c) { return json(c.*member); },
          [=](Config& c, const json& v) {
            return assign_number(c.*member, v, static_cast<double>(least), static_cast<double>(most));
          }};
}

Option real(const char* name, double Config::*member, const char* expects, double least, double most) {
  return {name, expects, [=](const Config& c) { return json(c.*member); },
          [=](Config& c, const json& v) { return assign_number(c.*member, v, least, most); }};
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

const std::vector<Option>& options() {
  static const std::vector<Option> all = {
      choice("task", &Config::task, "the name of a task", {}),
      choice("model", &Config::model, "transformer", {"transformer"}),
      choice("kind", &Config::kind, "seq2seq, decoder or chain", {"seq2seq", "decoder", "chain"}),
      count("layers", &Config::layers, 1),
      count("d_model", &Config::d_model, 1),
      count("heads", &Config::heads, 1),
      count("d_ff", &Config::d_ff, 1),
      real("dropout", &Config::dropout, "a number from 0 to below 1", 0, 0.999999),
      choice("activation", &Config::activation, "relu or gelu", {"relu", "gelu"}),
      choice("norm", &Config::norm, "pre or post", {"pre", "post"}),
      choice("positions", &Config::positions, "learned, sinusoidal or none", {"learned", "sinusoidal", "none"}),
      yes_or_no("tied", &Config::tied),
      count("vocab", &Config::vocab, 1),
      count("min_length", &Config::min_length, 1),
      count("length", &Config::length, 1),
      yes_or_no("source_eos", &Config::source_eos),
      count("batch", &Config::batch, 1),
      count("validation", &Config::validation, 1, any_count),
      count("steps", &Config::steps, 0, any_count),
      choice("optimizer", &Config::optimizer, "adam, adamw or sgd", {"adam", "adamw", "sgd"}),
      real("lr", &Config::lr, "a number above 0", 1e-300, 1e6),
      {"betas", "two numbers from 0 to below 1", [](const Config& c) { return json(c.betas); },
       [](Config& c, const json& v) {
         return v.is_array() && v.size() == 2 && assign_number(c.betas.first, v[0], 0, 1 - 1e-12) &&
                assign_number(c.betas.second, v[1], 0, 1 - 1e-12);
       }},
      real("eps", &Config::eps, "a number from 0", 0, 1),
      real("momentum", &Config::momentum, "a number from 0 to below 1", 0, 1 - 1e-12),
      real("weight_decay", &Config::weight_decay, "a number from 0", 0, 1e6),
      real("clip", &Config::clip, "a number from 0", 0, 1e300),
      real("label_smoothing", &Config::label_smoothing, "a number from 0 to 1", 0, 1),
      real("guided", &Config::guided, "a number from 0", 0, 1e6),
      count("guided_layer", &Config::guided_layer, -1),
      count("guided_head", &Config::guided_head, 0),
      choice("schedule", &Config::schedule, "constant, inverse_sqrt (noam) or cosine",
             {"constant", "inverse_sqrt", "noam", "cosine"}),
      count("warmup", &Config::warmup, 0, any_count),
      count("log_every", &Config::log_every, 1, any_count),
      count("probes", &Config::probes, 0, 10'000),
      choice("record", &Config::record, "all or cross", {"all", "cross"}),
      {"seed", "a whole number from 0", [](const Config& c) { return json(c.seed); },
       [](Config& c, const json& v) { return v.is_number_unsigned() && (c.seed = v.get<std::uint64_t>(), true); }},
      count("threads", &Config::threads, 0, 1024),
      count("width", &Config::width, 1),
      count("links", &Config::links, 1, any_count),
  };
  return all;
}

const Option& option(std::string_view key, std::string_view source) {
  for (const Option& o : options())
    if (o.name == key) return o;
  const std::string near = nearest_name(key, config_keys());
  fail("{}: unknown option {}{}", source, key, near.empty() ? "" : fmt::format("; did you mean {}?", near));
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
  if (parsed.is_discarded()) parsed = std::string(value);  // a bare word is text
  require(o.set(config, parsed), "{}: expects {}", typed, o.expects);
}

void set_option(Config& config, std::string_view assignment) {
  const std::size_t sign = assignment.find('=');
  require(sign != std::string_view::npos, "--set {}: expects key=value", assignment);
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

void check_config(const Config& c) {
  require(c.d_model % c.heads == 0, "config: d_model {} must divide into {} heads", c.d_model, c.heads);
  require(c.min_length <= c.length, "config: min_length {} must not exceed length {}", c.min_length, c.length);
  require(c.guided == 0 || (c.guided_layer < c.layers && c.guided_head < c.heads),
          "config: guided_layer {} and guided_head {} must be below layers {} and heads {}", c.guided_layer,
          c.guided_head, c.layers, c.heads);
  require(c.positions != "sinusoidal" || c.d_model % 2 == 0,
          "config: sinusoidal positions need an even d_model, got {}", c.d_model);
}

}  // namespace gaze
