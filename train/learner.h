#pragma once

#include <cstdint>

#include <gaze/datasets/batch_plan.h>
#include <gaze/train/translator.h>

namespace gaze {

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

}  // namespace gaze
