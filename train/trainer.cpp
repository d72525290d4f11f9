#include <gaze/train/trainer.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/profile.h>
#include <gaze/optim/clipping.h>

namespace gaze::train {
namespace {

template <class... Args>
[[noreturn]] void fail_as_number(fmt::format_string<Args...> format, Args&&... args) {
  throw NumericFailure(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace

Trainer::Trainer(Params& params, Optimizer& optimizer, Loss loss, TrainerOptions options)
    : params_(params), optimizer_(optimizer), loss_(std::move(loss)), options_(std::move(options)) {
  require(options_.accumulate >= 1, "trainer: {} batches per step", options_.accumulate);
}

/// Leaves the sum of tokens times gradient, or the gradient itself of a single batch.
StepReport Trainer::forward_and_backward(std::int64_t step) {
  StepReport report{.step = step, .lr = options_.lr * options_.schedule.factor(step)};
  params_.zero_grad();
  Context context{.training = true, .stream = options_.stream.split(static_cast<std::uint64_t>(step))};
  for (std::int64_t part = 1; part <= options_.accumulate; ++part) {
    const std::int64_t batch = (step - 1) * options_.accumulate + part;
    const StepLoss found = loss_(batch, context);
    const double loss = found.loss.item(), tokens = static_cast<double>(found.tokens);
    if (!std::isfinite(loss)) explain(step, batch, loss);
    report.tokens += found.tokens;
    report.loss += options_.accumulate == 1 ? loss : loss * tokens;
    backward(options_.accumulate == 1 ? found.loss : found.loss * tokens);
  }
  return report;
}

StepReport Trainer::step() {
  const auto start = std::chrono::steady_clock::now();
  const std::int64_t step = steps_done_ + 1;
  StepReport report = forward_and_backward(step);
  const double share = options_.accumulate == 1 ? 1 : 1 / static_cast<double>(report.tokens);
  report.loss *= share;
  try {
    report.grad_norm = share * grad_norm(params_);
  } catch (const Error& error) {
    fail_as_number("step {}: {}", step, error.what());
  }
  Profile::mark("grad_norm");
  optimizer_.step(report.lr, share * clip_factor(report.grad_norm, options_.clip));
  Profile::mark("optimizer");
  steps_done_ = step;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (const Callback& callback : callbacks_) callback(report);
  return report;
}

void Trainer::explain(std::int64_t step, std::int64_t batch, double loss) {
  loss = std::isnan(loss) ? std::abs(loss) : loss;  // whatever its sign, NaN is NaN
  for (const Parameter& p : params_.list())
    if (const auto bad = first_not_finite(p.value.array()))
      fail_as_number("step {}: the loss is {}; parameter {} has {} at element {}", step, loss, p.name,
                     p.value.array().at(*bad), *bad);
  // The parameters are sound: the same step again, every operation's result checked, names the first that is not.
  try {
    const AnomalyMode anomaly;
    Context context{.training = true, .stream = options_.stream.split(static_cast<std::uint64_t>(step))};
    loss_(batch, context);
  } catch (const Error& error) {
    fail_as_number("step {}: the loss is {}; {}", step, loss, error.what());
  }
  fail_as_number("step {}: the loss is {}", step, loss);
}

bool Trainer::run(std::int64_t last, const std::atomic<bool>* stop) {
  while (steps_done_ < last && !(stop && *stop)) step();
  return steps_done_ >= last;
}

}  // namespace gaze::train
