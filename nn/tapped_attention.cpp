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

Tensor by_head(const Columns& x, std::int64_t heads) {
  const Tensor own = x.alone();
  return reshape(own, {own.size(0), own.size(1), heads, x.count / heads});
}

Columns tapped_heads(const Columns& x, std::int64_t heads, TapPoint point, const AttentionSite& site,
                     const Context& context) {
  if (!context.taps) return x;
  const TapPlace place = context.place(site, point);
  switch (context.taps->interest(place)) {
    case Taps::Interest::none: return x;
    case Taps::Interest::look: {
      const NoGrad no_grad;
      context.taps->apply(place, by_head(x, heads));
      return x;
    }
    case Taps::Interest::replace: break;
  }
  return reshape(context.taps->apply(place, by_head(x, heads)), {x.packed.size(0), x.length, x.count});
}

Tensor tapped_attention(const ScoreFunction& score, const Columns& queries, const Columns& keys, const Columns& values,
                        AttentionOptions options, const AttentionSite& site, const Context& context,
                        const TappedAttentionOptions& how) {
  const bool learns_added = how.added.defined() && how.added.requires_grad() && grad_enabled();
  const auto scores = [&] {
    const Tensor compared = score.scores(queries, keys);  // [B,H,T,S]
    return how.added.defined() ? compared + how.added : compared;
  };
  const auto in_separate_operations = [&](const auto& tap_scores, const auto& tap_weights) {
    const Tensor weights = tap_weights(masked_weights(tap_scores(scores()), options));
    const Tensor used = options.dropout > 0 ? dropout(weights, options.dropout, options.stream) : weights;
    return join_heads(matmul(used, split_heads(values, site.heads)));  // [B,H,T,S] [B,H,S,C] -> [B,T,HC]
  };
  const auto fused = [&] {
    AttentionOptions with_added = options;
    if (how.added.defined()) with_added.mask = options.mask.defined() ? options.mask + how.added : how.added;
    return with_added;
  };
  static const Taps none;
  const Taps& taps = context.taps ? *context.taps : none;
  const auto tap_at = [&](TapPoint point) {
    return [&, place = context.place(site, point)](const Tensor& maps) {  // as taps see them
      return among_queries(taps.apply(place, beside(maps, how.continuations)), how.continuations);
    };
  };
  const auto at_scores = tap_at(TapPoint::scores), at_weights = tap_at(TapPoint::weights);
  const Taps::Interest of_scores = taps.interest(context.place(site, TapPoint::scores)),
                       of_weights = taps.interest(context.place(site, TapPoint::weights)),
                       most = std::max(of_scores, of_weights);
  Tensor output;
  if (learns_added || most == Taps::Interest::replace || (most == Taps::Interest::look && score.composed())) {
    output = in_separate_operations(at_scores, at_weights);
  } else {
    output = score.attend(queries, keys, values, fused());
    const NoGrad no_grad;
    if (of_scores == Taps::Interest::look) at_scores(scores());
    if (of_weights == Taps::Interest::look) at_weights(score.weights(queries, keys, fused()));
  }
  if (how.continuations != 1)  // [B,C,HC] -> [B C,1,HC]
    output = reshape(output, {output.size(0) * how.continuations, 1, output.size(2)});

  const TapPlace at_heads = context.place(site, TapPoint::head_outputs);
  if (taps.interest(at_heads) == Taps::Interest::none) return output;
  const Tensor heads = by_head(output, site.heads);  // [B,T,H,C]
  const Tensor after = taps.apply(at_heads, heads);
  return after.same(heads) ? output : reshape(after, {output.size(0), output.size(1), output.size(2)});
}

}  // namespace gaze
