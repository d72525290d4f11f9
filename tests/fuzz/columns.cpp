#include <gaze/datasets/parallel_text.h>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

/// Lines of "source<TAB>target". They are written and read again as they were.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const Unicode unicode : {Unicode::none, Unicode::nfc}) {
    ParallelText text;
    if (!fuzz::accepts([&] { text = ParallelText::read_columns(fuzz::file_of(fuzz::text_of(data, size)), unicode); }))
      continue;
    fuzz::must(text.source.size() == text.target.size() && text.size() > 0, "there are as many of both");
    std::string lines;
    for (std::size_t i = 0; i < text.size(); ++i) {
      fuzz::must(text.line_of(i) == i + 1, "pairs have their lines");
      lines += text.source[i] + "\t" + text.target[i] + "\r\n";
    }
    // Of two byte-order marks the second is text.
    if (!lines.starts_with("\xef\xbb\xbf")) {
      const ParallelText again = ParallelText::read_columns(fuzz::file_of(lines), unicode);
      fuzz::must(again.source == text.source && again.target == text.target && again.hash() == text.hash(),
                 "pairs are kept");
    }
    const std::size_t all = text.size();
    fuzz::accepts([&] {
      const ParallelText held_out = text.take_held_out(5);
      fuzz::must(held_out.size() + text.size() == all && held_out.size() > 0 && text.size() > 0, "no pair is lost");
    });
  }
  return 0;
}
