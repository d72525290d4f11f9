#include <gaze/train/trainer.h>

#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/ops.h>
#include <gaze/optim/adam.h>
#include <gaze/optim/sgd.h>
#include <gaze/train/optimizers.h>
#include <gaze/train/options.h>
#include <gaze/train/text/pair_data.h>

#include "../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

std::vector<double> numbers(const Tensor& t) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < t.size(); ++i) all.push_back(t.array().at(i));
  return all;
}

TrainerOptions rate(double lr, Schedule schedule = {}, double clip = 0, RandomStream stream = {}) {
  return {.lr = lr, .schedule = schedule, .clip = clip, .stream = stream};
}

/// Parameters "one" and "two" of two numbers each, trained by plain gradient descent on a loss of the test's choice.
struct Setup {
  explicit Setup(std::function<Tensor(const Setup&, std::int64_t step)> f, TrainerOptions options = rate(0.5))
      : loss(std::move(f)),
        trainer(
            params, optimizer,
            [this](std::int64_t step, Context& context) {
              contexts.push_back(context);
              return StepLoss{loss(*this, step), 10 * step};
            },
            options) {}

  Params params{DType::float64};
  Tensor one = params.add("one", Array::full({2}, DType::float64, 1));
  Tensor two = params.add("two", Array::full({2}, DType::float64, 4));
  Sgd optimizer{params};
  std::function<Tensor(const Setup&, std::int64_t)> loss;
  std::vector<Context> contexts;  ///< as each computation of the loss found it
  Trainer trainer;
};

/// The gradient of each number is 1.
Tensor plain_sum(const Setup& s, std::int64_t) { return sum(s.one) + sum(s.two); }

/// A step must throw an Error of these words, change nothing and call nobody.
void check_refused(Setup& s, const std::vector<std::string>& words) {
  int calls = 0;
  s.trainer.on_step([&](const StepReport&) { ++calls; });
  const auto before = s.params.hash();
  const std::int64_t done = s.trainer.steps_done();
  std::string message;
  try {
    s.trainer.step();
  } catch (const Error& error) {
    message = error.what();
  }
  for (const std::string& word : words) CHECK_THAT(message, ContainsSubstring(word));
  CHECK(s.params.hash() == before);
  CHECK(s.trainer.steps_done() == done);
  CHECK(calls == 0);
}

}  // namespace

TEST_CASE("callbacks are called after each step in the order of registration", "[trainer]") {
  Setup s(plain_sum);
  std::vector<std::pair<char, std::int64_t>> calls;
  std::vector<StepReport> reports;
  s.trainer.on_step([&](const StepReport& r) {
    calls.emplace_back('a', r.step);
    reports.push_back(r);
    CHECK(s.one.at({0}) == 1 - 0.5 * static_cast<double>(r.step));  // the step is done
    CHECK(s.trainer.steps_done() == r.step);
  });
  s.trainer.on_step([&](const StepReport& r) { calls.emplace_back('b', r.step); });
  const StepReport first = s.trainer.step();
  CHECK(s.trainer.run(3));
  CHECK(calls ==
        std::vector<std::pair<char, std::int64_t>>{{'a', 1}, {'b', 1}, {'a', 2}, {'b', 2}, {'a', 3}, {'b', 3}});
  CHECK(first.step == 1);
  REQUIRE(reports.size() == 3);
  for (const StepReport& r : reports) {
    const auto step = static_cast<double>(r.step);
    CHECK(r.loss == 10 - 2 * (step - 1));  // before the step's own change
    CHECK(r.tokens == 10 * r.step);
    CHECK(r.lr == 0.5);
    CHECK(r.grad_norm == Approx(2));  // gradients are fresh each step
    CHECK(r.seconds >= 0);
  }
}

