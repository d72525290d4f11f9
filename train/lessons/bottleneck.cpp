#include <gaze/train/lessons/lesson.h>

#include <algorithm>
#include <memory>
#include <optional>

#include <gaze/autograd/ops.h>
#include <gaze/nn/bahdanau.h>
#include <gaze/nn/recorder.h>
#include <gaze/optim/adam.h>
#include <gaze/optim/clipping.h>
#include <gaze/optim/schedules.h>

namespace gaze::train {
namespace {

constexpr std::int64_t kSymbols = 20, kBegin = kSymbols;  // the begin mark comes behind the symbols
constexpr std::int64_t kBatch = 64;

struct Inputs {
  std::int64_t steps = 800, longest = 30, units = 64, seed = 1;
  double lr = 3e-3;
  Score score = Score::additive;
  Cell cell = Cell::gru;
};

/// Sentences of one length and what a decoder has to say after them: the same again.
struct Sentences {
  Tensor source, target_in, target_out;  ///< int32 [B,L]; target_in begins with the begin mark
};

Sentences draw(Random& random, std::int64_t count, std::int64_t length) {
  std::vector<std::int32_t> source, target_in;
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t t = 0; t < length; ++t) {
      target_in.push_back(t == 0 ? static_cast<std::int32_t>(kBegin) : source.back());
      source.push_back(static_cast<std::int32_t>(random.below(kSymbols)));
    }
  const Tensor words = Tensor::from({count, length}, source);
  return {words, Tensor::from({count, length}, target_in), words};
}

struct Translation {
  Translation(const Inputs& in, std::optional<Score> score)
      : model(Scope(params, {.seed = static_cast<std::uint64_t>(in.seed)}), {.source_vocab = kSymbols,
                                                                             .target_vocab = kSymbols + 1,
                                                                             .d_model = in.units,
                                                                             .cell = in.cell,
                                                                             .score = score}) {}

  /// Adam with a cosine schedule, every step on sentences of one length, drawn from 1 to the longest. Losses, one a
  /// step.
  std::vector<double> train(const Inputs& in) {
    Adam adam(params);
    const Schedule schedule = make_schedule(Decay::cosine, in.steps / 10, in.steps);
    std::vector<double> losses;
    Random random(RandomStream{.seed = static_cast<std::uint64_t>(in.seed)}.split("training"));
    for (std::int64_t step = 1; step <= in.steps; ++step) {
      const std::int64_t length = 1 + random.below(static_cast<std::uint32_t>(in.longest));
      const Sentences s = draw(random, kBatch, length);
      Context context{.training = true};
      const Tensor loss = model.loss({.source = s.source, .target = s.target_in, .gold = s.target_out}, {}, context);
      losses.push_back(loss.item());
      params.zero_grad();
      loss.backward();
      clip_grad_norm(params, 1);
      adam.step(in.lr * schedule.factor(step));
    }
    return losses;
  }

  /// The share of symbols of fresh sentences of a length that are predicted right, the right ones before them given.
  double accuracy(const Inputs& in, std::int64_t length) const {
    const NoGrad no_grad;
    Random random(RandomStream{.seed = static_cast<std::uint64_t>(in.seed)}.split("test").split(
        static_cast<std::uint64_t>(length)));
    const Sentences s = draw(random, 2 * kBatch, length);
    Context context;
    const Tensor right = equal(argmax(model(s.source, {}, s.target_in, context)), s.target_out);  // [B,L]
    return mean(cast(right, DType::float64)).item();
  }

  /// Where the model looks while it says a sentence: [L,L]
  Tensor attention(const Inputs& in, std::int64_t length) const {
    const NoGrad no_grad;
    Random random(RandomStream{.seed = static_cast<std::uint64_t>(in.seed)}.split("shown"));
    const Sentences s = draw(random, 1, length);
    AttentionRecorder recorder;
    const Taps taps = recorder.taps();
    Context context{.taps = &taps};
    model(s.source, {}, s.target_in, context);
    return recorder.modules.at(model.site.name).weights()[0][0];
  }

