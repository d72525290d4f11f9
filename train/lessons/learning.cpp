#include <gaze/train/lessons/lesson.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <set>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/engine.h>
#include <gaze/nn/linear.h>
#include <gaze/nn/score.h>
#include <gaze/optim/adam.h>

namespace gaze::train {
namespace {

using Words = std::vector<std::string>;
const Words kSource = {"Bonjour", "le", "monde"}, kTarget = {"Hello", "world"};
const Words kVocabulary = {"Hello", "(another)", "world"};  ///< of the translations of these places in the source
constexpr std::int64_t kBonjour = 0, kMonde = 2;

constexpr double kSharp = 0.99;    ///< a map with larger weights for the right words is learned
constexpr double kLowLoss = 1e-3;  ///< a smaller loss is
constexpr std::int64_t kAdditiveWidth = 4;
constexpr std::int64_t kFewRuns = 8;  ///< trained with --quick, and shown without

struct Inputs {
  Score score = Score::dot;
  double lr = 0.05;
  std::int64_t steps = 2000, seed = 1, runs = 20;
};

void identity(const Shape& shape, Random&, std::span<double> numbers) {
  const auto diagonal = static_cast<std::size_t>(shape[1]) + 1;
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = i % diagonal == 0 ? 1 : 0;
}

enum class Output { fixed, learned };

struct Forward {
  Tensor scores, weights;  ///< [1,1,2,3]
  Tensor loss;
};

/// Two steps of a decoder over the states h_j of an encoder (Bahdanau et al. 2015, section 3.1), of which attention is
/// all that moves: the h_j and the first decoder state s_0 are fixed; s_1, the score and a learned output are not.
struct Decoder {
  Decoder(const Scope& scope, Score kind, Output layer)
      : h(tensor({{{1, 0.5}, {0.8, 1.2}, {0.2, 1.5}}}, scope.dtype())),
        s0(tensor({{{0.8, 0.3}}}, scope.dtype())),
        s1(scope.parameter("s1", {1, 1, 2}, init::constant(0.5))),
        score(kind == Score::additive ? scope / "score" : (scope / "score").matrices(identity),
              {.score = kind, .query_size = 2, .key_size = 2, .width = kAdditiveWidth}) {
    if (kind != Score::bilinear && kind != Score::additive) {  // those have matrices of their own
      w_q.emplace(scope.matrices(identity) / "w_q", 2, 2, false);
      w_k.emplace(scope.matrices(identity) / "w_k", 2, 2, false);
    }
    if (layer == Output::learned) output.emplace(scope / "output", 2, 3);
  }

  Tensor logits(const Tensor& contexts) const {  ///< [N,2] -> [N,3]
    if (output) return (*output)(contexts);
    const Tensor away = unsqueeze(contexts, 1) - h;  // [N,3,2]
    return -sum(away * away, {-1});
  }

  Forward operator()() const {
    const Tensor s = concat({s0, s1}, 1);                                   // [1,2,2]
    const Tensor scores = score(w_q ? (*w_q)(s) : s, w_k ? (*w_k)(h) : h);  // [1,1,2,3]
    const auto [contexts, weights] = attend(scores, h);                     // [1,2,2], [1,1,2,3]
    const Tensor words = Tensor::from<std::int32_t>({2}, {kBonjour, kMonde});
    return {scores, weights, cross_entropy(logits(contexts[0]), words)};
  }

  Tensor h, s0, s1;  ///< [1,3,2], [1,1,2], [1,1,2]
  ScoreFunction score;
  std::optional<Linear> w_q, w_k, output;
};

/// One moment of a training.
struct Moment {
  double loss;
  Tensor weights;  ///< [2,3]

  const std::string& strongest(std::int64_t t) const {
    return kSource.at(static_cast<std::size_t>(argmax(weights[t]).item()));
  }
  bool right() const { return strongest(0) == kSource[kBonjour] && strongest(1) == kSource[kMonde]; }
  bool sharp() const { return weights.at({0, kBonjour}) > kSharp && weights.at({1, kMonde}) > kSharp; }
  bool low() const { return loss < kLowLoss; }
};

struct Training {
  Training(Score kind, Output layer, std::int64_t seed)
      : decoder(Scope(params, {.seed = static_cast<std::uint64_t>(seed)}), kind, layer) {}

