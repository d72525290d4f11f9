#include <gaze/autograd/graph.h>

#include <gaze/autograd/check/cases/planted/bugs.h>

namespace gaze::planted {

// Matrices --------------------------------------------------------------------------------------------------------

void plant_matmul(Bugs& bugs) {
  const Tensor square = numbers({3, 3}), other = numbers({3, 3}, 1);
  const MatmulOptions first{.transpose_a = true}, second{.transpose_b = true};

  bugs.of("matmul", {square, other}, [](Inputs in) { return matmul(in[0], in[1]); });
  bugs.plant("does not transpose b", [=](const At& a) { return Tensors{matmul(a.g, a[1]), matmul(a[0], a.g, first)}; });
  bugs.plant("does not transpose a",
             [=](const At& a) {
               return Tensors{matmul(a.g, a[1], second), matmul(a[0], a.g)};
             },
             {1});
  bugs.plant("transposes the gradient of b",
             [=](const At& a) {
               return Tensors{matmul(a.g, a[1], second), matmul(a.g, a[0], first)};
             },
             {1});
  bugs.plant("multiplies from the wrong side", [=](const At& a) {
    return Tensors{matmul(a[1], a.g, first), matmul(a[0], a.g, first)};
  });
  bugs.plant_recorded("contributes a product that is not transposed",
                      [=](Inputs in) {
                        return record("wrong matmul", matmul(in[0].detach(), in[1].detach()).array(), {in[0], in[1]},
                                      keep_inputs, [=](const Saved& s, const Tensor& g) -> Gradients {
                                        return {matmul(g, s[1], second), Contribution::product(s[0], false, g, false)};
                                      });
                      },
                      {1});
  bugs.plant_second("keeps a as numbers", [=](const At& a) {
    return Tensors{matmul(a.g, a[1], second), matmul(a[0].detach(), a.g, first)};
  });
  bugs.of("matmul", {square, other}, [=](Inputs in) { return matmul(in[0], in[1], second); });
  bugs.plant("forgets that b came transposed",
             [=](const At& a) {
               return Tensors{matmul(a.g, a[1]), matmul(a[0], a.g, first)};
             },
             {1});
  bugs.of("matmul", {numbers({2, 3, 4}), numbers({4, 5}, 1)}, [](Inputs in) { return matmul(in[0], in[1]); });
  bugs.plant("takes the first of the batch for all",
             [=](const At& a) {
               return Tensors{matmul(a.g, a[1], second), matmul(a[0][0], a.g[0], first)};
             },
             {1});
  bugs.plant("overwrites what the batch should add up",
             [=](const At& a) {
               return Tensors{matmul(a.g, a[1], second), matmul(a[0][1], a.g[1], first)};
             },
             {1});
  bugs.plant_refused(
      "transposes the gradient of b",
      [=](const At& a) {
        return Tensors{matmul(a.g, a[1], second), transpose(matmul(a[0], a.g, first))};
      },
      "its vjp returned shape [2,5,4] for an input of shape [4,5]");

  bugs.of("einsum", {square, other}, [](Inputs in) { return einsum("ij,kj->ik", {in[0], in[1]}); });
  bugs.plant("swaps the labels of the second's gradient",
             [](const At& a) {
               return Tensors{einsum("ik,kj->ij", {a.g, a[1]}), einsum("ik,ij->jk", {a.g, a[0]})};
             },
             {1});
  bugs.plant("swaps the labels of the result", [](const At& a) {
    return Tensors{einsum("ki,kj->ij", {a.g, a[1]}), einsum("ik,ij->kj", {a.g, a[0]})};
  });
}

void plant_linear(Bugs& bugs) {
  const Tensor x = numbers({2, 3, 4}), weight = numbers({5, 4}, 1), bias = numbers({5}, 2);
  const Call whole_weight = [](Inputs in) { return linear(in[0], in[1], in[2]); };
  const auto matrix = [](const Tensor& t) { return reshape(t, {-1, t.size(-1)}); };

  bugs.of("linear", {x, weight, bias}, whole_weight);
  bugs.plant("averages the gradient of the bias",
             spoiled(whole_weight, 2, [=](const At& a, const Tensors&) { return mean(matrix(a.g), {0}); }), {2});
  bugs.plant("sums the bias over the batch's first sentence",
             spoiled(whole_weight, 2, [](const At& a, const Tensors&) { return sum(a.g[0], {0}); }), {2});
  bugs.plant("keeps the weight's gradient of the last sentence",
             spoiled(whole_weight, 1,
                     [](const At& a, const Tensors&) { return matmul(a.g[1], a[0][1], {.transpose_a = true}); }),
             {1});
  bugs.plant(
      "averages the gradient of the weight",
      spoiled(whole_weight, 1,
              [=](const At& a, const Tensors& right) { return right[1] / static_cast<double>(matrix(a.g).size(0)); }),
      {1});
  bugs.plant("forgets the bias", spoiled(whole_weight, 2, [](const At&, const Tensors&) { return Tensor(); }), {2});
  bugs.plant_second("keeps the weight as numbers", [=](const At& a) {
    const Tensor g = matrix(a.g);
    return Tensors{matmul(a.g, a[1].detach()), matmul(g, matrix(a[0]), {.transpose_a = true}), sum(g, {0})};
  });

  bugs.of("linear", {numbers({3, 3}), numbers({3, 3}, 1)}, [](Inputs in) { return linear(in[0], in[1]); });
  bugs.plant("multiplies by the transposed weight", [](const At& a) {
    return Tensors{matmul(a.g, a[1], {.transpose_b = true}), matmul(a.g, a[0], {.transpose_a = true})};
  });
  bugs.plant("transposes the gradient of the weight",
             [](const At& a) {
               return Tensors{matmul(a.g, a[1]), matmul(a[0], a.g, {.transpose_a = true})};
             },
             {1});
  bugs.of("linear", {numbers({2, 3}), numbers({4, 3}, 1)},
          [](Inputs in) { return linear(in[0], in[1], {}, {.first = 1, .count = 2}); });
  bugs.plant("puts the rows of a packed weight one too early",
             [](const At& a) {
               return Tensors{matmul(a.g, slice(a[1], 0, 1, 3)),
                              pad(matmul(a.g, a[0], {.transpose_a = true}), {{0, 2}, {0, 0}})};
             },
             {1});
  bugs.plant("reads the rows of a packed weight one too late", [](const At& a) {
    return Tensors{matmul(a.g, slice(a[1], 0, 2, 4)), pad(matmul(a.g, a[0], {.transpose_a = true}), {{1, 1}, {0, 0}})};
  });

  bugs.plant_recorded("contributes a product to rows one too early",
                      [](Inputs in) {
                        const Tensor y = linear(in[0].detach(), in[1].detach(), {}, {.first = 1, .count = 2});
                        return record(
                            "wrong linear", y.array(), {in[0], in[1]}, keep_inputs,
                            [](const Saved& s, const Tensor& g) -> Gradients {
                              return {matmul(g, slice(s[1], 0, 1, 3)), Contribution::product(g, true, s[0], false, 0)};
                            });
                      },
                      {1});

  // One tensor for the first layer and the last: two contributions, of which an operation of one's own must give both.
  const Tensor ids = whole({4}, {1, 0, 1, 3});
  const Call tied = [](Inputs in) { return linear(tanh(embedding(in[0], in[1])), in[0]); };
  bugs.of("linear", {weight, ids}, tied);
  bugs.plant("counts a tied weight as the head only", [](const At& a) {
    return Tensors{matmul(a.g, tanh(embedding(a[0], a[1])), {.transpose_a = true}), {}};
  });
  bugs.of("embedding", {weight, ids}, tied);
  bugs.plant("counts a tied weight as the table only",
             vjp_of([](Inputs in) { return linear(tanh(embedding(in[0], in[1])), in[0].detach()); }));

  const DropoutOptions drop{.p = 0.4, .stream = {3, 5}}, another{.p = 0.4, .stream = {3, 6}};
  const auto dense_of = [](Activation activation, const DropoutOptions& options) {
    return [=](Inputs in) { return dense(in[0], in[1], in[2], activation, options); };
  };
  bugs.of("dense", {x, weight, bias}, dense_of(Activation::relu, {}));
  bugs.plant("forgets the slope of the activation", vjp_of(whole_weight), {0, 1, 2});
  bugs.plant(
      "forgets the slope for the bias",
      spoiled(dense_of(Activation::relu, {}), 2, [=](const At& a, const Tensors&) { return sum(matrix(a.g), {0}); }),
      {2});
  bugs.of("dense", {x, weight, bias}, dense_of(Activation::gelu, drop));
  bugs.plant("takes relu for gelu", vjp_of(dense_of(Activation::relu, drop)), {0, 1, 2});
  bugs.plant("drops nothing", vjp_of(dense_of(Activation::gelu, {})), {0, 1, 2});
  bugs.plant("drops others", vjp_of(dense_of(Activation::gelu, another)), {0, 1, 2});
}

// Shapes ----------------------------------------------------------------------------------------------------------

void plant_shapes(Bugs& bugs) {
  const Tensor square = numbers({3, 3}), x = numbers({2, 6}), cube = numbers({2, 2, 2});

  bugs.of("reshape", {x}, [](Inputs in) { return reshape(in[0], {3, 4}); });
  bugs.plant("reads the gradient by columns", [](const At& a) { return Tensors{reshape(transpose(a.g), {2, 6})}; });
  bugs.plant_refused(
      "does not go back", [](const At& a) { return Tensors{a.g}; },
      "its vjp returned shape [3,4] for an input of shape [2,6]");

  bugs.of("transpose", {square}, [](Inputs in) { return transpose(in[0]); });
  bugs.plant("does not go back", [](const At& a) { return Tensors{a.g}; });
  bugs.plant_second("keeps the gradient as numbers", [](const At& a) { return Tensors{transpose(a.g.detach())}; });
  bugs.of("transpose", {cube}, [](Inputs in) { return transpose(in[0], 0, 2); });
  bugs.plant("swaps other axes back", [](const At& a) { return Tensors{transpose(a.g, 0, 1)}; });

  bugs.of("permute", {cube}, [](Inputs in) { return permute(in[0], {1, 2, 0}); });
  bugs.plant("applies the order once more", [](const At& a) { return Tensors{permute(a.g, {1, 2, 0})}; });

  bugs.of("expand", {numbers({3, 1})}, [](Inputs in) { return expand(in[0], {3, 4}); });
  bugs.plant("takes the first copy", [](const At& a) { return Tensors{slice(a.g, 1, 0, 1)}; });
  bugs.plant("averages the copies", [](const At& a) { return Tensors{mean_of_rows(a.g)}; });

  bugs.of("squeeze", {numbers({2, 1, 2})}, [](Inputs in) { return squeeze(in[0], 1); });
  bugs.plant("transposes on the way back", [](const At& a) { return Tensors{unsqueeze(transpose(a.g), 1)}; });
  bugs.plant_refused(
      "puts the axis elsewhere", [](const At& a) { return Tensors{unsqueeze(a.g, 0)}; },
      "its vjp returned shape [1,2,2] for an input of shape [2,1,2]");

  bugs.of("unsqueeze", {numbers({2, 2})}, [](Inputs in) { return unsqueeze(in[0], 1); });
  bugs.plant("transposes on the way back", [](const At& a) { return Tensors{squeeze(transpose(a.g, 0, 2), 1)}; });

  bugs.of("concat", {numbers({2, 3}), numbers({2, 3}, 1)}, [](Inputs in) { return concat(in, 1); });
  bugs.plant("swaps the parts", [](const At& a) { return Tensors{slice(a.g, 1, 3, 6), slice(a.g, 1, 0, 3)}; }, {0, 1});
  bugs.plant("begins every part at 0",
             [](const At& a) {
               return Tensors{slice(a.g, 1, 0, 3), slice(a.g, 1, 0, 3)};
             },
             {1});
  bugs.plant("begins a part one too early",
             [](const At& a) {
               return Tensors{slice(a.g, 1, 0, 3), slice(a.g, 1, 2, 5)};
             },
             {1});

  bugs.of("stack", {numbers({2, 3}), numbers({2, 3}, 1)}, [](Inputs in) { return stack(in); });
  bugs.plant("gives every part the last", [](const At& a) { return Tensors{a.g[1], a.g[1]}; }, {0});
  bugs.plant("adds the parts up", [](const At& a) { return Tensors{sum(a.g, {0}), sum(a.g, {0})}; }, {0, 1});

  bugs.of("slice", {numbers({5, 3})}, [](Inputs in) { return slice(in[0], 0, 1, 4); });
  bugs.plant("is off by one", [](const At& a) { return Tensors{pad(a.g, {{0, 2}, {0, 0}})}; });
  bugs.of("slice", {numbers({6, 2})}, [](Inputs in) { return slice(in[0], 0, 0, 6, 2); });
  bugs.plant("forgets the step", [](const At& a) { return Tensors{pad(a.g, {{0, 3}, {0, 0}})}; });
  bugs.plant("fills the gaps as well", [](const At& a) {
    return Tensors{reshape(expand(unsqueeze(a.g, 1), {3, 2, 2}), {6, 2})};
  });

  bugs.of("pad", {numbers({2, 3})}, [](Inputs in) { return pad(in[0], {{1, 2}, {0, 1}}); });
  bugs.plant("takes before for after", [](const At& a) { return Tensors{slice(slice(a.g, 0, 2, 4), 1, 0, 3)}; });
  bugs.plant("keeps the first rows", [](const At& a) { return Tensors{slice(slice(a.g, 0, 0, 2), 1, 0, 3)}; });
}

// By index --------------------------------------------------------------------------------------------------------

void plant_indexing(Bugs& bugs) {
  const Tensor ids = whole({6}, {1, 1, 4, 1, 0, 4}), weight = numbers({5, 3});

  bugs.of("gather", {numbers({5}), ids}, [](Inputs in) { return gather(in[0], 0, in[1]); });
  bugs.plant("overwrites on repeated indices", [](const At& a) {
    return Tensors{overwritten(a[1], a.g, a[0].size()), {}};
  });
  bugs.of("gather", {numbers({4, 3}), whole({2, 3}, {3, 0, 2, 1, 1, 3})},
          [](Inputs in) { return gather(in[0], 0, in[1]); });
  bugs.plant("does not look at the index", [](const At& a) { return Tensors{pad(a.g, {{0, 2}, {0, 0}}), {}}; });
  bugs.of("gather", {numbers({3, 3}), whole({3, 3}, {1, 0, 0, 2, 1, 2, 0, 2, 1})},
          [](Inputs in) { return gather(in[0], 0, in[1]); });
  bugs.plant("scatters along the wrong axis", [](const At& a) {
    return Tensors{scatter_add(zeros(a[0].shape()), 1, a[1], a.g), {}};
  });
  bugs.plant("gathers once more", [](const At& a) { return Tensors{gather(a.g, 0, a[1]), {}}; });

  bugs.of("index_select", {weight, ids}, [](Inputs in) { return index_select(in[0], 0, in[1]); });
  bugs.plant("overwrites on repeated indices", [](const At& a) {
    return Tensors{overwritten(a[1], a.g, a[0].size(0)), {}};
  });
  bugs.plant("does not look at the index", [](const At& a) { return Tensors{slice(a.g, 0, 0, a[0].size(0)), {}}; });

  const auto ones = [](const Tensor& like) { return Tensor::ones(like.shape(), DType::float64); };
  bugs.of("scatter_add", {numbers({5}), ids, numbers({6}, 1)},
          [](Inputs in) { return scatter_add(in[0], 0, in[1], in[2]); });
  bugs.plant("takes what was added to for overwritten", [=](const At& a) {
    const Tensor hits = scatter_add(zeros(a[0].shape()), 0, a[1], ones(a[2]));
    return Tensors{a.g * as_numbers(equal(hits, zeros({}))), {}, gather(a.g, 0, a[1])};
  });
  bugs.plant("divides by how often a place was hit",
             [=](const At& a) {
               const Tensor hits = scatter_add(zeros(a[0].shape()), 0, a[1], ones(a[2]));
               return Tensors{a.g, {}, gather(a.g, 0, a[1]) / gather(hits, 0, a[1])};
             },
             {2});
  bugs.of("scatter_add", {numbers({4, 3}), whole({2, 3}, {3, 0, 2, 1, 1, 3}), numbers({2, 3}, 1)},
          [](Inputs in) { return scatter_add(in[0], 0, in[1], in[2]); });
  bugs.plant("does not look at the index", [](const At& a) { return Tensors{a.g, {}, slice(a.g, 0, 0, 2)}; }, {2});

  const auto scattered = [](const Tensor& rows, const Tensor& g, std::int64_t count) {
    return matmul(one_hot(rows, count, DType::float64), g, {.transpose_a = true});
  };
  bugs.of("embedding", {weight, ids}, binary(embedding));
  bugs.plant("overwrites on repeated ids", [](const At& a) {
    return Tensors{overwritten(a[1], a.g, a[0].size(0)), {}};
  });
  bugs.plant("averages over repeated ids", [=](const At& a) {
    const Tensor hits = sum(one_hot(a[1], a[0].size(0), DType::float64), {0});
    return Tensors{scattered(a[1], a.g, a[0].size(0)) / unsqueeze(maximum(hits, Tensor::scalar(1, DType::float64)), 1),
                   {}};
  });
  bugs.plant("gives id 0 nothing, as if it were the padding", [=](const At& a) {
    return Tensors{pad(slice(scattered(a[1], a.g, a[0].size(0)), 0, 1, a[0].size(0)), {{1, 0}, {0, 0}}), {}};
  });
  bugs.plant("is off by one id", [=](const At& a) {
    return Tensors{pad(slice(scattered(a[1], a.g, a[0].size(0)), 0, 1, a[0].size(0)), {{0, 1}, {0, 0}}), {}};
  });
  const Tensor backwards = whole({6}, {4, 0, 1, 4, 1, 1});
  bugs.plant_recorded("gives rows to the ids read backwards", [=](Inputs in) {
    return record("wrong embedding", embedding(in[0].detach(), in[1]).array(), {in[0]}, keep_none,
                  [=](const Saved&, const Tensor& g) -> Gradients { return {Contribution::rows(backwards, g)}; });
  });
  bugs.plant_second("keeps the gradient as numbers", [=](const At& a) {
    return Tensors{scattered(a[1], a.g.detach(), a[0].size(0)), {}};
  });
}

}  // namespace gaze::planted
