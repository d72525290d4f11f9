#include <gaze/autograd/kernels/isa.h>

#include <array>
#include <cmath>

#include <gaze/autograd/base/range.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/ops/composed.h>
#include <gaze/autograd/ops/elementwise.h>

namespace gaze {
namespace {

void check_columns(const char* name, const Columns& c, std::int64_t heads) {
  require(heads >= 1, "attention: {} heads", heads);
  require(c.packed.rank() == 3, "attention: {} must be [B,length,columns], got {}", name, c.packed.shape());
  require(within(c.first, c.count, c.packed.size(2)), "attention: {} columns from {} of {} are out of range for {}",
          c.count, c.first, name, c.packed.shape());
  require(within(0, c.length, c.packed.size(1)), "attention: length {} of {} {}", c.length, name, c.packed.shape());
  require(c.count % heads == 0, "attention: {} columns of {} must divide into {} heads", c.count, name, heads);
}

void check_masks(const Shape& scores, DType dtype, const AttentionOptions& o) {
  if (o.key_lengths.defined())
    require(o.key_lengths.dtype() == DType::int32 && o.key_lengths.shape() == Shape{scores[0]},
            "attention: key lengths must be int32 [{}], got {} {}", scores[0], name_of(o.key_lengths.dtype()),
            o.key_lengths.shape());
  if (o.key_lengths.defined())
    if (const auto bad = first_outside(o.key_lengths.array(), 0, static_cast<double>(scores[3])))
      fail("attention: key length {} is not in [0, {}]", o.key_lengths.array().at(*bad), scores[3]);
  if (o.mask.defined())
    require(o.mask.dtype() == dtype && broadcasts_to(o.mask.shape(), scores),
            "attention: mask {} {} must broadcast to {} {}", name_of(o.mask.dtype()), o.mask.shape(), name_of(dtype),
            scores);
  require(!o.mask.requires_grad(), "attention: the mask gets no gradient; add a learned bias to scores of your own");
  require(o.dropout >= 0 && o.dropout < 1, "attention: dropout {} is not in [0, 1)", o.dropout);
  require(std::isfinite(o.scale.value_or(1)), "attention: scale {} is not finite", o.scale.value_or(1));
}

void check(const Columns& q, const Columns& k, const Columns& v, const AttentionOptions& o) {
  check_columns("q", q, o.heads);
  check_columns("k", k, o.heads);
  check_columns("v", v, o.heads);
  const std::int64_t batch = q.packed.size(0);
  require(q.packed.dtype() == k.packed.dtype() && q.packed.dtype() == v.packed.dtype(),
          "attention: q, k and v are {}, {} and {}", name_of(q.packed.dtype()), name_of(k.packed.dtype()),
          name_of(v.packed.dtype()));
  require(k.packed.size(0) == batch && v.packed.size(0) == batch && k.length == v.length && q.count == k.count &&
              q.length == q.packed.size(1),
          "attention: q [B,T,HK] {}, k [B,S,HK] {} and v [B,S,HC] {} do not fit ({} columns of q, {} of k)",
          q.packed.shape(), k.packed.shape(), v.packed.shape(), q.count, k.count);
  check_masks({batch, o.heads, q.length, k.length}, q.packed.dtype(), o);
  require(q.count >= o.heads, "attention: heads of no columns in q {}", q.packed.shape());
}

template <class T>
kernels::ScoreMasks<T> kernel_masks(const Shape& scores, const AttentionOptions& o) {
  kernels::ScoreMasks<T> x{
      .batch = scores[0], .heads = scores[1], .queries = scores[2], .keys = scores[3], .causal = o.causal};
  if (o.key_lengths.defined()) x.key_lengths = o.key_lengths.array().data<std::int32_t>();
  if (!o.mask.defined()) return x;
  x.mask = o.mask.array().data<T>();
  std::int64_t step = 1;
  for (int axis = 1; axis <= o.mask.rank(); ++axis) {
    const std::int64_t length = o.mask.size(-axis);
    x.mask_strides[4 - axis] = length == 1 ? 0 : step;
    step *= length;
  }
  return x;
}

template <class T>
kernels::Attention<T> kernel_arguments(const Columns& q, const Columns& k, const Columns& v,
                                       const AttentionOptions& o) {
  kernels::Attention<T> x{kernel_masks<T>({q.packed.size(0), o.heads, q.length, k.length}, o)};
  x.key_size = q.count / o.heads, x.value_size = v.count / o.heads;
  x.q = q.packed.array().data<T>() + q.first, x.q_stride = q.packed.size(2);
  x.k = k.packed.array().data<T>() + k.first, x.k_stride = k.packed.size(2);
  x.v = v.packed.array().data<T>() + v.first, x.v_stride = v.packed.size(2);
  x.k_sequence = k.packed.size(1) * x.k_stride, x.v_sequence = v.packed.size(1) * x.v_stride;
  x.scale = static_cast<T>(o.scale.value_or(1 / std::sqrt(static_cast<double>(x.key_size))));
  x.dropout = o.dropout, x.seed = o.stream.seed, x.stream = o.stream.stream;
  return x;
}

constexpr std::size_t masks = 2;  // key lengths and mask, inputs without a gradient

/// Q, K and V as the operation's inputs: those that are other columns of one packed tensor are one input, whose
/// gradient is written in one piece.
struct Packing {
  std::vector<Tensor> inputs;
  std::array<std::size_t, 3> input_of{};
  std::array<std::int64_t, 3> first{}, count{}, length{};