  /// Up to the first moment that is `enough`, or the last step.
  void run(const Inputs& in, bool (Moment::*enough)() const) {
    Adam adam(params);
    for (std::int64_t step = 0;; ++step) {
      const Forward forward = decoder();
      history.push_back({forward.loss.item(), reshape(forward.weights.detach(), {2, 3})});
      if ((end().*enough)() || step == in.steps) return;
      params.zero_grad();
      forward.loss.backward();
      adam.step(in.lr);
    }
  }

  const Moment& end() const { return history.back(); }
  std::size_t steps() const { return history.size() - 1; }
  nlohmann::json numbers() const {
    return {{"steps", steps()}, {"loss", end().loss}, {"weights", to_json(end().weights)}, {"right", end().right()}};
  }

  Params params{DType::float64};
  Decoder decoder;
  std::vector<Moment> history;
};

void show_first_gradient(const Forward& forward, Page& page) {
  page.heading("The first gradient");
  const Tensor gradient = reshape(grad(forward.loss, {forward.scores}).front(), {2, 3});
  page.matrix("scores", reshape(forward.scores, {2, 3}), kTarget, kSource, 3);
  page.matrix("weights", reshape(forward.weights, {2, 3}), kTarget, kSource, 3);
  page.matrix("gradient", gradient, kTarget, kSource, 3);
  const auto raised = [&](std::int64_t t) { return kSource.at(static_cast<std::size_t>(argmax(-gradient[t]).item())); };
  page.say(fmt::format(
      "This gradient is that of the loss by the scores. Descent goes against it: above all it raises the score of {} "
      "for Hello, and that of {} for world.",
      raised(0), raised(1)));
}

void show_map(const Training& training, Page& page) {
  page.heading("The map as it moves");
  const std::size_t last = training.steps();
  for (const std::size_t step : std::set{std::size_t{0}, last / 8, last / 3, last}) {
    const Moment& moment = training.history[step];
    page.heat_map(fmt::format("Step {}, loss {}", step, fixed(moment.loss)), kTarget, kSource, moment.weights);
    page.numbers["map"].push_back({{"step", step}, {"loss", moment.loss}, {"weights", to_json(moment.weights)}});
  }
}

void show_every_score(const Inputs& in, Page& page) {
  page.heading("Every score learns where to look");
  std::vector<Words> rows;
  std::int64_t learned = 0;
  for (const Score kind : score_names().values()) {
    Training training(kind, Output::fixed, in.seed);
    training.run(in, &Moment::sharp);
    const auto& [loss, weights] = training.end();
    const bool sharp = training.end().sharp();
    learned += sharp;
    rows.push_back({std::string(name_of(kind)), fmt::format("{}{}", sharp ? "" : "> ", training.steps()),
                    fixed(weights.at({0, kBonjour})), fixed(weights.at({1, kMonde})), fixed(loss)});
    page.numbers["by_score"][rows.back()[0]] = training.numbers();
    page.numbers["by_score"][rows.back()[0]]["learned"] = sharp;
  }
  page.table({"score", fmt::format("steps to {:g}", kSharp), "Hello at Bonjour", "world at monde", "loss"}, rows);
  page.notice(
      fmt::format("{} of {} scores find the right map within {} steps. The output is fixed, so that only the state of "
                  "the right word makes the right word likely: the loss falls by looking there, and in no other way.",
                  learned, rows.size(), in.steps));
}

void show_learned_output(const Inputs& in, const Moment& with_fixed_output, Page& page) {
  page.heading("The other half: an output layer that learns, too");
  const std::int64_t runs = page.quick() ? std::min(in.runs, kFewRuns) : in.runs;
  page.say(fmt::format(
      "Now the logits are W c + b, with W and b to be learned from a random start. {} runs, each with a seed of its "
      "own, train until the loss is below {:g}.",
      runs, kLowLoss));
  std::vector<Words> rows;
  std::int64_t low = 0, right = 0;
  std::unique_ptr<Training> wrong;
  for (std::int64_t seed = in.seed; seed < in.seed + runs; ++seed) {
    auto training = std::make_unique<Training>(in.score, Output::learned, seed);
    training->run(in, &Moment::low);
    const Moment& end = training->end();
    low += end.low(), right += end.low() && end.right();
    const auto looks = [&](std::int64_t t) {
      return fmt::format("{} {}", end.strongest(t), fixed(max(end.weights[t]).item(), 2));
    };
    rows.push_back({std::to_string(seed), std::to_string(training->steps()), fixed(end.loss, 5), looks(0), looks(1),
                    end.right() ? "yes" : "no"});
    page.numbers["honest"]["table"].push_back(training->numbers());
    if (end.low() && !end.right() && !wrong) wrong = std::move(training);
  }
  rows.resize(static_cast<std::size_t>(std::min(runs, kFewRuns)));
  if (runs > kFewRuns) page.say(fmt::format("The first {} of them:", kFewRuns));
  page.table({"seed", "steps", "loss", "Hello looks at", "world looks at", "right"}, rows);
  page.numbers["honest"].update({{"runs", runs}, {"converged", low}, {"right", right}});
  const std::string count = fmt::format(
      "{} of {} runs reached the low loss, and in {} of these each word looks at the one that it translates.", low,
      runs, right);
  if (!wrong) return page.notice(count + " Other values of --seed, --runs or --steps show how a run can be wrong.");
  const Decoder& decoder = wrong->decoder;
  page.heat_map(fmt::format("Loss {}: where the decoder looks", fixed(wrong->end().loss, 5)), kTarget, kSource,
                wrong->end().weights);
  page.heat_map("The same run: the words that its output layer reads in the states", kSource, kVocabulary,
                softmax(decoder.logits(decoder.h[0])));
  page.notice(fmt::format(
      "{} The loss asks for contexts that the output layer can tell apart, not for the right ones: a layer that has to "
      "learn its words anyway can learn them from the wrong states. The fixed output ended with a {} map at a loss "
      "of {}. A low loss is not alignment, which has to be measured.",
      count, with_fixed_output.right() ? "right" : "wrong", fixed(with_fixed_output.loss)));
}

void run(const Inputs& in, Page& page) {
  page.say(
      "A decoder says Hello world for Bonjour le monde. Nobody tells it where to look. It is told the words to say, "
      "and the gradient of their loss flows through the contexts c into the weights a.");
  page.formula("a_t = softmax_j(score(s_t, h_j)),   c_t = sum_j a_tj h_j");
  page.say(
      "At first the output is fixed: the logits of Hello, another word and world are -|c - h_j|^2, so that the context "
      "must be near the state of Bonjour to make Hello likely, and near that of monde to make world likely.");
  page.say(fmt::format("The score is {} (--score), except where all are compared.", name_of(in.score)));
  Training training(in.score, Output::fixed, in.seed);
  show_first_gradient(training.decoder(), page);
  training.run(in, &Moment::sharp);
  show_map(training, page);
  show_every_score(in, page);
  show_learned_output(in, training.end(), page);
}

}  // namespace

Lesson learning_lesson() {
  return {
      "learning", "Gradient descent finds where to look, and when it does not have to", [](CLI::App& app) {
        const auto in = std::make_shared<Inputs>();
        add_score(
            app, [in](Score score) { in->score = score; }, "Of the map and the runs (default: dot)");
        app.add_option("--lr", in->lr, "Learning rate of Adam (default: 0.05)")->check(real_range(1e-4, 1));
        app.add_option("--steps", in->steps, "Most steps of a training (default: 2000)")->check(whole_range(1, 5000));
        app.add_option("--seed", in->seed, "Of the first run (default: 1)")->check(whole_range(0, 1'000'000'000));
        app.add_option("--runs", in->runs, "With a learned output (default: 20)")->check(whole_range(1, 100));
        return [in](Page& page) { run(*in, page); };
      }};
}

}  // namespace gaze::train
