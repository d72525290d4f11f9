#include <gaze/train/json.h>
#include <gaze/train/options.h>

#include <nlohmann/json.hpp>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

/// A file by hand and a run's: what is read is written and read again as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nlohmann::json object;
  if (!fuzz::accepts([&] { object = parse_json(fuzz::text_of(data, size), "input"); })) return 0;
  fuzz::accepts([&] { config_from(object, "input"); });
  Config first;
  if (!fuzz::accepts([&] { read_run_config(first, object, "input"); })) return 0;
  const nlohmann::json written = to_json(first);
  Config second;
  read_run_config(second, written, "again");
  fuzz::must(to_json(second) == written, "options are kept");
  return 0;
}
