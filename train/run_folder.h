#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include <gaze/train/config.h>

namespace gaze::train {

/// The folder of one run: config.json, metrics.jsonl, checkpoint.safetensors (the last state, with all that the
/// training needs to go on), and weights that are good to use: best.safetensors (of the lowest validation loss) and
/// averaged.safetensors, the mean of those in snapshots/.
class RunFolder {
 public:
  /// Starts a run in a folder that is new or empty. Throws, changing nothing, when the folder holds anything or cannot
  /// be written.
  static RunFolder create(const std::filesystem::path& path, const Config& config);
  /// Opens a finished or stopped run. Throws when there is none.
  static RunFolder open(const std::filesystem::path& path);

  /// create(), or where the folder holds a run already open() and lock(): what TrainingRun::resume() then goes on with.
  static RunFolder create_or_open(const std::filesystem::path& path, const Config& config);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoint() const { return path_ / "checkpoint.safetensors"; }
  std::filesystem::path best() const { return path_ / "best.safetensors"; }
  std::filesystem::path averaged() const { return path_ / "averaged.safetensors"; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path snapshots() const { return path_ / "snapshots"; }
  /// The weights "last", "best" or "averaged", or by default the first of averaged, best and last that is there. Throws
  /// for another name, and when there are none.
  std::filesystem::path weights(const std::string& which = {}) const;
  /// Nobody else trains in this folder while this object or a copy lives, on this machine and until the process ends,
  /// however it does. create() does it, too. Throws when somebody else trains there.
  void lock();
  void unlock() { lock_.reset(); }
  bool in_use() const;  ///< whether somebody trains in it at this moment, this process included
  /// Writes config.json anew: a run that is continued with other options.
  void write_config(const Config& config) const;
  Config config() const;                                  ///< as config.json has it
  void append_metrics(const nlohmann::json& line) const;  ///< one object a line; throws when it cannot be written
  void flush_metrics() const;                             ///< to the disk

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::shared_ptr<const int> try_lock() const;

  std::filesystem::path path_;
  std::shared_ptr<const int> lock_;  ///< the descriptor of the folder, closed with the last copy
};

}  // namespace gaze::train