  explicit Packing(std::initializer_list<const Columns*> given) {
    const std::vector<const Columns*> parts(given);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      first[i] = parts[i]->first, count[i] = parts[i]->count, length[i] = parts[i]->length;
      std::size_t at = 0;
      while (at < inputs.size() && !(inputs[at].same(parts[i]->packed) && apart(i, at))) ++at;
      if (at == inputs.size()) inputs.push_back(parts[i]->packed);
      input_of[i] = at;
    }
  }

  /// The inputs with the masks behind them, so that the graph sees it when one of them changes.
  std::vector<Tensor> with_masks(const AttentionOptions& o) {
    std::vector<Tensor> all = std::move(inputs);
    all.push_back(o.key_lengths), all.push_back(o.mask);
    return all;
  }
  static AttentionOptions options(AttentionOptions o, const Saved& s, std::size_t count) {
    if (o.key_lengths.defined()) o.key_lengths = s[static_cast<int>(count)];
    if (o.mask.defined()) o.mask = s[static_cast<int>(count) + 1];
    return o;
  }

  Columns part(const std::vector<Tensor>& from, std::size_t i) const {
    Columns columns(from[input_of[i]], first[i], count[i]);
    columns.length = length[i];
    return columns;
  }

  /// Whether every number of an input of this shape is of some part.
  bool uses_all(const Shape& shape, std::size_t input) const {
    std::int64_t used = 0;
    for (std::size_t i = 0; i < 3; ++i) used += input_of[i] == input ? count[i] * length[i] : 0;
    return used == shape[1] * shape[2];
  }

 private:
  bool apart(std::size_t part, std::size_t input) const {
    for (std::size_t other = 0; other < part; ++other)
      if (input_of[other] == input && first[other] < first[part] + count[part] &&
          first[part] < first[other] + count[other])
        return false;
    return true;
  }
};

Tensor composed_scores(const Columns& q, const Columns& k, const AttentionOptions& o) {
  const double scale = o.scale.value_or(1 / std::sqrt(static_cast<double>(q.count / o.heads)));
  return matmul(split_heads(q, o.heads), split_heads(k, o.heads), {.transpose_b = true}) * scale;  // [B,H,T,S]
}

}  // namespace

Tensor Columns::alone() const {
  const Tensor all = length == rows() ? packed : slice(packed, -2, 0, length);
  return count == packed.size(-1) ? all : slice(all, -1, first, first + count);
}

Tensor split_heads(const Columns& x, std::int64_t heads) {
  check_columns("x", x, heads);
  const Tensor own = x.alone();
  if (heads == 1) return unsqueeze(own, 1);
  return permute(reshape(own, {own.size(0), own.size(1), heads, x.count / heads}), {0, 2, 1, 3});
}

Tensor join_heads(const Tensor& x) {
  require(x.rank() == 4, "attention: heads must be [B,H,L,K], got {}", x.shape());
  if (x.size(1) == 1) return squeeze(x, 1);
  return reshape(permute(x, {0, 2, 1, 3}), {x.size(0), x.size(2), x.size(1) * x.size(3)});
}

