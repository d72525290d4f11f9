#include <gaze/train/lessons/lesson.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>

namespace gaze::train {
namespace {

const std::vector<std::string> words = {"a", "dull", "film", "with", "wonderful", "actors"};
const std::vector<std::string> features = {"thing", "praise", "blame"};

struct Inputs {
  std::vector<double> query = {6, 0, 0}, other_query = {0, 6, 6}, gate = {4, 4, 4, -2};
  std::string louder = "actors";
};

/// x [S,D]: a row for each word.
Tensor sentence() {
  return tensor({{0.1, 0, 0}, {0.1, 0, 0.8}, {1, 0.1, 0}, {0, 0.2, 0.1}, {0, 0.9, 0}, {0.8, 0.1, 0.2}}, DType::float64);
}

/// Many words become one vector, weights x: how far each of the words counts in it, [1,S], or [D,S] where every feature
/// has weights of its own.
struct Pooling {
  std::string name;
  std::function<Tensor(const Tensor& x, const Tensor& query)> weights;

  Tensor operator()(const Tensor& x, const Tensor& query) const {  // [D]
    const Tensor w = weights(x, query);
    return sum(w * transpose(x), {1});
  }
};

/// y_d = max_i x_id. The gradient of a maximum is one where it is and zero elsewhere (words that tie share the one).
Tensor max_weights(const Tensor& x) {
  Tensor leaf = x.clone().detach();
  leaf.requires_grad(true);
  return transpose(grad(sum(max(leaf, {0})), {leaf}).front());
}

Tensor mean_weights(const Tensor& x) {
  return Tensor::ones({1, x.size(0)}, x.dtype()) / static_cast<double>(x.size(0));
}

/// g_i = sigmoid(w.x_i + b): every word opens its own gate.
Tensor gate_weights(const Tensor& x, const std::vector<double>& gate) {
  const Tensor w = tensor({{gate[0], gate[1], gate[2]}}, DType::float64);  // [1,D]
  return sigmoid(matmul(w, transpose(x)) + gate[3]);
}

/// a = softmax_i(q.x_i / sqrt(D))
Tensor softmax_weights(const Tensor& x, const Tensor& query) {
  return reshape(attention_weights(reshape(query, {1, 1, -1}), unsqueeze(x, 0)), {1, -1});
}

std::vector<Pooling> poolings(const std::vector<double>& gate) {
  return {{"max", [](const Tensor& x, const Tensor&) { return max_weights(x); }},
          {"mean", [](const Tensor& x, const Tensor&) { return mean_weights(x); }},
          {"gate", [=](const Tensor& x, const Tensor&) { return gate_weights(x, gate); }},
          {"attention", softmax_weights}};
}

double largest_change(const Tensor& before, const Tensor& after) { return max(abs(after - before)).item(); }

void run(const Inputs& in, Page& page) {
  const Tensor x = sentence();
  const Tensor query = Tensor::from<double>({3}, in.query), other_query = Tensor::from<double>({3}, in.other_query);
  page.say(
      "Four ways to make one vector of a sentence. Each is a sum of its words times weights; they differ in who sets "
      "the weights.");
  page.formula("max-pooling    y_d = max_i x_id");
  page.formula("mean-pooling   y = sum_i x_i / S");
  page.formula("gating         y = sum_i g_i x_i,   g_i = sigmoid(w.x_i + b)");
  page.formula("attention      y = sum_i a_i x_i,   a = softmax_i(q.x_i / sqrt(D))");
  page.matrix("words", x, words, features, 1);

  page.heading(fmt::format("Who counts, for the query q = ({:g})", fmt::join(in.query, ", ")));
  constexpr double rounding = 1e-12;
  const std::vector<Pooling> all = poolings(in.gate);
  std::vector<Tensor> maps;
  std::vector<std::string> labels, asked, competing;
  std::vector<std::vector<std::string>> rows;
  for (const Pooling& pooling : all) {
    const Tensor weights = pooling.weights(x, query), y = pooling(x, query);
    maps.push_back(weights);
    for (std::int64_t i = 0; i < weights.size(0); ++i)
      labels.push_back(pooling.name + (weights.size(0) > 1 ? " " + features[static_cast<std::size_t>(i)] : ""));
    rows.push_back({pooling.name, fixed(sum(weights[0]).item()), fixed(y.at({0})), fixed(y.at({1})), fixed(y.at({2}))});
    page.numbers["weights"][pooling.name] = to_json(weights);
    page.numbers["result"][pooling.name] = to_json(y);
  }
  page.heat_map("", labels, words, concat(maps, 0));
  page.table({"", "weights add up to", "thing", "praise", "blame"}, rows);
  page.say(
      "Max-pooling chooses one word a feature, a hard choice by the values themselves. A gate opens for each word by "
      "itself, so that the weights need not add up to 1. Attention's do.");

  page.heading(fmt::format("Another query: q = ({:g})", fmt::join(in.other_query, ", ")));
  rows.clear();
  for (const Pooling& pooling : all) {
    const Tensor y = pooling(x, other_query);
    const double change = largest_change(pooling.weights(x, query), pooling.weights(x, other_query));
    rows.push_back({pooling.name, fixed(change), fixed(y.at({0})), fixed(y.at({1})), fixed(y.at({2}))});
    page.numbers["query_change"][pooling.name] = change;
    if (change > rounding) asked.push_back(pooling.name);
  }
  const Tensor asked_otherwise = all.back().weights(x, other_query);
  page.numbers["other_attention"] = to_json(asked_otherwise);
  page.heat_map("", {"attention"}, words, asked_otherwise);
  page.table({"", "largest change of a weight", "thing", "praise", "blame"}, rows);

  page.heading(fmt::format("The same query, but \"{}\" is twice as strong", in.louder));
  const auto place = std::find(words.begin(), words.end(), in.louder) - words.begin();
  const Tensor louder = one_hot(Tensor::scalar(static_cast<double>(place), DType::int32), 6, DType::float64);  // [S]
  const Tensor strong = x * (1 + unsqueeze(louder, 1));
  rows.clear();
  for (const Pooling& pooling : all) {
    const Tensor before = pooling.weights(x, query), after = pooling.weights(strong, query);
    const double own = largest_change(before * louder, after * louder);
    const double others = largest_change(before * (1 - louder), after * (1 - louder));
    rows.push_back({pooling.name, fixed(own), fixed(others)});
    page.numbers["competition"][pooling.name] = {own, others};
    if (others > rounding) competing.push_back(pooling.name);
  }
  page.table({"largest change of a weight", "its own", "another's"}, rows);
  const auto of = [](const std::vector<std::string>& names) {
    return names.empty() ? "none of the four" : fmt::format("{}", fmt::join(names, " and "));
  };
  page.notice(fmt::format(
      "the other query changed the weights of {}. Max, mean and gate do not know the query: a gate asks every word the "
      "same question w, which training fixed, and attention asks anew each time. The stronger word changed the weights "
      "of other words in {}. Where it does, words compete; a gate looks at its own word only. Try --query 0,0,6, "
      "--louder dull or --gate 0,8,0,-4.",
      of(asked), of(competing)));
}

}  // namespace

Lesson gating_lesson() {
  return {"gating", "Max-pooling and gates: attention without a query", [](CLI::App& app) {
            const auto in = std::make_shared<Inputs>();
            constexpr double largest = 1000;
            add_vector(app, "--query", in->query, 3, 3, -largest, largest,
                       "What attention asks for: thing,praise,blame (default: 6,0,0)");
            add_vector(app, "--other-query", in->other_query, 3, 3, -largest, largest, "And then (default: 0,6,6)");
            add_vector(app, "--gate", in->gate, 4, 4, -largest, largest, "The gates' w and b (default: 4,4,4,-2)");
            app.add_option("--louder", in->louder, "The word that becomes twice as strong (default: actors)")
                ->check(CLI::IsMember(words));
            return [in](Page& page) { run(*in, page); };
          }};
}

}  // namespace gaze::train
