#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include <gaze/train/learner.h>
#include <gaze/train/run_folder.h>
#include <gaze/train/saved_model.h>
#include <gaze/train/trainer.h>

namespace gaze::train {

/// The figures of a run at one step.
struct Figures {
  std::int64_t step = 0;
  double loss = 0;                          ///< of training, the mean since the last line
  std::optional<Evaluation> held_out = {};  ///< if it was taken at this step
  double tokens_per_s = 0;
  double lr = 0, grad_norm = 0;
};

/// What a training has to know of its past beside weights and moments: the note "progress" of its checkpoint.
struct Progress {
  std::int64_t step = 0;
  std::string data_hash = {};
  std::int64_t lines = 0;                   ///< of metrics.jsonl, written where the options say
  double lr = 0, grad_norm = 0;             ///< of the last step
  double interval_loss = 0;                 ///< sum since the last of these lines
  std::int64_t interval_steps = 0;          ///< as many
  std::optional<ValidationNote> best = {};  ///< of the validations on the way
  std::int64_t validations_since_best = 0;
};
/// Throws, naming the file, when a checkpoint's note is missing or broken.
Progress progress_of(const Checkpoint& checkpoint, const std::string& file);

/// What a run folder has of the best weights that a checkpoint's notes tell of.
enum class BestWeights {
  none,        ///< nothing is told of, or none are kept
  there,       ///< best.safetensors holds them
  aside,       ///< best_on_the_way() does: best.safetensors holds a last state that was better
  checkpoint,  ///< the checkpoint does: the training was killed before it wrote best.safetensors
  lost
};
BestWeights best_weights(const RunFolder& folder, const Config& config, const Progress& progress);

/// The files of snapshots/ by step.
std::map<std::int64_t, std::filesystem::path> snapshots_of(const RunFolder& folder);

/// A training that leaves its figures, its state and its best weights in a run folder, and can be taken up again there.
///
/// metrics.jsonl gets a line every log_every steps and at every validation; the last line is the final state, with
/// held-out figures, even where that repeats a step.
///
/// A checkpoint holds the weights by name; the optimizer's state under "optimizer."; and notes: the options and
/// languages, and under "progress" the step, the place in the data and its hash, and what the figures and the choice of
/// the best weights need to go on. Random numbers are functions of the seed and the step, and so is the learning rate:
/// there is no more to them. Taken up again, a training is what it would have been, bit for bit.
class TrainingRun {
 public:
  enum class End { finished, early, interrupted };

  TrainingRun(Learner& learner, RunFolder& folder);
  ~TrainingRun();

  /// Takes over the state of the folder's checkpoint, forgets what the folder says of later steps (weights: once a
  /// later state is saved), and has config.json say the learner's options; without a checkpoint the run begins (anew).
  /// What it returns, if anything, is to be told to the user. Throws, with the folder unchanged, when the checkpoint is
  /// of other data, another model, more steps or broken; it lists what differs.
  std::string resume();

  void on_step(Trainer::Callback callback) { trainer_->on_step(std::move(callback)); }
  /// Called with every line of figures, after it was written.
  void on_figures(std::function<void(const Figures&)> callback) { show_ = std::move(callback); }

  /// Trains up to the config's steps, to the end of its patience, or until `stop`, and saves; whatever fails, the last
  /// sound state is saved if that is possible. A NumericFailure says of which step the last sound state is: nothing
  /// that is saved gives way to numbers that are none.
  End run(const std::atomic<bool>& stop);
  End run() { return run(false); }
  std::int64_t steps_done() const { return trainer_->steps_done(); }
  nlohmann::json last_line() const;  ///< of metrics.jsonl
  /// The lowest loss of all validations, that of the last state included, and its step, if there was one.
  std::optional<ValidationNote> best() const;
  /// The validation loss of the mean of the last weights, once a training has ended that makes one.
  std::optional<double> averaged_loss() const { return averaged_loss_; }

 private:
  void after(const StepReport& report);
  bool validation_is_due(std::int64_t step);
  Figures figures(bool validate) const;
  void write(const Figures& figures);
  bool validated(const Evaluation& held_out);
  void save_best(const ValidationNote& note);
  void keep_best(const ValidationNote& note);
  void keep_last_if_best();
  std::string fit_best();
  void snapshot();
  std::map<std::int64_t, std::filesystem::path> last_snapshots() const;
  void average();
  void save();
  void require_sound() const;
  bool patient() const;
  void note_stale_after(std::int64_t step);
  std::string keep_lines();

  Learner& learner_;
  RunFolder& folder_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<Trainer> trainer_;
  std::function<void(const Figures&)> show_;
  Progress state_;
  std::unique_ptr<nlohmann::json> last_line_;
  std::int64_t saved_step_ = -1, written_step_ = -1;
  std::int64_t settled_step_ = 0;  ///< the last whose figures are written
  std::int64_t epoch_ = 0;         ///< of the next batch
  std::optional<double> averaged_loss_;
  std::optional<ValidationNote> last_is_best_;  ///< the last state, where best.safetensors holds it
  // When a training goes on, what it makes void stays until a later state is saved.
  std::set<std::filesystem::path> stale_;
  bool restores_best_ = false;  ///< best_on_the_way() becomes best() then
  bool last_has_validation_ = false;
  std::chrono::steady_clock::time_point saved_at_;
  double interval_seconds_ = 0;
  std::int64_t interval_tokens_ = 0;
};

/// Whether a run keeps the weights of the lowest validation loss: where held-out data are finite, or patience asks.
bool keeps_best(const Config& config);

}  // namespace gaze::train