Tensor masked_weights(const Tensor& scores, const AttentionOptions& o) {
  require(scores.rank() == 4, "attention: scores must be [B,H,T,S], got {}", scores.shape());
  check_masks(scores.shape(), scores.dtype(), o);
  Array weights(scores.shape(), scores.dtype());
  for_floating("masked_weights", scores.dtype(), [&]<class T>() {
    kernels::of<T>().masked_softmax_rows(kernel_masks<T>(scores.shape(), o), scores.array().data<T>(),
                                         weights.write<T>());
  });
  return record("masked_weights", std::move(weights), {scores}, keep_result, detail::softmax_vjp);
}

AttentionResult attend(const Tensor& scores, const Columns& v, const AttentionOptions& o) {
  require(scores.rank() == 4 && scores.size(1) == o.heads, "attend: scores must be [B,H,T,S] of {} heads, got {}",
          o.heads, scores.shape());
  check_columns("v", v, o.heads);
  require(v.packed.dtype() == scores.dtype() && v.packed.size(0) == scores.size(0) && v.length == scores.size(3),
          "attend: scores {} [B,H,T,S] {} and v {} [B,S,HC] {} do not fit", name_of(scores.dtype()), scores.shape(),
          name_of(v.packed.dtype()), v.packed.shape());
  const Tensor weights = masked_weights(scores, o);
  const Tensor used = o.dropout > 0 ? dropout(weights, o.dropout, o.stream) : weights;
  return {join_heads(matmul(used, split_heads(v, o.heads))), weights};
}

AttentionResult composed_attention(const Columns& q, const Columns& k, const Columns& v, const AttentionOptions& o) {
  check(q, k, v, o);
  return attend(composed_scores(q, k, o), v, o);
}

Tensor attention(const Columns& q, const Columns& k, const Columns& v, const AttentionOptions& given) {
  check(q, k, v, given);
  const std::int64_t batch = q.packed.size(0), queries = q.packed.size(1);
  const DType dtype = q.packed.dtype();
  Array weights, output({batch, queries, v.count}, dtype);
  for_floating("attention", dtype, [&]<class T>() {
    kernels::Attention<T> arguments = kernel_arguments<T>(q, k, v, given);
    arguments.weights_stride = kernels::of<T>().attention_stride(arguments);
    weights = Array({batch, given.heads, queries, arguments.weights_stride}, dtype);
    kernels::of<T>().attention(arguments, weights.write<T>(), output.write<T>());
  });
  Packing packing({&q, &k, &v});
  const std::size_t count = packing.inputs.size();
  const std::vector<Tensor> inputs = packing.with_masks(given);  // the node holds them; the rule need not
  return record(
      "attention", std::move(output), std::span<const Tensor>(inputs), keep_inputs,
      [given, packing, weights, count](const Saved& s, const Tensor& g) -> Gradients {
        const AttentionOptions o = Packing::options(given, s, count);
        if (grad_enabled())
          return detail::differentiate(
              s, count, g,
              [&](const std::vector<Tensor>& at) {
                return composed_attention(packing.part(at, 0), packing.part(at, 1), packing.part(at, 2), o).output;
              },
              masks);
        std::vector<Tensor> at(count);
        std::vector<Array> gradients(count);
        for (std::size_t i = 0; i < count; ++i) {
          const int input = static_cast<int>(i);
          at[i] = s[input];
          if (!s.needs(input)) continue;
          const bool whole = packing.uses_all(s.shape(input), i);
          gradients[i] = whole ? Array(s.shape(input), g.dtype()) : Array::zeros(s.shape(input), g.dtype());
        }
        for_floating("attention", g.dtype(), [&]<class T>() {
          const auto target = [&](std::size_t part) {
            Array& whole = gradients[packing.input_of[part]];
            return whole.defined() ? whole.write<T>() + packing.first[part] : nullptr;
          };
          kernels::Attention<T> arguments =
              kernel_arguments<T>(packing.part(at, 0), packing.part(at, 1), packing.part(at, 2), o);
          arguments.weights_stride = weights.shape()[-1];
          kernels::of<T>().attention_vjp(arguments, weights.data<T>(), g.array().data<T>(), target(0), target(1),
                                         target(2));
        });
        std::vector<Contribution> all(count + masks);
        for (std::size_t i = 0; i < count; ++i)
          if (gradients[i].defined()) all[i] = Tensor(std::move(gradients[i]));
        return Gradients(std::move(all));
      });
}

