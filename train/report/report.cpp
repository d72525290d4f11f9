#include <gaze/train/report/report.h>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <sstream>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/files.h>
#include <gaze/train/attention/attention_log.h>
#include <gaze/train/attention/attention_view.h>
#include <gaze/train/attention/word_map.h>
#include <gaze/train/options.h>
#include <gaze/train/saved_model.h>
#include <gaze/train/toy_task.h>

namespace gaze::train {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr double cross_unit = 50'000, self_unit = 255;  // as in train/report/data.js

std::string base64(std::string_view bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t at) -> std::uint32_t {
      return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
    };
    const std::uint32_t three = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (std::size_t part = 0; part < 4; ++part)
      text += i + part <= bytes.size() ? letters[three >> (18 - 6 * part) & 63] : '=';
  }
  return text;
}

std::string deflated(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string packed(size, '\0');
  const int status = compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                               reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), Z_BEST_COMPRESSION);
  require(status == Z_OK, "report: zlib cannot compress {} bytes", bytes.size());
  packed.resize(size);
  return packed;
}

/// A row of cross-attention in parts of cross_unit, rounded down so that a threshold of whole parts decides as it does
/// on the weights; and so that the first of the largest of the source words stays what it is.
std::vector<int> quantised(std::span<const double> row, std::size_t words) {
  std::vector<int> parts;
  for (const double w : row) parts.push_back(static_cast<int>(std::clamp(w, 0.0, 1.0) * cross_unit));
  if (words == 0) return parts;
  const auto strongest = std::max_element(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(words)) - row.begin();
  int& largest = parts[static_cast<std::size_t>(strongest)];
  largest = std::max(largest, 1);
  for (std::ptrdiff_t s = 0; s < strongest; ++s)
    if (int& part = parts[static_cast<std::size_t>(s)]; part >= largest) part = largest - 1;
  return parts;
}

/// The maps of a module over a probe that the page has instead of one of its tokens. Cross-attention has one for each
/// shift, below each other, where words have several rows: they are not the same rows. `columns`: of those maps.
std::vector<double> maps_of_words(const std::vector<double>& map, AttentionKind kind, const Example& e,
                                  const Marks& marks, std::size_t& columns) {
  const auto source = [&] {
    return word_places(e.source_words, std::ssize(e.source), 0, std::ssize(e.source) + marks.end);
  };
  const auto target = [&](bool begin) {
    return word_places(e.target_words, std::ssize(e.target), begin, std::ssize(e.target) + marks.begin);
  };
  const auto column_places = kind == AttentionKind::decoder ? target(marks.begin) : source();
  columns = column_places.empty() ? 0 : static_cast<std::size_t>(column_places.back() + 1);
  if (kind != AttentionKind::cross)
    return fold(map, kind == AttentionKind::encoder ? source() : target(marks.begin), column_places);
  std::vector<double> maps = fold(map, target(false), column_places);
  if (e.target_words.empty()) return maps;
  const std::vector<double> consumed = fold(map, target(marks.begin), column_places);
  maps.insert(maps.end(), consumed.begin(), consumed.end());
  return maps;
}

/// The bytes of one recorded step: see Frame in train/report/data.js.
std::string stream_of(const RunFolder& run, const AttentionRecord& record, std::int64_t step) {
  std::string bytes;
  for (const AttentionSite& module : record.modules) {
    const Tensor weights = AttentionLog::weights(run, record, module, step);
    const bool cross = module.kind == AttentionKind::cross;
    std::string low, high;
    for (std::size_t b = 0; b < record.probes.size(); ++b) {
      const Example& e = record.probes[b];
      const std::size_t keys = e.source.size() + record.marks.end, queries = record.marks.begin + e.target.size();
      const std::size_t rows = module.kind == AttentionKind::encoder ? keys : queries;
      const std::size_t columns = module.kind == AttentionKind::decoder ? queries : keys;
      std::vector<int> planes;
      for (int head = 0; head < module.heads; ++head) planes.push_back(head);
      if (cross && module.heads > 1) planes.push_back(-1);
      for (const int head : planes) {
        auto map = attention_map(weights, static_cast<std::int64_t>(b), static_cast<std::int64_t>(rows),
                                 static_cast<std::int64_t>(columns), {.head = head});
        std::size_t width = columns;
        if (!e.source_words.empty() || !e.target_words.empty())
          map = maps_of_words(map, module.kind, e, record.marks, width);
        if (!cross) {
          for (const double w : map) low += static_cast<char>(std::lround(std::clamp(w, 0.0, 1.0) * self_unit));
          continue;
        }
        const auto words = static_cast<std::size_t>(source_word_count(e));
        for (std::size_t first = 0; first < map.size(); first += width)
          for (const int part : quantised(std::span(map).subspan(first, width), words))
            low += static_cast<char>(part & 255), high += static_cast<char>(part >> 8);
      }
    }
    bytes += low + high;
  }
  return base64(deflated(bytes));
}

