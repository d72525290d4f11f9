#include <gaze/train/attention/attention_log.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/files.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/xtensor.h>
#include <gaze/train/attention/word_map.h>
#include <gaze/train/folder.h>
#include <gaze/train/json.h>
#include <gaze/train/trainer.h>

namespace gaze::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::int64_t max_recorded = 60, max_bytes = 40 << 20, max_bytes_per_step = 2 << 20;

fs::path file_of(const fs::path& folder, const std::string& module, std::int64_t step) {
  return folder / fmt::format("{}.{:07}.npy", module, step);
}

json to_json(const HeadScore& s) {
  return {{"aer", s.aer ? json(*s.aer) : json()},
          {"entropy", s.entropy},
          {"gold_mass", s.gold_mass},
          {"end_mass", s.end_mass}};
}

/// Removes the weights of a recording but for some files.
void remove_weights(const fs::path& folder, const std::set<fs::path>& kept = {}) {
  for (const fs::path& entry : entries_of(folder))
    if (entry.extension() == ".npy" && !kept.contains(entry)) remove_file(entry);
}

void remove_recording(const fs::path& folder) {
  remove_file(folder / "index.json");
  remove_weights(folder);
}

/// The attentions that a run records.
AttentionSites recorded_sites(const Config& config, const AttentionSites& all) {
  switch (config.recording.kinds) {
    case RecordedKinds::all: break;
    case RecordedKinds::cross: return sites_of(all, AttentionKind::cross);
  }
  return all;
}

/// The most words that a sentence has on a side.
std::int64_t longest_of(const std::vector<Example>& sentences, std::vector<std::string> Example::*side) {
  std::size_t longest = 0;
  for (const Example& e : sentences) longest = std::max(longest, (e.*side).size());
  return static_cast<std::int64_t>(longest);
}

/// Queries and keys of an attention over some sentences, marks included.
std::pair<std::int64_t, std::int64_t> extent_of(AttentionKind kind, const std::vector<Example>& sentences,
                                                const Marks& marks) {
  const std::int64_t source = longest_of(sentences, &Example::source) + marks.end,
                     target = longest_of(sentences, &Example::target) + marks.begin;
  return {kind == AttentionKind::encoder ? source : target, kind == AttentionKind::decoder ? target : source};
}

/// Of the weights of one step: 4 bytes each.
std::int64_t bytes_per_step(const std::vector<Example>& probes, const Marks& marks, const AttentionSites& sites) {
  std::int64_t numbers = 0;
  for (const AttentionSite& site : sites) {
    const auto [queries, keys] = extent_of(site.kind, probes, marks);
    numbers += site.heads * queries * keys;
  }
  return static_cast<std::int64_t>(probes.size()) * numbers * 4;
}

/// The first distinct sentences, as many as are wanted and have room.
std::vector<Example> choose_probes(const Config& config, const Marks& marks, const AttentionSites& sites,
                                   const std::vector<Example>& candidates) {
  std::set<std::vector<std::string>> seen;
  std::vector<Example> probes;
  for (const Example& e : candidates) {
    if (std::cmp_greater_equal(probes.size(), config.recording.probes)) break;
    if (seen.insert(e.source.empty() ? e.target : e.source).second) probes.push_back(e);
  }
  while (probes.size() > 1 && bytes_per_step(probes, marks, sites) > max_bytes_per_step) probes.pop_back();
  return probes;
}

/// The marks of a batch: what its rows have beside the words of its sentences.
Marks marks_of(const SequenceBatch& batch) {
  require(!batch.examples.empty(), "attention: the batch to record has no sentences");
  batch.check();
  const auto mark = [](std::int64_t ids, std::int64_t words) {
    require(ids == words || ids == words + 1, "attention: a row of {} ids for a sentence of {} words", ids, words);
    return ids > words;
  };
  Marks marks{.begin = mark(batch.ids.target.size(1), longest_of(batch.examples, &Example::target)), .end = false};
  if (!batch.ids.source.defined()) return marks;
  if (!batch.ids.source_lengths.defined()) {
    marks.end = mark(batch.ids.source.size(1), longest_of(batch.examples, &Example::source));
    return marks;
  }
  const auto lengths = batch.ids.source_lengths.values<std::int32_t>();
  for (std::size_t b = 0; b < lengths.size(); ++b) {
    const bool end = mark(lengths[b], static_cast<std::int64_t>(batch.examples[b].source.size()));
    require(b == 0 || end == marks.end, "attention: an end mark follows some sources, but not all");
    marks.end = end;
  }
  return marks;
}

