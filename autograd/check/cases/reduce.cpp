#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <gaze/autograd/check/cases/cases.h>

namespace gaze::cases {
namespace {

using Members = std::vector<double>;
using OfMembers = std::function<double(const Members&)>;

/// f of the numbers that fall together when `axes` (none: all) are reduced.
Tensor reduce(const Tensor& x, const Axes& axes, bool keep, const OfMembers& f) {
  std::vector<bool> gone(static_cast<std::size_t>(x.rank()), axes.empty());
  for (const int axis : axes) gone[static_cast<std::size_t>(x.shape().normal_axis(axis))] = true;
  Shape kept = x.shape(), result;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (gone[static_cast<std::size_t>(axis)]) kept.set(axis, 1);
    if (keep || !gone[static_cast<std::size_t>(axis)]) result.append(kept[axis]);
  }
  std::map<Index, Members> groups;
  for_each(kept, [&](const Index& i) { groups[i]; });
  for_each(x.shape(), [&](Index i) {
    const double value = at(x, i);
    for (std::size_t axis = 0; axis < i.size(); ++axis)
      if (gone[axis]) i[axis] = 0;
    groups[i].push_back(value);
  });
  return table(kept, [&](const Index& i) { return f(groups[i]); }).reshape(result);
}

using Operation = std::function<Tensor(const Tensor&, const Axes&, bool keep)>;

void reduction(Table& cases, const char* name, const char* form, bool of_nothing, const Operation& op,
               const OfMembers& f) {
  const auto add = [&](const char* variant, const Tensor& x, const Axes& axes, bool keep = false) {
    cases.push_back({name,
                     variant + std::string(form),
                     {x},
                     [=](Inputs in) { return op(in[0], axes, keep); },
                     [=](Inputs in) { return reduce(in[0], axes, keep, f); }});
  };
  add("all axes", numbers({3, 4}), {});
  add("all axes, kept", numbers({3, 4}), {}, true);
  add("first axis", numbers({3, 4}), {0});
  add("last axis", numbers({3, 4}), {-1});
  add("last axis, kept", numbers({3, 4}), {1}, true);
  add("last axis, longer than a vector", numbers({2, 37}), {1});
  add("first axis, longer than a vector", numbers({2, 37}), {0});
  add("middle axis", numbers({2, 3, 4}), {1});
  add("outer axes", numbers({2, 3, 4}), {0, 2});
  add("outer axes, kept", numbers({2, 3, 4}), {-1, 0}, true);
  add("axes of length 1", numbers({1, 4, 1}), {1});
  add("empty result", numbers({2, 0, 3}), {0});
  if (of_nothing) add("over nothing", numbers({2, 0, 3}), {1});
  if (of_nothing) add("over nothing, all axes", numbers({0}), {});
}

double total(const Members& m) { return std::accumulate(m.begin(), m.end(), 0.0); }

}  // namespace

void add_reductions(Table& cases) {
  const auto count = [](const Members& m) { return static_cast<double>(m.size()); };
  reduction(cases, "sum", "", true, sum, total);
  reduction(cases, "mean", "", false, mean, [=](const Members& m) { return total(m) / count(m); });
  reduction(cases, "max", "", false, max, [](const Members& m) { return *std::max_element(m.begin(), m.end()); });
  reduction(cases, "min", "", false, min, [](const Members& m) { return *std::min_element(m.begin(), m.end()); });
  reduction(cases, "logsumexp", "", true, logsumexp, [](const Members& m) {
    return std::log(std::accumulate(m.begin(), m.end(), 0.0, [](double s, double x) { return s + std::exp(x); }));
  });
  for (const int correction : {0, 1}) {
    reduction(
        cases, "var", correction ? "" : ", not corrected", false,
        [correction](const Tensor& x, const Axes& axes, bool keep) { return var(x, axes, keep, correction); },
        [=](const Members& m) {
          const double mean = total(m) / count(m);
          double squares = 0;
          for (const double x : m) squares += (x - mean) * (x - mean);
          return squares / (count(m) - correction);
        });
  }
  for (const char* name : {"sum", "mean", "max", "min", "logsumexp"}) {
    const auto op = [](const std::string& of) {
      return of == "sum" ? sum : of == "mean" ? mean : of == "max" ? max : of == "min" ? min : logsumexp;
    }(name);
    const OpCase::Call itself = [](Inputs in) { return in[0].reshape({1}); };
    cases.push_back({name, "size one", {numbers({1, 1})}, [op](Inputs in) { return op(in[0], {0}, false); }, itself});
    cases.push_back({name,
                     "scalar",
                     {numbers({})},
                     [op](Inputs in) { return op(in[0], {}, false); },
                     [](Inputs in) { return in[0]; }});
  }
  cases.push_back({"var",
                   "size one",
                   {numbers({1, 1})},
                   [](Inputs in) { return var(in[0], {0}, false, 0); },
                   [](Inputs) { return Tensor::zeros({1}, DType::float64); }});
  cases.push_back({"logsumexp",
                   "beyond e^x",
                   {between({3, 4}, 800, 802)},
                   [](Inputs in) { return logsumexp(in[0], {1}); },
                   [](Inputs in) {
                     return reduce(in[0], {1}, false, [](const Members& m) {
                       double s = 0;
                       for (const double x : m) s += std::exp(x - 800);
                       return 800 + std::log(s);
                     });
                   }});
}

}  // namespace gaze::cases
