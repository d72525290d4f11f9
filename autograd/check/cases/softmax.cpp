#include <algorithm>
#include <cmath>

#include <gaze/autograd/check/cases/cases.h>

namespace gaze::cases {
namespace {

/// f(row, place) for every number, where row holds those along the axis.
template <class F>
Tensor along(const Tensor& x, int axis, const F& f) {
  const auto place = static_cast<std::size_t>(x.shape().normal_axis(axis));
  return table(x.shape(), [&](Index i) {
    const auto own = static_cast<std::size_t>(i[place]);
    std::vector<double> row;
    for (i[place] = 0; i[place] < x.size(axis); ++i[place]) row.push_back(at(x, i));
    return f(row, own);
  });
}

double log_sum(const std::vector<double>& row) {
  const double largest = *std::max_element(row.begin(), row.end());
  double s = 0;
  for (const double x : row) s += std::exp(x - largest);
  return largest + std::log(s);
}

}  // namespace

void add_softmax(Table& cases) {
  const auto add = [&](const char* variant, const Tensor& x, int axis) {
    cases.push_back({"softmax",
                     variant,
                     {x},
                     [axis](Inputs in) { return softmax(in[0], axis); },
                     [axis](Inputs in) {
                       return along(in[0], axis,
                                    [](const auto& row, std::size_t i) { return std::exp(row[i] - log_sum(row)); });
                     }});
    cases.push_back({"log_softmax",
                     variant,
                     {x},
                     [axis](Inputs in) { return log_softmax(in[0], axis); },
                     [axis](Inputs in) {
                       return along(in[0], axis, [](const auto& row, std::size_t i) { return row[i] - log_sum(row); });
                     }});
  };
  add("ordinary", numbers({3, 4}), -1);
  add("longer than a vector", numbers({2, 37}), 1);
  add("first axis", numbers({3, 4}), 0);
  add("middle axis", numbers({2, 3, 4}), 1);
  add("beyond e^x", between({2, 5}, 900, 904), -1);
  add("vector", numbers({4}), 0);
  add("size one", numbers({1, 1}), 0);
  add("no rows", numbers({0, 4}), 1);
  add("no columns", numbers({3, 0}), 1);

  const auto add_masked = [&](const char* variant, const Tensor& x, const Tensor& keep) {
    cases.push_back({"masked_softmax",
                     variant,
                     {x, keep},
                     [](Inputs in) { return masked_softmax(in[0], in[1]); },
                     [](Inputs in) {
                       return table(in[0].shape(), [&](const Index& i) {
                         double s = 0;
                         Index other = i;
                         for (other.back() = 0; other.back() < in[0].size(-1); ++other.back())
                           if (at(in[1], other) != 0) s += std::exp(at(in[0], other));
                         return at(in[1], i) != 0 ? std::exp(at(in[0], i)) / s : 0;
                       });
                     }});
  };
  add_masked("ordinary", numbers({2, 4}), whole({2, 4}, {1, 0, 1, 1, 0, 0, 1, 1}));
  add_masked("a row that keeps nothing", numbers({3, 2}), whole({3, 2}, {0, 0, 1, 1, 0, 1}));
  add_masked("broadcast row", numbers({2, 3, 4}), whole({4}, {1, 1, 0, 1}));
  add_masked("broadcast column", numbers({3, 4}), whole({3, 1}, {1, 0, 1}));
  add_masked("size one", numbers({1}), whole({1}, {1}));
  add_masked("empty", numbers({0, 4}), whole({4}, {1, 1, 0, 1}));
}

namespace {

/// Cross-entropy, by loops.
Tensor loss_by_loops(const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& o) {
  double total = 0, counted = 0;
  for_each(targets.shape(), [&](const Index& i) {
    const std::int64_t target = id_at(targets, i), classes = logits.size(-1);
    if (target == o.ignore_index) return;
    std::vector<double> row;
    Index place = i;
    place.push_back(0);
    for (; place.back() < classes; ++place.back()) row.push_back(at(logits, place));
    for (std::int64_t c = 0; c < classes; ++c) {
      const double q = (c == target ? 1 - o.label_smoothing : 0) + o.label_smoothing / static_cast<double>(classes);
      total -= q * (row[static_cast<std::size_t>(c)] - log_sum(row));
    }
    ++counted;
  });
  return Tensor::scalar(o.reduction == Reduction::mean ? total / counted : total, DType::float64);
}

}  // namespace

void add_losses(Table& cases) {
  const auto add = [&](const char* variant, const Shape& logits, const Tensor& targets, CrossEntropyOptions o = {}) {
    cases.push_back({"cross_entropy",
                     variant,
                     {numbers(logits), targets},
                     [o](Inputs in) { return cross_entropy(in[0], in[1], o); },
                     [o](Inputs in) { return loss_by_loops(in[0], in[1], o); }});
    // The same logits' shape out of as many features as the size-one case has.
    const std::int64_t features = logits.size() == 1 ? 1 : 3;
    cases.push_back({"projected_cross_entropy",
                     variant,
                     {numbers(logits.with(-1, features)), numbers({logits[-1], features}, 1), targets},
                     [o](Inputs in) { return projected_cross_entropy(in[0], in[1], in[2], o); },
                     [o](Inputs in) {
                       const Tensor made = table(
                           in[2].shape().size() == 0 ? Shape{0, in[1].size(0)} : in[0].shape().with(-1, in[1].size(0)),
                           [&](const Index& i) {
                             double sum = 0;
                             Index from = i, row{i.back(), 0};
                             for (std::int64_t d = 0; d < in[1].size(1); ++d) {
                               from.back() = row.back() = d;
                               sum += at(in[0], from) * at(in[1], row);
                             }
                             return sum;
                           });
                       return loss_by_loops(made, in[2], o);
                     }});
  };
  add("ordinary", {3, 5}, below({3}, 5));
  add("longer than a vector", {2, 37}, below({2}, 37));
  add("more rows than are made at a time", {300, 3}, below({300}, 3));
  add("smoothed", {3, 5}, below({3}, 5), {.label_smoothing = 0.1});
  add("ignored", {4, 5}, whole({4}, {1, -1, 0, -1}), {.ignore_index = -1});
  add("smoothed, ignored, summed", {4, 3}, whole({4}, {1, 0, 2, 0}),
      {.label_smoothing = 0.2, .ignore_index = 0, .reduction = Reduction::sum});
  add("summed", {3, 5}, below({3}, 5), {.reduction = Reduction::sum});
  add("two axes of targets", {2, 3, 4}, below({2, 3}, 4));
  add("one row", {4}, whole({}, {2}));
  add("size one", {1, 1}, whole({1}, {0}));
  add("all ignored, summed", {2, 3}, whole({2}, {7, 7}), {.ignore_index = 7, .reduction = Reduction::sum});
  add("empty, summed", {0, 3}, below({0}, 3), {.reduction = Reduction::sum});

  const auto add_mse = [&](const char* variant, const Shape& a, const Shape& b, Reduction reduction) {
    cases.push_back({"mse",
                     variant,
                     {numbers(a), numbers(b, 1)},
                     [reduction](Inputs in) { return mse(in[0], in[1], reduction); },
                     [reduction](Inputs in) {
                       const Shape shape = broadcast("reference", in[0].shape(), in[1].shape());
                       double total = 0;
                       for_each(shape, [&](const Index& i) { total += std::pow(at(in[0], i) - at(in[1], i), 2); });
                       const double count = reduction == Reduction::mean ? static_cast<double>(shape.size()) : 1;
                       return Tensor::scalar(total / count, DType::float64);
                     }});
  };
  add_mse("ordinary", {3, 4}, {3, 4}, Reduction::mean);
  add_mse("summed", {3, 4}, {3, 4}, Reduction::sum);
  add_mse("broadcast", {3, 1}, {4}, Reduction::mean);
  add_mse("size one", {1}, {1}, Reduction::mean);
  add_mse("empty, summed", {0, 3}, {3}, Reduction::sum);
}

}  // namespace gaze::cases
