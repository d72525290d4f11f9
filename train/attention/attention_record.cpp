#include <gaze/train/attention/attention_record.h>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/error.h>
#include <gaze/train/json.h>
#include <gaze/train/sequence_batch.h>

namespace gaze::train {
namespace {

using nlohmann::json;

constexpr std::int64_t max_words = 1'000'000, max_layers = 1'000'000;

Example example_of(const json& object, const std::string& where) {
  Example e{object.at("source"), object.at("target"), {}};
  const auto words = [&](const char* key, const std::vector<std::string>& tokens) {
    std::vector<int> numbers;
    if (!object.contains(key)) return numbers;
    for (const json& number : object.at(key))
      numbers.push_back(static_cast<int>(whole_number(number, -1, max_words, fmt::format("{}: {}", where, key))));
    require(numbers.empty() == tokens.empty(), "{}: {} has no numbers", where, key);
    return numbers;
  };
  e.source_words = words("source_words", e.source), e.target_words = words("target_words", e.target);
  const auto place = [&](const json& value) {
    return static_cast<int>(whole_number(value, 0, max_words, where + ": a place in a gold link"));
  };
  for (const json& l : object.at("gold"))
    e.gold.push_back({place(l.at(0)), place(l.at(1)), whole_number(l.at(2), 0, 1, where + ": sure") != 0});
  check_gold(e, where);
  return e;
}

AttentionSite site_of(const json& object, const std::string& file) {
  const std::string name = object.at("name");
  // It is part of a file's name.
  require(
      !name.empty() && name.find_first_of("/\\") == name.npos && name.find('\0') == name.npos && !name.starts_with('.'),
      "{}: \"{}\" is not a module's name", file, name);
  return {.name = name,
          .kind = attention_kind_names().named(object.at("kind").get<std::string>()),
          .layer = whole_number(object.at("layer"), 0, max_layers, file + ": layer"),
          .heads = whole_number(object.at("heads"), 1, max_layers, file + ": heads")};
}

}  // namespace

json to_json(const Example& e) {
  json gold = json::array();
  for (const Link& l : e.gold) gold.push_back({l.source, l.target, l.sure ? 1 : 0});
  json object = {{"source", e.source}, {"target", e.target}, {"gold", gold}};
  if (!e.source_words.empty()) object["source_words"] = e.source_words;
  if (!e.target_words.empty()) object["target_words"] = e.target_words;
  return object;
}

AttentionRecord read_attention_index(const json& index, const std::string& file) {
  AttentionRecord record{.marks = {}, .probes = {}, .modules = {}, .steps = {}, .file = file};
  try {
    record.marks = {.begin = index.value("begin_mark", true), .end = index.at("end_mark")};
    for (const json& module : index.at("modules")) record.modules.push_back(site_of(module, file));
    bool reads_source = record.modules.empty();
    for (const AttentionSite& site : record.modules) reads_source = reads_source || site.kind != AttentionKind::decoder;
    for (const json& probe : index.at("probes")) {
      const std::string where = fmt::format("{}: probe {}", file, record.probes.size());
      record.probes.push_back(example_of(probe, where));
      require(!reads_source || record.modules.empty() || !record.probes.back().source.empty(), "{} has no source",
              where);
    }
    for (const json& s : index.at("steps")) {
      const std::int64_t step = whole_number(s.at("step"), 0, max_count, file + ": step");
      require(record.steps.empty() || step > record.steps.back(), "{}: step {} follows step {}", file, step,
              record.steps.empty() ? 0 : record.steps.back());
      require(s.at("scores").is_array(), "{}: step {} has no scores", file, step);
      for (const json& score : s.at("scores"))
        for (const char* name : {"aer", "entropy", "gold_mass", "end_mass"})
          if (const json& figure = score.at(name); !figure.is_number() && !figure.is_null())
            fail("{}: step {}: {} is not a number", file, step, name);
      record.steps.push_back(step);
    }
    for (const char* name : {"floor", "diagonal"})
      require(index.at("baselines").at(name).is_number() || index.at("baselines").at(name).is_null(),
              "{}: the {} is not a number", file, name);
  } catch (const json::exception& error) {
    fail("{}: {}", file, json_reason(error));
  }
  return record;
}

}  // namespace gaze::train
