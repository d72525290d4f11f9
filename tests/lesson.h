#pragma once

#include <nlohmann/json.hpp>

#include "program.h"

using nlohmann::json;

/// Runs a lesson as a reader would; the numbers that --json prints behind the text.
inline json lesson(Args args) {
  args.insert(args.begin(), "lesson");
  args.emplace_back("--json");
  Program gaze;
  const Result r = gaze.run(args);
  INFO(r.err);
  REQUIRE(r.status == 0);
  const auto lines = lines_of(r.out);
  REQUIRE(lines.size() > 1);
  CHECK_THAT(r.out, ContainsSubstring("Notice: "));
  return json::parse(lines.back());
}
