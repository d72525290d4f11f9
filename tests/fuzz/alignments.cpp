#include <gaze/train/attention/alignment.h>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

/// Pharaoh lines, as gold and as predictions, counted from 0 and from 1. Links are written and read again as they were.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line = fuzz::text_of(data, size);
  for (const int base : {0, 1}) {
    std::vector<Link> links;
    if (!fuzz::accepts([&] { links = parse_pharaoh(line, base, "input:1"); })) continue;
    std::vector<AlignmentLink> pairs;
    for (const Link& link : links) {
      fuzz::must(link.source >= 0 && link.target >= 0, "words count from 0");
      pairs.emplace_back(link.source, link.target);
    }
    const std::vector<Link> again = parse_pharaoh(to_pharaoh(pairs), 0, "again:1");
    fuzz::must(again.size() == links.size(), "links are kept");
    for (std::size_t i = 0; i < again.size(); ++i)
      fuzz::must(again[i].source == links[i].source && again[i].target == links[i].target, "a link is kept");
    AlignmentCounts counts;
    counts.add(links, pairs);
    fuzz::must(counts.possible_hits == counts.predicted, "all links are their own gold");
  }
  return 0;
}
