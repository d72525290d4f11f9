#include <cmath>
#include <limits>

#include <gaze/autograd/check/cases/cases.h>

namespace gaze::cases {
namespace {

/// The weights [B,H,T,S], by loops.
Tensor weights_by_loops(const Columns& q, const Columns& k, const AttentionOptions& o) {
  const std::int64_t size = q.count / o.heads, keys = k.length;
  const double scale = o.scale.value_or(1 / std::sqrt(static_cast<double>(size)));
  const auto score = [&](const Index& i) {  // i: batch, head, query, key
    if (o.causal && i[3] > i[2]) return -std::numeric_limits<double>::infinity();
    if (o.key_lengths.defined() && i[3] >= id_at(o.key_lengths, Index{i[0]}))
      return -std::numeric_limits<double>::infinity();
    double s = 0;
    for (std::int64_t c = 0; c < size; ++c)
      s += at(q.packed, Index{i[0], i[2], q.first + i[1] * size + c}) *
           at(k.packed, Index{i[0], i[3], k.first + i[1] * size + c});
    return s * scale + (o.mask.defined() ? at(o.mask, i) : 0);
  };
  return table({q.packed.size(0), o.heads, q.packed.size(1), keys}, [&](const Index& i) {
    double total = 0;
    Index other = i;
    for (other[3] = 0; other[3] < keys; ++other[3]) total += std::exp(score(other));
    return total > 0 ? std::exp(score(i)) / total : 0;
  });
}

/// The output [B,T,HC], by loops.
Tensor output_by_loops(const Columns& q, const Columns& k, const Columns& v, const AttentionOptions& o) {
  const Tensor weights = weights_by_loops(q, k, o);
  const std::int64_t size = v.count / o.heads, queries = q.packed.size(1), keys = k.length;
  return table({q.packed.size(0), queries, v.count}, [&](const Index& i) {
    const std::int64_t head = i[2] / size;
    double s = 0;
    for (std::int64_t key = 0; key < keys; ++key) {
      const std::int64_t flat = ((i[0] * o.heads + head) * queries + i[1]) * keys + key;
      if (o.dropout > 0 && !kept(o.dropout, o.stream, flat)) continue;
      s += weights.array().at(flat) * at(v.packed, Index{i[0], key, v.first + i[2]}) / (1 - o.dropout);
    }
    return s;
  });
}

/// Where Q, K and V lie in the inputs, and how they are attended.
struct Layout {
  const char* variant;
  std::vector<Shape> inputs;                          ///< of one, two or three packed tensors
  std::function<std::vector<Columns>(Inputs)> parts;  ///< q, k, v
  AttentionOptions options;
};

Layout apart(const char* variant, const Shape& q, const Shape& k, const Shape& v, const AttentionOptions& o) {
  return {variant, {q, k, v}, [](Inputs in) { return std::vector<Columns>{in[0], in[1], in[2]}; }, o};
}

std::vector<Layout> layouts() {
  constexpr double never = -std::numeric_limits<double>::infinity();
  const Shape q{2, 3, 4}, k{2, 5, 4}, v{2, 5, 6};
  const auto masked = [](const Tensor& mask, std::int64_t heads = 2) {
    AttentionOptions o{.heads = heads};
    o.mask = mask;
    return o;
  };
  const auto lengths = [](const std::vector<std::int32_t>& of) {
    AttentionOptions o{.heads = 2};
    o.key_lengths = whole({static_cast<std::int64_t>(of.size())}, of);
    return o;
  };
  const Tensor barred =
      tensor({{0, never, 0.5, 1, never}, {never, never, never, never, never}, {1, 0, 0, never, 2}}, DType::float64);
  AttentionOptions dropped{.heads = 2};
  dropped.dropout = 0.4, dropped.stream = {7, 3};
  AttentionOptions all{.heads = 2, .causal = true};
  all.key_lengths = whole({2}, {4, 1}), all.mask = numbers({5, 5}, 9), all.scale = 0.7;
  all.dropout = 0.3, all.stream = {7, 4};
  AttentionOptions scaled{.heads = 2};
  scaled.scale = 1.7;
  const auto packed = [](std::int64_t d) {
    return [d](Inputs in) { return std::vector<Columns>{{in[0], 0, d}, {in[0], d, d}, {in[0], 2 * d, d}}; };
  };
  const auto words = [](Columns columns, std::int64_t length) {
    columns.length = length;
    return columns;
  };
  return {
      apart("ordinary", q, k, v, {.heads = 2}),
      apart("one head", q, k, v, {}),
      apart("longer than a vector", {1, 2, 6}, {1, 37, 6}, {1, 37, 2}, {.heads = 2}),
      apart("causal", {2, 4, 4}, {2, 4, 4}, {2, 4, 4}, {.heads = 2, .causal = true}),
      apart("causal, fewer queries", q, k, v, {.heads = 2, .causal = true}),
      apart("key lengths", q, k, v, lengths({5, 2})),
      apart("every key masked", q, k, v, lengths({0, 5})),
      apart("scale", q, k, v, scaled),
      apart("mask [T,S] with masked pairs", q, k, v, masked(barred)),
      apart("mask [H,T,S]", q, k, v, masked(numbers({2, 3, 5}, 9))),
      apart("mask [B,1,1,S]", q, k, v, masked(numbers({2, 1, 1, 5}, 9))),
      apart("mask [B,H,T,S]", q, k, v, masked(numbers({2, 2, 3, 5}, 9))),
      apart("dropout", q, k, v, dropped),
      apart("everything at once", {2, 5, 4}, {2, 5, 4}, {2, 5, 4}, all),
      {"packed", {{2, 4, 12}}, packed(4), {.heads = 2, .causal = true}},
      {"packed, other columns unused",
       {{2, 3, 9}},
       [](Inputs in) {
         return std::vector<Columns>{{in[0], 6, 2}, {in[0], 0, 2}, {in[0], 3, 2}};
       },
       {}},
      {"packed keys and values",
       {{2, 3, 4}, {2, 5, 8}},
       [](Inputs in) {
         return std::vector<Columns>{in[0], {in[1], 0, 4}, {in[1], 4, 4}};
       },
       {.heads = 2}},
      {"room for more keys and values",
       {{2, 3, 4}, {2, 7, 4}, {2, 6, 6}},
       [words](Inputs in) {
         return std::vector<Columns>{in[0], words({in[1], 0, 4}, 5), words({in[2], 0, 6}, 5)};
       },
       lengths({5, 2})},
      {"room for more, packed",
       {{2, 3, 4}, {2, 7, 8}},
       [words](Inputs in) {
         return std::vector<Columns>{in[0], words({in[1], 4, 4}, 5), words({in[1], 0, 4}, 5)};
       },
       {.heads = 2}},
      {"all three the same",
       {{2, 3, 4}},
       [](Inputs in) {
         return std::vector<Columns>{in[0], in[0], in[0]};
       },
       {.heads = 2}},
      apart("size one", {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {}),
      apart("no keys", {2, 3, 4}, {2, 0, 4}, {2, 0, 4}, {.heads = 2}),
      apart("no queries", {2, 0, 4}, {2, 5, 4}, {2, 5, 4}, {.heads = 2}),
      apart("no sentences", {0, 3, 4}, {0, 5, 4}, {0, 5, 4}, {.heads = 2}),
  };
}

}  // namespace

void add_attention(Table& cases) {
  using Parts = std::vector<Columns>;
  for (const Layout& layout : layouts()) {
    const auto& parts = layout.parts;
    const auto options_for = [o = layout.options](Inputs in) {
      AttentionOptions typed = o;
      if (o.mask.defined()) typed.mask = o.mask.to(in[0].dtype());
      return typed;
    };
    std::vector<Tensor> inputs;
    for (const Shape& shape : layout.inputs) inputs.push_back(numbers(shape, static_cast<int>(inputs.size())));
    const auto add = [&](const char* name, auto op, auto by_loops) {
      cases.push_back({name, layout.variant, inputs, [=](Inputs in) { return op(parts(in), options_for(in)); },
                       [=](Inputs in) { return by_loops(parts(in), options_for(in)); }});
    };
    const auto loops = [](const Parts& p, const AttentionOptions& how) {
      return output_by_loops(p[0], p[1], p[2], how);
    };
    add(
        "attention", [](const Parts& p, const auto& how) { return attention(p[0], p[1], p[2], how); }, loops);
    add(
        "composed_attention",
        [](const Parts& p, const auto& how) { return composed_attention(p[0], p[1], p[2], how).output; }, loops);
    add(
        "attention_weights", [](const Parts& p, const auto& how) { return attention_weights(p[0], p[1], how); },
        [](const Parts& p, const AttentionOptions& how) { return weights_by_loops(p[0], p[1], how); });
    cases.push_back({"composed_attention", std::string("weights, ") + layout.variant, inputs,
                     [=](Inputs in) {
                       const Parts p = parts(in);
                       return composed_attention(p[0], p[1], p[2], options_for(in)).weights;
                     },
                     [=](Inputs in) { return weights_by_loops(parts(in)[0], parts(in)[1], options_for(in)); }});
  }
}

namespace {

/// sum_a v_ha tanh(q_tha + k_sha), by loops.
Tensor additive_by_loops(Inputs in) {
  const Tensor &q = in[0], &k = in[1], &v = in[2];
  const std::int64_t heads = v.size(0), size = v.size(1);
  return table({q.size(0), heads, q.size(1), k.size(1)}, [&](const Index& i) {  // i: batch, head, query, key
    double s = 0;
    for (std::int64_t a = 0; a < size; ++a)
      s += at(v, Index{i[1], a}) *
           std::tanh(at(q, Index{i[0], i[2], i[1] * size + a}) + at(k, Index{i[0], i[3], i[1] * size + a}));
    return s;
  });
}

/// The masked softmax of scores, by loops.
Tensor masked_by_loops(const Tensor& scores, const AttentionOptions& o) {
  const auto seen = [&](const Index& i) {
    return !(o.causal && i[3] > i[2]) && !(o.key_lengths.defined() && i[3] >= id_at(o.key_lengths, Index{i[0]}));
  };
  const auto score = [&](const Index& i) { return at(scores, i) + (o.mask.defined() ? at(o.mask, i) : 0); };
  return table(scores.shape(), [&](const Index& i) {
    double total = 0;
    Index other = i;
    for (other[3] = 0; other[3] < scores.size(3); ++other[3]) total += seen(other) ? std::exp(score(other)) : 0;
    return seen(i) ? std::exp(score(i)) / total : 0;
  });
}

Tensor mixed_by_loops(const Tensor& weights, const Tensor& v, std::int64_t heads) {
  const std::int64_t size = v.size(2) / heads;
  return table({weights.size(0), weights.size(2), v.size(2)}, [&](const Index& i) {
    double s = 0;
    for (std::int64_t key = 0; key < v.size(1); ++key)
      s += at(weights, Index{i[0], i[2] / size, i[1], key}) * at(v, Index{i[0], key, i[2]});
    return s;
  });
}

}  // namespace

void add_scores(Table& cases) {
  const auto add_additive = [&](const char* variant, const Shape& q, const Shape& k, std::int64_t heads) {
    cases.push_back({"additive_scores",
                     variant,
                     {numbers(q), numbers(k, 1), numbers({heads, heads > 0 ? q[2] / heads : 0}, 2)},
                     [](Inputs in) { return additive_scores(in[0], in[1], in[2]); },
                     additive_by_loops});
  };
  add_additive("ordinary", {2, 3, 4}, {2, 5, 4}, 1);
  add_additive("two heads", {2, 3, 6}, {2, 5, 6}, 2);
  add_additive("longer than a vector", {1, 2, 37}, {1, 3, 37}, 1);
  add_additive("size one", {1, 1, 1}, {1, 1, 1}, 1);
  add_additive("no queries", {2, 0, 4}, {2, 5, 4}, 2);
  add_additive("no keys", {2, 3, 4}, {2, 0, 4}, 2);
  add_additive("no sentences", {0, 3, 4}, {0, 5, 4}, 2);

  const auto add_attend = [&](const char* variant, const Shape& scores, std::int64_t columns,
                              const AttentionOptions& o) {
    const auto typed = [o](Inputs in) {
      AttentionOptions of_dtype = o;
      if (o.mask.defined()) of_dtype.mask = o.mask.to(in[0].dtype());
      return of_dtype;
    };
    cases.push_back({"masked_weights",
                     variant,
                     {numbers(scores)},
                     [=](Inputs in) { return masked_weights(in[0], typed(in)); },
                     [=](Inputs in) { return masked_by_loops(in[0], typed(in)); }});
    cases.push_back({"attend",
                     variant,
                     {numbers(scores), numbers({scores[0], scores[3], columns}, 1)},
                     [=](Inputs in) { return attend(in[0], in[1], typed(in)).output; },
                     [=](Inputs in) { return mixed_by_loops(masked_by_loops(in[0], typed(in)), in[1], o.heads); }});
  };
  AttentionOptions masked{.heads = 2, .causal = true};
  masked.key_lengths = whole({2}, {4, 1}), masked.mask = numbers({3, 5}, 9);
  add_attend("ordinary", {2, 1, 3, 5}, 4, {});
  add_attend("two heads", {2, 2, 3, 5}, 4, {.heads = 2});
  add_attend("every mask at once", {2, 2, 3, 5}, 4, masked);
  add_attend("size one", {1, 1, 1, 1}, 1, {});
  add_attend("no keys", {2, 2, 3, 0}, 4, {.heads = 2});
  add_attend("no sentences", {0, 2, 3, 5}, 4, {.heads = 2});

  const auto add_heads = [&](const char* variant, const Shape& shape, std::int64_t heads) {
    const std::int64_t size = shape[2] / heads;
    cases.push_back({"split_heads",
                     variant,
                     {numbers(shape)},
                     [=](Inputs in) { return split_heads(in[0], heads); },
                     [=](Inputs in) {
                       return table({shape[0], heads, shape[1], size}, [&](const Index& i) {
                         return at(in[0], Index{i[0], i[2], i[1] * size + i[3]});
                       });
                     }});
    cases.push_back(
        {"join_heads",
         variant,
         {numbers({shape[0], heads, shape[1], size})},
         [](Inputs in) { return join_heads(in[0]); },
         [=](Inputs in) {
           return table(shape, [&](const Index& i) { return at(in[0], Index{i[0], i[2] / size, i[1], i[2] % size}); });
         }});
  };
  add_heads("ordinary", {2, 3, 6}, 2);
  add_heads("one head", {2, 3, 4}, 1);
  add_heads("size one", {1, 1, 1}, 1);
  add_heads("empty", {2, 0, 4}, 2);
  cases.push_back(
      {"split_heads",
       "some columns",
       {numbers({2, 3, 7})},
       [](Inputs in) {
         return split_heads({in[0], 2, 4}, 2);
       },
       [](Inputs in) {
         return table({2, 2, 3, 2}, [&](const Index& i) { return at(in[0], Index{i[0], i[2], 2 + i[1] * 2 + i[3]}); });
       }});
}

/// LayerNorm of `x` at an index, by loops.
double normal_at(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps, const Index& i) {
  const auto n = static_cast<double>(x.size(-1));
  Index place = i;
  double mean = 0, squares = 0;
  for (place.back() = 0; place.back() < x.size(-1); ++place.back()) mean += at(x, place) / n;
  for (place.back() = 0; place.back() < x.size(-1); ++place.back()) squares += std::pow(at(x, place) - mean, 2);
  return (at(x, i) - mean) / std::sqrt(squares / n + eps) * at(weight, i) + at(bias, i);
}

void add_normalisation(Table& cases) {
  const auto add_layer_norm = [&](const char* variant, const Shape& shape, double eps = 1e-5) {
    const Shape row{shape[-1]};
    cases.push_back({"layer_norm",
                     variant,
                     {numbers(shape), numbers(row, 1), numbers(row, 2)},
                     [eps](Inputs in) { return layer_norm(in[0], in[1], in[2], eps); },
                     [eps](Inputs in) {
                       return table(in[0].shape(),
                                    [&](const Index& i) { return normal_at(in[0], in[1], in[2], eps, i); });
                     }});
  };
  add_layer_norm("ordinary", {3, 5});
  add_layer_norm("longer than a vector", {2, 37});
  add_layer_norm("three axes", {2, 3, 4});
  add_layer_norm("vector", {6});
  add_layer_norm("large eps", {3, 4}, 0.5);
  add_layer_norm("size one", {1, 1});
  add_layer_norm("no rows", {0, 4});
  add_layer_norm("no columns", {3, 0});

  const auto add_residual = [&](const char* variant, const Shape& shape, double p, bool unweighted = false) {
    const DropoutOptions drop{p, {11, 7}};
    const auto sum_of = [=](Inputs in) {
      std::int64_t next = 0;
      return table(in[0].shape(), [&](const Index& i) {
        return at(in[0], i) + (kept(p, drop.stream, next++) ? at(in[1], i) / (1 - p) : 0);
      });
    };
    cases.push_back({"residual",
                     variant,
                     {numbers(shape), numbers(shape, 1)},
                     [=](Inputs in) { return residual(in[0], in[1], drop); },
                     sum_of});
    const Shape row{shape[-1]};
    Tensor weight = numbers(row, 2);
    if (unweighted) weight = concat({Tensor::zeros({1}, DType::float64), slice(weight, 0, 1, row[0])}, 0);
    cases.push_back({"residual_norm",
                     variant,
                     {numbers(shape), numbers(shape, 1), weight, numbers(row, 3)},
                     [=](Inputs in) { return residual_norm(in[0], in[1], in[2], in[3], drop, 1e-3); },
                     [=](Inputs in) {
                       const Tensor sum = sum_of(in);
                       return table(sum.shape(), [&](const Index& i) { return normal_at(sum, in[2], in[3], 1e-3, i); });
                     }});
  };
  add_residual("ordinary", {3, 5}, 0);
  add_residual("dropout", {2, 3, 4}, 0.4);
  add_residual("longer than a vector", {2, 37}, 0.3);
  add_residual("a weight of zero", {3, 5}, 0.4, true);
  add_residual("vector", {6}, 0);
  add_residual("size one", {1, 1}, 0);
  add_residual("no rows", {0, 4}, 0.3);
  add_residual("no columns", {3, 0}, 0);

  const auto add_dropout = [&](const char* variant, const Shape& shape, double p) {
    const RandomStream stream{11, 5};
    cases.push_back({"dropout",
                     variant,
                     {numbers(shape)},
                     [=](Inputs in) { return dropout(in[0], p, stream); },
                     [=](Inputs in) {
                       std::int64_t next = 0;
                       return table(in[0].shape(), [&](const Index& i) {
                         return kept(p, stream, next++) ? at(in[0], i) / (1 - p) : 0;
                       });
                     }});
  };
  add_dropout("ordinary", {3, 4}, 0.4);
  add_dropout("longer than a vector", {75}, 0.5);
  add_dropout("of nothing", {3, 4}, 0);
  add_dropout("size one", {1}, 0.5);
  add_dropout("empty", {2, 0}, 0.3);
}

}  // namespace gaze::cases
