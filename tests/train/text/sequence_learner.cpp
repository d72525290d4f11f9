#include <gaze/train/text/sequence_learner.h>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>
#include <gaze/train/options.h>
#include <gaze/train/text/pair_data.h>
#include <gaze/train/text/translator.h>

#include "../../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

/// A guided model that learns to reverse sentences of very different lengths.
Config guided(const std::string& model, std::int64_t batch, std::int64_t accumulate) {
  Config c;
  c.task = "reverse";
  for (const std::string& setting :
       {"model=" + model, std::string("guided=1"), std::string("guided_head=1"), std::string("heads=2"),
        std::string("layers=1"), std::string("d_model=16"), std::string("d_ff=32"), std::string("dropout=0"),
        std::string("length=12"), std::string("vocab=8"), std::string("validation=24"),
        "batch=" + std::to_string(batch), "accumulate=" + std::to_string(accumulate)})
    set_option(c, setting);
  return c;
}

/// One step without learning: its report, and the gradient.
struct Step {
  explicit Step(const Config& c) : translator(c), data(toy_pairs(c, translator.languages())) {
    SequenceLearner learner(c, translator.params(), translator.model(), *data);
    for (std::int64_t batch = 1; batch <= c.training.accumulate; ++batch) {
      Context context{.training = true, .stream = {3, 4}};
      const StepLoss found = learner.loss(batch, context);
      loss += found.loss.item() * static_cast<double>(found.tokens);
      tokens += found.tokens;
      backward(found.loss * static_cast<double>(found.tokens));
    }
    loss /= static_cast<double>(tokens);
    evaluation = learner.evaluate();
  }
  Translator translator;
  std::unique_ptr<PairData> data;
  double loss = 0;
  std::int64_t tokens = 0;
  Evaluation evaluation;
};

}  // namespace

TEST_CASE("each part of a loss is a mean over its own count, however a step is cut into batches", "[trainer]") {
  const std::string model = GENERATE("transformer", "rnn");
  Step whole(guided(model, 24, 1));
  for (const std::int64_t parts : {2, 3, 8}) {
    CAPTURE(model, parts);
    Step cut(guided(model, 24 / parts, parts));
    CHECK(cut.tokens == whole.tokens);
    CHECK(cut.loss == Approx(whole.loss).epsilon(1e-6));
    double size = 0, difference = 0;
    for (std::size_t i = 0; i < whole.translator.params().list().size(); ++i) {
      const Array one = whole.translator.params().list()[i].value.grad().array(),
                  other = cut.translator.params().list()[i].value.grad().array();
      for (std::int64_t n = 0; n < one.size(); ++n)
        size = std::max(size, std::abs(one.at(n))),
        difference = std::max(difference, std::abs(one.at(n) - other.at(n)));
    }
    CHECK(difference < 1e-5 * size);
    CHECK(cut.evaluation.loss == Approx(whole.evaluation.loss).epsilon(1e-6));
    CHECK(cut.evaluation.aer == whole.evaluation.aer);
  }
}
