#pragma once

#include <cstdint>
#include <optional>

#include <gaze/datasets/batch_plan.h>
#include <gaze/train/saved_model.h>
#include <gaze/train/trainer.h>

namespace gaze::train {

/// What a model does on held-out sentences, the right words given so far (teacher forcing).
struct Evaluation {
  double loss = 0;            ///< a target token, end marks included
  double token_accuracy = 0;  ///< share of target tokens, end marks included, whose likeliest prediction is right
  std::optional<double> aer;  ///< one link per target word: see attention/alignment.h; none without gold links
};

/// What a training needs of what it trains: batches, their loss, held-out figures and what a checkpoint must know.
class Learner {
 public:
  Learner() = default;
  virtual ~Learner() = default;
  Learner(const Learner&) = delete;
  Learner& operator=(const Learner&) = delete;

  virtual const Config& config() const = 0;
  virtual Params& params() = 0;
  virtual StepLoss loss(std::int64_t batch, Context& context) = 0;  ///< of batch 1, 2, ...: see Trainer
  virtual Evaluation evaluate() const = 0;                          ///< on held-out data
  virtual Metadata metadata() const = 0;                            ///< options and languages
  virtual std::uint64_t data_hash() const = 0;                      ///< of training and held-out data
  /// Where a batch lies in the data; {0, batch} where there are no epochs.
  virtual BatchPlan::Position position(std::int64_t batch) = 0;
};

}  // namespace gaze::train
