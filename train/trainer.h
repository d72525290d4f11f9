#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/parameters.h>
#include <gaze/nn/context.h>
#include <gaze/optim/optimizer.h>
#include <gaze/optim/schedules.h>

namespace gaze::train {

/// A loss, gradient or parameter that is no number: what the weights were before is the last that is good.
class NumericFailure : public Error {
 public:
  using Error::Error;
};

/// What one training step did.
struct StepReport {
  std::int64_t step = 0;  ///< from 1
  double loss = 0;
  double lr = 0;
  double grad_norm = 0;     ///< before clipping
  std::int64_t tokens = 0;  ///< target tokens that the loss counted
  double seconds = 0;
};

/// The loss of one batch and what it counted.
struct StepLoss {
  Tensor loss;  ///< one number, a mean over its tokens
  std::int64_t tokens = 0;
};

struct TrainerOptions {
  double lr = 1e-3;
  Schedule schedule = {};       ///< factor of lr by step
  double clip = 0;              ///< largest norm of the gradient; 0: none
  std::int64_t accumulate = 1;  ///< batches per step: it takes the mean over all their tokens
  RandomStream stream = {};     ///< of dropout; step t draws from its t-th part
};

/// The loop of training: forward, backward, clip, optimizer step, callbacks.
class Trainer {
 public:
  /// loss(batch, context) computes the loss of a batch, counted from 1: the same number gives the same batch. Step t
  /// takes batches (t - 1) accumulate + 1 to t accumulate.
  using Loss = std::function<StepLoss(std::int64_t batch, Context& context)>;
  using Callback = std::function<void(const StepReport&)>;

  Trainer(Params& params, Optimizer& optimizer, Loss loss, TrainerOptions options);

  /// Called after every step, in the order of registration.
  void on_step(Callback callback) { callbacks_.push_back(std::move(callback)); }
  /// One step. A loss or gradient that is not finite throws a NumericFailure before the optimizer's step, naming the
  /// step and the first bad tensor.
  StepReport step();
  /// Steps until `last` is reached or `stop` is set; finishes the step it is in. Returns whether `last` was reached.
  bool run(std::int64_t last, const std::atomic<bool>* stop = nullptr);
  std::int64_t steps_done() const { return steps_done_; }
  /// The next step is the one after this: the state of model and optimizer is for the caller to restore.
  void continue_after(std::int64_t step) { steps_done_ = step; }

 private:
  StepReport forward_and_backward(std::int64_t step);
  [[noreturn]] void explain(std::int64_t step, std::int64_t batch, double loss);

  Params& params_;
  Optimizer& optimizer_;
  Loss loss_;
  TrainerOptions options_;
  std::vector<Callback> callbacks_;
  std::int64_t steps_done_ = 0;
};

}  // namespace gaze::train