/// Throws when anything that the page is made of is neither a file nor a folder: opening a pipe may wait for ever, and
/// a device need not end.
void require_files(const fs::path& run) {
  const auto check = [](const fs::path& path) {
    const fs::file_status status = fs::status(path);
    require(!fs::exists(status) || fs::is_regular_file(status) || fs::is_directory(status),
            "{}: it is neither a file nor a folder", path.string());
  };
  for (const char* name : {"config.json", "metrics.jsonl", "attention"}) check(run / name);
  if (!fs::is_directory(run / "attention")) return;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(run / "attention")) check(entry.path());
}

/// Curves by name from metrics.jsonl; a last line that is being written does not count yet.
json curves_of(const RunFolder& run) {
  json curves;
  constexpr std::array names = {"step", "loss", "validation_loss", "token_accuracy", "aer"};
  for (const char* name : names) curves[name] = json::array();
  const fs::path file = run.path() / "metrics.jsonl";
  if (!file_exists(file)) return curves;
  std::istringstream lines(read_file(file));
  std::string line;
  for (std::int64_t number = 1; std::getline(lines, line) && !lines.eof(); ++number) {
    const json object = metrics_line(line, file.string(), number);
    for (const char* name : names) curves[name].push_back(object.value(name, json()));
  }
  return curves;
}

/// `count` of 0 to n - 1, the first and the last among them.
std::vector<std::size_t> spread(std::size_t n, std::size_t count) {
  std::vector<std::size_t> all(n), some;
  std::iota(all.begin(), all.end(), 0);
  if (count >= n) return all;
  for (std::size_t i = 0; i < count; ++i) some.push_back(i * (n - 1) / std::max<std::size_t>(count - 1, 1));
  return some;
}

/// Adds which attention the page begins with, and whether it was guided.
void add_start(json& data, const AttentionSites& sites, const GuidedConfig& guided) {
  const AttentionSites cross = sites_of(sites, AttentionKind::cross);
  if (cross.empty()) {
    const AttentionSite& last = sites.back();
    data["start"] = {{"module", last.name}, {"head", last.heads > 1 ? json("mean") : json(0)}};
    return;
  }
  const AttentionView view = usual_view(sites, guided);
  const AttentionSite& site = site_of(cross, view.kind, view.layer);
  const bool mean = view.choice.head < 0 && site.heads > 1;
  const json head = mean ? json("mean") : json(std::max(view.choice.head, 0));
  data["start"] = {{"module", site.name}, {"head", head}};
  data["aer_of"] =
      mean ? "the mean of the heads of " + site.name : fmt::format("head {} of {}", head.dump(), site.name);
  if (guided.weight > 0) data["guided"] = {{"module", site.name}, {"head", head}, {"weight", guided.weight}};
}

