#include <gaze/train/options.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <utility>

#include <gaze/autograd/base/error.h>
#include <gaze/datasets/toy.h>
#include <gaze/train/json.h>
#include <gaze/train/models.h>

namespace gaze::train {
namespace {

using nlohmann::json;

// Values: how they are written to JSON, read from it, and what a right one is called.

struct Value {
  std::string expects;
  std::function<json(const Config&)> get;
  std::function<bool(Config&, const json&)> set;  ///< false when the value is not what is expected
  std::vector<std::string> words = {};            ///< all that it may be, if it is one of some
  bool file = false;                              ///< a file name: what is typed is text, whatever it looks like
};

/// Where in Config a value lies.
template <class Group, class T>
struct Member {
  Group Config::*group;
  T Group::*member;
  T& of(Config& c) const { return c.*group.*member; }
  const T& of(const Config& c) const { return c.*group.*member; }
};
template <class Group, class T>
Member(Group Config::*, T Group::*) -> Member<Group, T>;

/// model(&ModelConfig::heads) is heads of a config's group model.
template <class Group>
auto members_of(Group Config::*group) {
  return [group](auto Group::*member) { return Member{group, member}; };
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

Value whole(auto member, std::int64_t min, std::int64_t max = any_size) {
  return {fmt::format("a whole number from {} to {}", min, max), [=](const Config& c) { return json(member.of(c)); },
          [=](Config& c, const json& v) {
            return assign_number(member.of(c), v, static_cast<double>(min), static_cast<double>(max));
          }};
}

Value real(auto member, const char* expects, double min, double max) {
  return {expects, [=](const Config& c) { return json(member.of(c)); },
          [=](Config& c, const json& v) { return assign_number(member.of(c), v, min, max); }};
}

Value yes_or_no(auto member) {
  return {"true or false", [=](const Config& c) { return json(member.of(c)); },
          [=](Config& c, const json& v) { return v.is_boolean() && (member.of(c) = v.template get<bool>(), true); }};
}

Value file(auto member) {
  return {
      "a file name",
      [=](const Config& c) { return json(member.of(c)); },
      [=](Config& c, const json& v) { return v.is_string() && (member.of(c) = v.template get<std::string>(), true); },
      {},
      true};
}

/// "a, b or c"
std::string listed(const std::vector<std::string>& words, std::string_view conjunction) {
  const std::span<const std::string> all = words;
  return words.size() < 2
             ? fmt::format("{}", fmt::join(words, ""))
             : fmt::format("{} {} {}", fmt::join(all.first(all.size() - 1), ", "), conjunction, all.back());
}

std::string one_of(const std::vector<std::string>& words) { return listed(words, "or"); }
std::string all_of(const std::vector<std::string>& words) { return listed(words, "and"); }

/// An enum's value by its name.
template <class Group, class E>
Value word(Member<Group, E> member, const NameTable<E>& names) {
  return {one_of(names.names()), [=](const Config& c) { return json(names.name_of(member.of(c))); },
          [=](Config& c, const json& v) {
            const auto value = v.is_string() ? names.find(v.get<std::string>()) : std::nullopt;
            if (value) member.of(c) = *value;
            return value.has_value();
          },
          names.names()};
}

/// A score function; "auto", the model's own; or "none".
Value score_value() {
  std::vector<std::string> words = {"auto"};
  for (std::string& name : score_names().names()) words.push_back(std::move(name));
  words.emplace_back("none");
  return {one_of(words),
          [](const Config& c) {
            if (!c.model.attends) return json("none");
            return json(c.model.score ? name_of(*c.model.score) : "auto");
          },
          [words](Config& c, const json& v) {
            if (!v.is_string() || std::find(words.begin(), words.end(), v.get<std::string>()) == words.end())
              return false;
            const auto name = v.get<std::string>();
            c.model.attends = name != "none";
            c.model.score.reset();
            if (c.model.attends && name != "auto") c.model.score = score_names().named(name);
            return true;
          },
          words};
}

// Uses: where an option has an effect.

struct Use {
  std::string where;  ///< "model rnn"; empty: everywhere
  std::function<bool(const Config&)> by;
};

const Use everywhere{"", [](const Config&) { return true; }};

Use with_model(Architecture architecture) {
  return {fmt::format("model {}", name_of(architecture)),
          [=](const Config& c) { return c.model.architecture == architecture; }};
}

Use with_optimizers(std::vector<OptimizerKind> kinds) {
  std::vector<std::string> names;
  for (const OptimizerKind kind : kinds) names.emplace_back(name_of(kind));
  return {fmt::format("optimizer{} {}", names.size() > 1 ? "s" : "", all_of(names)),
          [=](const Config& c) { return std::find(kinds.begin(), kinds.end(), c.training.optimizer) != kinds.end(); }};
}

Use of_toy_tasks() {
  return {"toy tasks", [](const Config& c) { return task_kind(c) == TaskKind::toy; }};
}

std::vector<std::string> symbol_tasks() {
  std::vector<std::string> names = toy_task_names();
  std::erase_if(names, [](const std::string& name) { return !has_symbols(name); });
  return names;
}

Use of_symbols() {
  return {fmt::format("tasks {}", all_of(symbol_tasks())), [](const Config& c) { return has_symbols(c.task); }};
}

Use of_symbols_and_text() {
  std::vector<std::string> names = symbol_tasks();
  for (std::string& name : text_tasks().names()) names.push_back(std::move(name));
  return {fmt::format("tasks {}", all_of(names)), [](const Config& c) { return has_symbols(c.task) || has_text(c); }};
}

std::vector<std::string> tasks_of(TaskKind kind) {
  std::vector<std::string> names = text_tasks().names();
  std::erase_if(names, [=](const std::string& name) { return text_tasks().named(name) != kind; });
  return names;
}

Use of_kind(TaskKind kind) {
  const auto names = tasks_of(kind);
  return {fmt::format("task{} {}", names.size() > 1 ? "s" : "", all_of(names)),
          [=](const Config& c) { return task_kind(c) == kind; }};
}

Use of_text() { return {fmt::format("tasks {}", all_of(text_tasks().names())), has_text}; }

Use of_whole_tokens() {
  return {fmt::format("tasks {} with units words or characters", all_of(text_tasks().names())),
          [](const Config& c) { return has_text(c) && c.data.units != Units::subwords; }};
}

bool is_own(const Config& c) { return task_kind(c) == TaskKind::own; }

const Use of_translation{"translation: toy tasks and pairs", [](const Config& c) { return !is_plain_text(c); }};
const Use of_recorded{"translation, unless score is none", [](const Config& c) {
                        return is_own(c) || (!is_plain_text(c) && cross_attention_layers(c) > 0);
                      }};
const Use of_recorded_probes{"translation with probes above 0, unless score is none",
                             [](const Config& c) { return of_recorded.by(c) && c.recording.probes > 0; }};
const Use of_aligned{"toy tasks, whose alignment is known, unless score is none", [](const Config& c) {
                       return is_own(c) || (task_kind(c) == TaskKind::toy && cross_attention_layers(c) > 0);
                     }};
const Use of_guided{"guided above 0", [](const Config& c) { return of_aligned.by(c) && c.guided.weight > 0; }};
const Use with_cosine{"schedule cosine", [](const Config& c) { return c.training.schedule == Decay::cosine; }};
const Use of_chain{"workloads of gaze bench", [](const Config& c) { return c.model.kind == ModelKind::chain; }};

/// What an option may do to a run that is continued.
enum class Resume {
  fixed,  ///< stays: the model, the data, the order of batches
  free,   ///< may change from here on
  local   ///< says nothing about the weights
};

struct Option {
  std::string name;
  Value value;
  std::string what;  ///< a sentence, for help
  Use use = everywhere;
  Resume resume = Resume::fixed;
};

struct Section {
  std::string title;
  std::vector<Option> options;
  bool of_any_model = false;  ///< also of one that is somebody's own
};

const std::vector<Section>& sections() {
  const auto model = members_of(&Config::model);
  const auto data = members_of(&Config::data);
  const auto files = members_of(&Config::files);
  const auto training = members_of(&Config::training);
  const auto guided = members_of(&Config::guided);
  const auto recording = members_of(&Config::recording);
  const auto decoding = members_of(&Config::decoding);
  const auto chain = members_of(&Config::chain);
  using M = ModelConfig;
  using D = DataConfig;
  using F = FilesConfig;
  using T = TrainingConfig;
  const Use transformer = with_model(Architecture::transformer), rnn = with_model(Architecture::rnn);
  const Use adam = with_optimizers({OptimizerKind::adam, OptimizerKind::adamw});
  const Use pairs = of_kind(TaskKind::pairs), plain_text = of_kind(TaskKind::plain_text);
  const Use text = of_text();
  constexpr Resume free = Resume::free, local = Resume::local;
  const Value task{"the name of a task", [](const Config& c) { return json(c.task); },
                   [](Config& c, const json& v) { return v.is_string() && (c.task = v.get<std::string>(), true); }};
  const Value seed{
      "a whole number from 0", [](const Config& c) { return json(c.seed); },
      [](Config& c, const json& v) { return v.is_number_unsigned() && (c.seed = v.get<std::uint64_t>(), true); }};
  const Value threads{"a whole number from 0 to 1024", [](const Config& c) { return json(c.threads); },
                      [](Config& c, const json& v) { return assign_number(c.threads, v, 0, 1024); }};
  const Value betas{"two numbers from 0 to below 1", [](const Config& c) { return json(c.training.betas); },
                    [](Config& c, const json& v) {
                      auto [first, second] = c.training.betas;
                      const bool right = v.is_array() && v.size() == 2 && assign_number(first, v[0], 0, 1 - 1e-12) &&
                                         assign_number(second, v[1], 0, 1 - 1e-12);
                      if (right) c.training.betas = {first, second};
                      return right;
                    }};
  static const std::vector<Section> all = {
      {"The run",
       {{"task", task, "A toy task, or pairs, chars or words: text of your own."},
        {"seed", seed, "Of weights, data and dropout."},
        {"threads", threads, "Threads to use; 0: as many as there are processors.", everywhere, local}},
       true},
      {"The model",
       {{"model", word(model(&M::architecture), architecture_names()), "What the model is built of."},
        {"kind", word(model(&M::kind), model_kind_names()),
         "Encoder and decoder, a language model, or a workload; given by the task."},
        {"layers", whole(model(&M::layers), 1), "Layers, of encoder and decoder each."},
        {"d_model", whole(model(&M::d_model), 1), "Numbers per token between layers."},
        {"heads", whole(model(&M::heads), 1), "Heads per attention; they divide d_model."},
        {"d_ff", whole(model(&M::d_ff), 1), "Numbers per token within a feed-forward network.", transformer},
        {"dropout", real(model(&M::dropout), "a number from 0 to below 1", 0, 0.999999),
         "Share of numbers that training sets to 0.", everywhere, free},
        {"activation", word(model(&M::activation), activation_names()), "Of the feed-forward networks.", transformer},
        {"norm", word(model(&M::norm), norm_names()), "LayerNorm before or after the sublayers.", transformer},
        {"positions", word(model(&M::positions), positions_names()), "What tells the model where a token stands.",
         transformer},
        {"score", score_value(),
         "Of attention; auto: scaled_dot of a transformer, additive of an rnn; none: an rnn without attention."},
        {"cell", word(model(&M::cell), cell_names()), "The recurrent cell.", rnn},
        {"tied", yes_or_no(model(&M::tied)), "The output shares the weights of the target's embedding."},
        {"shared", yes_or_no(model(&M::shared)), "One vocabulary and one embedding for source and target.", pairs}}},
      {"The data",
       {{"vocab", whole(data(&D::vocab), 0),
         "Symbols of a toy task; of text, tokens of a vocabulary at most, or 0: no limit.", of_symbols_and_text()},
        {"min_length", whole(data(&D::min_length), 1), "Symbols of the shortest sentence.", of_symbols()},
        {"length", whole(data(&D::length), 1),
         "Symbols of the longest sentence; of text, tokens per sentence at most, or per context.",
         of_symbols_and_text()},
        {"source_eos", yes_or_no(data(&D::source_eos)), "An end mark closes the source sentence.", of_translation},
        {"validation", whole(data(&D::validation), 1, any_count), "Held-out sentences that figures are taken on.",
         of_toy_tasks(), free},
        {"units", word(data(&D::units), units_names()),
         "What a token is: words between spaces, characters, or byte-pair encoding.", text},
        {"unicode", word(data(&D::unicode), unicode_names()),
         "nfc: what looks the same is the same (NFC), white space is Unicode's; none: text as it stands.", text},
        {"lowercase", yes_or_no(data(&D::lowercase)), "Text is taken in lower case.", text},
        {"min_frequency", whole(data(&D::min_frequency), 1, any_count), "Rarer tokens are unknown.",
         of_whole_tokens()}}},
      {"Text of your own",
       {{"src", file(files(&F::src)), "Sentences to learn from, one per line.", pairs, local},
        {"tgt", file(files(&F::tgt)), "Their translations, line by line.", pairs, local},
        {"valid_src", file(files(&F::valid_src)), "Held-out sentences (default: some of those to learn from).", pairs,
         local},
        {"valid_tgt", file(files(&F::valid_tgt)), "Their translations.", pairs, local},
        {"test_src", file(files(&F::test_src)), "Sentences to translate in the end.", pairs, local},
        {"test_tgt", file(files(&F::test_tgt)), "Their translations, for BLEU.", pairs, local},
        {"tsv", file(files(&F::tsv)), "Source and target in two columns instead of two files.", pairs, local},
        {"valid_tsv", file(files(&F::valid_tsv)), "The same for held-out sentences.", pairs, local},
        {"test_tsv", file(files(&F::test_tsv)), "The same for the test.", pairs, local},
        {"text", file(files(&F::text)), "The text to learn from.", plain_text, local},
        {"valid_text", file(files(&F::valid_text)), "Held-out text (default: the last tenth).", plain_text, local}}},
      {"The training",
       {{"steps", whole(training(&T::steps), 0, any_count), "Steps in all.", everywhere, free},
        {"epochs", whole(training(&T::epochs), 0, 100'000), "Rounds through the data instead of steps; 0: steps.",
         pairs, free},
        {"batch", whole(training(&T::batch), 1), "Sentences per batch; of chars and words, contexts."},
        {"tokens", whole(training(&T::tokens), 0, any_count),
         "Tokens per batch, padding included, instead of sentences; 0: sentences.", pairs},
        {"accumulate", whole(training(&T::accumulate), 1), "Batches per step."},
        {"optimizer", word(training(&T::optimizer), optimizer_names()), "What changes the weights by their gradients."},
        {"lr", real(training(&T::lr), "a number above 0", 1e-300, 1e6), "The largest learning rate.", everywhere, free},
        {"schedule", word(training(&T::schedule), decay_names()),
         "How the learning rate falls after the warm-up (noam is inverse_sqrt).", everywhere, free},
        {"warmup", whole(training(&T::warmup), 0, any_count), "Steps over which the learning rate rises to lr.",
         everywhere, free},
        {"lr_end", real(training(&T::lr_end), "a number from 0 to 1", 0, 1), "Where the cosine ends, as a share of lr.",
         with_cosine, free},
        {"betas", betas, "Decays of the means of gradients and of their squares.", adam},
        {"eps", real(training(&T::eps), "a number from 0", 0, 1), "Added to the root of the second mean.", adam, free},
        {"momentum", real(training(&T::momentum), "a number from 0 to below 1", 0, 1 - 1e-12),
         "Share of the last step in the next.", with_optimizers({OptimizerKind::sgd}), free},
        {"weight_decay", real(training(&T::weight_decay), "a number from 0", 0, 1e6),
         "Pull of weights towards 0; only of parameters with more than one axis.", everywhere, free},
        {"clip", real(training(&T::clip), "a number from 0", 0, 1e300), "Largest norm of the gradient; 0: any.",
         everywhere, free},
        {"label_smoothing", real(training(&T::label_smoothing), "a number from 0 to 1", 0, 1),
         "Share of the target that is spread over all tokens.", everywhere, free},
        {"log_every", whole(training(&T::log_every), 1, any_count), "Steps between lines of metrics.jsonl.", everywhere,
         free},
        {"validate_every", whole(training(&T::validate_every), 0, any_count),
         "Steps between validations; 0: an epoch of pairs, else log_every.", everywhere, free},
        {"checkpoint_every", whole(training(&T::checkpoint_every), 0, any_count),
         "Steps between checkpoints; 0: at validations, two seconds apart at least.", everywhere, free},
        {"patience", whole(training(&T::patience), 0, any_count),
         "Validations without a lower loss that end the training; 0: none do.", everywhere, free},
        {"average", whole(training(&T::average), 0, 1000),
         "The mean of the weights of so many last validations is kept, too; 0: no mean.", everywhere, free}},
       true},
      {"Guided attention",
       {{"guided", real(guided(&GuidedConfig::weight), "a number from 0", 0, 1e6),
         "Weight of the loss that draws one head to the gold links; 0: no such loss.", of_aligned, free},
        {"guided_layer", whole(guided(&GuidedConfig::layer), -1), "The decoder layer of that head; -1: the last.",
         of_guided},
        {"guided_head", whole(guided(&GuidedConfig::head), 0), "That head, counted from 0.", of_guided}},
       true},
      {"Recording",
       {{"probes", whole(recording(&RecordingConfig::probes), 0, 10'000),
         "Held-out sentences whose attention is recorded; 0: nothing is.", of_recorded},
        {"record", word(recording(&RecordingConfig::kinds), recorded_kinds_names()),
         "Attention of all kinds, or cross-attention alone.", of_recorded_probes}},
       true},
      {"Translating",
       {{"beam", whole(decoding(&DecodingConfig::beam), 1, 1000), "Hypotheses to follow; 1: greedy.", of_translation,
         local},
        {"length_penalty", real(decoding(&DecodingConfig::length_penalty), "a number from 0 to 10", 0, 10),
         "Of the beam: the larger, the longer translations get.", of_translation, local}}},
      {"The workload of gaze bench that is not a model",
       {{"width", whole(chain(&ChainConfig::width), 1), "Numbers per link of the chain.", of_chain},
        {"links", whole(chain(&ChainConfig::links), 1, any_count), "Links of the chain.", of_chain}}},
  };
  return all;
}

const std::vector<const Option*>& options() {
  static const std::vector<const Option*> all = [] {
    std::vector<const Option*> list;
    for (const Section& section : sections())
      for (const Option& o : section.options) list.push_back(&o);
    return list;
  }();
  return all;
}

const Option& option(std::string_view key, std::string_view source) {
  for (const Option* o : options())
    if (o->name == key) return *o;
  fail("{}: unknown option {}{}", source, key, did_you_mean(key, config_keys()));
}

/// What was expected instead of a value, and the nearest word.
std::string expected(const Option& o, const json& value) {
  const std::string near = value.is_string() ? did_you_mean(value.get<std::string>(), o.value.words) : "";
  return fmt::format("expects {}{}", o.value.expects, near);
}

/// Whether an option of a run is one whatever its model is.
bool is_of_any_model(std::string_view key) {
  static const std::set<std::string, std::less<>> names = [] {
    std::set<std::string, std::less<>> all;
    for (const Section& section : sections())
      for (const Option& o : section.options)
        if (section.of_any_model) all.insert(o.name);
    return all;
  }();
  return names.contains(key);
}

/// Whether an option has any effect on a run.
bool has_effect(const Option& o, const Config& c) { return o.use.by(c) && (!is_own(c) || is_of_any_model(o.name)); }

/// What is typed as a value of an option: JSON, or what is not JSON is text.
json typed_value(std::string_view value) {
  try {
    return parse_json(value, "");
  } catch (const Error&) {
    return value;
  }
}

/// Of a model of somebody's own: its kind and its options.
void add_own(json& object, const Config& config) {
  if (!is_own(config)) return;
  object["model"] = config.own.kind;
  for (const auto& [key, value] : config.own.options) object[key] = parse_json(value, key);
}

/// A model's kind and, if it is somebody's own, its options.
json model_of(const Config& config) {
  json object = {{"model", name_of(config.model.architecture)}};
  add_own(object, config);
  return object;
}

bool is_default(const Option& o, const Config& c) {
  const json value = o.value.get(c);
  return value == o.value.get(Config()) || value == o.value.get(default_config(c.task));
}

}  // namespace

std::vector<std::string> config_keys() {
  std::vector<std::string> keys;
  for (const Option* o : options()) keys.push_back(o->name);
  return keys;
}

void set_option(Config& config, std::string_view key, std::string_view value, std::string_view typed) {
  const Option& o = option(key, typed);
  try {
    check_utf8(value);  // a run's config.json is
  } catch (const Error& error) {
    fail("{}: {}", typed, error.what());
  }
  json parsed = typed_value(value);
  if (o.value.file && !parsed.is_string()) parsed = std::string(value);
  require(o.value.set(config, parsed), "{}: {}", typed, expected(o, parsed));
}

void set_option(Config& config, std::string_view assignment) {
  const std::size_t sign = assignment.find('=');
  if (sign == std::string_view::npos) {
    const std::string source = fmt::format("--set {}", assignment);
    const Option& o = option(assignment, source);
    fail("{}: expects key=value, as in --set {}={}", source, o.name, o.value.get(config).dump());
  }
  set_option(config, assignment.substr(0, sign), assignment.substr(sign + 1), fmt::format("--set {}", assignment));
}

json option_value(const Config& config, std::string_view key) { return option(key, "config").value.get(config); }

void read_config(Config& config, const json& object, std::string_view source) {
  require(object.is_object(), "{}: expects a JSON object of options", source);
  for (const auto& [key, value] : object.items()) {
    const Option& o = option(key, source);
    require(o.value.set(config, value), "{}: {} is {}, {}", source, key, value.dump(), expected(o, value));
  }
}

Config config_from(const json& object, std::string_view source) {
  const json task = object.is_object() ? object.value("task", json()) : json();
  Config config = task.is_string() ? default_config(task.get<std::string>()) : Config();
  read_config(config, object, source);
  return config;
}

Config own_config(std::string task, std::string kind, std::map<std::string, std::string> options) {
  require(!kind.empty() && !architecture_names().find(kind), "own_config: {} is not a kind of one's own",
          kind.empty() ? "an empty name" : kind);
  for (auto& [name, value] : options) {
    require(!name.empty() && name != "model" && name != "kind" && !is_of_any_model(name),
            "own_config: an option of one's own cannot be called \"{}\"; every run has that", name);
    value = typed_value(value).dump();
  }
  Config config;
  config.task = std::move(task);
  config.own = {std::move(kind), std::move(options)};
  return config;
}

void read_run_config(Config& config, const json& object, std::string_view source) {
  config.data.unicode = Unicode::none;  // a run that does not say it is older than the option
  const json kind = object.is_object() ? object.value("model", json()) : json();
  // Models that gaze knows list their kind, too: without a known model somebody has mistyped it.
  if (!kind.is_string() || kind == "" || object.contains("kind") ||
      architecture_names().find(kind.get<std::string>())) {
    read_config(config, object, source);
    return;
  }
  config.own.kind = kind.get<std::string>();
  json known = json::object();
  for (const auto& [key, value] : object.items()) {
    if (key == "model") continue;
    if (is_of_any_model(key))
      known[key] = value;
    else
      config.own.options[key] = value.dump();
  }
  read_config(config, known, source);
}

json to_json(const Config& config) {
  json object = json::object();
  for (const Option* o : options())
    if (has_effect(*o, config)) object[o->name] = o->value.get(config);
  add_own(object, config);
  return object;
}

bool is_used(const Config& config, std::string_view key) { return has_effect(option(key, "config"), config); }

void require_used(const Config& config, std::string_view key, std::string_view typed) {
  const Option& o = option(key, typed);
  require(has_effect(o, config) || is_default(o, config), "{}: option {} is of no use to task {}: it is for {}", typed,
          key, config.task, o.use.where);
}

void require_settings_used(const Config& config, const std::vector<std::string>& settings) {
  for (const std::string& setting : settings)
    require_used(config, std::string_view(setting).substr(0, setting.find('=')), fmt::format("--set {}", setting));
}

void require_file_used(const Config& config, const json& object, std::string_view source) {
  std::size_t useless = 0, listed = 0;
  for (const Option* o : options()) {
    if (has_effect(*o, config)) continue;
    ++useless;
    listed += object.contains(o->name);
  }
  if (2 * listed > useless) return;
  for (const auto& [key, value] : object.items()) require_used(config, key, source);
}

std::vector<std::string> fixed_differences(const Config& trained, const Config& wanted) {
  std::vector<std::string> differences;
  if (is_own(trained) || is_own(wanted)) {
    const json own_before = model_of(trained), own_now = model_of(wanted);
    json all = own_before;
    all.update(own_now);
    for (const auto& [key, value] : all.items())
      if (const json before = own_before.value(key, json()), now = own_now.value(key, json()); before != now)
        differences.push_back(fmt::format("{}: {}, not {}", key, before.dump(), now.dump()));
  }
  for (const Option* o : options()) {
    if (o->resume != Resume::fixed || (!has_effect(*o, trained) && !has_effect(*o, wanted))) continue;
    if (const json before = o->value.get(trained), now = o->value.get(wanted); before != now)
      differences.push_back(fmt::format("{}: {}, not {}", o->name, before.dump(), now.dump()));
  }
  return differences;
}

json portable(const Config& config) {
  json object = json::object();
  for (const Option* o : options())
    if (o->resume != Resume::local && has_effect(*o, config)) object[o->name] = o->value.get(config);
  add_own(object, config);
  return object;
}

Config local_options(const Config& config) {
  Config local;
  for (const Option* o : options())
    if (o->resume == Resume::local) o->value.set(local, o->value.get(config));
  return local;
}

std::vector<OptionGuide> option_guides() {
  std::vector<OptionGuide> guides;
  for (const Section& section : sections())
    for (const Option& o : section.options)
      guides.push_back({section.title, o.name, o.value.expects, o.what, o.use.where, o.value.file});
  return guides;
}

}  // namespace gaze::train
