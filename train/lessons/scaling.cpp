#include <gaze/train/lessons/lesson.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <set>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>

namespace gaze::train {
namespace {

struct Inputs {
  std::set<std::int64_t> dimensions = {4, 8, 16, 32, 64, 128, 256, 512, 1024};
  std::int64_t keys = 16, draws = 1000;
  std::uint64_t seed = 1;
};

Tensor normal(Random& random, const Shape& shape) {
  Tensor numbers = Tensor::zeros(shape, DType::float64);
  random.normal(numbers.change<double>());
  return numbers;
}

/// q.k of every draw's query with its keys, vectors of d standard normals: [draws,keys]
Tensor draw_scores(const Inputs& in, std::int64_t d) {
  constexpr std::int64_t at_once = 50;  // draws whose keys are in memory
  Random random(RandomStream{.seed = in.seed}.split(static_cast<std::uint64_t>(d)));
  std::vector<Tensor> scores;
  for (std::int64_t first = 0; first < in.draws; first += at_once) {
    const std::int64_t count = std::min(at_once, in.draws - first);
    const Tensor q = normal(random, {count, 1, d}), k = normal(random, {count, in.keys, d});
    scores.push_back(squeeze(matmul(q, k, {.transpose_b = true}), 1));  // [count,1,keys] -> [count,keys]
  }
  return concat(scores, 0);
}

struct Softmax {
  Tensor weights;    // [draws,keys]
  Tensor gradients;  // [draws]: the norm of d weights / d scores, |.|_F of a [keys,keys] matrix each
};

/// Autograd walks back from each weight in turn; a row's weights depend on this row's scores only.
Softmax softmax_and_gradient(const Tensor& numbers) {
  const Tensor scores = numbers.detach().requires_grad(true);
  const Tensor weights = softmax(scores);
  Tensor squares = Tensor::zeros({scores.size(0)}, DType::float64);
  for (std::int64_t key = 0; key < scores.size(1); ++key) {
    const Tensor row = grad(sum(slice(weights, 1, key, key + 1)), {scores}, {.retain_graph = true})[0];
    squares += sum(row * row, {1});
  }
  return {weights.detach(), sqrt(squares)};
}

constexpr double kSmall = 0.01;

/// Over all draws.
struct Statistics {
  double variance, top_weight, gradient;  // the latter two: means
  double share_small;                     // of the queries with a gradient below kSmall
};

Statistics statistics_of(const Tensor& scores) {
  const Softmax s = softmax_and_gradient(scores);
  const Tensor small = cast(less(s.gradients, Tensor::scalar(kSmall, DType::float64)), DType::float64);
  return {var(scores).item(), mean(max(s.weights, {1})).item(), mean(s.gradients).item(), mean(small).item()};
}

nlohmann::json to_json(const Statistics& s) {
  return {{"variance", s.variance}, {"top_weight", s.top_weight}, {"gradient", s.gradient}, {"small", s.share_small}};
}

/// One query and its keys, the strongest first.
void show_one(const Inputs& in, const Tensor& raw, double scale, std::int64_t d, Page& page) {
  constexpr std::int64_t max_shown = 8;  // keys that fit beside one another
  std::vector<double> scores(raw.values<double>().begin(), raw.values<double>().end());
  std::sort(scores.begin(), scores.end(), std::greater());
  const Tensor sorted = Tensor::from<double>({1, in.keys}, scores);
  const Tensor both = concat({sorted, sorted * scale}, 0);  // [2,keys]
  const Softmax s = softmax_and_gradient(both);
  std::vector<std::string> shown;
  for (const double score : scores) shown.push_back(fixed(score, 1));
  shown.resize(static_cast<std::size_t>(std::min(in.keys, max_shown)));
  page.heading(fmt::format("One query of {} numbers and its {} strongest keys of {}", d, shown.size(), in.keys));
  page.heat_map("Weights, under the scores q.k", {"q.k", "scaled"}, shown,
                slice(s.weights, 1, 0, static_cast<std::int64_t>(shown.size())));
  page.say(fmt::format("The gradient's norm is {:.2g} for the upper row and {:.2g} for the lower one.",
                       s.gradients.at({0}), s.gradients.at({1})));
  page.numbers["one"] = {{"d", d}, {"weights", train::to_json(s.weights)}, {"gradients", train::to_json(s.gradients)}};
  page.numbers["one"]["scores"] = scores;
}

void run(Inputs in, Page& page) {
  if (page.quick()) in.draws = std::min<std::int64_t>(in.draws, 400);
  page.say(fmt::format(
      "Why does attention divide its scores by sqrt(d)? A dot product of two vectors of d independent numbers, each of "
      "mean 0 and variance 1, is a sum of d products, each of mean 0 and variance 1. So its variance is d. Here {} "
      "random queries with {} random keys each try it.",
      in.draws, in.keys));
  page.formula("Var(q.k) = d,   Var(q.k / sqrt(d)) = 1");

  std::vector<std::vector<std::string>> rows;
  const std::string dot = "q.k", scaled_dot = "q.k / sqrt(d)";
  std::vector<Series> top_weights = {{dot, {}}, {scaled_dot, {}}}, gradients = top_weights;
  Statistics raw{}, scaled{};
  Tensor first;  // query's scores
  for (const std::int64_t d : in.dimensions) {
    const double scale = 1 / std::sqrt(static_cast<double>(d));
    const Tensor scores = draw_scores(in, d);
    raw = statistics_of(scores), scaled = statistics_of(scores * scale);
    first = slice(scores, 0, 0, 1);
    top_weights[0].y.push_back(raw.top_weight), top_weights[1].y.push_back(scaled.top_weight);
    gradients[0].y.push_back(raw.gradient), gradients[1].y.push_back(scaled.gradient);
    rows.push_back({std::to_string(d), fixed(raw.variance, 1), fixed(scaled.variance), fixed(raw.top_weight),
                    fixed(scaled.top_weight), fixed(raw.gradient), fixed(scaled.gradient),
                    fmt::format("{:.0f}%", 100 * raw.share_small), fmt::format("{:.0f}%", 100 * scaled.share_small)});
    page.numbers["by_dimension"].push_back({{"d", d}, {"raw", to_json(raw)}, {"scaled", to_json(scaled)}});
  }
  for (std::size_t of = 1; of <= 2; ++of) {  // every second column is of the scaled scores
    std::vector<std::vector<std::string>> half;
    for (const auto& row : rows) half.push_back({row[0], row[of], row[of + 2], row[of + 4], row[of + 6]});
    page.table({fmt::format("{}, d =", of == 1 ? dot : scaled_dot), "variance", "top weight", "gradient", "small"},
               half);
  }
  page.say(fmt::format(
      "The top weight is the largest of a query's softmax weights. The gradient is that of the softmax: the norm of "
      "the matrix d weights / d scores (the root of the sum of its squares). Both are means over the queries. Small is "
      "the share of queries whose gradient is below {}.",
      kSmall));
  const std::int64_t low = *in.dimensions.begin(), high = *in.dimensions.rbegin();
  page.curves(fmt::format("The top weight, d = {} to {}", low, high), top_weights);
  page.curves(fmt::format("The gradient, d = {} to {}", low, high), gradients);

  show_one(in, first, 1 / std::sqrt(static_cast<double>(high)), high, page);
  page.notice(fmt::format(
      "without scaling, the softmax of longer vectors becomes a hard choice. At d = {} the top weight is {} on "
      "average, and for {:.0f}% of the queries almost no gradient passes the softmax, so that training cannot correct "
      "a wrong choice; with scaling for {:.0f}%. Divided by sqrt(d), the scores have the same spread at every d, and "
      "the softmax stays soft. Try --keys 2, --keys 32 or --d 2048.",
      high, fixed(raw.top_weight, 2), 100 * raw.share_small, 100 * scaled.share_small));
}

}  // namespace

Lesson scaling_lesson() {
  return {"scaling", "Why scores are divided by sqrt(d)", [](CLI::App& app) {
            const auto in = std::make_shared<Inputs>();
            app.add_option_function<std::int64_t>(
                   "--d", [in](std::int64_t d) { in->dimensions.insert(d); }, "One more length of query and keys")
                ->check(whole_range(1, 2048));
            app.add_option("--keys", in->keys, "Keys a query (default: 16)")->check(whole_range(2, 32));
            app.add_option("--draws", in->draws, "Queries to draw (default: 1000)")->check(whole_range(10, 2000));
            app.add_option("--seed", in->seed, "Of the random numbers (default: 1)")->check(whole_range(0, 1000000));
            return [in](Page& page) { run(*in, page); };
          }};
}

}  // namespace gaze::train
