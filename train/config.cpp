#include <gaze/train/config.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include <gaze/autograd/base/error.h>
#include <gaze/datasets/toy.h>
#include <gaze/train/json.h>
#include <gaze/train/models.h>
#include <gaze/train/options.h>
#include <gaze/train/preset_files.h>

namespace gaze::train {

using nlohmann::json;

const NameTable<Architecture>& architecture_names() {
  static const NameTable<Architecture> names("model",
                                             {{Architecture::transformer, "transformer"}, {Architecture::rnn, "rnn"}});
  return names;
}

const NameTable<ModelKind>& model_kind_names() {
  static const NameTable<ModelKind> names(
      "kind", {{ModelKind::seq2seq, "seq2seq"}, {ModelKind::decoder, "decoder"}, {ModelKind::chain, "chain"}});
  return names;
}

const NameTable<Units>& units_names() {
  static const NameTable<Units> names(
      "units", {{Units::words, "words"}, {Units::characters, "characters"}, {Units::subwords, "subwords"}});
  return names;
}

const NameTable<Unicode>& unicode_names() {
  static const NameTable<Unicode> names("unicode", {{Unicode::nfc, "nfc"}, {Unicode::none, "none"}});
  return names;
}

const NameTable<RecordedKinds>& recorded_kinds_names() {
  static const NameTable<RecordedKinds> names("record", {{RecordedKinds::all, "all"}, {RecordedKinds::cross, "cross"}});
  return names;
}

const NameTable<TaskKind>& text_tasks() {
  static const NameTable<TaskKind> names(
      "task", {{TaskKind::pairs, "pairs"}, {TaskKind::plain_text, "chars"}, {TaskKind::plain_text, "words"}});
  return names;
}

std::string_view name_of(Architecture architecture) { return architecture_names().name_of(architecture); }
std::string_view name_of(ModelKind kind) { return model_kind_names().name_of(kind); }
std::string_view name_of(Units units) { return units_names().name_of(units); }
std::string_view name_of(Unicode unicode) { return unicode_names().name_of(unicode); }
std::string_view name_of(OptimizerKind optimizer) { return optimizer_names().name_of(optimizer); }
std::string_view name_of(RecordedKinds recorded) { return recorded_kinds_names().name_of(recorded); }

TaskKind task_kind(const Config& c) {
  return c.own.kind.empty() ? text_tasks().find(c.task).value_or(TaskKind::toy) : TaskKind::own;
}
bool is_parallel_text(const Config& c) { return task_kind(c) == TaskKind::pairs; }
bool is_plain_text(const Config& c) { return task_kind(c) == TaskKind::plain_text; }
bool has_text(const Config& c) { return is_parallel_text(c) || is_plain_text(c); }

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

Config default_config(std::string_view task) {
  Config config;
  const auto presets = preset_names();
  if (std::find(presets.begin(), presets.end(), task) == presets.end()) {
    config.task = task;
    return config;
  }
  const std::string source = fmt::format("preset {}", task);
  const json object = parse_json(preset(task), source);
  if (const std::string of = object.value("task", std::string(task)); of != task) config = default_config(of);
  read_config(config, object, source);
  return config;
}

void check_config(const Config& c) {
  const ModelConfig& model = c.model;
  const DataConfig& data = c.data;
  const GuidedConfig& guided = c.guided;
  if (model.d_model % model.heads != 0) {
    // Numbers of heads that do divide it; one head always does.
    std::int64_t fewer = std::min(model.heads, model.d_model), more = model.heads;
    while (model.d_model % fewer != 0) --fewer;
    while (more < model.d_model && model.d_model % more != 0) ++more;
    fail("config: d_model {} must divide into {} heads; it does into {}{}", model.d_model, model.heads, fewer,
         more <= model.d_model ? fmt::format(" or {}", more) : "");
  }
  require(!has_symbols(c.task) || data.min_length <= data.length, "config: min_length {} must not exceed length {}",
          data.min_length, data.length);
  const bool recurrent = model.architecture == Architecture::rnn;
  require(!recurrent || model.kind == ModelKind::seq2seq, "config: an rnn translates; {} trains a {}", c.task,
          name_of(model.kind));
  require(model.attends || recurrent, "config: score none is for model rnn; a transformer is all attention");
  const std::int64_t cross = cross_attention_layers(c);
  require(guided.weight == 0 || task_kind(c) == TaskKind::own || (guided.layer < cross && guided.head < model.heads),
          "config: guided_layer {} and guided_head {} must be below the {} layers and {} heads of cross-attention",
          guided.layer, guided.head, cross, model.heads);
  require(recurrent || model.positions != Positions::sinusoidal || model.d_model % 2 == 0,
          "config: sinusoidal positions need an even d_model, got {}", model.d_model);
}

void check_config_of(std::string_view file, const Config& c) {
  try {
    check_config(c);
  } catch (const Error& error) {
    fail("{}: {}", file, error.what());
  }
}

}  // namespace gaze::train
