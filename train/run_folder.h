#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include <gaze/train/config.h>

namespace gaze {

/// The folder of one run: config.json, metrics.jsonl and checkpoint.safetensors.
class RunFolder {
 public:
  /// Starts a run in a folder that is new or empty. Throws, changing nothing, when the folder holds anything or cannot
  /// be written.
  static RunFolder create(const std::filesystem::path& path, const Config& config);
  /// Opens a finished or stopped run. Throws when there is none.
  static RunFolder open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoint() const { return path_ / "checkpoint.safetensors"; }
  Config config() const;                                  ///< as config.json has it
  void append_metrics(const nlohmann::json& line) const;  ///< one object a line; throws when it cannot be written

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace gaze
