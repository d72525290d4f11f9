#include <algorithm>
#include <map>

#include <cmath>

#include <gaze/autograd/check/cases/cases.h>

namespace gaze::cases {
namespace {

/// sum_k a[...,i,k] b[...,k,j], with vectors as a row and a column.
Tensor product(const Tensor& left, const Tensor& right, MatmulOptions o) {
  const Tensor a = left.rank() == 1 ? left.reshape({1, left.size()}) : left;
  const Tensor b = right.rank() == 1 ? right.reshape({right.size(), 1}) : right;
  const auto swapped = [](const Index& lead, std::int64_t row, std::int64_t column, bool swap) {
    Index i = lead;
    i.push_back(swap ? column : row);
    i.push_back(swap ? row : column);
    return i;
  };
  const auto leading = [](const Tensor& t) {
    return Shape(std::span(t.shape().begin(), static_cast<std::size_t>(t.rank() - 2)));
  };
  const std::int64_t inner = a.size(o.transpose_a ? -2 : -1);
  Shape shape = broadcast("reference", leading(a), leading(b)), result = shape;
  shape.append(a.size(o.transpose_a ? -1 : -2));
  shape.append(b.size(o.transpose_b ? -2 : -1));
  if (left.rank() > 1) result.append(shape[-2]);
  if (right.rank() > 1) result.append(shape[-1]);
  // Leading axes are aligned to the right: an operand with fewer takes the last ones.
  const auto operand = [&](const Tensor& t, const Index& i, std::int64_t row, std::int64_t column, bool swap) {
    return at(t, swapped(Index(i.end() - t.rank(), i.end() - 2), row, column, swap));
  };
  return table(shape,
               [&](const Index& i) {
                 double s = 0;
                 for (std::int64_t k = 0; k < inner; ++k)
                   s += operand(a, i, i[i.size() - 2], k, o.transpose_a) * operand(b, i, k, i.back(), o.transpose_b);
                 return s;
               })
      .reshape(result);
}

/// Loops over every value of every label.
Tensor labelled_sum(const std::string& equation, Inputs in) {
  const std::size_t arrow = equation.find("->"), comma = equation.find(',');
  const std::string result = equation.substr(arrow + 2);
  std::vector<std::string> labels{equation.substr(0, std::min(comma, arrow))};
  if (comma != std::string::npos) labels.push_back(equation.substr(comma + 1, arrow - comma - 1));
  std::map<char, std::int64_t> lengths;
  for (std::size_t t = 0; t < labels.size(); ++t)
    for (std::size_t axis = 0; axis < labels[t].size(); ++axis)
      lengths[labels[t][axis]] = in[t].size(static_cast<int>(axis));
  Shape every, shape;
  std::map<char, std::size_t> place;
  for (const auto& [label, length] : lengths) place[label] = place.size(), every.append(length);
  for (const char label : result) shape.append(lengths[label]);
  const auto part = [&](const Index& i, const std::string& wanted) {
    Index own;
    for (const char label : wanted) own.push_back(i[place[label]]);
    return own;
  };
  std::map<Index, double> sums;
  for_each(every, [&](const Index& i) {
    double term = 1;
    for (std::size_t t = 0; t < labels.size(); ++t) term *= at(in[t], part(i, labels[t]));
    sums[part(i, result)] += term;
  });
  return table(shape, [&](const Index& i) { return sums[i]; });
}

}  // namespace

void add_matrices(Table& cases) {
  const auto add_matmul = [&](const char* variant, const Shape& a, const Shape& b, MatmulOptions o = {}) {
    cases.push_back({"matmul",
                     variant,
                     {numbers(a), numbers(b, 1)},
                     [o](Inputs in) { return matmul(in[0], in[1], o); },
                     [o](Inputs in) { return product(in[0], in[1], o); }});
  };
  add_matmul("ordinary", {3, 4}, {4, 5});
  add_matmul("transposed a", {4, 3}, {4, 5}, {.transpose_a = true});
  add_matmul("transposed b", {3, 4}, {5, 4}, {.transpose_b = true});
  add_matmul("both transposed", {4, 3}, {5, 4}, {.transpose_a = true, .transpose_b = true});
  add_matmul("batch", {2, 3, 4}, {2, 4, 5});
  add_matmul("batch, transposed a", {2, 4, 3}, {2, 4, 5}, {.transpose_a = true});
  add_matmul("batch, transposed b", {2, 3, 4}, {2, 5, 4}, {.transpose_b = true});
  add_matmul("batch, both transposed", {2, 4, 3}, {2, 5, 4}, {.transpose_a = true, .transpose_b = true});
  add_matmul("batch and matrix", {2, 3, 4}, {4, 5});
  add_matmul("batch and transposed matrix", {2, 3, 4}, {5, 4}, {.transpose_b = true});
  add_matmul("transposed batch and matrix", {2, 4, 3}, {4, 5}, {.transpose_a = true});
  add_matmul("matrix and batch", {3, 4}, {2, 4, 5});
  add_matmul("broadcast batch", {2, 1, 2, 3}, {3, 3, 2});
  add_matmul("broadcast batch, both transposed", {2, 1, 3, 2}, {3, 2, 3}, {.transpose_a = true, .transpose_b = true});
  add_matmul("vector and matrix", {4}, {4, 5});
  add_matmul("matrix and vector", {3, 4}, {4});
  add_matmul("vectors", {4}, {4});
  add_matmul("vector and batch", {4}, {2, 4, 3});
  add_matmul("batch and vector", {2, 3, 4}, {4});
  add_matmul("size one", {1, 1}, {1, 1});
  add_matmul("no rows", {0, 4}, {4, 5});
  add_matmul("no inner axis", {3, 0}, {0, 5});
  add_matmul("no columns", {3, 4}, {4, 0});
  add_matmul("no batch", {0, 3, 4}, {4, 5});
  cases.push_back({"matmul",
                   "with itself, transposed",
                   {numbers({3, 4})},
                   [](Inputs in) { return matmul(in[0], in[0], {.transpose_b = true}); },
                   [](Inputs in) { return product(in[0], in[0], {.transpose_b = true}); }});

  const auto add_linear = [&](const char* variant, const Shape& x, const Shape& weight, bool with_bias,
                              RowRange rows = {}) {
    std::vector<Tensor> inputs{numbers(x), numbers(weight, 1)};
    if (with_bias) inputs.push_back(numbers({weight[0]}, 2));
    const auto bias_of = [with_bias](Inputs in) { return with_bias ? in[2] : Tensor(); };
    cases.push_back({"linear", variant, inputs, [=](Inputs in) { return linear(in[0], in[1], bias_of(in), rows); },
                     [=](Inputs in) {
                       const std::int64_t last = rows.count < 0 ? in[1].size(0) : rows.first + rows.count;
                       const Tensor y = product(in[0], in[1].slice(0, rows.first, last), {.transpose_b = true});
                       return with_bias ? y + in[2].slice(0, rows.first, last) : y;
                     }});
  };
  const auto add_dense = [&](const char* variant, const Shape& x, const Shape& w, bool biased, Activation activation,
                             double p) {
    const DropoutOptions drop{p, {11, 6}};
    std::vector<Tensor> inputs = {numbers(x), numbers(w, 1)};
    if (biased) inputs.push_back(numbers({w[0]}, 2));
    const auto bias_of = [=](Inputs in) { return biased ? in[2] : Tensor(); };
    cases.push_back({"dense", variant, inputs,
                     [=](Inputs in) { return dense(in[0], in[1], bias_of(in), activation, drop); },
                     [=](Inputs in) {
                       std::int64_t next = 0;
                       return table(in[0].shape().with(-1, w[0]), [&](const Index& i) {
                         Index place = i;
                         double z = biased ? at(in[2], Index{i.back()}) : 0;
                         for (place.back() = 0; place.back() < w[1]; ++place.back())
                           z += at(in[0], place) * at(in[1], Index{i.back(), place.back()});
                         if (activation == Activation::relu) z = std::max(z, 0.0);
                         if (activation == Activation::gelu) z *= std::erfc(-z / std::sqrt(2.0)) / 2;
                         return kept(p, drop.stream, next++) ? z / (1 - p) : 0;
                       });
                     }});
  };
  add_dense("nothing but linear", {5, 3}, {4, 3}, true, Activation::none, 0);
  add_dense("relu", {5, 3}, {4, 3}, true, Activation::relu, 0);
  add_dense("gelu", {2, 5, 3}, {4, 3}, true, Activation::gelu, 0);
  add_dense("gelu, no bias", {5, 3}, {4, 3}, false, Activation::gelu, 0);
  add_dense("dropout", {5, 3}, {4, 3}, true, Activation::none, 0.4);
  add_dense("relu, dropout", {2, 5, 3}, {4, 3}, true, Activation::relu, 0.4);
  add_dense("gelu, dropout", {5, 3}, {4, 3}, true, Activation::gelu, 0.4);
  add_dense("relu, longer than a vector", {9, 3}, {37, 3}, true, Activation::relu, 0.2);
  add_dense("no rows of x", {0, 3}, {4, 3}, true, Activation::gelu, 0.4);
  add_dense("no inputs", {5, 0}, {4, 0}, true, Activation::relu, 0.4);
  add_dense("no outputs", {5, 3}, {0, 3}, true, Activation::relu, 0);
  add_dense("size one", {1, 1}, {1, 1}, true, Activation::gelu, 0);
  add_linear("ordinary", {5, 3}, {4, 3}, true);
  add_linear("no bias", {5, 3}, {4, 3}, false);
  add_linear("three axes", {2, 5, 3}, {4, 3}, true);
  add_linear("vector", {3}, {4, 3}, true);
  add_linear("some rows", {2, 5, 3}, {6, 3}, true, {2, 3});
  add_linear("last rows, no bias", {5, 3}, {6, 3}, false, {4});
  add_linear("no rows of x", {0, 3}, {4, 3}, true);
  add_linear("no inputs", {5, 0}, {4, 0}, true);
  add_linear("no outputs", {5, 3}, {0, 3}, true);
  add_linear("size one", {1, 1}, {1, 1}, true);
  cases.push_back({"linear",
                   "two parts of one weight",
                   {numbers({5, 3}), numbers({4, 3}), numbers({4})},
                   [](Inputs in) {
                     return linear(in[0], in[1], in[2], {0, 2}) * linear(in[0], in[1], in[2], {2, 2});
                   },
                   [](Inputs in) {
                     const Tensor y = product(in[0], in[1], {.transpose_b = true}) + in[2];
                     return y.slice(1, 0, 2) * y.slice(1, 2, 4);
                   }});

  const auto add_einsum = [&](const char* equation, const std::vector<Shape>& shapes, const char* variant = "") {
    std::vector<Tensor> inputs;
    for (const Shape& shape : shapes) inputs.push_back(numbers(shape, static_cast<int>(inputs.size())));
    cases.push_back({"einsum", fmt::format("{}{}", equation, variant), inputs,
                     [equation](Inputs in) { return einsum(equation, in); },
                     [equation](Inputs in) { return labelled_sum(equation, in); }});
  };
  add_einsum("ij,jk->ik", {{3, 4}, {4, 5}});
  add_einsum("ji,kj->ik", {{4, 3}, {5, 4}});
  add_einsum("bij,bjk->bik", {{2, 3, 4}, {2, 4, 5}});
  add_einsum("bthk,bshk->bhts", {{2, 3, 2, 4}, {2, 5, 2, 4}});
  add_einsum("bhts,bshk->bthk", {{2, 2, 3, 5}, {2, 5, 2, 4}});
  add_einsum("i,j->ij", {{3}, {4}});
  add_einsum("i,i->", {{4}, {4}});
  add_einsum("ij,ij->ij", {{3, 4}, {3, 4}});
  add_einsum("ijk,k->i", {{2, 3, 4}, {4}});
  add_einsum("ijk->kj", {{2, 3, 4}});
  add_einsum("ij->", {{3, 4}});
  add_einsum("ij,jk->ik", {{1, 1}, {1, 1}}, ", size one");
  add_einsum("ij,jk->ik", {{3, 0}, {0, 5}}, ", empty");
}

}  // namespace gaze::cases
