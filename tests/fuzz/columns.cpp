#include <gaze/datasets/parallel_text.h>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

/// Lines of "source<TAB>target".
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ParallelText text;
  if (!fuzz::accepts([&] { text = ParallelText::read_columns(fuzz::file_of(fuzz::text_of(data, size))); })) return 0;
  fuzz::must(text.source.size() == text.target.size() && text.size() > 0, "there are as many of both");
  for (std::size_t i = 0; i < text.size(); ++i) fuzz::must(text.line_of(i) >= i + 1, "pairs have their lines");
  const std::size_t all = text.size();
  fuzz::accepts([&] {
    const ParallelText held_out = text.take_held_out(5);
    fuzz::must(held_out.size() + text.size() == all, "no pair is lost");
  });
  return 0;
}
