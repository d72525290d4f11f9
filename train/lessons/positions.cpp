#include <gaze/train/lessons/lesson.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/ops.h>
#include <gaze/nn/attention.h>
#include <gaze/nn/embedding.h>

namespace gaze::train {
namespace {

const std::vector<std::string> kWords = {"the", "dog", "bit", "a", "man"};
const std::vector<std::int32_t> kSentence = {0, 1, 2, 3, 4};  // the dog bit a man
const std::vector<std::int32_t> kShuffled = {3, 4, 2, 0, 1};  // a man bit the dog
const auto kLength = static_cast<std::int64_t>(kSentence.size());

struct Inputs {
  std::int64_t d = 16, length = 64, shift = 5;
  std::uint64_t seed = 1;
};

/// An untrained model that begins with an embedding. The words are the same whatever the positions are.
struct Model {
  Model(const Inputs& in, Positions positions)
      : embed(Scope(params, {.seed = in.seed}) / "embed", {.vocab = kLength,
                                                           .d_model = in.d,
                                                           .max_length = kLength,
                                                           .positions = positions,
                                                           .std = 1 / std::sqrt(static_cast<double>(in.d)),
                                                           .position_std = 0.5}),
        attention(Scope(params, {.seed = in.seed}) / "attention", in.d, 1) {}

  Tensor operator()(const std::vector<std::int32_t>& ids) const {  ///< [n,D]
    Context context;
    const Tensor x = embed(Tensor::from({1, static_cast<std::int64_t>(ids.size())}, ids), context);  // [1,n,D]
    return squeeze(attention(x, x, {}, context), 0);
  }

