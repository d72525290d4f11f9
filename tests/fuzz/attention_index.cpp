#include <gaze/train/attention/attention_record.h>
#include <gaze/train/json.h>

#include <nlohmann/json.hpp>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

/// attention/index.json: what is taken holds together, and its sentences are written and read again as they were.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  AttentionRecord record;
  nlohmann::json index;
  if (!fuzz::accepts([&] {
        index = parse_json(fuzz::text_of(data, size), "index.json");
        record = read_attention_index(index, "index.json");
      }))
    return 0;
  nlohmann::json probes = nlohmann::json::array();
  for (const Example& probe : record.probes) {
    const std::int64_t source = source_word_count(probe), target = target_word_count(probe);
    for (const Link& link : probe.gold)
      fuzz::must(link.source >= 0 && link.source < source && link.target >= 0 && link.target < target,
                 "gold links lie within their sentences");
    probes.push_back(to_json(probe));
  }
  for (const AttentionSite& site : record.modules) {
    fuzz::must(site.name.find('/') == site.name.npos && site.name != "..", "a module's file lies in its folder");
    fuzz::must(site.layer >= 0 && site.heads > 0, "a module has a place and heads");
  }
  for (std::size_t i = 1; i < record.steps.size(); ++i) fuzz::must(record.steps[i] > record.steps[i - 1], "steps rise");
  index["probes"] = probes;
  fuzz::must(read_attention_index(index, "again").probes == record.probes, "sentences are kept");
  return 0;
}
