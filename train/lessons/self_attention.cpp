#include <gaze/train/lessons/lesson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <sstream>

#include <gaze/autograd/ops.h>
#include <gaze/datasets/tokenizer.h>

namespace gaze::train {
namespace {

constexpr std::int64_t kMostWords = 8, kMostNumbers = 8;  // wider tables do not fit on 80 columns
constexpr double kLargestNumber = 10;

struct Inputs {
  std::vector<std::string> words;  // none: as the example's, or x1, x2, ...
  Tensor x;                        // [n,d], a row per word; undefined: as the example's
  bool scaled = true;
};

/// Tenths, 0.1 in the corner and so many more in the next row and in the next column: [rows,columns]
Tensor tenths(std::int64_t rows, std::int64_t columns, std::int64_t down, std::int64_t right) {
  std::vector<double> numbers;
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) numbers.push_back(static_cast<double>(1 + i * down + j * right) / 10);
  return Tensor::from<double>({rows, columns}, numbers);
}

Inputs completed(Inputs in) {
  if (in.words.empty() && (!in.x.defined() || in.x.size(0) == 3)) in.words = {"I", "love", "NLP"};
  if (!in.x.defined()) in.x = tenths(static_cast<std::int64_t>(in.words.size()), 3, 3, 1);
  const std::int64_t n = in.x.size(0);
  if (in.words.empty())
    for (std::int64_t i = 1; i <= n; ++i) in.words.push_back(fmt::format("x{}", i));
  if (static_cast<std::int64_t>(in.words.size()) != n)
    throw CLI::ValidationError("--words", fmt::format("{} words for {} rows of --x", in.words.size(), n));
  return in;
}

struct SelfAttention {
  Tensor scores, weights, output;
};

/// softmax(scale Q K^T) V (Vaswani et al. 2017, equation 1): q, k, v [n,d]
SelfAttention self_attention(const Tensor& q, const Tensor& k, const Tensor& v, double scale) {
  const Tensor scores = matmul(q, transpose(k));      // [n,n]: row i asks, column j answers
  const Tensor weights = softmax(scores * scale, 1);  // every row sums to 1
  return {scores, weights, matmul(weights, v)};       // output [n,d]
}

/// Self-attention step by step, and beside it gaze's own operation.
SelfAttention show(Page& page, const Inputs& in, const Tensor& q, const Tensor& k, const Tensor& v, double scale,
                   const std::string& product, const std::string& suffix) {
  const SelfAttention s = self_attention(q, k, v, scale);
  page.matrix(product, s.scores, in.words, in.words, 4);
  if (in.scaled) page.matrix("scaled " + product, s.scores * scale, in.words, in.words, 4);
  page.matrix("weights" + suffix, s.weights, in.words, in.words, 3);
  page.matrix("output" + suffix, s.output, in.words, {}, 3);
  page.heat_map("Who (rows) looks at whom (columns)", in.words, in.words, s.weights);
  const Tensor own = attention(unsqueeze(q, 0), unsqueeze(k, 0), unsqueeze(v, 0), {.scale = scale});  // [1,n,d]
  const double difference = largest_difference(squeeze(own, 0), s.output);
  page.numbers["difference" + suffix] = difference;
  page.say(fmt::format("gaze's attention() gives the same output (largest difference {:.1g}).", difference));
  return s;
}

void run(const Inputs& given, Page& page) {
  const NoGrad no_grad;
  const Inputs in = completed(given);
  const Tensor& x = in.x;
  const double scale = in.scaled ? 1 / std::sqrt(static_cast<double>(x.size(1))) : 1;
  page.say(
      "In self-attention the words of one sentence are the queries, the keys and the values. Each word asks all words, "
      "itself too, and its new vector is the mixture of what they answer.");
  page.formula(in.scaled ? "Y = softmax(Q K^T / sqrt(d)) V" : "Y = softmax(Q K^T) V");
  page.matrix("X", x, in.words);

  page.heading("Without weights: Q = K = V = X");
  const SelfAttention plain = show(page, in, x, x, x, scale, "X X^T", "");
  const Tensor strongest = argmax(plain.weights);  // [n]
  const auto favourites = strongest.values<std::int32_t>();
  const bool agreed = std::equal(favourites.begin() + 1, favourites.end(), favourites.begin());
  page.notice(fmt::format(
      "{} has its largest score with \"{}\". A dot product counts length as well as direction, which favours long "
      "vectors. And it is symmetric: \"{}\" fits \"{}\" as well as the other way round.",
      agreed ? "every word" : "\"" + in.words[0] + "\"", in.words[static_cast<std::size_t>(favourites[0])],
      in.words.front(), in.words.back()));

  page.heading("With weights: Q = X W_Q, K = X W_K, V = X W_V");
  const std::int64_t d = x.size(1);
  const Tensor w_q = tenths(d, d, d, 1), w_k = tenths(d, d, 1, 2), w_v = w_q;
  for (const auto& [name, w] : {std::pair("W_Q", w_q), {"W_K", w_k}, {"W_V", w_v}}) page.matrix(name, w);
  const Tensor q = matmul(x, w_q), k = matmul(x, w_k), v = matmul(x, w_v);
  for (const auto& [name, m] : {std::pair("Q", q), {"K", k}, {"V", v}}) page.matrix(name, m, in.words, {}, 3);
  std::vector<std::string> products;
  for (std::int64_t i = 0; i < d; ++i) products.push_back(fmt::format("{:g} x {:g}", x.at({-1, i}), w_k.at({i, 0})));
  page.say(fmt::format("By hand, the first number of K for \"{}\" is {} = {:g}.", in.words.back(),
                       fmt::join(products, " + "), k.at({-1, 0})));
  page.notice(
      "the example that this lesson starts with, \"I love NLP\", is widely copied with the right X W_Q but with wrong "
      "entries in K and in everything computed from it: scores, weights and output. Here all of them are computed.");
  const SelfAttention learned = show(page, in, q, k, v, scale, "Q K^T", " with W");
  const double asymmetry = largest_difference(learned.scores, transpose(learned.scores));
  page.numbers["asymmetry"] = asymmetry;
  page.notice(fmt::format(
      "W_Q and W_K make asking and answering two roles. The scores of two words for each other may now differ, here by "
      "at most {:.4g}. Training finds the three matrices; here they are given.",
      asymmetry));

  page.heading("Words as columns: the same numbers, transposed");
  page.say("Some texts write a word as a column: X^T is the sentence, and softmax runs down the columns.");
  page.formula(in.scaled ? "Y^T = V^T softmax_columns(K Q^T / sqrt(d))" : "Y^T = V^T softmax_columns(K Q^T)");
  const auto project = [&](const Tensor& w) { return matmul(transpose(w), transpose(x)); };
  const Tensor queries = project(w_q), keys = project(w_k), values = project(w_v);  // [d,n]
  const Tensor weights = softmax(matmul(transpose(keys), queries) * scale, 0);      // [n,n]: column i asks
  const Tensor output = matmul(values, weights);                                    // [d,n]
  page.matrix("weights by columns", weights, in.words, in.words, 3);
  page.matrix("output by columns", output, {}, in.words, 3);
  const double difference = std::max(largest_difference(weights, transpose(learned.weights)),
                                     largest_difference(output, transpose(learned.output)));
  page.numbers["difference by columns"] = difference;
  const Tensor wrong_sums = sum(softmax(learned.scores * scale, 0), {1});
  page.numbers["sums of the wrong softmax"] = to_json(wrong_sums);
  page.notice(
      fmt::format("these are the weights and the output above, transposed (largest difference {:.1g}). Either way "
                  "softmax runs over the keys, so that the weights of each asking word sum to 1. With words as rows "
                  "and softmax down the columns they would sum to {} to {}. Try --words \"I love deep learning\", "
                  "--no-scale or --x \"1 0; 0 1; 1 1\".",
                  difference, fixed(min(wrong_sums).item()), fixed(max(wrong_sums).item())));
}

/// "1 2; 3 4" as [2,2]
Tensor matrix_of(const std::string& text) {
  std::vector<double> numbers;
  std::vector<std::int64_t> lengths;
  std::istringstream rows(text);
  for (std::string row; std::getline(rows, row, ';');) {
    std::replace(row.begin(), row.end(), ',', ' ');
    std::istringstream cells(row);
    lengths.push_back(0);
    for (std::string cell; cells >> cell; ++lengths.back()) {
      const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), numbers.emplace_back());
      if (error != std::errc() || *end != '\0' || !(std::abs(numbers.back()) <= kLargestNumber))
        throw CLI::ValidationError("--x", fmt::format("{0} is not a number from -{1} to {1}", cell, kLargestNumber));
    }
  }
  const auto n = static_cast<std::int64_t>(lengths.size());
  if (n < 1 || n > kMostWords || lengths[0] < 1 || lengths[0] > kMostNumbers ||
      std::count(lengths.begin(), lengths.end(), lengths[0]) != n)
    throw CLI::ValidationError("--x", fmt::format("needs 1 to {} rows of as many numbers each, 1 to {}: \"1 0; 0 1\"",
                                                  kMostWords, kMostNumbers));
  return Tensor::from<double>({n, lengths[0]}, numbers);
}

std::vector<std::string> sentence_of(const std::string& text) {
  const std::vector<std::string> words = words_of(printable(text));
  if (words.empty() || words.size() > kMostWords)
    throw CLI::ValidationError("--words", fmt::format("needs 1 to {} words", kMostWords));
  return words;
}

}  // namespace

Lesson self_attention_lesson() {
  return {"self-attention", "Words of one sentence look at one another", [](CLI::App& app) {
            const auto in = std::make_shared<Inputs>();
            app.add_option_function<std::string>(
                "--words", [in](const std::string& text) { in->words = sentence_of(text); },
                "The sentence (default: \"I love NLP\")");
            app.add_option_function<std::string>(
                "--x", [in](const std::string& text) { in->x = matrix_of(text); },
                "A row per word: \"1 0; 0 1; 1 1\" (default: .1 .2 .3; .4 .5 .6; ...)");
            app.add_flag_callback(
                "--no-scale", [in] { in->scaled = false; }, "Do not divide the scores by sqrt(d)");
            app.parse_complete_callback([in] { completed(*in); });
            return [in](Page& page) { run(*in, page); };
          }};
}

}  // namespace gaze::train
