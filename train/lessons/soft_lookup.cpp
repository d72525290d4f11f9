#include <gaze/train/lessons/lesson.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/ops.h>

namespace gaze::train {
namespace {

struct Person {
  double age, income;
};

struct Inputs {
  std::pair<double, double> query{40, 55};
  double bandwidth = 5;
  std::vector<Person> people = {{45, 30}, {28, 40}, {50, 45}, {57, 35}, {39, 20}, {43, 33}, {60, 42}, {47, 50}};
};

/// What the query "about this age" gets: softmax(-(age - q)^2 / (2 b^2)) over the people, and the mixture of incomes.
/// It is dot-product attention: (q k - k^2 / 2) / b^2, of (q, 1) with (k, -k^2 / 2), differs from that by a number
/// that is the same for every key, which softmax does not see.
AttentionResult look_up(double age, double bandwidth, const std::vector<Person>& people) {
  std::vector<double> keys, values;
  for (const Person& p : people) {
    keys.insert(keys.end(), {p.age - age, -(p.age - age) * (p.age - age) / 2});  // ages from the query's on: q is 0
    values.push_back(p.income);
  }
  const auto count = static_cast<std::int64_t>(people.size());
  const Tensor q = tensor({{{0, 1}}}, DType::float64);           // [1,1,2]
  const Tensor k = Tensor::from<double>({1, count, 2}, keys);    // [1,S,2]
  const Tensor v = Tensor::from<double>({1, count, 1}, values);  // [1,S,1]
  return composed_attention(q, k, v, {.scale = 1 / (bandwidth * bandwidth)});
}

void run(const Inputs& in, Page& page) {
  const auto [low, high] = in.query;
  const double middle = (low + high) / 2;
  page.say(
      "A table of people is a memory: ages are its keys, incomes its values. A query asks for the income of the middle-"
      "aged. A dictionary answers with the entries whose keys match; attention answers with all entries, each as far "
      "as "
      "its key is like the query.");
  page.formula("income(q) = sum_i a_i income_i,   a = softmax_i(-(age_i - q)^2 / (2 b^2))");

  page.heading(fmt::format("A hard filter: {:g} <= age <= {:g}, and a soft one around {:g}", low, high, middle));
  const AttentionResult soft = look_up(middle, in.bandwidth, in.people);
  std::vector<std::vector<std::string>> rows;
  double matched = 0, filtered = 0, everyone = 0;
  for (std::size_t i = 0; i < in.people.size(); ++i) {
    const Person& p = in.people[i];
    const bool matches = p.age >= low && p.age <= high;
    matched += matches, filtered += matches ? p.income : 0, everyone += p.income;
    rows.push_back({fmt::format("{:g}", p.age), fmt::format("{:g}", p.income), matches ? "yes" : "",
                    fixed(soft.weights.array().at(static_cast<std::int64_t>(i)))});
  }
  page.table({"age (key)", "income (value)", "matches", fmt::format("weight, b = {:g}", in.bandwidth)}, rows);
  const double plain_mean = everyone / static_cast<double>(in.people.size());
  if (matched > 0) {
    page.say(fmt::format("The hard filter's mean is {:g}.", filtered / matched));
    page.numbers["hard"] = filtered / matched;
  } else {
    page.say("Nobody matches the hard filter: a dictionary has no answer there.");
    page.numbers["hard"] = nullptr;
  }
  page.say(fmt::format("The soft one's is {}.", fixed(soft.output.item())));
  page.numbers["query"] = middle;
  page.numbers["bandwidth"] = in.bandwidth;
  page.numbers["soft"] = soft.output.item();
  page.numbers["weights"] = to_json(reshape(soft.weights, {-1}));
  page.numbers["mean"] = plain_mean;

  page.heading("From one person to everybody: the bandwidth b");
  rows.clear();
  page.numbers["by_bandwidth"] = nlohmann::json::array();
  for (const double bandwidth : {0.01, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 100.0, 1e4}) {
    const AttentionResult found = look_up(middle, bandwidth, in.people);
    const double largest = max(found.weights).item();
    rows.push_back({fmt::format("{:g}", bandwidth), fixed(found.output.item()), fixed(largest)});
    page.numbers["by_bandwidth"].push_back(
        {{"bandwidth", bandwidth}, {"income", found.output.item()}, {"largest_weight", largest}});
  }
  page.table({"b", "income", "largest weight"}, rows);
  const auto nearest = std::min_element(in.people.begin(), in.people.end(), [&](const Person& a, const Person& b) {
    return std::abs(a.age - middle) < std::abs(b.age - middle);
  });
  page.numbers["nearest"] = nearest->income;
  page.notice(fmt::format(
      "with a small b the softmax is a hard choice, the person nearest to {:g} (age {:g}, income {:g}); with a large "
      "one all weights are alike and the answer is the plain mean, {:g}. In between every person counts, and the "
      "answer "
      "changes smoothly with the query, so that a query can be learned by its gradient. Try --query 35-60, --query 30 "
      "or "
      "--bandwidth 2.",
      middle, nearest->age, nearest->income, plain_mean));
}

/// "40-55", or one age.
std::pair<double, double> range_of(const std::string& text) {
  const auto number = [&](const std::string& part) {
    std::size_t used = 0;
    double value = NAN;
    try {
      value = std::stod(part, &used);
    } catch (const std::exception&) {
    }
    if (used != part.size() || !std::isfinite(value))
      throw CLI::ValidationError("--query", "an age or a range such as 40-55, not " + text);
    return value;
  };
  const std::size_t dash = text.find('-', 1);
  if (dash == text.npos) return {number(text), number(text)};
  const std::pair range{number(text.substr(0, dash)), number(text.substr(dash + 1))};
  if (range.first > range.second) throw CLI::ValidationError("--query", "the range " + text + " is empty");
  return range;
}

}  // namespace

Lesson soft_lookup_lesson() {
  return {"soft-lookup", "Query, keys and values: a dictionary whose every entry answers", [](CLI::App& app) {
            const auto in = std::make_shared<Inputs>();
            app.add_option_function<std::string>(
                "--query", [in](const std::string& text) { in->query = range_of(text); },
                "Ages to look for: 35-60, or one (default: 40-55)");
            app.add_option("--bandwidth", in->bandwidth, "How unlike a key may be and still count (default: 5)")
                ->check(real_range(1e-3, 1e6));
            return [in](Page& page) { run(*in, page); };
          }};
}

}  // namespace gaze::train