  Params params;
  Bahdanau model;
};

/// Means of neighbours, so that a curve fits on a line.
std::vector<double> thinned(const std::vector<double>& numbers) {
  constexpr std::size_t places = 40;
  const std::size_t each = (numbers.size() + places - 1) / places;
  std::vector<double> means;
  for (std::size_t first = 0; first < numbers.size(); first += each) {
    const std::size_t count = std::min(each, numbers.size() - first);
    double sum = 0;
    for (std::size_t i = first; i < first + count; ++i) sum += numbers[i];
    means.push_back(sum / static_cast<double>(count));
  }
  return means;
}

double mean_between(const std::vector<double>& by_length, std::int64_t first, std::int64_t last) {
  double sum = 0;
  for (std::int64_t length = first; length <= last; ++length) sum += by_length[static_cast<std::size_t>(length - 1)];
  return sum / static_cast<double>(last - first + 1);
}

void show_lengths(const Inputs& in, const Translation& without, const Translation& with, Page& page) {
  page.heading("Symbols said right, by the length of the sentence");
  std::vector<double> fixed_vector, attention;
  for (std::int64_t length = 1; length <= in.longest; ++length) {
    fixed_vector.push_back(without.accuracy(in, length));
    attention.push_back(with.accuracy(in, length));
  }
  page.numbers["by_length"] = {{"fixed_vector", fixed_vector}, {"attention", attention}};
  const std::int64_t width = std::max<std::int64_t>(in.longest / 6, 1);
  std::vector<std::vector<std::string>> rows;
  const auto percent = [](double share) { return fixed(100 * share, 1) + " %"; };
  for (std::int64_t first = 1; first <= in.longest; first += width) {
    const std::int64_t last = std::min(first + width - 1, in.longest);
    rows.push_back({fmt::format("{} to {}", first, last), percent(mean_between(fixed_vector, first, last)),
                    percent(mean_between(attention, first, last))});
  }
  page.table({"length", "one fixed vector", "attention"}, rows);
  page.curves(fmt::format("Lengths 1 to {}", in.longest), {{"fixed vector", fixed_vector}, {"attention", attention}});
  const std::int64_t long_from = std::max<std::int64_t>(2 * in.longest / 3, 1);
  const double blind = mean_between(fixed_vector, long_from, in.longest),
               looking = mean_between(attention, long_from, in.longest);
  page.numbers["long"] = {{"from", long_from}, {"to", in.longest}, {"fixed_vector", blind}, {"attention", looking}};
  page.notice(
      fmt::format("at lengths {} to {} the fixed vector gives {} and attention {}. {} numbers are all that the one "
                  "decoder ever sees "
                  "of a sentence, however long it is; the other goes back to the words.",
                  long_from, in.longest, percent(blind), percent(looking), 2 * in.units));
}

void run(Inputs in, Page& page) {
  if (page.quick())
    in.steps = std::min<std::int64_t>(in.steps, 400), in.longest = std::min<std::int64_t>(in.longest, 20);
  page.say(fmt::format(
      "Two recurrent encoder-decoders learn to repeat sentences of {} kinds of symbols. Both read the sentence in both "
      "directions. One decoder is given the last states of the two, one vector for the whole sentence; the other is "
      "given, at every step, a mixture of the states of all words that its own state asks for.",
      kSymbols));
  page.formula("fixed vector:  c = (h_n forward | h_1 backward)");
  page.formula("attention:     c_t = sum_j a_tj h_j,   a_t = softmax_j(score(s_t, h_j))");
  page.heading(fmt::format("{} steps of {} sentences of lengths 1 to {}", in.steps, kBatch, in.longest));
  Translation without(in, std::nullopt), with(in, in.score);
  page.curves("Loss of a symbol",
              {{"fixed vector", thinned(without.train(in))}, {"attention", thinned(with.train(in))}});
  show_lengths(in, without, with, page);

  page.heading("Where the decoder looks");
  const std::int64_t shown = std::min<std::int64_t>(in.longest, 8);
  const Tensor weights = with.attention(in, shown);
  std::vector<std::string> sources, targets;
  for (std::int64_t t = 1; t <= shown; ++t)
    sources.push_back(fmt::format("x{}", t)), targets.push_back(fmt::format("y{}", t));
  page.heat_map("Of a held-out sentence", targets, sources, weights);
  page.numbers["weights"] = to_json(weights);
  page.notice(
      "the diagonal was not given: repeating is what it is good for. Try --score dot, --units 128 (a wider bottleneck "
      "holds longer sentences), or --longest 12.");
}

}  // namespace

Lesson bottleneck_lesson() {
  return {"bottleneck", "One vector for a whole sentence, against attention to its words", [](CLI::App& app) {
            const auto in = std::make_shared<Inputs>();
            app.add_option("--steps", in->steps, "Of training (default: 800)")->check(whole_range(1, 5000));
            app.add_option("--longest", in->longest, "Length of the longest sentences (default: 30)")
                ->check(whole_range(1, 60));
            app.add_option("--units", in->units, "Of each direction of the encoder, and of the decoder (default: 64)")
                ->check(whole_range(1, 256));
            app.add_option("--lr", in->lr, "Learning rate of Adam (default: 0.003)")->check(real_range(1e-5, 1));
            add_score(
                app, [in](Score score) { in->score = score; }, "Of the attention (default: additive)");
            app.add_option_function<std::string>(
                   "--cell", [in](const std::string& name) { in->cell = cell_names().named(name); },
                   "gru or lstm (default: gru)")
                ->check(CLI::IsMember({"gru", "lstm"}));
            app.add_option("--seed", in->seed, "Of weights and sentences (default: 1)")
                ->check(whole_range(0, 1'000'000'000));
            return [in](Page& page) { run(*in, page); };
          }};
}

}  // namespace gaze::train