/// A model reads the rows of a batch that hold the sentences, as far as they go.
AttentionLog::Look look_at_rows(const SequenceModel& model, const SequenceBatch& batch, const Marks& marks) {
  return [&model, batch, marks](const std::vector<Example>& sentences, AttentionRecorder& recorder) {
    std::vector<std::int32_t> numbers;
    for (const Example& e : sentences) {
      const auto found = std::find(batch.examples.begin(), batch.examples.end(), e);
      require(found != batch.examples.end(), "attention: a sentence that was recorded is not there now: {}",
              fmt::join(e.target, " "));
      numbers.push_back(static_cast<std::int32_t>(found - batch.examples.begin()));
    }
    const Tensor rows = Tensor::from({static_cast<std::int64_t>(numbers.size())}, numbers);
    const auto chosen = [&](const Tensor& ids) { return ids.defined() ? index_select(ids, 0, rows) : Tensor(); };
    const auto trimmed = [&](const Tensor& ids, std::int64_t length) {
      return ids.defined() ? slice(chosen(ids), 1, 0, length) : Tensor();
    };
    const NoGrad no_grad;
    const Taps taps = recorder.taps();
    Context context{.taps = &taps};
    model.logits({.source = trimmed(batch.ids.source, longest_of(sentences, &Example::source) + marks.end),
                  .source_lengths = chosen(batch.ids.source_lengths),
                  .target = trimmed(batch.ids.target, longest_of(sentences, &Example::target) + marks.begin)},
                 context);
  };
}

/// The weights of a module over some sentences must have room for their words and marks.
void check_extent(const AttentionSite& site, const Tensor& weights, const std::vector<Example>& probes,
                  const Marks& marks) {
  const auto [queries, keys] = extent_of(site.kind, probes, marks);
  require(queries <= weights.size(2) && keys <= weights.size(3),
          "attention: {} of kind {} has weights {}, but its sentences are of {} queries and {} keys", site.name,
          name_of(site.kind), weights.shape(), queries, keys);
}

}  // namespace

HeadScore score_head(const Tensor& weights, const std::vector<Example>& examples, int head, bool end_mark) {
  HeadScore score;
  AlignmentCounts alignment;
  std::int64_t words = 0, words_with_gold = 0;
  for (std::size_t b = 0; b < examples.size(); ++b) {
    const Example& e = examples[b];
    const auto with_mark = word_map(weights, static_cast<std::int64_t>(b), e, {.head = head}, end_mark);
    const auto source = static_cast<std::size_t>(with_mark.source_words),
               columns = static_cast<std::size_t>(with_mark.columns);
    WordMap of_words{.weights = {}, .source_words = with_mark.source_words, .columns = with_mark.source_words};
    for (std::size_t t = 0; t < static_cast<std::size_t>(target_word_count(e)); ++t) {
      const auto row = std::span(with_mark.weights).subspan(t * columns, columns);
      of_words.weights.insert(of_words.weights.end(), row.begin(), row.begin() + static_cast<std::ptrdiff_t>(source));
      if (!has_pieces(e, static_cast<std::int64_t>(t))) continue;
      ++words;
      for (const double w : row)
        if (w > 0 && columns > 1) score.entropy -= w * std::log(w) / std::log(static_cast<double>(columns));
      if (end_mark) score.end_mass += row[source];
      bool any = false;
      for (const Link& l : e.gold)
        if (l.target == static_cast<int>(t)) any = true, score.gold_mass += row[static_cast<std::size_t>(l.source)];
      words_with_gold += any;
    }
    alignment.add(e.gold, links_of(of_words, e));
  }
  if (words_with_gold > 0) score.aer = alignment.aer();
  const auto mean_of = [](double& sum, std::int64_t n) { sum /= static_cast<double>(std::max<std::int64_t>(n, 1)); };
  mean_of(score.entropy, words), mean_of(score.end_mass, words), mean_of(score.gold_mass, words_with_gold);
  return score;
}

