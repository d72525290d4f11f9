#include <gaze/train/lessons/lesson.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include <gaze/autograd/base/error.h>
#include <gaze/nn/score.h>

namespace gaze::train {
namespace {

using Vector = std::vector<double>;
using Words = std::vector<std::string>;
const Words kSource = {"Bonjour", "le", "monde"};
constexpr double kLargest = 100;

struct Inputs {
  Vector query = {0.8, 0.3};
  Vector weight = {1, 0, 0, -1};  ///< W of bilinear, row by row
  std::vector<Score> scores = score_names().values();
};

/// [1,3,2]
Tensor encoder_states() { return tensor({{{1, 0.5}, {0.8, 1.2}, {0.2, 1.5}}}, DType::float64); }

Tensor identity() { return tensor({{1, 0}, {0, 1}}, DType::float64); }

const char* formula_of(Score kind) {
  switch (kind) {
    case Score::dot: return "e_j = s.h_j";
    case Score::scaled_dot: return "e_j = s.h_j / sqrt(d)";
    case Score::cosine: return "e_j = g s.h_j / (|s| |h_j|)";
    case Score::bilinear: return "e_j = s.W h_j";
    default: return "e_j = v.tanh(W h_j + U s)";
  }
}

/// A score function with parameters that can be read, and these by the letters of the formula.
std::pair<ScoreFunction, std::map<std::string, Tensor>> made_by_hand(Score kind, const Tensor& bilinear_weight) {
  Params params(DType::float64);
  ScoreFunction score(Scope(params), {.score = kind, .query_size = 2, .key_size = 2});
  if (kind == Score::cosine) return {score, {{"g", score.strength}}};
  if (kind == Score::bilinear) {
    score.weight.assign(bilinear_weight);
    return {score, {{"W", score.weight}}};
  }
  if (kind == Score::additive) {
    score.key_weight.assign(identity());
    score.query_weight.assign(identity());
    score.v.fill(1);
    return {score, {{"W", score.key_weight}, {"U", score.query_weight}, {"v", score.v}}};
  }
  return {score, {}};
}

/// What the decoder state s sees of the encoder states h.
struct Look {
  Tensor scores, weights, context;          ///< [3], [3], [2]
  Tensor rounded_weights, rounded_context;  ///< what one has who reads the weights off a page
};

/// s [1,1,2], h [1,3,2]
Look look(const ScoreFunction& score, const Tensor& s, const Tensor& h) {
  const Tensor scores = score(s, h);                  // [1,1,1,3]
  const auto [context, weights] = attend(scores, h);  // [1,1,2], [1,1,1,3]
  Vector two_digits;
  for (const double weight : weights.values<double>()) two_digits.push_back(std::round(weight * 100) / 100);
  const Tensor rounded_weights = Tensor::from({3}, two_digits);
  return {reshape(scores, {3}), reshape(weights, {3}), reshape(context, {2}), rounded_weights,
          matmul(rounded_weights, h[0])};
}

/// "2", "[1 2]", "[1 0; 0 -1]"
std::string exact(const Tensor& x) {
  std::string text;
  for (std::int64_t i = 0; i < x.size(); ++i)
    text += fmt::format("{}{:g}", i == 0 ? "" : i % x.size(-1) == 0 ? "; " : " ", x.array().at(i));
  return x.size() == 1 ? text : "[" + text + "]";
}

std::string rounded(const Tensor& x, int digits = 3) {
  Words numbers;
  for (const double number : x.values<double>()) numbers.push_back(fixed(number, digits));
  return fmt::format("[{}]", fmt::join(numbers, " "));
}

std::string strongest(const Tensor& weights) {
  constexpr double alike = 1e-9;
  Words words;
  for (std::size_t j = 0; j < kSource.size(); ++j)
    if (weights.values<double>()[j] > max(weights).item() - alike) words.push_back(kSource[j]);
  return words.size() == 1 ? words.front() : "a tie";
}

Look show(Score kind, const Tensor& s, const Tensor& bilinear_weight, Page& page) {
  const std::string name(name_of(kind));
  page.heading(name);
  const auto [score, parameters] = made_by_hand(kind, bilinear_weight);
  std::string formula = formula_of(kind);
  for (const auto& [letter, value] : parameters) {
    formula += fmt::format(",  {} = {}", letter, exact(value));
    page.numbers["scores"][name]["parameters"][letter] = to_json(value);
  }
  page.formula(formula);
  const Tensor h = encoder_states();
  const Look seen = look(score, s, h);
  std::vector<Words> rows;
  for (std::int64_t j = 0; j < 3; ++j)
    rows.push_back({kSource.at(static_cast<std::size_t>(j)), exact(h[0][j]), fixed(seen.scores.at({j})),
                    fixed(seen.weights.at({j})), rounded(seen.weights[j] * h[0][j])});
  rows.push_back({"sum", "", "", fixed(sum(seen.weights).item()), rounded(seen.context)});
  page.table({"", "h_j", "score e_j", "weight a_j", "a_j h_j"}, rows);
  page.numbers["scores"][name].update({{"scores", to_json(seen.scores)},
                                       {"weights", to_json(seen.weights)},
                                       {"context", to_json(seen.context)},
                                       {"rounded_weights", to_json(seen.rounded_weights)},
                                       {"rounded_context", to_json(seen.rounded_context)},
                                       {"strongest", strongest(seen.weights)}});
  if (kind == Score::bilinear) {
    const Look plain = look(made_by_hand(kind, identity()).first, s, h);
    page.say(fmt::format("With the identity for W the scores are {}, those of dot.", rounded(plain.scores)));
    page.numbers["bilinear_identity"] = to_json(plain.scores);
  }
  return seen;
}

void run(const Inputs& in, Page& page) {
  const Tensor s = Tensor::from({1, 1, 2}, in.query);
  page.say(fmt::format(
      "A decoder in state s = {} is about to say Hello for Bonjour le monde. A score e_j says how well the encoder's "
      "state h_j answers s; softmax makes weights of scores, and the context is the states' weighted mean.",
      exact(s)));
  page.formula("a_j = softmax_j(e_j),   c = sum_j a_j h_j");
  std::vector<Words> rows;
  Words names;
  std::vector<Tensor> weights;
  std::map<std::string, Words> looking_at;
  double moved = 0;
  for (const Score kind : in.scores) {
    const Look seen = show(kind, s, Tensor::from({2, 2}, in.weight), page);
    names.emplace_back(name_of(kind));
    weights.push_back(seen.weights);
    looking_at[strongest(seen.weights)].push_back(names.back());
    moved = std::max(moved, max(abs(seen.rounded_context - seen.context)).item());
    rows.push_back({names.back(), strongest(seen.weights), rounded(seen.context), rounded(seen.rounded_weights, 2),
                    rounded(seen.rounded_context)});
  }
  page.numbers["query"] = in.query;

  page.heading("Side by side");
  page.heat_map("", names, kSource, stack(weights));
  page.table({"score", "strongest", "context", "weights rounded", "their context"}, rows);
  Words found;
  for (const auto& [word, by] : looking_at) found.push_back(fmt::format("{} ({})", word, fmt::join(by, ", ")));
  page.notice(fmt::format(
      "to say Hello, Bonjour is the word to look at. The strongest word is {}. Nothing has been learned yet: the "
      "weights "
      "come from how the vectors happen to lie and from parameters set by hand. Contexts worked out from rounded "
      "weights are off by up to {}.",
      fmt::join(found, "; "), fixed(moved)));
}

}  // namespace

Lesson scores_lesson() {
  return {"scores", "Score functions on one example: scores, weights, context", [](CLI::App& app) {
            const auto in = std::make_shared<Inputs>();
            add_vector(app, "--query", in->query, 2, 2, -kLargest, kLargest, "The decoder's state s (default: .8,.3)");
            add_vector(app, "--weight", in->weight, 4, 4, -kLargest, kLargest,
                       "W of bilinear, row by row (default: 1,0,0,-1)");
            add_score(
                app, [in](Score score) { in->scores = {score}; }, "Only this one (default: all)");
            return [in](Page& page) { run(*in, page); };
          }};
}

}  // namespace gaze::train