TEST_CASE("each step trains with a random stream of its own", "[trainer]") {
  const RandomStream stream{.seed = 3, .stream = 8};
  Setup s(plain_sum, rate(0.5, {}, 0, stream));
  s.trainer.run(3);
  REQUIRE(s.contexts.size() == 3);
  for (std::uint64_t step = 1; step <= 3; ++step) {
    const Context& context = s.contexts[step - 1];
    CHECK(context.training);
    CHECK(context.taps == nullptr);
    CHECK(context.stream.block(0) == stream.split(step).block(0));
  }
}

TEST_CASE("the learning rate follows the schedule", "[trainer]") {
  const auto name = GENERATE(as<std::string>{}, "constant", "inverse_sqrt", "cosine");
  CAPTURE(name);
  const Schedule schedule = make_schedule(name, 3, 8);
  Setup s(plain_sum, rate(0.25, schedule));
  double rates = 0;
  for (std::int64_t step = 1; step <= 8; ++step) {
    const double rate = 0.25 * schedule.factor(step);
    CHECK(s.trainer.step().lr == rate);
    rates += rate;
    CHECK(s.one.at({0}) == Approx(1 - rates).margin(1e-12));
  }
  CHECK(rates < 8 * 0.25);  // no schedule here is flat
}

TEST_CASE("gradients are clipped for the step, and their norm is reported unclipped", "[trainer]") {
  Setup s(plain_sum, rate(1, {}, 0.5));
  CHECK(s.trainer.step().grad_norm == Approx(2));
  CHECK(s.one.at({0}) == Approx(1 - 0.5 / 2).epsilon(1e-5));
}

TEST_CASE("training stops at the step asked for, or after the step in which it is told to", "[trainer]") {
  Setup s(plain_sum);
  std::atomic<bool> stop = false;
  std::int64_t stop_in_loss = 0, stop_after = 0;
  s.loss = [&](const Setup& self, std::int64_t step) {
    if (step == stop_in_loss) stop = true;
    return plain_sum(self, step);
  };
  s.trainer.on_step([&](const StepReport& r) {
    if (r.step == stop_after) stop = true;
  });
  const auto check_done = [&](std::int64_t steps) {
    CHECK(s.trainer.steps_done() == steps);
    CHECK(s.one.at({1}) == 1 - 0.5 * static_cast<double>(steps));  // no step is half done
  };
  CHECK(s.trainer.run(2, &stop));
  check_done(2);
  CHECK(s.trainer.run(2, &stop));  // nothing is left to do
  check_done(2);

  stop_in_loss = 4;
  CHECK_FALSE(s.trainer.run(10, &stop));
  check_done(4);
  CHECK_FALSE(s.trainer.run(10, &stop));
  check_done(4);

  stop = false, stop_in_loss = 0, stop_after = 6;
  CHECK_FALSE(s.trainer.run(10, &stop));
  check_done(6);

  stop = false, stop_after = 8;
  CHECK(s.trainer.run(8, &stop));  // told to stop when it was at the end
  check_done(8);
}

TEST_CASE("a loss that is not finite stops training before the step and names the first bad tensor", "[trainer]") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Setup s(plain_sum);
  s.trainer.run(2);  // "one" is 0 now, "two" is 3

  SECTION("an operation's result") {
    s.loss = [](const Setup& self, std::int64_t) { return sum(log(self.two - 5)) + sum(self.one); };
    check_refused(s, {"step 3", "nan", "log"});
  }
  SECTION("an operation's overflow") {
    s.loss = [](const Setup& self, std::int64_t) { return sum(exp(self.two * 1000)); };
    check_refused(s, {"step 3", "inf", "exp"});
  }
  SECTION("a parameter") {
    s.two.fill(infinity);
    check_refused(s, {"step 3", "two"});
  }
  SECTION("a gradient, though the loss is finite") {
    s.loss = [](const Setup& self, std::int64_t) { return sum(sqrt(self.one)) + sum(self.two); };
    check_refused(s, {"step 3", "one", "inf"});
  }
  SECTION("training goes on when the cause is gone") {
    s.loss = [&](const Setup& self, std::int64_t step) { return plain_sum(self, step) / 0.0; };
    check_refused(s, {"step 3"});
    s.loss = plain_sum;
    CHECK(s.trainer.step().step == 3);
    CHECK(s.one.at({0}) == 1 - 3 * 0.5);
  }
}

