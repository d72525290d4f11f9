#pragma once

#include <nlohmann/json.hpp>

#include "program.h"

using nlohmann::json;

/// Runs a lesson as a reader would: the text goes to standard error, the numbers to standard output.
inline json lesson(Args args) {
  args.insert(args.begin(), "lesson");
  args.emplace_back("--json");
  Program gaze;
  const Result r = gaze.run(args);
  INFO(r.err);
  REQUIRE(r.status == 0);
  CHECK_THAT(r.err, ContainsSubstring("Notice: "));
  return json::parse(r.out);
}
