#include <algorithm>

#include <gaze/train/attention/alignment.h>
#include <gaze/train/text/aligner.h>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

/// A file of Pharaoh lines, as gold counted from 0 or 1 and as predictions. Links are written and read again as they
/// were, and are worth what they must be.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::filesystem::path file = fuzz::file_of(fuzz::text_of(data, size));
  for (const int base : {0, 1}) {
    std::vector<std::vector<Link>> lines;
    if (!fuzz::accepts([&] { lines = read_pharaoh(file, base); })) continue;
    fuzz::accepts([&] { note_on_base(file, lines, "--base 1"); });
    for (const std::vector<Link>& links : lines) {
      std::vector<AlignmentLink> pairs;
      std::string written;
      int last_source = -1, last_target = -1;
      for (const Link& link : links) {
        fuzz::must(link.source >= 0 && link.target >= 0, "words count from 0");
        last_source = std::max(last_source, link.source), last_target = std::max(last_target, link.target);
        pairs.emplace_back(link.source, link.target);
        written += fmt::format("{}{}{} ", link.source, link.sure ? '-' : 'p', link.target);
      }
      fuzz::must(parse_pharaoh(written, 0, "again:1") == links, "links are kept");
      const std::vector<Link> sure = parse_pharaoh(to_pharaoh(pairs), 0, "again:1");
      fuzz::must(sure.size() == links.size(), "a link is there once");
      AlignmentCounts counts;
      counts.add(links, pairs);
      fuzz::must(counts.possible_hits == counts.predicted && counts.sure_hits == counts.sure && counts.aer() == 0,
                 "all links are their own gold");
      fuzz::accepts([&] { check_links(file, 1, links, 5, 5); });
      if (last_source >= 50 || last_target >= 50 || links.empty()) continue;
      AlignmentCounts best;
      best.add(links, best_links(links, last_target + 1));
      fuzz::must(best.aer() >= 0 && best.aer() <= 1, "a rate is one");
      const std::span<const AlignmentLink> all = pairs;
      const auto half = all.first(all.size() / 2), other = all.last(all.size() - all.size() / 3);
      const auto size_of = [&](Symmetrization how) { return symmetrize(half, other, how).size(); };
      const std::size_t both = size_of(Symmetrization::intersection), grown = size_of(Symmetrization::grow_diag),
                        either = size_of(Symmetrization::either);
      fuzz::must(both <= grown && grown <= either && either == pairs.size(), "growth ends between both and either");
    }
  }
  return 0;
}