TEST_CASE("a refused step leaves the optimizer's state alone", "[trainer]") {
  Params params(DType::float64);
  const Tensor w = params.add("w", Array::full({3}, DType::float64, 1));
  Adam adam(params);
  double factor = 1;
  Trainer trainer(
      params, adam,
      [&](std::int64_t, Context&) {
        return StepLoss{sum(w * w) * factor, 1};
      },
      rate(0.1));
  const auto state = [&] {
    std::vector<std::pair<std::string, std::vector<double>>> all;
    for (const auto& [name, array] : adam.state()) all.emplace_back(name, numbers(Tensor(array)));
    return all;
  };
  trainer.run(2);
  const auto before = state();
  factor = std::nan("");
  CHECK_THROWS_AS(trainer.step(), Error);
  CHECK(state() == before);
}

TEST_CASE("a step over several batches is a step over all their tokens", "[trainer]") {
  // The loss of a batch is a mean over its tokens: 1 and 3 tokens, gradients 1 and 5 -> (1 + 15) / 4.
  TrainerOptions options = rate(0.5, {}, 0);
  options.accumulate = 2;
  Params params(DType::float64);
  Tensor x = params.add("x", Array::full({1}, DType::float64, 2));
  Sgd sgd(params);
  std::vector<std::int64_t> batches;
  Trainer trainer(
      params, sgd,
      [&](std::int64_t batch, Context&) {
        batches.push_back(batch);
        return batch % 2 == 1 ? StepLoss{sum(x), 1} : StepLoss{sum(x) * 5.0, 3};
      },
      options);
  const StepReport report = trainer.step();
  CHECK(x.at({0}) == Approx(2 - 0.5 * 4));
  CHECK(report.grad_norm == Approx(4));
  CHECK(report.loss == Approx((2 + 3 * 10) / 4.0));
  CHECK(report.tokens == 4);
  trainer.step();
  CHECK(batches == std::vector<std::int64_t>{1, 2, 3, 4});
}

TEST_CASE("watching attention changes no bit of a training", "[trainer]") {
  Config config;
  for (const char* setting :
       {"d_model=16", "heads=2", "d_ff=32", "layers=2", "batch=8", "dropout=0.2", "vocab=9", "validation=4"})
    set_option(config, setting);
  const auto train = [&](bool watched) {
    Translator translator(config);
    const auto optimizer = make_optimizer(translator.params(), config);
    const auto pairs = toy_pairs(config, translator.languages());
    std::size_t maps = 0;
    Trainer trainer(
        translator.params(), *optimizer,
        [&](std::int64_t step, Context& context) {
          AttentionRecorder recorder;
          const Taps taps = recorder.taps();
          if (watched) context.taps = &taps;
          StepLoss loss = training_loss(translator.model(), pairs->batch(step), config, context);
          context.taps = nullptr;
          maps += recorder.modules.size();
          return loss;
        },
        trainer_options(config));
    std::vector<std::uint64_t> bits;
    trainer.on_step([&](const StepReport& r) {
      bits.push_back(std::bit_cast<std::uint64_t>(r.loss));
      if (watched) evaluate(translator.model(), std::span(pairs->validation()).first(1));
    });
    trainer.run(6);
    CHECK(maps == (watched ? 6 * 6 : 0));  // two layers of the encoder's and twice two of the decoder's attention
    bits.push_back(translator.params().hash());
    return bits;
  };
  const auto alone = train(false);
  CHECK(alone.size() == 7);
  CHECK(train(true) == alone);
}
