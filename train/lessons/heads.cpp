#include <gaze/train/lessons/lesson.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>

#include <gaze/autograd/ops.h>
#include <gaze/nn/attention.h>
#include <gaze/nn/recorder.h>

namespace gaze::train {
namespace {

constexpr std::int64_t kSize = 4;                   // numbers of a word
constexpr double kStep = 2 * std::numbers::pi / 9;  // 40 degrees of a circle from a word's place to the next
const std::vector<std::string> kWords = {"the", "old", "dog", "barked", "loudly"};
const std::vector<double> kNoun = {0, 0, 1, 0, 0};  // is a noun
const std::vector<double> kAsks = {1, 1, 0, 1, 0};  // belongs to a noun: article, adjective, verb

struct Inputs {
  std::int64_t heads = 2;
  std::int64_t sharpness = 25;
};

/// Sentence and matrices by hand. A word is (noun, asks, cos, sin), the latter its place on a circle.
struct Example {
  Tensor x;                  // [n,4]
  Tensor w_q, w_k, w_v;      // [4,4]: of two heads, columns 0-1 are the first's, 2-3 the second's
  Tensor w_o;                // [4,4]: its rows take the heads' columns
  Tensor word_before, noun;  // [n,n]: 1 where row's word should look at column's
};

Example example(double sharpness) {
  std::vector<double> x, word_before, noun;
  for (std::size_t t = 0; t < kWords.size(); ++t) {
    const double angle = static_cast<double>(t) * kStep;
    x.insert(x.end(), {kNoun[t], kAsks[t], std::cos(angle), std::sin(angle)});
    for (std::size_t s = 0; s < kWords.size(); ++s) {
      word_before.push_back(s + 1 == t);
      noun.push_back(kAsks[t] * kNoun[s]);
    }
  }
  const auto n = static_cast<std::int64_t>(kWords.size());
  Example e;
  e.x = Tensor::from<double>({n, kSize}, x);
  e.word_before = Tensor::from<double>({n, n}, word_before);
  e.noun = Tensor::from<double>({n, n}, noun);
  // The first head's query is the word's own place, turned back by one word; its keys are the places. The second
  // head's query is whether a word asks, its keys whether a word is a noun.
  const double back_cos = std::cos(kStep), back_sin = std::sin(kStep);
  e.w_q = sharpness *
          tensor({{0, 0, 0, 0}, {0, 0, 1, 0}, {back_cos, -back_sin, 0, 0}, {back_sin, back_cos, 0, 0}}, DType::float64);
  e.w_k = tensor({{0, 0, 1, 0}, {0, 0, 0, 0}, {1, 0, 0, 0}, {0, 1, 0, 0}}, DType::float64);
  e.w_v = tensor({{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}, DType::float64);
  e.w_o = tensor({{1, 0, 0, .5}, {0, 1, .5, 0}, {0, .5, 1, 0}, {.5, 0, 0, 1}}, DType::float64);
  return e;
}

/// The mean weight that goes to the right words.
double share(const Tensor& weights, const Tensor& right) { return (sum(weights * right) / sum(right)).item(); }

std::string percent(double weight) { return fmt::format("{:.0f}%", 100 * weight); }

void run(const Inputs& in, Page& page) {
  const NoGrad no_grad;
  const Example e = example(static_cast<double>(in.sharpness));
  const std::int64_t size = kSize / in.heads;  // of a head
  page.say(
      "One softmax gives a word one way to look at the others. Several heads, each with its own queries, keys and "
      "values, give it several. Here the matrices are written by hand.");
  page.formula("head_h = softmax(Q_h K_h^T / sqrt(d_h)) V_h");
  page.formula("Y = Concat(head_1 ... head_H) W_O");
  page.say(
      "A word is four numbers: whether it is a noun, whether it asks for one (article, adjective, verb), and its "
      "place, as a point on a circle, 40 degrees per word.");
  page.matrix("X", e.x, kWords, {"noun", "asks", "cos", "sin"});

  page.heading("Split: the columns of W_Q, W_K and W_V belong to heads");
  std::vector<std::string> owners;
  for (std::int64_t column = 0; column < kSize; ++column) owners.push_back(fmt::format("head {}", column / size));
  page.matrix("W_Q", e.w_q, {"noun", "asks", "cos", "sin"}, owners);
  page.matrix("W_K", e.w_k, {"noun", "asks", "cos", "sin"}, owners);
  const Tensor q = matmul(e.x, e.w_q), k = matmul(e.x, e.w_k), v = matmul(e.x, e.w_v);  // [n,4]
  page.matrix("Q", q, kWords, owners);
  page.matrix("K", k, kWords, owners);
  page.say(
      "Columns 1 and 2 of Q are a word's place turned back by one word, times the sharpness: they fit the key of the "
      "word before. Column 3 is the sharpness where a word asks, and column 3 of K is 1 where a word is a noun. W_V is "
      "the identity, so V = X: columns 1 and 2 carry the kind of the word that was found, 3 and 4 its place.");

  page.heading("Attend: every head by itself");
  std::vector<Tensor> heads, weights;
  for (std::int64_t h = 0; h < in.heads; ++h) {
    const std::int64_t first = h * size, last = first + size;
    const Tensor q_h = slice(q, 1, first, last), k_h = slice(k, 1, first, last), v_h = slice(v, 1, first, last);
    weights.push_back(softmax(matmul(q_h, transpose(k_h)) / std::sqrt(static_cast<double>(size))));  // [n,n]
    heads.push_back(matmul(weights.back(), v_h));                                                    // [n,d_h]
    page.heat_map(fmt::format("Head {}", h), kWords, kWords, weights.back());
  }

  page.heading("Concatenate, and let W_O mix the heads");
  const Tensor concatenated = concat(heads, 1), output = matmul(concatenated, e.w_o);
  page.matrix("Concat", concatenated, kWords, owners);
  page.matrix("W_O", e.w_o, owners);
  page.matrix("Y", output, kWords);
  Tensor sum_of_heads = Tensor::zeros(output.shape(), DType::float64);
  for (std::int64_t h = 0; h < in.heads; ++h)
    sum_of_heads += matmul(heads[static_cast<std::size_t>(h)], slice(e.w_o, 0, h * size, (h + 1) * size));
  const double as_sum = largest_difference(sum_of_heads, output);
  page.say(fmt::format(
      "A head's columns meet only its own rows of W_O, so Y is also a sum of what each head writes: head_0 W_O^0 + ... "
      "(largest difference {:.1g}).",
      as_sum));

  page.heading("The same as one matrix: gaze's MultiHeadAttention");
  Params params(DType::float64);
  MultiHeadAttention packed(Scope(params) / "attention", kSize, in.heads);
  packed.in_proj_weight.assign(concat({transpose(e.w_q), transpose(e.w_k), transpose(e.w_v)}, 0));  // [12,4]
  packed.out_proj.weight.assign(transpose(e.w_o));                                                  // a Linear is x W^T
  AttentionRecorder recorder;
  const Taps taps = recorder.taps();
  Context context{.taps = &taps};
  const Tensor batch = unsqueeze(e.x, 0);  // [1,n,4]
  const Tensor result = packed(batch, batch, {}, context), looks = recorder.modules.at("attention").weights();
  const double as_packed =
      std::max(largest_difference(squeeze(result, 0), output), largest_difference(squeeze(looks, 0), stack(weights)));
  page.say(fmt::format(
      "Its in_proj_weight {} is W_Q, W_K and W_V, transposed, one below the other; one matrix product makes Q, K and V "
      "of all heads. Output and weights are those by hand (largest difference {:.1g}). {} of {} numbers cost as much "
      "as one head of {}: the matrices are the same.",
      packed.in_proj_weight.shape(), as_packed, in.heads == 1 ? "One head" : fmt::format("{} heads", in.heads), size,
      kSize));

  page.heading("Who sees what");
  std::vector<std::vector<std::string>> rows;
  double best_before = 0, best_noun = 0;
  for (std::size_t h = 0; h < weights.size(); ++h) {
    const double before = share(weights[h], e.word_before), noun = share(weights[h], e.noun);
    best_before = std::max(best_before, before), best_noun = std::max(best_noun, noun);
    rows.push_back({fmt::format("head {}", h), percent(before), percent(noun)});
    page.numbers["heads"].push_back({{"word_before", before}, {"noun", noun}});
  }
  page.table({"mean weight of", "the word before", "the noun, if asked for"}, rows);
  page.numbers["weights"] = to_json(stack(weights));
  page.numbers["difference"] = {{"sum", as_sum}, {"packed", as_packed}};
  const std::string why = in.heads == 1 ? "One head adds the scores of both questions before its only softmax, so its "
                                          "weights are a compromise. Try --heads 2 with the same matrices."
                          : in.heads == 2 ? "Each head has a softmax of its own, so each question has its own answer. "
                                            "Words that ask for no noun have a query of zeros in head 1, which weighs "
                                            "all words alike. Try --heads 1 with the same matrices, or --sharpness 5."
                                          : "The first question needs two numbers, a point on the circle, and here "
                                            "every head has one. More heads are not always better: try --heads 2.";
  page.notice(fmt::format(
      "two questions are asked: which word is before me, and which noun do I belong to? The best head for the first "
      "gives {} to the right word, the best for the second {}. {}",
      percent(best_before), percent(best_noun), why));
}

}  // namespace

Lesson heads_lesson() {
  return {"heads", "Several ways of looking at once", [](CLI::App& app) {
            const auto in = std::make_shared<Inputs>();
            app.add_option("--heads", in->heads, "1, 2 or 4 (default: 2)")->check(CLI::IsMember({1, 2, 4}));
            app.add_option("--sharpness", in->sharpness, "How hard the heads look (default: 25)")
                ->check(whole_range(0, 100));
            return [in](Page& page) { run(*in, page); };
          }};
}

}  // namespace gaze::train
