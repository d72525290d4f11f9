#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <gaze/train/attention/attention_log.h>
#include <gaze/train/learner.h>
#include <gaze/train/program/terminal/heat_map.h>
#include <gaze/train/run_folder.h>

namespace gaze::train {

/// One kind of training as `gaze train` sees it: what is learned from, what is shown on the way and measured at the
/// end.
class TrainingJob {
 public:
  virtual ~TrainingJob() = default;

  virtual Learner& learner() = 0;
  virtual std::string description() const = 0;
  virtual std::vector<std::string> notices() const { return {}; }  ///< about the data
  /// What is recorded on the way goes into this folder, from a step on.
  void begin(const RunFolder& folder, std::int64_t step);
  void after(std::int64_t step);
  void end(std::int64_t step);
  /// What attention looks like now, if there is any to look at.
  virtual std::optional<HeatMap> picture() const { return {}; }
  /// Measures and prints what the run is worth, by its best weights; the figures as an object.
  virtual nlohmann::json close(const RunFolder& folder, const std::string& program) = 0;

 protected:
  /// None where no attention is recorded.
  virtual std::unique_ptr<AttentionLog> attention_log(const RunFolder&) const { return nullptr; }

 private:
  std::unique_ptr<AttentionLog> attention_;
};

/// For any config. `trained`, if not null, is the checkpoint of a run that is continued: its languages are used. A
/// demo shows a sentence whose words cross.
std::unique_ptr<TrainingJob> make_job(const Config& config, const Checkpoint* trained, const std::string& file,
                                      bool demo);

}  // namespace gaze::train
