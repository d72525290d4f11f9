#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include <nlohmann/json_fwd.hpp>

#include <gaze/train/learner.h>
#include <gaze/train/run_folder.h>
#include <gaze/train/trainer.h>

namespace gaze {

/// The figures of a run at one step.
struct Figures {
  std::int64_t step = 0;
  double loss = 0;                          ///< of training, the mean since the last line
  std::optional<Evaluation> held_out = {};  ///< if it was taken at this step
  double tokens_per_s = 0;
  double lr = 0, grad_norm = 0;
};

/// A training that leaves its figures, its state and its best weights in a run folder, and can be taken up again there.
///
/// A checkpoint holds the weights by name; the optimizer's state under "optimizer."; and notes: the options and
/// languages, and under "progress" the step, the place in the data and its hash, and what the figures and the choice of
/// the best weights need to go on. Random numbers are functions of the seed and the step, and so is the learning rate:
/// there is no more to them. Taken up again, a training is what it would have been, bit for bit.
class TrainingRun {
 public:
  enum class End { finished, early, interrupted };

  TrainingRun(Learner& learner, const RunFolder& folder);
  ~TrainingRun();

  /// Takes over the state of the folder's checkpoint, and forgets what the folder says of later steps. Throws, changing
  /// nothing, when the checkpoint is of other data, another model or broken; it lists what differs.
  void resume();

  void on_step(Trainer::Callback callback) { trainer_->on_step(std::move(callback)); }
  /// Called with every line of figures, after it was written.
  void on_figures(std::function<void(const Figures&)> callback) { show_ = std::move(callback); }

  /// Trains up to the config's steps, to the end of its patience, or until `stop`, and saves; whatever fails, the last
  /// sound state is saved if that is possible.
  End run(const std::atomic<bool>& stop);
  std::int64_t steps_done() const { return trainer_->steps_done(); }
  nlohmann::json last_line() const;  ///< of metrics.jsonl
  /// The lowest validation loss and its step, if there was a validation.
  std::optional<std::pair<double, std::int64_t>> best() const;

 private:
  struct State;

  void after(const StepReport& report);
  Figures figures(bool validate) const;
  void write(const Figures& figures);
  void validated(const Evaluation& held_out);
  bool keep_best(const Evaluation& held_out);  ///< whether it is the best so far
  void snapshot();
  void average();
  void save();
  bool patient() const;

  Learner& learner_;
  RunFolder folder_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<Trainer> trainer_;
  std::function<void(const Figures&)> show_;
  std::unique_ptr<State> state_;
  std::unique_ptr<nlohmann::json> last_line_;
  StepReport last_report_;
  std::int64_t saved_step_ = -1, written_step_ = -1;
  bool last_has_validation_ = false;
  std::chrono::steady_clock::time_point saved_at_;
  double interval_seconds_ = 0;
  std::int64_t interval_tokens_ = 0;
};

/// Whether a run keeps the weights of the lowest validation loss: where held-out data are finite, or patience asks.
bool keeps_best(const Config& config);

}  // namespace gaze
