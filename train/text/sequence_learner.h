#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <gaze/nn/model.h>
#include <gaze/train/learner.h>
#include <gaze/train/sequence_batch.h>

namespace gaze::train {

/// What a model learns from, and what is held out.
class TrainingData {
 public:
  TrainingData() = default;
  virtual ~TrainingData() = default;
  TrainingData(const TrainingData&) = delete;
  TrainingData& operator=(const TrainingData&) = delete;

  /// For training: of number 1, 2, ... the same whenever it is asked for.
  virtual SequenceBatch batch(std::int64_t number) = 0;
  virtual const std::vector<SequenceBatch>& validation() const = 0;  ///< held out
  virtual std::uint64_t hash() const { return 0; }  ///< of all of it: a run is continued on the same data only
  /// Where training stands after so many batches; {0, number} where there are no epochs.
  virtual BatchPlan::Position position(std::int64_t number) { return {0, number}; }
};

/// What the parts of a loss are means over.
struct LossCounts {
  std::int64_t predictions = 0;  ///< of the likelihood
  std::int64_t sentences = 0;    ///< of a guided head's part
};

/// The loss of a batch as a config's training has it: of smoothed labels and, with a guided head (config: guided), with
/// that head's part. Of a step of several batches `step` counts all: the losses of its batches, weighted by their
/// tokens as Trainer does, then make each part the mean that one large batch would have. Throws for a guided head that
/// the model does not have, and for a batch without anything to predict or with gold links past its sentences.
StepLoss training_loss(const SequenceModel&, const SequenceBatch&, const Config&, Context&,
                       const std::optional<LossCounts>& step = {});

/// What a model makes of batches. AER is that of the usual view: see attention/attention_view.h. Throws as above.
Evaluation evaluate(const SequenceModel&, std::span<const SequenceBatch>, const GuidedConfig& guided = {});

/// Has any model learn from any data, for TrainingRun. Parameters, model and data must outlive it.
class SequenceLearner : public Learner {
 public:
  /// `notes` go into checkpoints, and a run is continued with the same ones only: languages, say. Throws when there is
  /// nothing to validate on.
  SequenceLearner(const Config& config, Params& params, const SequenceModel& model, TrainingData& data,
                  Metadata notes = {});

  const Config& config() const override { return config_; }
  Params& params() override { return params_; }
  StepLoss loss(std::int64_t batch, Context& context) override;
  Evaluation evaluate() const override;
  Metadata metadata() const override;
  std::uint64_t data_hash() const override { return data_.hash(); }
  BatchPlan::Position position(std::int64_t batch) override { return data_.position(batch); }

 private:
  const LossCounts& counts_of_step(std::int64_t batch);

  Config config_;
  Params& params_;
  const SequenceModel& model_;
  TrainingData& data_;
  Metadata notes_;
  std::int64_t counted_step_ = -1;
  LossCounts counts_;  ///< of that step
};

}  // namespace gaze::train
