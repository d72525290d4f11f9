#include <zlib.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include <gaze/autograd/base/files.h>
#include <gaze/train/attention/attention_log.h>
#include <gaze/train/options.h>
#include <gaze/train/report/report.h>
#include <gaze/train/text/translator.h>

#include "../../catch.h"
#include "../../scratch.h"

using namespace gaze;
using namespace gaze::train;
using nlohmann::json;

namespace {

std::string decoded(const std::string& base64) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : base64) {
    if (c == '=') break;
    REQUIRE(letters.find(c) != letters.npos);
    bits = bits << 6 | static_cast<std::uint32_t>(letters.find(c)), count += 6;
    if (count >= 8) count -= 8, bytes += static_cast<char>(bits >> count & 255);
  }
  return bytes;
}

std::string inflated(const std::string& packed) {
  std::string bytes(10'000'000, '\0');
  uLongf size = bytes.size();
  REQUIRE(uncompress(reinterpret_cast<Bytef*>(bytes.data()), &size, reinterpret_cast<const Bytef*>(packed.data()),
                     packed.size()) == Z_OK);
  bytes.resize(size);
  return bytes;
}

/// A run of three recorded steps that was not trained.
struct Recorded {
  explicit Recorded(std::initializer_list<const char*> more = {}) {
    for (const char* s :
         {"task=sort", "d_model=16", "heads=2", "d_ff=32", "layers=2", "vocab=9", "length=6", "probes=5"})
      set_option(config, s);
    for (const char* s : more) set_option(config, s);
    run = std::make_unique<RunFolder>(RunFolder::create(scratch.path / "sorted", config));
    model = std::make_unique<Translator>(config);
    const auto look = [&](const std::vector<Example>& examples, AttentionRecorder& recorder) {
      model->record(examples, recorder);
    };
    const Marks marks{.begin = true, .end = config.data.source_eos};
    AttentionLog log(config, model->attentions(), marks, look, *run,
                     toy_task(config)->examples(Split::validation, 100));
    for (const std::int64_t step : {0, 500, 1000}) log.after(step);
    for (const int step : {500, 1000})
      run->append_metrics(
          {{"step", step}, {"loss", 1.5}, {"validation_loss", 2}, {"token_accuracy", 0.5}, {"aer", 0.25}});
  }
  ScratchFolder scratch;
  Config config;
  std::unique_ptr<RunFolder> run;
  std::unique_ptr<Translator> model;
};

}  // namespace