/// Adds the recorded attention to the data of a page.
void add_attention(json& data, const RunFolder& run, const GuidedConfig& guided, std::size_t from,
                   std::size_t max_bytes) {
  const json index = AttentionLog::index(run);  // once: a run that is training replaces the file
  const AttentionRecord record = read_attention_index(index, (AttentionLog::folder(run) / "index.json").string());
  if (!record.modules.empty()) add_start(data, record.modules, guided);
  for (const Example& e : record.probes) {
    json probe = to_json({words_as_text(e.source, e.source_words), words_as_text(e.target, e.target_words), e.gold});
    if (!e.target_words.empty()) probe["twice"] = true;
    probe["keys"] = probe["source"];
    if (record.marks.end) probe["keys"].push_back(end_label);
    probe["queries"] = probe["target"];
    if (record.marks.begin) probe["queries"].insert(probe["queries"].begin(), begin_label);
    data["probes"].push_back(std::move(probe));
  }
  data["modules"] = index.at("modules");
  data["baselines"] = index.at("baselines");
  data["recorded"] = record.steps.size();

  const std::size_t steps = record.steps.size();
  std::vector<std::string> streams(steps);
  for (std::size_t i = from; i < steps; ++i) streams[i] = stream_of(run, record, record.steps[i]);
  const std::size_t rest = data.dump().size() + index.at("steps").dump().size();
  std::size_t count = steps;
  const auto bytes = [&] {
    std::size_t sum = rest;
    for (const std::size_t i : spread(steps, count)) sum += streams[i].size();
    return sum;
  };
  while (count > 2 && bytes() > max_bytes) --count;
  for (const std::size_t i : spread(steps, count)) {
    data["steps"].push_back(record.steps[i]);
    data["scores"].push_back(index.at("steps")[i].at("scores"));
    if (i >= from) data["streams"].push_back(streams[i]);
  }
}

/// Why a run has no attention to show; empty where it is still to come.
std::string why_no_attention(const Config& config) {
  if (is_plain_text(config))
    return "The attention of a language model is not recorded while it trains; gaze sample RUN --prompt TEXT "
           "--attention shows what it looks at.";
  if (config.recording.probes == 0) return "This run records no attention (probes=0).";
  if (!config.model.attends) return "This model has no attention.";
  return "";
}

/// The file of the weights that other commands use, and the step that they are of, where it is known.
json weights_in_use(const RunFolder& run, std::int64_t steps_done) {
  if (!file_exists(run.averaged()) && !file_exists(run.best()) && !file_exists(run.checkpoint())) return nullptr;
  const fs::path file = run.weights();
  const auto validation = file == run.checkpoint() ? std::nullopt : validation_of(file);
  const json step = file == run.checkpoint() ? json(steps_done) : validation ? json(validation->step) : json();
  return {{"file", file.filename().string()}, {"step", step}};
}

}  // namespace

std::string description_of(const Config& config) {
  switch (task_kind(config)) {
    case TaskKind::own: return fmt::format("a model of kind {}", config.own.kind);
    case TaskKind::pairs: return "translates text";
    case TaskKind::plain_text: return "continues text";
    case TaskKind::toy: break;
  }
  return toy_task(config)->description();
}

json report_data(const RunFolder& run, std::size_t from, std::size_t max_bytes) {
  require_files(run.path());
  const Config config = run.config();
  json data = {
      {"curves", curves_of(run)}, {"baselines", {{"floor", 0}, {"diagonal", 1}}}, {"guided", nullptr}, {"recorded", 0}};
  for (const char* list : {"steps", "modules", "probes", "streams", "scores"}) data[list] = json::array();
  const std::int64_t steps = data["curves"]["step"].empty() ? 0 : data["curves"]["step"].back().get<std::int64_t>();
  data["run"] = {{"name", fs::weakly_canonical(run.path()).filename().string()},
                 {"task", config.task},
                 {"description", description_of(config)},
                 {"config", to_json(config)},
                 {"steps_done", steps}};
  data["finished"] = !run.in_use();
  data["in_use"] = weights_in_use(run, steps);

  if (!file_exists(AttentionLog::folder(run) / "index.json")) {
    data["no_attention"] = why_no_attention(config);
    return data;
  }
  add_attention(data, run, config.guided, from, max_bytes);
  return data;
}

std::string report_page(const json& data) {
  const std::string& page = report_template();
  constexpr std::string_view mark = "/*DATA*/";
  const std::size_t place = page.find(mark);
  require(place != page.npos, "report: the page has no place for its data");
  // No "<" in the data: neither an end tag nor a comment of HTML can begin in it.
  std::string text;
  for (const char c : data.dump()) text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return page.substr(0, place) + text + page.substr(place + mark.size());
}

std::string report_page(const RunFolder& run) {
  constexpr std::size_t page = 5'000'000, margin = 50'000;  // escapes, and what is added last
  const json data = report_data(run, 0, page - margin - report_template().size());
  const std::string why = data.value("no_attention", "");
  require(!data["steps"].empty(), "{}: no attention was recorded in this run{}{}", run.path().string(),
          why.empty() ? "" : ": ", why);
  return report_page(data);
}

}  // namespace gaze::train
