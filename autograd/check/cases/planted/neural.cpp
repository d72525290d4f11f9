#include <cmath>

#include <gaze/autograd/graph.h>

#include <gaze/autograd/check/cases/planted/bugs.h>

namespace gaze::planted {
namespace {

// Softmax and losses ----------------------------------------------------------------------------------------------

/// The vjp of softmax along an axis.
Tensor softmax_gradient(const Tensor& y, const Tensor& g, int axis = -1) { return y * (g - sum_along(y * g, axis)); }

}  // namespace

void plant_softmax(Bugs& bugs) {
  const Tensor square = numbers({3, 3});

  bugs.of("softmax", {square}, [](Inputs in) { return softmax(in[0]); });
  bugs.plant("forgets the row term", [](const At& a) { return Tensors{a.g * a.y}; });
  bugs.plant("is the slope of the sigmoid", [](const At& a) { return Tensors{a.g * a.y * (1.0 - a.y)}; });
  bugs.plant("sums the row term along the wrong axis",
             [](const At& a) { return Tensors{softmax_gradient(a.y, a.g, 0)}; });
  bugs.plant("averages the row term", [](const At& a) { return Tensors{a.y * (a.g - mean_of_rows(a.y * a.g))}; });
  // find_wrong_vjp() must take a random cotangent: for one of ones the gradient is 0, with all its derivatives.
  bugs.plant_second("keeps the result as numbers",
                    [](const At& a) { return Tensors{softmax_gradient(a.y.detach(), a.g)}; });

  bugs.of("log_softmax", {square}, [](Inputs in) { return log_softmax(in[0]); });
  bugs.plant("forgets the sum of the gradient", [](const At& a) { return Tensors{a.g - exp(a.y)}; });
  bugs.plant("takes the result for the probabilities",
             [](const At& a) { return Tensors{a.g - a.y * sum_along(a.g, -1)}; });
  bugs.plant("is the vjp of softmax", [](const At& a) { return Tensors{softmax_gradient(exp(a.y), a.g)}; });

  const Call masked = [](Inputs in) { return masked_softmax(in[0], in[1]); };
  bugs.of("masked_softmax", {numbers({2, 4}), whole({2, 4}, {1, 0, 1, 1, 0, 0, 1, 1})}, masked);
  bugs.plant("masks on the way forward only", [](const At& a) {
    return Tensors{softmax_gradient(softmax(a[0]), a.g), {}};
  });
  bugs.plant("masks the gradient, but not the softmax", [](const At& a) {
    return Tensors{softmax_gradient(softmax(a[0]), a.g) * as_numbers(a[1]), {}};
  });
  bugs.of("masked_softmax", {numbers({3, 2}), whole({3, 2}, {0, 0, 1, 1, 0, 1})}, masked);
  bugs.plant("gives NaN in a row that keeps nothing", [](const At& a) {
    return Tensors{softmax_gradient(a.y / sum_along(a.y, -1), a.g), {}};
  });
}

void plant_losses(Bugs& bugs) {
  constexpr std::int64_t rows = 4, classes = 5;
  constexpr std::int32_t ignored = 2;
  constexpr double smoothing = 0.1;
  const Tensor logits = numbers({rows, classes}), all = whole({rows}, {1, 4, 0, 3}),
               some = whole({rows}, {1, ignored, 0, ignored});
  const auto hot = [](const Tensor& targets) { return one_hot(targets, classes, DType::float64); };
  const auto off = [=](const At& a) { return softmax(a[0]) - hot(a[1]); };
  const auto loss = [](const CrossEntropyOptions& o) {
    return [o](Inputs in) { return cross_entropy(in[0], in[1], o); };
  };
  const auto count = static_cast<double>(rows);

  bugs.of("cross_entropy", {logits, all}, loss({}));
  bugs.plant("sums where it should average", [=](const At& a) { return Tensors{a.g * off(a), {}}; });
  bugs.plant("averages over the classes as well", [=](const At& a) {
    return Tensors{a.g * off(a) / (count * static_cast<double>(classes)), {}};
  });
  bugs.plant("forgets the target", [=](const At& a) { return Tensors{a.g * softmax(a[0]) / count, {}}; });
  bugs.plant("is target minus probability", [=](const At& a) { return Tensors{-a.g * off(a) / count, {}}; });
  bugs.plant("takes the softmax over the rows", [=](const At& a) {
    return Tensors{a.g * (softmax(a[0], 0) - hot(a[1])) / count, {}};
  });
  bugs.plant_second("keeps the probabilities as numbers", [=](const At& a) {
    return Tensors{a.g * off(a).detach() / count, {}};
  });
  bugs.of("cross_entropy", {logits, some}, loss({.ignore_index = ignored}));
  bugs.plant("averages over the ignored as well", [=](const At& a) {
    const Tensor counted = unsqueeze(as_numbers(not_equal(a[1], whole({}, {ignored}))), 1);
    return Tensors{a.g * off(a) * counted / count, {}};
  });
  bugs.plant("pulls at ignored rows", [=](const At& a) { return Tensors{a.g * off(a) / 2.0, {}}; });
  bugs.of("cross_entropy", {logits, all}, loss({.label_smoothing = smoothing}));
  bugs.plant("forgets the smoothing", vjp_of(loss({})));
  bugs.plant("smooths over the other classes only", [=](const At& a) {
    constexpr double each = smoothing / static_cast<double>(classes - 1);
    const Tensor targets = hot(a[1]) * (1 - smoothing - each) + each;
    return Tensors{a.g * (softmax(a[0]) - targets) / count, {}};
  });
  bugs.of("cross_entropy", {logits, all}, loss({.reduction = Reduction::sum}));
  bugs.plant("averages where it should sum", vjp_of(loss({})));

  const auto projected = [](const CrossEntropyOptions& o) {
    return [o](Inputs in) { return projected_cross_entropy(in[0], in[1], in[2], o); };
  };
  bugs.of("projected_cross_entropy", {numbers({rows, 3}), numbers({classes, 3}, 1), all}, projected({}));
  bugs.plant("keeps the weight's gradient of the last rows made",
             [=](const At& a) {
               const Tensor pull = a.g * (softmax(linear(a[0], a[1])) - hot(a[2])) / count;
               return Tensors{matmul(pull, a[1]),
                              matmul(slice(pull, 0, 2, rows), slice(a[0], 0, 2, rows), {.transpose_a = true}),
                              {}};
             },
             {1});
  bugs.plant("averages one of the two",
             spoiled(projected({}), 0, [=](const At&, const Tensors& right) { return right[0] * count; }));
  bugs.plant("smooths on the way back only", vjp_of(projected({.label_smoothing = smoothing})), {0, 1});

  const Tensor a34 = numbers({3, 4}), b34 = numbers({3, 4}, 1);
  bugs.of("mse", {a34, b34}, [](Inputs in) { return mse(in[0], in[1]); });
  const auto difference = [](const At& a) { return a.g * (a[0] - a[1]); };
  bugs.plant("forgets the 2",
             [=](const At& a) {
               return Tensors{difference(a) / 12.0, -difference(a) / 12.0};
             },
             {0, 1});
  bugs.plant("loses the sign of the second",
             [=](const At& a) {
               return Tensors{difference(a) / 6.0, difference(a) / 6.0};
             },
             {1});
  bugs.plant("averages over the rows only",
             [=](const At& a) {
               return Tensors{difference(a) * (2.0 / 3), -difference(a) * (2.0 / 3)};
             },
             {0, 1});
  bugs.of("mse", {numbers({3, 1}), numbers({4}, 1)}, [](Inputs in) { return mse(in[0], in[1]); });
  bugs.plant("divides by the length of the operand, not of the broadcast",
             [=](const At& a) {
               return Tensors{difference(a) * (2.0 / 3), -difference(a) / 6.0};
             },
             {0});
}

namespace {

// Normalisation and dropout ---------------------------------------------------------------------------------------

/// What LayerNorm keeps: (x - mean) / sqrt(var + eps), and 1 / sqrt(var + eps).
struct Normal {
  Tensor unit, scale;
};
Normal normal_of(const Tensor& x, double eps) {
  const Tensor centred = x - mean_of_rows(x), scale = rsqrt(mean_of_rows(centred * centred) + eps);
  return {centred * scale, scale};
}

/// The vjp of LayerNorm by hand, given how x gets its gradient from n and u, the gradient of n.unit.
Rule layer_norm_rule(double eps, const std::function<Tensor(const Normal& n, const Tensor& u)>& by_x) {
  return [=](const At& a) {
    const Normal n = normal_of(a[0], eps);
    return Tensors{by_x(n, a.g * a[1]), a.g * n.unit, a.g};
  };
}

}  // namespace

void plant_normalisation(Bugs& bugs) {
  constexpr double eps = 1e-5, large_eps = 0.5;
  const Tensors inputs = {numbers({3, 5}), numbers({5}, 1), numbers({5}, 2)};
  const auto norm = [](double with) { return [with](Inputs in) { return layer_norm(in[0], in[1], in[2], with); }; };
  const auto right_by_x = [](const Normal& n, const Tensor& u) {
    return n.scale * (u - mean_of_rows(u) - n.unit * mean_of_rows(u * n.unit));
  };

  bugs.of("layer_norm", inputs, norm(eps));
  bugs.plant("forgets the mean term", layer_norm_rule(eps, [](const Normal& n, const Tensor& u) {
               return n.scale * (u - n.unit * mean_of_rows(u * n.unit));
             }));
  bugs.plant("forgets the variance term",
             layer_norm_rule(eps, [](const Normal& n, const Tensor& u) { return n.scale * (u - mean_of_rows(u)); }));
  bugs.plant("holds mean and variance for fixed",
             layer_norm_rule(eps, [](const Normal& n, const Tensor& u) { return n.scale * u; }));
  bugs.plant("does not multiply by the weight", [=](const At& a) {
    const Normal n = normal_of(a[0], eps);
    return Tensors{right_by_x(n, a.g), a.g * n.unit, a.g};
  });
  bugs.plant("gives the weight x instead of the normalised",
             [=](const At& a) {
               return Tensors{right_by_x(normal_of(a[0], eps), a.g * a[1]), a.g * a[0], a.g};
             },
             {1});
  bugs.plant("averages the gradient of the bias",
             spoiled(norm(eps), 2, [](const At& a, const Tensors&) { return mean(a.g, {0}); }), {2});
  bugs.plant("divides by n - 1", layer_norm_rule(eps, [](const Normal& n, const Tensor& u) {
               return n.scale * (u - mean_of_rows(u) - n.unit * sum_along(u * n.unit, -1) / 4.0);
             }));
  bugs.plant("forgets eps", layer_norm_rule(0, right_by_x), {0, 1});
  bugs.plant_second("keeps the statistics as numbers", [=](const At& a) {
    const Normal n = normal_of(a[0], eps), fixed{n.unit.detach(), n.scale.detach()};
    return Tensors{right_by_x(fixed, a.g * a[1]), a.g * n.unit, a.g};
  });
  bugs.of("layer_norm", inputs, norm(large_eps));
  bugs.plant("adds eps to the deviation, not the variance", [=](const At& a) {
    const Tensor centred = a[0] - mean_of_rows(a[0]);
    const Tensor scale = 1.0 / (sqrt(mean_of_rows(centred * centred)) + large_eps);
    return Tensors{right_by_x({centred * scale, scale}, a.g * a[1]), a.g * normal_of(a[0], large_eps).unit, a.g};
  });

  constexpr double p = 0.4;
  const RandomStream stream{11, 7}, another{11, 8};
  const DropoutOptions drop{p, stream};
  const Tensor x = numbers({2, 3, 4}), f = numbers({2, 3, 4}, 1), weight = numbers({4}, 2), bias = numbers({4}, 3);
  const auto kept_ones = [=](const At& a) {
    return dropout(Tensor::ones(a.g.shape(), DType::float64), p, stream) * (1 - p);
  };

  bugs.of("dropout", {x}, [=](Inputs in) { return dropout(in[0], p, stream); });
  bugs.plant("forgets to divide by 1 - p", [=](const At& a) { return Tensors{a.g * kept_ones(a)}; });
  bugs.plant("draws a new mask", [=](const At& a) { return Tensors{dropout(a.g, p, another)}; });
  bugs.plant("drops nothing", [](const At& a) { return Tensors{a.g}; });
  bugs.plant("divides by p", [=](const At& a) { return Tensors{a.g * kept_ones(a) / p}; });

  bugs.of("residual", {x, f}, [=](Inputs in) { return residual(in[0], in[1], drop); });
  bugs.plant("drops the path around as well", [=](const At& a) {
    return Tensors{dropout(a.g, p, stream), dropout(a.g, p, stream)};
  });
  bugs.plant("drops nothing", [](const At& a) { return Tensors{a.g, a.g}; }, {1});
  bugs.plant("forgets the path around", [=](const At& a) { return Tensors{{}, dropout(a.g, p, stream)}; });

  const auto normed = [](const DropoutOptions& options) {
    return [=](Inputs in) { return residual_norm(in[0], in[1], in[2], in[3], options); };
  };
  // One pass that records two operations: find_wrong_vjp() must see each work on the result of the one before.
  bugs.of("residual_norm", {x, f, weight, bias}, normed(drop));
  bugs.plant("drops the path around as well",
             spoiled(normed(drop), 0, [=](const At&, const Tensors& right) { return dropout(right[0], p, stream); }));
  bugs.plant("gives the branch what the path around gets",
             spoiled(normed(drop), 1, [](const At&, const Tensors& right) { return right[0]; }), {1});
  bugs.plant("drops nothing", vjp_of(normed({})), {0, 1, 2});
  bugs.plant("goes around the normalisation",
             spoiled(normed(drop), 0, [](const At& a, const Tensors& right) { return right[0] + a.g; }));
}

namespace {

// Attention -------------------------------------------------------------------------------------------------------

/// What may be wrong in an attention of one head that is written by hand.
struct AttentionSlip {
  bool row_term = true, transposed_weights = true, scaled_keys = true, transposed_scores = true;
};

Rule attention_rule(const AttentionSlip& slip) {
  return [=](const At& a) {
    const MatmulOptions second{.transpose_b = true};
    const double scale = 1 / std::sqrt(static_cast<double>(a[0].size(-1)));
    const Tensor weights = softmax(matmul(a[0], a[1], second) * scale), up = matmul(a.g, a[2], second);
    const Tensor scores = slip.row_term ? softmax_gradient(weights, up) : weights * up;
    return Tensors{matmul(scores, a[1]) * scale,
                   matmul(scores, a[0], {.transpose_a = slip.transposed_scores}) * (slip.scaled_keys ? scale : 1),
                   matmul(weights, a.g, {.transpose_a = slip.transposed_weights})};
  };
}

}  // namespace

void plant_attention(Bugs& bugs) {
  constexpr std::int64_t heads = 2;
  const Tensors alike = {numbers({2, 4, 4}), numbers({2, 4, 4}, 1), numbers({2, 4, 4}, 2)};
  const Tensors apart = {numbers({2, 3, 4}), numbers({2, 5, 4}, 1), numbers({2, 5, 6}, 2)};
  const auto attention_with = [](const AttentionOptions& o) {
    return [o](Inputs in) { return attention(in[0], in[1], in[2], o); };
  };
  const auto swapped = [](const Rule& rule, std::size_t a, std::size_t b) {
    return [=](const At& at) {
      Tensors all = rule(at);
      std::swap(all[a], all[b]);
      return all;
    };
  };
  AttentionOptions lengths{.heads = heads}, barred{.heads = heads}, unscaled{.heads = heads}, dropped{.heads = heads},
      dropped_others{.heads = heads};
  lengths.key_lengths = whole({2}, {5, 2});
  barred.mask = tensor({{0, never, 0.5, 1, never}, {1, 2, never, 0, 0}, {1, 0, 0, never, 2}}, DType::float64);
  unscaled.scale = 1;
  dropped.dropout = dropped_others.dropout = 0.4, dropped.stream = {7, 3}, dropped_others.stream = {7, 4};
  const AttentionOptions plain{.heads = heads}, causal{.heads = heads, .causal = true};

  bugs.of("attention", apart, attention_with(plain));
  bugs.plant("forgets the scale", vjp_of(attention_with(unscaled)), {0, 1, 2});
  bugs.plant("takes all heads for one", vjp_of(attention_with({})), {0, 1, 2});
  bugs.of("attention", alike, attention_with(causal));
  bugs.plant("looks ahead on the way back", vjp_of(attention_with(plain)), {0, 1, 2});
  bugs.plant("swaps queries and keys", swapped(vjp_of(attention_with(causal)), 0, 1), {0, 1});
  bugs.plant("swaps keys and values", swapped(vjp_of(attention_with(causal)), 1, 2), {1, 2});
  bugs.of("attention", apart, attention_with(lengths));
  bugs.plant("reads the keys that are padding", vjp_of(attention_with(plain)), {0, 1, 2});
  bugs.of("attention", apart, attention_with(barred));
  bugs.plant("forgets the mask", vjp_of(attention_with(plain)), {0, 1, 2});
  bugs.of("attention", apart, attention_with(dropped));
  bugs.plant("drops other weights", vjp_of(attention_with(dropped_others)), {0, 1, 2});
  bugs.plant("drops weights for the values only",
             [=](const At& a) {
               Tensors all = vjp_of(attention_with(plain))(a);
               all[2] = vjp_of(attention_with(dropped))(a)[2];
               return all;
             },
             {0, 1});
  bugs.of("attention", alike, attention_with({}));
  bugs.plant("forgets the row term", attention_rule({.row_term = false}), {0, 1});
  bugs.plant_second("keeps the weights as numbers", [](const At& a) {
    const Tensor weights = composed_attention(a[0], a[1], a[2]).weights.detach();
    Tensors all = attention_rule({})(a);
    all[2] = reshape(matmul(squeeze(weights, 1), a.g, {.transpose_a = true}), {2, 4, 4});
    return all;
  });
  const auto packed = [](std::int64_t keys, std::int64_t values) {
    return [=](Inputs in) { return attention({in[0], 0, 4}, {in[0], keys, 4}, {in[0], values, 4}, {.heads = heads}); };
  };
  bugs.of("attention", {numbers({2, 3, 12})}, packed(4, 8));
  bugs.plant("finds keys and values in each other's columns", vjp_of(packed(8, 4)));

  const auto composed = [](const AttentionOptions& o) {
    return [o](Inputs in) { return composed_attention(in[0], in[1], in[2], o).output; };
  };
  bugs.of("composed_attention", alike, composed({}));
  bugs.plant("does not transpose the weights", attention_rule({.transposed_weights = false}), {2});
  bugs.plant("does not transpose the scores", attention_rule({.transposed_scores = false}), {1});
  bugs.plant("scales the queries only", attention_rule({.scaled_keys = false}), {1});
  bugs.of("composed_attention", alike, composed(causal));
  bugs.plant("looks ahead on the way back", vjp_of(composed(plain)), {0, 1, 2});

  const auto weights = [](const AttentionOptions& o) {
    return [o](Inputs in) { return attention_weights(in[0], in[1], o); };
  };
  bugs.of("attention_weights", {alike[0], alike[1]}, weights(plain));
  bugs.plant("scales the queries only",
             spoiled(weights(plain), 1, [](const At&, const Tensors& right) { return right[1] * std::sqrt(2.0); }),
             {1});
  bugs.plant("divides by the length, not its root",
             [=](const At& a) {
               Tensors all = vjp_of(weights(plain))(a);
               for (Tensor& gradient : all) gradient = gradient / std::sqrt(2.0);
               return all;
             },
             {0, 1});
  bugs.of("attention_weights", {alike[0], alike[1]}, weights(causal));
  bugs.plant("looks ahead on the way back", vjp_of(weights(plain)), {0, 1});

  bugs.of("split_heads", {numbers({2, 3, 6})}, [](Inputs in) { return split_heads(in[0], heads); });
  bugs.plant("does not bring the heads back", [](const At& a) { return Tensors{reshape(a.g, {2, 3, 6})}; });
  bugs.of("split_heads", {numbers({2, 3, 7})}, [](Inputs in) { return split_heads({in[0], 2, 4}, heads); });
  bugs.plant("writes to the first columns", [](const At& a) {
    return Tensors{pad(join_heads(a.g), {{0, 0}, {0, 0}, {0, 3}})};
  });
  bugs.of("join_heads", {numbers({2, 2, 3, 3})}, [](Inputs in) { return join_heads(in[0]); });
  bugs.plant("does not bring the heads back", [](const At& a) { return Tensors{reshape(a.g, {2, 2, 3, 3})}; });

  const Tensor scores = numbers({2, 2, 3, 5}), values = numbers({2, 5, 4}, 1);
  const auto masked = [](const AttentionOptions& o) { return [o](Inputs in) { return masked_weights(in[0], o); }; };
  bugs.of("masked_weights", {scores}, masked(causal));
  bugs.plant("masks on the way forward only", vjp_of(masked(plain)));
  bugs.plant("forgets the row term", [](const At& a) { return Tensors{a.g * a.y}; });
  bugs.of("masked_weights", {scores}, masked(lengths));
  bugs.plant("reads the keys that are padding", vjp_of(masked(plain)));

  const auto attended = [](const AttentionOptions& o) {
    return [o](Inputs in) { return attend(in[0], in[1], o).output; };
  };
  bugs.of("attend", {scores, values}, attended(causal));
  bugs.plant("masks on the way forward only", vjp_of(attended(plain)), {0, 1});
  bugs.plant("forgets the row term", spoiled(attended(causal), 0, [=](const At& a, const Tensors&) {
               const Tensor up = matmul(split_heads(a.g, heads), split_heads(a[1], heads), {.transpose_b = true});
               return masked_weights(a[0], causal) * up;
             }));
  bugs.plant("averages over the heads", spoiled(attended(causal), 0, [](const At& a, const Tensors& right) {
               return expand(mean(right[0], {1}, true), a[0].shape());
             }));
}

namespace {

/// What may be wrong in additive scores of one head that are written by hand.
struct AdditiveSlip {
  bool slope_of_queries = true, slope_of_keys = true, all_queries = true, scaled = true;
};

}  // namespace

void plant_additive(Bugs& bugs) {
  const auto rule = [](const AdditiveSlip& slip) -> Rule {
    return [=](const At& a) {
      const Tensor t = tanh(unsqueeze(a[0], 2) + unsqueeze(a[1], 1)), g = unsqueeze(squeeze(a.g, 1), 3);
      const Tensor up = slip.scaled ? g * a[2] : g, slope = 1.0 - t * t, by_v = g * t;
      return Tensors{sum(slip.slope_of_queries ? up * slope : up, {2}), sum(slip.slope_of_keys ? up * slope : up, {1}),
                     unsqueeze(sum(slip.all_queries ? by_v : slice(by_v, 1, 0, 1), {0, 1, 2}), 0)};
    };
  };
  const Call call = [](Inputs in) { return additive_scores(in[0], in[1], in[2]); };
  bugs.of("additive_scores", {numbers({2, 3, 4}), numbers({2, 5, 4}, 1), numbers({1, 4}, 2)}, call);
  bugs.plant("forgets the slope of tanh for the queries", rule({.slope_of_queries = false}));
  bugs.plant("forgets the slope of tanh for the keys", rule({.slope_of_keys = false}), {1});
  bugs.plant("counts v for the first query only", rule({.all_queries = false}), {2});
  bugs.plant("does not multiply by v", rule({.scaled = false}), {0, 1});
  bugs.of("additive_scores", {numbers({2, 3, 6}), numbers({2, 5, 6}, 1), numbers({2, 3}, 2)}, call);
  bugs.plant("gives every head the v of the first", vjp_of([](Inputs in) {
               return additive_scores(in[0], in[1], expand(slice(in[2], 0, 0, 1), {2, 3}));
             }),
             {0, 1, 2});
}

namespace {

// Recurrent cells -------------------------------------------------------------------------------------------------

/// Part i of a row of parts of n columns.
Tensor part(const Tensor& x, std::int64_t i, std::int64_t n) { return slice(x, 1, i * n, (i + 1) * n); }

/// What may be wrong in a GRU that is written by hand.
struct GruSlip {
  bool reset_gate = true, gate_slope = true, kept_state = true;
  double sign = 1;
};

Rule gru_rule(const GruSlip& slip) {
  return [=](const At& a) {
    const std::int64_t n = a[2].size(1);
    const auto gate = [&](std::int64_t i) { return sigmoid(part(a[0], i, n) + part(a[1], i, n)); };
    const Tensor r = gate(0), z = gate(1), own = part(a[1], 2, n), candidate = tanh(part(a[0], 2, n) + r * own);
    const Tensor by_candidate = a.g * (1.0 - z) * (1.0 - candidate * candidate);
    const Tensor by_r = by_candidate * own * r * (slip.gate_slope ? 1.0 - r : Tensor::scalar(1, DType::float64));
    const Tensor by_z = a.g * (a[2] - candidate) * slip.sign * z * (1.0 - z);
    return Tensors{concat({by_r, by_z, by_candidate}, 1),
                   concat({by_r, by_z, slip.reset_gate ? by_candidate * r : by_candidate}, 1),
                   a.g * (slip.kept_state ? z : 1.0 - z)};
  };
}

/// What may be wrong in an LSTM that is written by hand.
struct LstmSlip {
  bool own_gradient = true, slope_of_cell = true, state_before = true, forget_gate = true;
};

Rule lstm_rule(const LstmSlip& slip) {
  return [=](const At& a) {
    const std::int64_t n = a[2].size(1) / 2;
    const auto both = [&](std::int64_t i) { return part(a[0], i, n) + part(a[1], i, n); };
    const Tensor i = sigmoid(both(0)), f = sigmoid(both(1)), o = sigmoid(both(3)), candidate = tanh(both(2));
    const Tensor before = part(a[2], 1, n), after = f * before + i * candidate, shown = tanh(after);
    const Tensor by_output = part(a.g, 0, n), through = by_output * o;
    const Tensor by_shown = slip.slope_of_cell ? through * (1.0 - shown * shown) : through;
    const Tensor by_cell = slip.own_gradient ? by_shown + part(a.g, 1, n) : by_shown;
    const Tensor gates =
        concat({by_cell * candidate * i * (1.0 - i), by_cell * (slip.state_before ? before : after) * f * (1.0 - f),
                by_cell * i * (1.0 - candidate * candidate), by_output * shown * o * (1.0 - o)},
               1);
    return Tensors{gates, gates, concat({by_cell * 0.0, slip.forget_gate ? by_cell * f : by_cell}, 1)};
  };
}

}  // namespace

void plant_recurrent(Bugs& bugs) {
  constexpr std::int64_t rows = 3, units = 4;
  const Tensor running = whole({rows}, {1, 0, 1});
  const auto inputs = [](std::int64_t gates, std::int64_t states) {
    return Tensors{numbers({rows, gates * units}), numbers({rows, gates * units}, 1),
                   numbers({rows, states * units}, 2)};
  };
  const auto gru = [](const Tensor& rows_on) {
    return [=](Inputs in) { return gru_cell(in[0], in[1], in[2], rows_on); };
  };
  bugs.of("gru_cell", inputs(3, 1), gru({}));
  bugs.plant("forgets the reset gate for the state's part", gru_rule({.reset_gate = false}), {1});
  bugs.plant("forgets the slope of the reset gate", gru_rule({.gate_slope = false}), {0, 1});
  bugs.plant("keeps 1 - z of the state", gru_rule({.kept_state = false}), {2});
  bugs.plant("has the other sign for the update gate", gru_rule({.sign = -1}), {0, 1});
  bugs.of("gru_cell", inputs(3, 1), gru(running));
  bugs.plant("runs the rows that stay", vjp_of(gru({})), {0, 1, 2});

  const auto lstm = [](const Tensor& rows_on) {
    return [=](Inputs in) { return lstm_cell(in[0], in[1], in[2], rows_on); };
  };
  bugs.of("lstm_cell", inputs(4, 2), lstm({}));
  bugs.plant("loses the cell's own gradient", lstm_rule({.own_gradient = false}), {0, 1, 2});
  bugs.plant("forgets the slope of tanh", lstm_rule({.slope_of_cell = false}), {0, 1, 2});
  bugs.plant("takes the new cell for the old", lstm_rule({.state_before = false}), {0, 1});
  bugs.plant("forgets the forget gate", lstm_rule({.forget_gate = false}), {2});
  bugs.of("lstm_cell", inputs(4, 2), lstm(running));
  bugs.plant("runs the rows that stay", vjp_of(lstm({})), {0, 1, 2});
}

}  // namespace gaze::planted
