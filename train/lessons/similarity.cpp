#include <gaze/train/lessons/lesson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numbers>

#include <gaze/autograd/base/error.h>
#include <gaze/nn/score.h>

namespace gaze::train {
namespace {

using Vector = std::vector<double>;
using Words = std::vector<std::string>;

constexpr std::array kMeasures = {Score::dot, Score::scaled_dot, Score::cosine};
constexpr int kMostNumbers = 16;
constexpr double kLargest = 1e3, kShortest = 1e-3;

struct Inputs {
  Vector a = {1, 4}, b = {0, 3};
  Vector apple = {1, 1};  ///< (fruit, technology)
};

/// Every vector of a [T,K] with every one of b [S,K] -> [T,S]
Tensor similarities(Score measure, const Tensor& a, const Tensor& b) {
  Params params(DType::float64);
  const ScoreFunction score(Scope(params), {.score = measure, .query_size = a.size(1), .key_size = b.size(1)});
  return reshape(score(unsqueeze(a, 0), unsqueeze(b, 0)), {a.size(0), b.size(0)});
}

double similarity(Score measure, const Vector& a, const Vector& b) {
  const auto row = [](const Vector& x) { return Tensor::from({1, std::ssize(x)}, x); };
  return similarities(measure, row(a), row(b)).item();
}

double length(const Vector& x) { return std::sqrt(similarity(Score::dot, x, x)); }
double degrees(double cosine) { return std::acos(std::clamp(cosine, -1.0, 1.0)) * 180 / std::numbers::pi; }

Vector times(double factor, Vector x) {
  for (double& number : x) number *= factor;
  return x;
}

/// The largest number of x and its neighbour change places and one of them its sign; the others are 0.
Vector orthogonal_to(const Vector& x) {
  const auto largest = std::ranges::max_element(x, {}, [](double number) { return std::abs(number); });
  const auto i = static_cast<std::size_t>(largest - x.begin()), neighbour = (i + 1) % x.size();
  Vector turned(x.size(), 0.0);
  turned[i] = -x[neighbour], turned[neighbour] = x[i];
  return turned;
}

/// "[1, 4]", the first numbers where there are many.
std::string text_of(const Vector& x) {
  constexpr std::ptrdiff_t max_size = 4;
  const auto shown = std::min(std::ssize(x), max_size);
  return fmt::format("[{:g}{}]", fmt::join(x.begin(), x.begin() + shown, ", "), shown < std::ssize(x) ? ", ..." : "");
}

/// "1*0 + 4*3", the first where there are many.
std::string products(const Vector& a, const Vector& b) {
  const std::string first = fmt::format("{:.4g}*{:.4g} + {:.4g}*{:.4g}", a[0], b[0], a[1], b[1]);
  return first + (a.size() > 2 ? " + ..." : "");
}

/// A table of how like others are to x.
void compare(const std::string& name, const Vector& x, const std::vector<std::pair<std::string, Vector>>& others,
             Page& page) {
  std::vector<Words> rows;
  for (const auto& [title, other] : others) {
    rows.push_back({title});
    nlohmann::json& numbers = page.numbers[name].emplace_back(nlohmann::json{{"vector", other}});
    for (const Score measure : kMeasures) {
      const double value = similarity(measure, x, other);
      rows.back().push_back(fixed(value));
      numbers[std::string(name_of(measure))] = value;
    }
    rows.back().push_back(fixed(degrees(similarity(Score::cosine, x, other)), 1));
  }
  page.table({"", "dot", "scaled_dot", "cosine", "degrees"}, rows);
}

void show_pair(const Vector& a, const Vector& b, Page& page) {
  page.heading(fmt::format("How like is {} to {}?", text_of(a), text_of(b)));
  const double dot = similarity(Score::dot, a, b), scaled = similarity(Score::scaled_dot, a, b),
               cosine = similarity(Score::cosine, a, b);
  page.table({"", "", "", ""},
             {{"dot", "a.b", products(a, b), fixed(dot)},
              {"scaled_dot", "a.b / sqrt(d)", fmt::format("{:g} / sqrt({})", dot, a.size()), fixed(scaled)},
              {"cosine", "a.b / (|a| |b|)", fmt::format("{:g} / ({:.3f} * {:.3f})", dot, length(a), length(b)),
               fixed(cosine)}});
  page.numbers.update({{"dot", dot}, {"scaled_dot", scaled}, {"cosine", cosine}, {"degrees", degrees(cosine)}});
}

void show_words(const Vector& apple, Page& page) {
  page.heading("Words in a plane of two meanings");
  page.say(
      "Apple the word is a fruit and a firm. In coordinates (fruit, technology) one vector has to be both, between the "
      "words that are only one of them.");
  const Words words = {"orange", "cherry", "apple", "laptop", "phone"};
  const Tensor x = tensor({{1, 0}, {0.9, 0.1}, {apple[0], apple[1]}, {0.2, 0.8}, {0, 1}}, DType::float64);
  page.matrix("words", x, words, {"fruit", "technology"});
  const Tensor cosines = similarities(Score::cosine, x, x);
  page.numbers["cosines"] = to_json(cosines);
  page.heat_map("The cosines of all pairs, in per cent", words, words, cosines);

  std::vector<Tensor> weights;
  Words names;
  for (const Score measure : kMeasures) {
    weights.push_back(softmax(similarities(measure, x, x)[2]));
    names.emplace_back(name_of(measure));
  }
  page.numbers["apple_weights"] = to_json(stack(weights));
  page.heat_map("softmax of how like apple is to each: what apple would look at", names, words, stack(weights));
  const double orange = cosines.at({2, 0}), phone = cosines.at({2, 4});
  page.numbers["orange_apple"] = orange;
  page.notice(fmt::format(
      "orange and apple have a cosine of {}, that is {} degrees; phone and apple {}. A softmax makes shares of "
      "similarities, and a weighted mean of values is all that attention adds to that. Try --apple 0,1, the firm "
      "alone.",
      fixed(orange), fixed(degrees(orange), 1), fixed(phone)));
}

void run(const Inputs& in, Page& page) {
  page.say(
      "Attention compares a query with keys. All it needs for that is a number for how like two vectors are, and the "
      "dot product is the simplest. It is large for vectors that are long and point the same way.");
  show_pair(in.a, in.b, page);

  page.heading(fmt::format("The same b = {}, and a longer and longer a", text_of(in.b)));
  compare("longer", in.b,
          {{"a / 2", times(0.5, in.a)}, {"a", in.a}, {"2 a", times(2, in.a)}, {"10 a", times(10, in.a)}}, page);
  page.notice(fmt::format(
      "from a to 10 a the dot product goes from {} to {}, and the cosine stays at {}. Attention uses dot products all "
      "the same: one matrix product has all of them, and a key may say by its length how much it wants to be looked "
      "at.",
      fixed(similarity(Score::dot, in.a, in.b)), fixed(similarity(Score::dot, times(10, in.a), in.b)),
      fixed(similarity(Score::cosine, in.a, in.b))));

  page.heading(fmt::format("a = {} and vectors of other directions", text_of(in.a)));
  const Vector parallel = times(2, in.a), across = orthogonal_to(in.a), opposite = times(-1, in.a);
  compare("directions", in.a,
          {{"parallel " + text_of(parallel), parallel},
           {"orthogonal " + text_of(across), across},
           {"opposite " + text_of(opposite), opposite}},
          page);
  show_words(in.apple, page);
}

}  // namespace

Lesson similarity_lesson() {
  return {"similarity", "Dot product, cosine and scaled dot product: how like two vectors are", [](CLI::App& app) {
            const auto in = std::make_shared<Inputs>();
            add_vector(app, "--a", in->a, 2, kMostNumbers, -kLargest, kLargest,
                       "A vector of 2 to 16 numbers (default: 1,4)");
            add_vector(app, "--b", in->b, 2, kMostNumbers, -kLargest, kLargest,
                       "Another, of as many numbers (default: 0,3)");
            add_vector(app, "--apple", in->apple, 2, 2, 0, kLargest,
                       "How much of a fruit and of technology it is (default: 1,1)");
            app.parse_complete_callback([in] {
              if (in->a.size() != in->b.size())
                throw CLI::ValidationError("--b", fmt::format("as many numbers as --a, which has {}", in->a.size()));
              for (const auto& [name, x] : {std::pair("--a", in->a), {"--b", in->b}, {"--apple", in->apple}})
                if (length(x) < kShortest)
                  throw CLI::ValidationError(name, fmt::format("a vector of at least length {}", kShortest));
            });
            return [in](Page& page) { run(*in, page); };
          }};
}

}  // namespace gaze::train