std::vector<std::int64_t> recorded_steps(std::int64_t last, std::int64_t max_steps) {
  std::set<std::int64_t> steps = {0, last};
  constexpr double growth = 3;  // e^3 is about twenty
  for (std::int64_t i = 1; i + 1 < max_steps; ++i) {
    const double part =
        std::expm1(growth * static_cast<double>(i) / static_cast<double>(max_steps - 1)) / std::expm1(growth);
    steps.insert(std::llround(part * static_cast<double>(last)));
  }
  return {steps.begin(), steps.end()};
}

AttentionLog::AttentionLog(const Config& config, const SequenceModel& model, const SequenceBatch& candidates,
                           const RunFolder& run)
    : AttentionLog(config, model.anatomy().attentions, marks_of(candidates),
                   look_at_rows(model, candidates, marks_of(candidates)), run, candidates.examples) {}

AttentionLog::AttentionLog(const Config& config, const AttentionSites& sites, const Marks& marks, Look look,
                           const RunFolder& run, const std::vector<Example>& candidates)
    : config_(config), marks_(marks), look_(std::move(look)), folder_(folder(run)), index_(std::make_unique<json>()) {
  require(!sites.empty(), "this model has no attention to record");
  const AttentionSites recorded = recorded_sites(config, sites);
  require(!recorded.empty(), "this model has no cross-attention to record (config: record)");
  for (std::size_t i = 0; i < candidates.size(); ++i) check_gold(candidates[i], fmt::format("probe {}", i));
  for (const AttentionSite& site : recorded)
    require(site.kind == AttentionKind::decoder || longest_of(candidates, &Example::source) > 0 || candidates.empty(),
            "attention: {} is of kind {}, but the sentences have no source; attention of a target to itself is of kind "
            "decoder",
            site.name, name_of(site.kind));
  probes_ = choose_probes(config, marks, recorded, candidates);
  if (probes_.empty()) return;
  const std::int64_t bytes = std::max<std::int64_t>(bytes_per_step(probes_, marks, recorded), 1);
  due_ = recorded_steps(config.training.steps, std::clamp<std::int64_t>(max_bytes / bytes, 2, max_recorded));

  AlignmentCounts floor, diagonal;
  bool any_gold = false;
  json probes = json::array();
  for (const Example& e : probes_) {
    probes.push_back(to_json(e));
    any_gold = any_gold || !e.gold.empty();
    floor.add(e.gold, best_links(e.gold, target_word_count(e)));
    diagonal.add(e.gold, diagonal_links(source_word_count(e), target_word_count(e)));
  }
  *index_ = {
      {"end_mark", marks.end},
      {"probes", probes},
      {"modules", json::array()},
      {"baselines",
       {{"floor", any_gold ? json(floor.aer()) : json()}, {"diagonal", any_gold ? json(diagonal.aer()) : json()}}},
      {"steps", json::array()}};
  if (!marks.begin) (*index_)["begin_mark"] = false;
  std::error_code error;
  fs::create_directories(folder_, error);
  require(!error, "{}: the folder cannot be made: {}", folder_.string(), error.message());
}

AttentionLog::~AttentionLog() = default;

void AttentionLog::begin(std::int64_t step) {
  if (step == 0)
    remove_recording(folder_);
  else
    keep_until(step);
  after(step);
}

void AttentionLog::after(std::int64_t step) {
  if (due_.empty() || step < due_.front()) return;
  due_.erase(due_.begin(), std::upper_bound(due_.begin(), due_.end(), step));
  record(step);
}

void AttentionLog::forget(const RunFolder& run) { remove_recording(folder(run)); }

void AttentionLog::keep_until(std::int64_t step) {
  const fs::path file = folder_ / "index.json";
  if (probes_.empty() || !file_exists(file)) return;
  const std::string text = read_file(file);
  if (text.empty()) return;  // a crash of the system may leave it so: what comes now is recorded anew
  json before = parse_json(text, file.string());
  AttentionRecord record = read_attention_index(before, file.string());
  require(record.marks == marks_, "{}: its sentences have other marks than this run's", file.string());
  if (record.probes.empty()) return;
  json kept = json::array();
  std::set<fs::path> files;
  for (std::size_t i = 0; i < record.steps.size() && record.steps[i] <= step; ++i) {
    kept.push_back(before["steps"][i]);
    last_ = record.steps[i];
    for (const AttentionSite& module : record.modules) files.insert(file_of(folder_, module.name, last_));
  }
  before["steps"] = std::move(kept);
  probes_ = std::move(record.probes);
  *index_ = std::move(before);
  // Of this step itself the weights are here: a kill between checkpoint and recording is made good.
  due_.erase(due_.begin(), std::max(std::lower_bound(due_.begin(), due_.end(), step),
                                    std::upper_bound(due_.begin(), due_.end(), last_)));
  write_file_atomically(file, {index_->dump(), "\n"}, false);
  // Of later steps, and of a step that was killed before the index named it: the steps that are due may be others now.
  remove_weights(folder_, files);
}

