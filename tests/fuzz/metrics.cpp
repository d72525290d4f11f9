#include <gaze/train/run_folder.h>

#include <nlohmann/json.hpp>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

/// Lines of metrics.jsonl: what is taken has a step and figures, and is written and read again as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const std::string_view text = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(text.size() + 1, rest.size()));
    nlohmann::json line;
    if (!fuzz::accepts([&] { line = metrics_line(text, "metrics.jsonl", number); })) continue;
    fuzz::must(line.at("step").get<std::int64_t>() >= 0, "a line has a step");
    for (const char* name : {"step", "loss", "validation_loss", "aer"})
      if (const auto figure = figure_in(line, name)) fuzz::must(std::isfinite(*figure), "a figure is a number");
    const std::string written = line.dump();
    fuzz::must(written.find('\n') == written.npos, "a line is one line");
    fuzz::must(metrics_line(written, "again", 1) == line, "a line is kept");
  }
  return 0;
}
