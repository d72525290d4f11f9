#include <cmath>

#include <gaze/autograd/check/cases/cases.h>

namespace gaze::cases {
namespace {

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

/// Unit i of part `part` of a row of parts of equal length.
double part_at(const Tensor& x, const Index& i, std::int64_t part, std::int64_t size) {
  return at(x, Index{i[0], part * size + i[1] % size});
}

Tensor gru_by_loops(Inputs in, const Tensor& running) {
  const std::int64_t n = in[2].size(1);
  return table(in[2].shape(), [&](const Index& i) {
    if (running.defined() && id_at(running, Index{i[0]}) == 0) return at(in[2], i);
    const auto both = [&](std::int64_t part) { return part_at(in[0], i, part, n) + part_at(in[1], i, part, n); };
    const double r = logistic(both(0)), z = logistic(both(1));
    const double candidate = std::tanh(part_at(in[0], i, 2, n) + r * part_at(in[1], i, 2, n));
    return (1 - z) * candidate + z * at(in[2], i);
  });
}

Tensor lstm_by_loops(Inputs in, const Tensor& running) {
  const std::int64_t n = in[2].size(1) / 2;
  return table(in[2].shape(), [&](const Index& i) {
    if (running.defined() && id_at(running, Index{i[0]}) == 0) return at(in[2], i);
    const auto both = [&](std::int64_t part) { return part_at(in[0], i, part, n) + part_at(in[1], i, part, n); };
    const double c = logistic(both(1)) * part_at(in[2], i, 1, n) + logistic(both(0)) * std::tanh(both(2));
    return i[1] < n ? logistic(both(3)) * std::tanh(c) : c;
  });
}

}  // namespace

void add_recurrent(Table& cases) {
  const auto add = [&](const char* variant, std::int64_t rows, std::int64_t n, const Tensor& running = {}) {
    cases.push_back({"gru_cell",
                     variant,
                     {numbers({rows, 3 * n}), numbers({rows, 3 * n}, 1), numbers({rows, n}, 2)},
                     [=](Inputs in) { return gru_cell(in[0], in[1], in[2], running); },
                     [=](Inputs in) { return gru_by_loops(in, running); }});
    cases.push_back({"lstm_cell",
                     variant,
                     {numbers({rows, 4 * n}), numbers({rows, 4 * n}, 1), numbers({rows, 2 * n}, 2)},
                     [=](Inputs in) { return lstm_cell(in[0], in[1], in[2], running); },
                     [=](Inputs in) { return lstm_by_loops(in, running); }});
  };
  add("ordinary", 3, 4);
  add("longer than a vector", 2, 37);
  add("some rows stay", 3, 4, whole({3}, {1, 0, 1}));
  add("all rows stay", 2, 3, whole({2}, {0, 0}));
  add("size one", 1, 1);
  add("no rows", 0, 4);
}

}  // namespace gaze::cases
