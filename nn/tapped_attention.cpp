#include <gaze/nn/tapped_attention.h>

#include <algorithm>

#include <gaze/autograd/ops.h>

namespace gaze {
namespace {

/// [B,H,C,S] -> [B C,H,1,S]
Tensor beside(const Tensor& maps, std::int64_t continuations) {
  if (continuations == 1) return maps;
  const Tensor turned = permute(maps, {0, 2, 1, 3});  // [B,C,H,S]
  return reshape(turned, {maps.size(0) * continuations, maps.size(1), 1, maps.size(3)});
}

/// Its inverse.
Tensor among_queries(const Tensor& maps, std::int64_t continuations) {
  if (continuations == 1) return maps;
  return permute(reshape(maps, {maps.size(0) / continuations, continuations, maps.size(1), maps.size(3)}),
                 {0, 2, 1, 3});
}

}  // namespace

Columns tapped_heads(const Columns& x, std::int64_t heads, TapPoint point, const AttentionSite& site,
                     const Context& context) {
  if (!context.taps) return x;
  const TapPlace place = context.place(site, point);
  const auto apply = [&] {
    const Tensor own = x.count == x.packed.size(2) ? x.packed : slice(x.packed, 2, x.first, x.first + x.count);
    return context.taps->apply(place, reshape(own, {own.size(0), own.size(1), heads, x.count / heads}));
  };
  switch (context.taps->interest(place)) {
    case Taps::Interest::none: return x;
    case Taps::Interest::look: {
      const NoGrad no_grad;
      apply();
      return x;
    }
    case Taps::Interest::replace: break;
  }
  return reshape(apply(), {x.packed.size(0), x.packed.size(1), x.count});
}

Tensor joined(const Columns& keys, const Columns& values) {
  if (keys.packed.same(values.packed) && keys.first + keys.count == values.first) {
    const std::int64_t end = values.first + values.count;
    return keys.first == 0 && end == keys.packed.size(2) ? keys.packed : slice(keys.packed, 2, keys.first, end);
  }
  const auto own = [](const Columns& x) {
    return x.count == x.packed.size(2) ? x.packed : slice(x.packed, 2, x.first, x.first + x.count);
  };
  return concat({own(keys), own(values)}, 2);
}

Tensor tapped_attention(const ScoreFunction& score, const Columns& queries, const Columns& keys, const Columns& values,
                        const AttentionOptions& options, const AttentionSite& site, const Context& context,
                        std::int64_t continuations) {
  const auto as_continuations = [&](const Tensor& output) {  // [B,C,HC] -> [B C,1,HC]
    return continuations == 1 ? output : reshape(output, {output.size(0) * continuations, 1, output.size(2)});
  };
  if (!context.taps) return as_continuations(score.attend(queries, keys, values, options));

  const Taps& taps = *context.taps;
  const TapPlace at_scores = context.place(site, TapPoint::scores), at_weights = context.place(site, TapPoint::weights);
  const auto tapped = [&](const TapPlace& place, const Tensor& maps) {  // as taps see them
    return among_queries(taps.apply(place, beside(maps, continuations)), continuations);
  };
  const Taps::Interest of_scores = taps.interest(at_scores), of_weights = taps.interest(at_weights);
  Tensor output;
  const Taps::Interest most = std::max(of_scores, of_weights);
  if (most == Taps::Interest::replace || (most == Taps::Interest::look && score.composed())) {
    const Tensor scores = tapped(at_scores, score.scores(queries, keys));
    const Tensor weights = tapped(at_weights, masked_weights(scores, options));
    const Tensor used = options.dropout > 0 ? dropout(weights, options.dropout, options.stream) : weights;
    output = join_heads(matmul(used, split_heads(values, site.heads)));  // [B,H,T,S] [B,H,S,C] -> [B,T,HC]
  } else {
    const NoGrad no_grad;
    if (of_scores == Taps::Interest::look) tapped(at_scores, score.scores(queries, keys));
    if (of_weights == Taps::Interest::look) tapped(at_weights, score.weights(queries, keys, options));
  }
  if (!output.defined()) output = score.attend(queries, keys, values, options);
  output = as_continuations(output);

  const TapPlace at_heads = context.place(site, TapPoint::head_outputs);
  if (taps.interest(at_heads) == Taps::Interest::none) return output;
  const Tensor by_head =
      reshape(output, {output.size(0), output.size(1), site.heads, output.size(2) / site.heads});  // [B,T,H,C]
  const Tensor after = taps.apply(at_heads, by_head);
  return after.same(by_head) ? output : reshape(after, {output.size(0), output.size(1), output.size(2)});
}

}  // namespace gaze
