#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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

  /// A folder as it is, whether or not it holds a run: for looking at what is left of one. Throws when there is none.
  static RunFolder at(const std::filesystem::path& path) { return RunFolder(path); }

  /// create(), or where the folder holds a run already open() and lock(): what TrainingRun::resume() then goes on with.
  static RunFolder create_or_open(const std::filesystem::path& path, const Config& config);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoint() const { return path_ / "checkpoint.safetensors"; }
  std::filesystem::path best() const { return path_ / "best.safetensors"; }
  std::filesystem::path averaged() const { return path_ / "averaged.safetensors"; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path snapshots() const { return path_ / "snapshots"; }
  /// The best of the validations on the way, where best() holds the last state, which is better: what a training that
  /// is continued goes on from.
  std::filesystem::path best_on_the_way() const { return snapshots() / "best.safetensors"; }
  /// The weights "last", "best" or "averaged"; by default the better of averaged and best by the validation losses in
  /// them, else last. Throws for another name, and when there are none.
  std::filesystem::path weights(const std::string& which = {}) const;
  /// Nobody else trains in this folder while this object or a copy lives, on this machine and until the process ends,
  /// however it does. create() does it, too. Throws when somebody else trains there. A file system that has no locks
  /// (some network ones) is no reason not to train: see locks_missing().
  void lock();
  void unlock() { lock_.reset(); }
  /// Why lock() could not have its lock; empty when it has one.
  const std::string& locks_missing() const { return locks_missing_; }
  /// Whether somebody trains in it at this moment, this process included. Takes no lock.
  bool in_use() const;
  /// Throws when the folder has another place than when it was opened, or another lies there: what is written by name
  /// would go astray.
  void check_place() const;
  /// Throws for a file that a command would write over one that belongs to the run: its options, figures, weights or
  /// recorded attention.
  void check_output(const std::filesystem::path& file) const;
  /// Writes config.json anew: a run that is continued with other options.
  void write_config(const Config& config) const;
  Config config() const;                                  ///< as config.json has it
  void append_metrics(const nlohmann::json& line) const;  ///< one object a line; throws when it cannot be written
  void flush_metrics() const;                             ///< to the disk

 private:
  explicit RunFolder(std::filesystem::path path);

  std::filesystem::path path_;
  std::pair<std::uint64_t, std::uint64_t> identity_;  ///< device and number of the folder
  std::shared_ptr<const int> lock_;                   ///< its descriptor, closed with the last copy
  std::string locks_missing_;
};

/// Whether a file is what write_file_atomically() leaves of a write that was killed: NAME.PROCESS.part.
bool is_unfinished_write(const std::filesystem::path& file);

/// A line of metrics.jsonl: an object with a step, whose other figures are numbers, or null where none is known. Throws
/// "FILE:LINE: what is wrong" for what cannot be one.
nlohmann::json metrics_line(std::string_view text, const std::string& file, std::int64_t line);
/// A figure of such a line; nothing where it is not known.
std::optional<double> figure_in(const nlohmann::json& metrics, const char* name);

}  // namespace gaze::train
