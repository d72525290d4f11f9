#include <gaze/train/attention/attention_record.h>
#include <gaze/train/json.h>

#include <nlohmann/json.hpp>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

/// attention/index.json: what is taken holds together.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  AttentionRecord record;
  if (!fuzz::accepts(
          [&] { record = read_attention_index(parse_json(fuzz::text_of(data, size), "index.json"), "index.json"); }))
    return 0;
  for (const Example& probe : record.probes)
    for (const Link& link : probe.gold)
      fuzz::must(link.source >= 0 && std::cmp_less(link.source, probe.source.size()) && link.target >= 0 &&
                     std::cmp_less(link.target, probe.target.size()),
                 "gold links lie within their sentences");
  for (const AttentionSite& site : record.modules) {
    fuzz::must(site.name.find('/') == site.name.npos && site.name != "..", "a module's file lies in its folder");
    fuzz::must(site.layer >= 0 && site.heads > 0, "a module has a place and heads");
  }
  for (std::size_t i = 1; i < record.steps.size(); ++i) fuzz::must(record.steps[i] > record.steps[i - 1], "steps rise");
  return 0;
}
