#include <gaze/train/lessons/lesson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numeric>

#include <gaze/autograd/ops.h>
#include <gaze/nn/linear.h>
#include <gaze/optim/sgd.h>

namespace gaze::train {
namespace {

struct Inputs {
  std::vector<double> weights = {0.3, 0.4, 0.15, 0.15};
  std::string neighbour = "orange";
  std::uint64_t seed = 1;
  std::int64_t steps = 200;
};

/// The new vector of "apple": the row of weights times the words' values (fruit, technology).
void mix(const Inputs& in, Page& page) {
  const std::vector<std::string> words = {in.neighbour, "apple", "and", "an"}, senses = {"fruit", "technology"};
  const double fruit = in.neighbour == "orange" ? 1 : 0;
  Tensor values = tensor({{fruit, 1 - fruit}, {1, 1}, {0, 0}, {0, 0}}, DType::float64);  // [4,2]
  Tensor scores = log(Tensor::from<double>({1, 4}, in.weights));  // [1,4]: softmax makes the weights of them again
  values.requires_grad(true), scores.requires_grad(true);
  const Tensor weights = softmax(scores);                                                // [1,4]
  const Tensor output = matmul(weights, values);                                         // [1,2]
  const Tensor loss = mse(output, slice(values.detach(), 0, 0, 1), Reduction::sum) / 2;  // towards the neighbour
  loss.backward();

  page.heading(fmt::format("What \"apple\" becomes next to \"{}\"", in.neighbour));
  page.formula("o = sum_j a_j v_j");
  page.heat_map("Who \"apple\" looks at: a", {"apple"}, words, weights);
  page.matrix("values", values, words, senses);
  page.matrix("shares", transpose(weights) * values, words, senses, 3);
  page.matrix("output", output, {"apple"}, senses, 3);
  page.say(fmt::format(
      "A row of the shares is a weight times a value, and their sum is the output. The word came as (1, 1), as much a "
      "fruit as a firm, and leaves as ({:g}, {:g}).",
      output.at({0, 0}), output.at({0, 1})));

  page.heading(fmt::format("Where training would push it, if it should become \"{}\"", in.neighbour));
  page.formula("L = |o - t|^2 / 2,  g = dL/do,  dL/dv_j = a_j g,  dL/ds_j = a_j (v_j - o).g");
  page.matrix("gradients", concat({transpose(weights), transpose(scores.grad()), values.grad()}, 1), words,
              {"weight a", "dL/ds", "dL/dv fruit", "dL/dv technology"}, 3);
  page.say(
      "One error reaches both. A value learns as much as its weight lets through. A score learns whether its value is "
      "better than the mixture: below zero it should rise, above zero fall. W_V makes the values, W_Q and W_K the "
      "scores.");
  page.numbers["loss"] = loss.item();
}

constexpr std::int64_t people = 3, drinks = 3;

/// Notes of what each person drinks, each with a question that names a person; the answer is that person's drink.
struct Task {
  Tensor x;       ///< [B,4,7]: a word for each person (who, what), then the question (whom it asks about)
  Tensor answer;  ///< int32 [B]
};

Task all_notes() {
  std::vector<std::int32_t> who, what, answer;
  for (std::int32_t note = 0; note < drinks * drinks * drinks; ++note) {
    for (std::int32_t asked = 0; asked < people; ++asked) {
      const std::array<std::int32_t, people> drunk = {note / 9, note / 3 % 3, note % 3};
      who.insert(who.end(), {0, 1, 2, asked});
      what.insert(what.end(), {drunk[0], drunk[1], drunk[2], drinks});  // one more "drink" marks the question
      answer.push_back(drunk[static_cast<std::size_t>(asked)]);
    }
  }
  const auto count = static_cast<std::int64_t>(answer.size());
  const auto words = [&](const std::vector<std::int32_t>& ids, std::int64_t kinds) {
    return one_hot(Tensor::from<std::int32_t>({count, people + 1}, ids), kinds, DType::float64);
  };
  return {concat({words(who, people), words(what, drinks + 1)}, 2), Tensor::from<std::int32_t>({count}, answer)};
}

/// softmax(Q K^T / sqrt(K)) V (Vaswani et al. 2017, equation 1), and an output layer over the question's result.
struct Model {
  static constexpr std::int64_t features = people + drinks + 1, width = 8;
  explicit Model(const Scope& scope)
      : w_q(scope / "w_q", features, width, false),
        w_k(scope / "w_k", features, width, false),
        w_v(scope / "w_v", features, width, false),
        head(scope / "head", width, drinks) {}

