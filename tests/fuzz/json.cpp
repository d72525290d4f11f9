#include <gaze/train/json.h>

#include <nlohmann/json.hpp>

#include "fuzz.h"

using namespace gaze;

/// What is read is written and read again as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nlohmann::json first;
  if (!fuzz::accepts([&] { first = train::parse_json(fuzz::text_of(data, size), "input"); })) return 0;
  fuzz::must(train::parse_json(first.dump(), "again") == first, "a value is kept");
  fuzz::must(train::parse_json(first.dump(2), "again") == first, "a value is kept");
  fuzz::accepts([&] {
    const std::int64_t number = train::whole_number(first, -5, 1000, "input");
    fuzz::must(number >= -5 && number <= 1000, "a number is within its bounds");
  });
  return 0;
}