void AttentionLog::finish(std::int64_t step) {
  if (!probes_.empty() && step > last_) record(step);
}

void AttentionLog::record(std::int64_t step) {
  constexpr bool durable = false;  // flushing hundreds of files would take longer than the training
  AttentionRecorder recorder;
  if (config_.recording.kinds == RecordedKinds::cross) recorder.kinds = {AttentionKind::cross};
  look_(probes_, recorder);

  std::vector<std::pair<std::string, RecordedAttention>> modules(recorder.modules.begin(), recorder.modules.end());
  std::sort(modules.begin(), modules.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second.site.kind, a.second.site.layer) < std::pair(b.second.site.kind, b.second.site.layer);
  });
  json listed = json::array(), scores = json::array();
  for (const auto& [name, recorded] : modules) {
    const AttentionSite& site = recorded.site;
    const Tensor weights = recorded.weights();
    check_extent(site, weights, probes_, marks_);
    if (first_not_finite(weights.array()))
      throw NumericFailure(
          fmt::format("step {}: attention {} of the recorded sentences has weights that are not numbers", step, name));
    const std::int64_t heads = weights.size(1);
    listed.push_back({{"name", name}, {"kind", name_of(site.kind)}, {"layer", site.layer}, {"heads", heads}});
    save_npy(file_of(folder_, name, step), weights, durable);
    if (site.kind != AttentionKind::cross) continue;
    for (int head = heads > 1 ? -1 : 0; head < heads; ++head) {
      json score = to_json(score_head(weights, probes_, head, marks_.end));
      score["module"] = name, score["head"] = head_name(head);
      scores.push_back(std::move(score));
    }
  }
  (*index_)["modules"] = listed;
  (*index_)["steps"].push_back({{"step", step}, {"scores", scores}});
  write_file_atomically(folder_ / "index.json", {index_->dump(), "\n"}, durable);
  last_ = step;
}

json AttentionLog::index(const RunFolder& run) {
  const fs::path file = folder(run) / "index.json";
  require(file_exists(file), "{}: no attention was recorded in this run", run.path().string());
  json index = parse_json(read_file(file), file.string());
  require(index.is_object(), "{}: it is not a JSON object", file.string());
  return index;
}

AttentionRecord AttentionLog::load(const RunFolder& run) {
  return read_attention_index(index(run), (folder(run) / "index.json").string());
}

fs::path AttentionLog::file(const RunFolder& run, const std::string& module, std::int64_t step) {
  return file_of(folder(run), module, step);
}

Tensor AttentionLog::weights(const RunFolder& run, const AttentionRecord& record, const AttentionSite& module,
                             std::int64_t step) {
  Tensor weights = AttentionLog::weights(run, module.name, step);
  const std::string name = file(run, module.name, step).string();
  const auto sentences = static_cast<std::int64_t>(record.probes.size());
  require(weights.size(0) == sentences && weights.size(1) == module.heads,
          "{}: it is {}, and the index has {} sentences and {} heads", name, weights.shape(), sentences, module.heads);
  try {
    check_extent(module, weights, record.probes, record.marks);
  } catch (const Error& error) {
    fail("{}: {}", name, error.what());
  }
  return weights;
}

Tensor AttentionLog::weights(const RunFolder& run, const std::string& module, std::int64_t step) {
  const fs::path file = file_of(folder(run), module, step);
  Tensor weights = load_npy(file);
  require(weights.rank() == 4 && is_floating(weights.dtype()),
          "{}: weights are of four axes (sentences, heads, queries, keys), not {} {}", file.string(),
          name_of(weights.dtype()), weights.shape());
  if (const auto bad = first_not_finite(weights.array()))
    fail("{}: a weight is {}", file.string(), weights.array().at(*bad));
  return weights;
}

}  // namespace gaze::train