  Params params{DType::float64};
  TokenEmbedding embed;
  MultiHeadAttention attention;
};

/// How far each word's output in the shuffled sentence is from its output in the sentence: [n]
Tensor effect_of_order(const Model& model) {
  const Tensor same_words = index_select(model(kSentence), 0, Tensor::from({kLength}, kShuffled));
  return max(abs(model(kShuffled) - same_words), {1});
}

/// w_i of the pair of columns 2i and 2i + 1
double frequency(std::int64_t i, std::int64_t d) {
  return std::pow(10000.0, -2 * static_cast<double>(i) / static_cast<double>(d));
}

/// M_k, which turns each pair of sine and cosine by the angle k w_i: [D,D]
Tensor shift_matrix(std::int64_t k, std::int64_t d) {
  std::vector<double> m(static_cast<std::size_t>(d * d));
  for (std::int64_t i = 0; i < d / 2; ++i) {
    const double angle = static_cast<double>(k) * frequency(i, d);
    double* corner = &m[static_cast<std::size_t>(2 * i * d + 2 * i)];
    corner[0] = std::cos(angle), corner[1] = std::sin(angle);
    corner[d] = -std::sin(angle), corner[d + 1] = std::cos(angle);
  }
  return Tensor::from<double>({d, d}, m);
}

void show_order(const Inputs& in, Page& page) {
  page.heading("Does attention know the order of words?");
  page.say(
      "\"the dog bit a man\" and \"a man bit the dog\" go through the same untrained self-attention. How far is a "
      "word's output in one from its output in the other?");
  std::vector<std::vector<std::string>> rows;
  for (const std::int32_t id : kShuffled)
    rows.push_back({kWords[static_cast<std::size_t>(id)], fmt::format("{} -> {}", id + 1, rows.size() + 1)});
  double none = 0, smallest = std::numeric_limits<double>::infinity();
  for (const auto& [name, positions] :
       {std::pair("none", Positions::none), {"sinusoidal", Positions::sinusoidal}, {"learned", Positions::learned}}) {
    const Tensor effect = effect_of_order(Model(in, positions));
    for (std::size_t i = 0; i < rows.size(); ++i)
      rows[i].push_back(fmt::format("{:.2g}", effect.at({static_cast<std::int64_t>(i)})));
    if (positions == Positions::none)
      none = max(effect).item();
    else
      smallest = std::min(smallest, min(effect).item());
    page.numbers["order"][name] = to_json(effect);
  }
  page.table({"word", "place", "no positions", "sinusoidal", "learned"}, rows);
  page.notice(fmt::format(
      "without positions, shuffled words give shuffled outputs (largest difference {:.1g}): who bit whom is lost. "
      "Positions of either kind, added to the words, tell the two sentences apart in every word (smallest difference "
      "{:.2g}). Learned positions are still random numbers here.",
      none, smallest));
}

void show_sinusoids(const Inputs& in, Page& page) {
  constexpr std::int64_t max_shown = 64;  // positions beside one another
  page.heading("The sinusoids");
  page.formula("PE(p, 2i) = sin(p w_i),   PE(p, 2i+1) = cos(p w_i),   w_i = 10000^(-2i/d)");
  const Tensor positions = sinusoidal_positions(in.length, in.d, DType::float64);
  page.numbers["positions"] = to_json(positions);
  const Tensor shown = slice(positions, 0, 0, std::min(in.length, max_shown));
  std::vector<std::string> labels;
  for (std::int64_t column = 0; column < in.d; ++column)
    labels.push_back(fmt::format("{}(p / {:.4g})", column % 2 ? "cos" : "sin", 1 / frequency(column / 2, in.d)));
  page.picture(fmt::format("Positions p = 0 to {} from left to right", shown.size(0) - 1), transpose(shown), labels);
  try {
    Model(in, Positions::learned)(std::vector<std::int32_t>(kSentence.size() + 1));
  } catch (const Error& e) {
    page.numbers["too_long"] = e.what();
    page.say(fmt::format(
        "Sinusoids are a formula and go on for as long as one likes. Learned positions are a table, here of {}: a "
        "sentence of {} words is an error (\"{}\").",
        kLength, kLength + 1, e.what()));
  }
}

void show_shift(const Inputs& in, Page& page) {
  const std::int64_t k = in.shift;
  page.heading(fmt::format("From p to p + {}: one matrix for all p", k));
  page.formula(fmt::format("PE(p + {0}) = M_{0} PE(p)", k));
  const Tensor m = shift_matrix(k, in.d), all = sinusoidal_positions(in.length + k, in.d, DType::float64);
  const Tensor from = slice(all, 0, 0, in.length), to = slice(all, 0, k, k + in.length);  // [length,D]
  page.numbers["M"] = to_json(m);
  page.picture(fmt::format("M_{}: each pair of sine and cosine turns by {} w_i", k, k), m);
  const auto norms = [](const Tensor& x) { return sqrt(sum(x * x, {1})); };  // of rows
  const Tensor moved = norms(to - from), missed = norms(to - matmul(from, transpose(m)));
  std::vector<std::vector<std::string>> rows;
  for (std::int64_t p = 0; p < in.length; p = p == 0 ? 1 : 4 * p)
    rows.push_back({std::to_string(p), fixed(moved.at({p})), fmt::format("{:.1g}", missed.at({p}))});
  page.table({"p", fmt::format("|PE(p + {}) - PE(p)|", k), fmt::format("|PE(p + {0}) - M_{0} PE(p)|", k)}, rows);
  page.numbers["shift"] = max(missed).item();
  page.notice(
      fmt::format("M_{} is made without knowing p and is right for all {} positions (largest difference {:.1g}). So "
                  "the matrices of attention can learn to look {} words ahead, wherever a word stands.",
                  k, in.length, max(missed).item(), k));
}

void show_distance(const Inputs& in, Page& page) {
  constexpr std::int64_t max_shown = 48, wide = 512;  // distances beside one another; the d of the paper
  page.heading("Dot products of positions");
  page.formula("PE(p) . PE(p + k) = sum_i cos(k w_i)");
  const Tensor positions = sinusoidal_positions(in.length, in.d, DType::float64);
  std::vector<std::vector<std::string>> rows;
  double range = 0;
  for (std::int64_t k = 0; k < in.length; ++k) {
    const Tensor from = slice(positions, 0, 0, in.length - k), to = slice(positions, 0, k, in.length);
    const Tensor dots = sum(from * to, {1});  // of every p: [length - k]
    range = std::max(range, max(dots).item() - min(dots).item());
    page.numbers["dots"].push_back(dots.at({0}));
    if ((k & (k - 1)) == 0)  // 0 and the powers of two
      rows.push_back({std::to_string(k), fixed(dots.at({0})), fixed(dots.at({-1}))});
  }
  page.table({"k", "from the first p", "from the last p"}, rows);
  page.numbers["dots_range"] = range;

  std::vector<Series> curves;
  for (const std::int64_t d : {in.d, wide}) {
    const Tensor first = sinusoidal_positions(std::min(in.length, max_shown), d, DType::float64);
    const Tensor share = matmul(first, first[0]) * (2 / static_cast<double>(d));  // [k], 1 at k = 0
    curves.push_back({fmt::format("d = {}", d), {share.values<double>().begin(), share.values<double>().end()}});
  }
  page.curves(fmt::format("As a share of that at k = 0, for k = 0 to {}", curves[0].y.size() - 1), curves);
  page.notice(fmt::format(
      "the dot product depends on the distance k only (for one k it differs by at most {:.1g}). It is largest at k = 0 "
      "and falls from there in waves, the more smoothly the more numbers there are: at k = {} it is {} of that with d "
      "= {} and {} with d = {}. It is the same for k and -k: it knows how far, and only a matrix such as M knows which "
      "way. Try --d 4, --d 64 or --shift 1.",
      range, curves[0].y.size() - 1, fixed(curves[0].y.back(), 2), in.d, fixed(curves[1].y.back(), 2), wide));
}

void run(const Inputs& in, Page& page) {
  const NoGrad no_grad;
  show_order(in, page);
  show_sinusoids(in, page);
  show_shift(in, page);
  show_distance(in, page);
}

}  // namespace

Lesson positions_lesson() {
  return {
      "positions", "How attention learns the order of words", [](CLI::App& app) {
        const auto in = std::make_shared<Inputs>();
        const auto even = [](const std::string& text) { return std::stoll(text) % 2 ? text + " is odd" : ""; };
        app.add_option("--d", in->d, "Numbers of a position, an even number (default: 16)")
            ->check(whole_range(2, 64))
            ->check(even);
        app.add_option("--length", in->length, "Positions (default: 64)")->check(whole_range(2, 512));
        app.add_option("--shift", in->shift, "k, from a position to another (default: 5)")->check(whole_range(0, 1000));
        app.add_option("--seed", in->seed, "Of the untrained weights (default: 1)")->check(whole_range(0, 1000000));
        return [in](Page& page) { run(*in, page); };
      }};
}

}  // namespace gaze::train
