#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "../../catch.h"
#include "../../program.h"

namespace fs = std::filesystem;
using nlohmann::json;

/// Every file below a folder, by its path: its bytes.
inline std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    found[fs::relative(entry.path(), folder).string()] = entry.is_regular_file() ? read(entry.path()) : "";
  return found;
}

/// A small and quick run; `more` comes last.
inline Args training(const std::string& run, const Args& more = {}) {
  Args args = {"train", "copy",          "--run", run,           "--threads", "1",       "--set", "d_model=16",
               "--set", "d_ff=32",       "--set", "batch=8",     "--set",     "vocab=9", "--set", "length=6",
               "--set", "validation=16", "--set", "log_every=5", "--set",     "probes=0"};
  return joined(std::move(args), more);
}

inline void train(Program& gaze, const std::string& run, const Args& more = {"--steps", "6"}) {
  const Result r = gaze.run(training(run, more));
  INFO(r.err);
  REQUIRE(r.status == 0);
}

/// Every line, parsed.
inline std::vector<json> metrics(const fs::path& run) {
  const std::string text = read(run / "metrics.jsonl");
  std::vector<json> lines;
  for (const std::string& line : lines_of(text)) {
    INFO(line);
    lines.push_back(json::parse(line, nullptr, false));
    CHECK(lines.back().is_object());
  }
  CHECK((text.empty() || text.ends_with("\n")));
  return lines;
}

inline bool has_escapes(const std::string& text) { return text.find('\x1b') != std::string::npos; }

struct Complaint {
  Args args;
  std::string names;
};