TEST_CASE("a page's streams hold the recorded weights, and the strongest source words stay what they are") {
  const Recorded recorded({"source_eos=true"});
  const json data = report_data(*recorded.run);
  REQUIRE(data["streams"].size() == 3);
  const std::string bytes = inflated(decoded(data["streams"][2]));
  const AttentionRecord record = AttentionLog::load(*recorded.run);
  std::size_t at = 0;
  for (const AttentionSite& module : record.modules) {
    const Tensor weights = AttentionLog::weights(*recorded.run, module.name, 1000);
    const bool cross = module.kind == AttentionKind::cross;
    const int planes = cross ? 3 : 2;  // two heads, and the mean of cross-attention
    std::size_t numbers = 0;
    for (const Example& e : record.probes) {
      const std::size_t keys = e.source.size() + 1, queries = e.target.size() + 1;
      numbers += static_cast<std::size_t>(planes) * (module.kind == AttentionKind::encoder ? keys : queries) *
                 (module.kind == AttentionKind::decoder ? queries : keys);
    }
    std::size_t next = at;
    double worst = 0;
    bool same = true;
    for (std::size_t b = 0; b < record.probes.size(); ++b) {
      const Example& e = record.probes[b];
      const std::size_t words = e.source.size(), keys = words + 1, queries = e.target.size() + 1;
      const std::size_t rows = module.kind == AttentionKind::encoder ? keys : queries,
                        columns = module.kind == AttentionKind::decoder ? queries : keys;
      for (int plane = 0; plane < planes; ++plane) {
        const auto map = attention_map(weights, static_cast<std::int64_t>(b), static_cast<std::int64_t>(rows),
                                       static_cast<std::int64_t>(columns), {.head = plane < 2 ? plane : -1});
        for (std::size_t t = 0; t < rows; ++t) {
          std::vector<double> row;
          for (std::size_t s = 0; s < columns; ++s, ++next) {
            const int low = static_cast<unsigned char>(bytes.at(next));
            const int high = cross ? static_cast<unsigned char>(bytes.at(next + numbers)) : 0;
            row.push_back(cross ? (low + 256 * high) / 50'000.0 : low / 255.0);
            worst = std::max(worst, std::abs(row.back() - map[t * columns + s]) * (cross ? 50'000 : 255));
          }
          if (!cross) continue;
          const auto from = map.begin() + static_cast<std::ptrdiff_t>(t * columns);
          same =
              same && std::max_element(from, from + static_cast<std::ptrdiff_t>(words)) - from ==
                          std::max_element(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(words)) - row.begin();
        }
      }
    }
    INFO(module.name);
    CHECK(same);
    CHECK(worst < (cross ? 2.0 : 0.51));
    at += cross ? 2 * numbers : numbers;
  }
  CHECK(at == bytes.size());
}

TEST_CASE("a page has maps of words where tokens are pieces: those that produce words, then those that consume") {
  const Recorded recorded({"source_eos=true", "layers=1", "heads=1"});
  const auto file = AttentionLog::folder(*recorded.run) / "index.json";
  json index = AttentionLog::index(*recorded.run);
  for (json& probe : index["probes"])  // the last token is a word, those before it are pieces of one
    for (const char* side : {"source", "target"}) {
      std::vector<int> words(probe[side].size(), 0);
      words.back() = words.size() > 1;
      probe[std::string(side) + "_words"] = words, probe["gold"] = json::array();
    }
  write_file_atomically(file, {index.dump()});
  const json data = report_data(*recorded.run), &probe = data["probes"][0];
  std::string first, last = index["probes"][0]["source"].back();
  for (std::size_t i = 0; i + 1 < index["probes"][0]["source"].size(); ++i) first += index["probes"][0]["source"][i];
  REQUIRE(!first.empty());
  CHECK(probe["keys"] == json({first, last, "</s>"}));
  CHECK(probe["queries"].size() == 3);
  CHECK(probe["twice"] == true);

  const std::string bytes = inflated(decoded(data["streams"][2]));
  std::size_t at = 0;
  for (const json& one : data["probes"]) at += 9 * (one["keys"].size() == 3) + 4 * (one["keys"].size() == 2);
  at *= 2;  // the encoder's and the decoder's
  const std::size_t numbers = bytes.size() - at;
  REQUIRE(numbers % 4 == 0);  // low bytes, high bytes; two shifts
  const auto weight = [&](std::size_t i) {
    const auto byte = [&](std::size_t place) { return static_cast<unsigned char>(bytes.at(place)); };
    return (byte(at + i) + 256 * byte(at + numbers / 2 + i)) / 50'000.0;
  };
  const Example e = AttentionLog::load(*recorded.run).probes[0];
  const auto tokens = static_cast<std::int64_t>(e.source.size());
  const auto map = attention_map(AttentionLog::weights(*recorded.run, "body.decoder.layers.0.multihead_attn", 1000), 0,
                                 tokens + 1, tokens + 1);
  for (const std::int64_t consumed : {0, 1}) {
    double pieces = 0;  // from the first word to the first word
    for (std::int64_t t = 0; t + 1 < tokens; ++t)
      for (std::int64_t s = 0; s + 1 < tokens; ++s)
        pieces += map[static_cast<std::size_t>((t + consumed) * (tokens + 1) + s)] / static_cast<double>(tokens - 1);
    CHECK(weight(static_cast<std::size_t>(consumed * 9 + consumed * 3)) == Approx(pieces).margin(3e-5));
  }
}

TEST_CASE("a page's data say what the run is and what it did") {
  const Recorded recorded;
  const json data = report_data(*recorded.run);
  CHECK(data["run"]["name"] == "sorted");
  CHECK(data["run"]["config"]["heads"] == 2);
  CHECK(data["run"]["steps_done"] == 1000);
  CHECK(data["finished"] == false);  // somebody trains in the folder, whatever lies there
  recorded.model->save(recorded.run->checkpoint());
  CHECK(report_data(RunFolder::open(recorded.run->path()))["finished"] == false);
  recorded.run->unlock();
  CHECK(report_data(*recorded.run)["finished"] == true);
  CHECK(data["recorded"] == 3);
  CHECK(data["curves"]["step"] == json({500, 1000}));
  CHECK(data["curves"]["aer"] == json({0.25, 0.25}));
  CHECK(data["steps"] == json({0, 500, 1000}));
  CHECK(data["scores"].size() == 3);
  CHECK(data["probes"].size() == 5);
  CHECK(data["probes"][0]["keys"] == data["probes"][0]["source"]);
  CHECK(data["baselines"]["floor"] == 0);
  CHECK(data["guided"].is_null());
  CHECK(data["start"] == json({{"module", "body.decoder.layers.1.multihead_attn"}, {"head", "mean"}}));

  const Recorded guided({"guided=0.05", "guided_layer=0", "guided_head=1"});
  CHECK(report_data(*guided.run)["start"] == json({{"module", "body.decoder.layers.0.multihead_attn"}, {"head", 1}}));
}

TEST_CASE("later steps alone, and fewer steps in less room") {
  const Recorded recorded;
  const json all = report_data(*recorded.run), later = report_data(*recorded.run, 2);
  CHECK(later["steps"] == all["steps"]);
  REQUIRE(later["streams"].size() == 1);
  CHECK(later["streams"][0] == all["streams"][2]);
  const json small = report_data(*recorded.run, 0, all.dump().size() - 100);
  CHECK(small["recorded"] == 3);
  CHECK(small["steps"] == json({0, 1000}));
  CHECK(small["streams"] == json({all["streams"][0], all["streams"][2]}));
  CHECK(small["scores"] == json({all["scores"][0], all["scores"][2]}));
}

TEST_CASE("before anything is recorded there is a page without steps, and no report") {
  const ScratchFolder scratch;
  const RunFolder run = RunFolder::create(scratch.path / "run", Config());
  const json data = report_data(run);
  CHECK(data["steps"].empty());
  CHECK(data["finished"] == false);
  CHECK_THROWS_WITH(report_page(run), ContainsSubstring("no attention was recorded"));
}

TEST_CASE("no text in the data can end the page's script or begin a comment") {
  const std::string page = report_page(json{{"words", {"</script>", "<!--", "a<b"}}});
  const std::string& empty = report_template();
  CHECK(std::count(page.begin(), page.end(), '<') == std::count(empty.begin(), empty.end(), '<'));
  CHECK(page.find("\\u003c/script>") != page.npos);
  CHECK(page.find("/*DATA*/") == page.npos);
  CHECK(page.find("http://") == page.find("http://www.w3.org"));  // nothing is fetched: names of XML alone
  CHECK(page.find("https://") == page.npos);
}

TEST_CASE("a broken record is named") {
  const Recorded recorded;
  const auto file = AttentionLog::folder(*recorded.run) / "index.json";
  const json whole = AttentionLog::index(*recorded.run);
  const auto broken = [&](const json& change) {
    json index = whole;
    index.merge_patch(change);
    write_file_atomically(file, {index.dump()});
    return report_data(*recorded.run);
  };
  CHECK_THROWS_WITH(broken({{"baselines", nullptr}}),
                    ContainsSubstring("index.json") && ContainsSubstring("baselines"));
  CHECK_THROWS_WITH(broken({{"end_mark", "no"}}), ContainsSubstring("index.json"));
  CHECK_THROWS_WITH(broken({{"modules", {{{"name", "../x"}, {"kind", "cross"}, {"layer", 0}, {"heads", 1}}}}}),
                    ContainsSubstring("index.json") && ContainsSubstring("../x"));
  CHECK_THROWS_WITH(broken({{"modules", {{{"name", "x"}, {"kind", "odd"}, {"layer", 0}, {"heads", 1}}}}}),
                    ContainsSubstring("odd"));
  CHECK_THROWS_WITH(broken({{"probes", {{{"source", {"a"}}, {"target", {"b"}}, {"gold", {{3, 0, 1}}}}}}}),
                    ContainsSubstring("index.json") && ContainsSubstring("3-0"));
  CHECK_THROWS_WITH(broken({{"steps", {{{"step", 5}}}}}), ContainsSubstring("index.json"));
  write_file_atomically(file, {whole.dump().substr(0, 100)});
  CHECK_THROWS_WITH(report_data(*recorded.run), ContainsSubstring("index.json"));
  write_file_atomically(file, {whole.dump()});
  std::filesystem::remove(AttentionLog::folder(*recorded.run) / "body.decoder.layers.1.multihead_attn.0000500.npy");
  CHECK_THROWS_WITH(report_data(*recorded.run), ContainsSubstring("body.decoder.layers.1.multihead_attn.0000500.npy"));
}