Tensor attention_weights(const Columns& q, const Columns& k, const AttentionOptions& given) {
  check(q, k, k, given);
  Array weights({q.packed.size(0), given.heads, q.length, k.length}, q.packed.dtype());
  for_floating("attention_weights", q.packed.dtype(), [&]<class T>() {
    kernels::of<T>().attention_weights(kernel_arguments<T>(q, k, k, given), weights.write<T>());
  });
  Packing packing({&q, &k});
  const std::size_t count = packing.inputs.size();
  const std::vector<Tensor> inputs = packing.with_masks(given);
  return record("attention_weights", std::move(weights), std::span<const Tensor>(inputs), keep_inputs,
                [given, packing, count](const Saved& s, const Tensor& g) -> Gradients {
                  const AttentionOptions o = Packing::options(given, s, count);
                  return detail::differentiate(
                      s, count, g,
                      [&](const std::vector<Tensor>& in) {
                        return masked_weights(composed_scores(packing.part(in, 0), packing.part(in, 1), o), o);
                      },
                      masks);
                });
}

Tensor additive_scores(const Tensor& q, const Columns& given, const Tensor& v) {
  check_columns("k", given, 1);
  // What is recorded keeps keys of its own; else they are read where they lie.
  const Columns keys = grad_enabled() ? Columns(given.alone()) : given;
  const Tensor& k = keys.packed;
  detail::require_alike("additive_scores", q, k);
  detail::require_alike("additive_scores", q, v);
  require(q.rank() == 3 && k.rank() == 3 && v.rank() == 2 && q.size(0) == k.size(0) && q.size(2) == keys.count &&
              v.size() == q.size(2),
          "additive_scores: q {} must be [B,T,HA], k {} [B,S,HA] and v {} [H,A]", q.shape(), k.shape(), v.shape());
  const auto arguments = []<class T>(const Tensor& queries, const Columns& answers, const Tensor& weights) {
    return kernels::AdditiveScores<T>{.q = queries.array().data<T>(),
                                      .k = answers.packed.array().data<T>() + answers.first,
                                      .v = weights.array().data<T>(),
                                      .batch = queries.size(0),
                                      .queries = queries.size(1),
                                      .keys = answers.length,
                                      .heads = weights.size(0),
                                      .n = weights.size(1),
                                      .k_stride = answers.packed.size(2),
                                      .k_sequence = answers.packed.size(1) * answers.packed.size(2)};
  };
  Array scores({q.size(0), v.size(0), q.size(1), keys.length}, q.dtype());
  for_floating("additive_scores", q.dtype(), [&]<class T>() {
    kernels::of<T>().additive_scores(arguments.template operator()<T>(q, keys, v), scores.write<T>());
  });
  return record(
      "additive_scores", std::move(scores), {q, k, v}, keep_inputs,
      [arguments](const Saved& s, const Tensor& g) -> Gradients {
        if (grad_enabled())
          return detail::differentiate(s, 3, g, [](const std::vector<Tensor>& in) {
            const std::int64_t heads = in[2].size(0);
            const Tensor sums = unsqueeze(split_heads(in[0], heads), 3) + unsqueeze(split_heads(in[1], heads), 2);
            return sum(tanh(sums) * unsqueeze(unsqueeze(in[2], 1), 1), {-1});  // [B,H,T,S,A] -> [B,H,T,S]
          });
        const Tensor queries = s[0], answers = s[1], weights = s[2];
        Array dq(queries.shape(), g.dtype()), dk(answers.shape(), g.dtype()), dv(weights.shape(), g.dtype());
        for_floating("additive_scores", g.dtype(), [&]<class T>() {
          kernels::of<T>().additive_scores_vjp(arguments.template operator()<T>(queries, answers, weights),
                                               g.array().data<T>(), dq.write<T>(), dk.write<T>(), dv.write<T>());
        });
        return {Tensor(std::move(dq)), Tensor(std::move(dk)), Tensor(std::move(dv))};
      });
}

}  // namespace gaze