  struct Result {
    Tensor logits, weights;  ///< [B,3], [B,4]
  };
  Result operator()(const Tensor& x) const {  // [B,4,7]
    const Tensor question = slice(x, 1, people, people + 1);
    const AttentionResult a = composed_attention(w_q(question), w_k(x), w_v(x));
    return {head(reshape(a.output, {-1, width})), reshape(a.weights, {-1, people + 1})};
  }

  Linear w_q, w_k, w_v, head;
};

struct Training {
  std::vector<Series> gradients{{"W_Q", {}}, {"W_K", {}}, {"W_V", {}}};  ///< |dL/dW| on the way
  std::vector<Series> movements = gradients;                             ///< |W - W0| / |W0| there
  Tensor before, after;                                                  ///< weights [B,4]
  double loss = 0, right = 0;                                            ///< in the end; share of the answers
};

double norm_of(const Tensor& x) { return sqrt(sum(x * x)).item(); }

/// Plain gradient descent on all notes, so that what moves is moved by its gradient alone. The matrices W_Q, W_K, W_V
/// that are not `learned` stay as they are.
Training train(const Inputs& in, const Task& task, const std::array<bool, 3>& learned) {
  constexpr std::int64_t places = 50;  // of a curve
  constexpr double learning_rate = 1;
  Params params(DType::float64);
  const Model model(Scope(params, {.seed = in.seed}));
  std::array<Tensor, 3> matrices = {model.w_q.weight, model.w_k.weight, model.w_v.weight}, initial;
  for (std::size_t m = 0; m < 3; ++m) {
    matrices[m].requires_grad(learned[m]);
    initial[m] = matrices[m].clone().detach();
  }
  Sgd optimizer(params);
  Training result;
  for (std::int64_t step = 0;; ++step) {
    const auto [logits, weights] = model(task.x);
    const Tensor loss = cross_entropy(logits, task.answer);
    params.zero_grad();
    loss.backward();
    const bool last = step == in.steps;
    for (std::size_t m = 0; m < 3; ++m) {
      if (!learned[m] || !(last || step % (in.steps / places + 1) == 0)) continue;
      result.gradients[m].y.push_back(norm_of(matrices[m].grad()));
      result.movements[m].y.push_back(norm_of(matrices[m].detach() - initial[m]) / norm_of(initial[m]));
    }
    if (step == 0) result.before = weights.detach();
    if (last) {
      result.after = weights.detach(), result.loss = loss.item();
      result.right = cast(equal(argmax(logits), task.answer), DType::float64).mean().item();
      return result;
    }
    optimizer.step(learning_rate);
  }
}

void learn(const Inputs& in, Page& page) {
  page.heading("What training moves");
  page.say(
      "A note says what three people drink, and a question names one of them. The answer is what that person drinks, "
      "so attention must find the person in the note. A look at the question itself gives no drink and does no harm.");
  page.formula("Q, K, V = X W_Q, X W_K, X W_V,  answer = head(softmax(Q K^T / sqrt(8)) V)");
  const Task task = all_notes();
  const Training all = train(in, task, {true, true, true});

  constexpr std::int64_t shown = 5;  // the note in which everybody drinks something else
  const std::vector<std::string> columns = {"Ann:tea", "Bob:milk", "Cy:juice", "question"};
  const auto map_of = [&](const Tensor& weights) { return slice(weights, 0, shown * people, (shown + 1) * people); };
  page.heat_map("Who the question looks at, before training", {"Ann?", "Bob?", "Cy?"}, columns, map_of(all.before));
  page.heat_map(fmt::format("After {} steps of gradient descent", in.steps), {"Ann?", "Bob?", "Cy?"}, columns,
                map_of(all.after));
  page.curves("|dL/dW|, step by step", all.gradients, 4);
  page.curves("|W - W0| / |W0|, step by step", all.movements);

  std::array<double, 3> start, largest, moved;
  for (std::size_t m = 0; m < 3; ++m) {
    const std::vector<double>& gradient = all.gradients[m].y;
    start[m] = gradient.front(), largest[m] = *std::max_element(gradient.begin(), gradient.end());
    moved[m] = all.movements[m].y.back();
  }
  page.notice(fmt::format(
      "W_Q moved by {:.2f} times its own length, W_K by {:.2f} times and W_V by {:.2f} times. At the start the "
      "gradient of W_V was {:.1f} times that of W_Q: as long as the values mean nothing, it does not matter where one "
      "looks. While they got their meaning, the gradient of W_Q reached {:.1f} times what it was, and that of W_K "
      "{:.1f} times.",
      moved[0], moved[1], moved[2], start[2] / start[0], largest[0] / start[0], largest[1] / start[1]));

  page.heading("And if some of them do not learn?");
  const Training looks = train(in, task, {true, true, false}), values = train(in, task, {false, false, true});
  const auto row = [](const std::string& learned, const Training& t) {
    return std::vector<std::string>{learned, fixed(t.loss), fmt::format("{:.0f}%", 100 * t.right)};
  };
  page.table({"learned, beside the output layer", "loss", "right answers"},
             {row("W_Q, W_K and W_V", all), row("W_Q and W_K", looks), row("W_V", values)});
  page.notice(fmt::format(
      "it is often said that the values do the learning. Here W_V alone ends at a loss of {:.3f}, and W_Q and W_K "
      "without it at {:.3f}.{} Try --seed 2, --steps 50 or, for the first part, --neighbour phone.",
      values.loss, looks.loss,
      values.loss > looks.loss ? " It matters more to look at the right word than to change what it gives." : ""));
  page.numbers["gradient"] = start;
  page.numbers["largest_gradient"] = largest;
  page.numbers["movement"] = moved;
  page.numbers["map_before"] = to_json(map_of(all.before));
  page.numbers["map_after"] = to_json(map_of(all.after));
  for (const Training* t : {&all, &looks, &values})
    page.numbers["learned"].push_back({{"loss", t->loss}, {"right", t->right}});
}

std::vector<double> distribution(const std::vector<double>& weights) {
  constexpr double rounding = 1e-6;
  const bool in_range = std::all_of(weights.begin(), weights.end(), [](double w) { return w >= 0 && w <= 1; });
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (weights.size() != 4 || !in_range || std::abs(total - 1) > rounding)
    throw CLI::ValidationError("--weights", "four numbers from 0 to 1 whose sum is 1, such as .3,.4,.15,.15");
  return weights;
}

}  // namespace

Lesson mixture_lesson() {
  return {"mixture", "An output is a mixture of values, and what training moves", [](CLI::App& app) {
            const auto in = std::make_shared<Inputs>();
            app.add_option_function<std::vector<double>>(
                   "--weights", [in](const std::vector<double>& weights) { in->weights = distribution(weights); },
                   "Of the neighbour, apple, and, an: from 0 to 1, together 1 (default: .3,.4,.15,.15)")
                ->delimiter(',')
                ->expected(1, -1);
            app.add_option("--neighbour", in->neighbour, "orange or phone (default: orange)")
                ->check(CLI::IsMember({"orange", "phone"}));
            app.add_option("--seed", in->seed, "Of the initial weights (default: 1)")->check(whole_range(0, 1000000));
            app.add_option("--steps", in->steps, "Of gradient descent (default: 200)")->check(whole_range(1, 5000));
            return [in](Page& page) { mix(*in, page), learn(*in, page); };
          }};
}

}  // namespace gaze::train
