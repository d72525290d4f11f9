#include <gaze/nn/taps.h>

#include <algorithm>
#include <utility>

#include <gaze/autograd/ops.h>

namespace gaze {
namespace {

/// The axis that positions run along.
int axis_of_positions(TapPoint point) { return point == TapPoint::scores || point == TapPoint::weights ? 2 : 1; }

/// Ones, and zeros at the chosen positions, in a shape that broadcasts to the value's.
Tensor without_positions(const TapPlace& place, const Tensor& value, const std::vector<std::int64_t>& positions) {
  const int axis = axis_of_positions(place.point);
  const std::int64_t length = value.size(axis), first = place.first();
  std::vector<std::int64_t> shape(static_cast<std::size_t>(value.rank() - axis), 1);
  shape.front() = length;
  Array kept = Array::full(Shape(std::span<const std::int64_t>(shape)), value.dtype(), 1);
  for (const std::int64_t p : positions)
    if (p >= first && p < first + length) kept.set(p - first, 0);
  return Tensor(std::move(kept));
}

}  // namespace

const NameTable<AttentionKind>& attention_kind_names() {
  static const NameTable<AttentionKind> names(
      "kind of attention",
      {{AttentionKind::encoder, "encoder"}, {AttentionKind::decoder, "decoder"}, {AttentionKind::cross, "cross"}});
  return names;
}

const NameTable<TapPoint>& tap_point_names() {
  static const NameTable<TapPoint> names("point", {{TapPoint::queries, "queries"},
                                                   {TapPoint::keys, "keys"},
                                                   {TapPoint::values, "values"},
                                                   {TapPoint::scores, "scores"},
                                                   {TapPoint::weights, "weights"},
                                                   {TapPoint::head_outputs, "head_outputs"},
                                                   {TapPoint::output, "output"},
                                                   {TapPoint::residual, "residual"},
                                                   {TapPoint::hidden, "hidden"},
                                                   {TapPoint::logits, "logits"}});
  return names;
}

std::string_view name_of(AttentionKind kind) { return attention_kind_names().name_of(kind); }
std::string_view name_of(TapPoint point) { return tap_point_names().name_of(point); }

Anatomy& Anatomy::add(std::string_view module, TapPoint point) {
  points.push_back(TapPlace{.module = module, .point = point}.name());
  return *this;
}

Anatomy& Anatomy::add(const AttentionSite& site) {
  for (const AttentionSite& other : attentions)
    require(other.kind != site.kind || other.layer != site.layer,
            "anatomy: {} and {} are both the {} attention of layer {}", other.name, site.name, gaze::name_of(site.kind),
            site.layer);
  attentions.push_back(site);
  for (const TapPoint point : {TapPoint::queries, TapPoint::keys, TapPoint::values, TapPoint::scores, TapPoint::weights,
                               TapPoint::head_outputs, TapPoint::output})
    add(site.name, point);
  return *this;
}

std::string TapPlace::name() const {
  return module.empty() ? std::string(name_of(point)) : fmt::format("{}.{}", module, name_of(point));
}

std::int64_t TapPlace::first() const {
  return point == TapPoint::keys || point == TapPoint::values ? first_key : first_query;
}

TapFilter::TapFilter(std::string_view full_name) : point(TapPoint::output), is_one(true) {
  const std::size_t dot = full_name.rfind('.');
  const std::string_view last = dot == full_name.npos ? full_name : full_name.substr(dot + 1);
  const auto known = tap_point_names().find(last);
  if (!known) {
    const auto names = tap_point_names().names();
    fail("tap at {}: {} is not a point; there are {}{}", full_name, last, fmt::join(names, ", "),
         did_you_mean(last, names));
  }
  point = *known;
  if (dot != full_name.npos) module = full_name.substr(0, dot);
}

bool TapFilter::holds(const TapPlace& place) const {
  if (point != place.point) return false;
  return is_one ? module == place.module : !wanted || wanted(place);
}

Taps& Taps::look(TapFilter where, Look tap) {
  add({std::move(where), std::move(tap), {}});
  return *this;
}

Taps& Taps::replace(TapFilter where, Replace tap) {
  add({std::move(where), {}, std::move(tap)});
  return *this;
}

void Taps::add(Tap tap) {
  named_ += tap.where.is_one;
  taps_.push_back(std::move(tap));
}

Taps::Interest Taps::interest(const TapPlace& place) const {
  Interest most = Interest::none;
  for (const Tap& tap : taps_)
    if (tap.where.holds(place)) {
      if (tap.replace) return Interest::replace;
      most = Interest::look;
    }
  return most;
}

Tensor Taps::apply(const TapPlace& place, Tensor value) const {
  for (const Tap& tap : taps_) {
    if (!tap.where.holds(place)) continue;
    if (tap.look) {
      const NoGrad no_grad;
      tap.look(place, value.detach());
      continue;
    }
    Tensor other = tap.replace(place, value);
    require(other.defined(), "tap at {}: it returned nothing for {} {}", place.name(), name_of(value.dtype()),
            value.shape());
    require(other.shape() == value.shape() && other.dtype() == value.dtype(),
            "tap at {}: it returned {} {} for {} {}; shape and dtype must stay", place.name(), name_of(other.dtype()),
            other.shape(), name_of(value.dtype()), value.shape());
    value = std::move(other);
  }
  return value;
}

void Taps::require_among(std::span<const std::string> known) const {
  for (const Tap& tap : taps_) {
    if (!tap.where.is_one) continue;
    const std::string name = TapPlace{.module = tap.where.module, .point = tap.where.point}.name();
    if (std::find(known.begin(), known.end(), name) == known.end())
      fail("tap at {}: the model has no such point{}", name, did_you_mean(name, known));
  }
}

Taps::Replace scaled_heads(std::vector<double> factors) {
  return [factors = std::move(factors)](const TapPlace& place, const Tensor& value) {
    const auto heads = static_cast<std::int64_t>(factors.size());
    require(value.rank() == 4 && axis_of_positions(place.point) == 1 && value.size(2) == heads,
            "tap at {}: {} factors do not fit {}, which must be [B,L,H,K]", place.name(), heads, value.shape());
    return value * Tensor::from<double>({heads, 1}, factors).to(value.dtype());
  };
}

Taps::Replace replaced_by(Tensor value) {
  return [value = std::move(value)](const TapPlace&, const Tensor&) { return value; };
}

Taps::Replace with_noise(double standard_deviation, RandomStream stream) {
  return [=](const TapPlace& place, const Tensor& value) {
    // A stream for each sentence and position, whose numbers fill what lies there: [B,L,...], or [B,H,T,S] head by
    // head.
    const int axis = axis_of_positions(place.point);
    const std::int64_t outer = axis == 2 ? value.size(1) : 1, length = value.size(axis);
    const std::int64_t inner = value.size() == 0 ? 0 : value.size() / (value.size(0) * outer * length);
    const RandomStream of_point = stream.split(place.name());
    Array noise(value.shape(), value.dtype());
    for (std::int64_t b = 0, i = 0; b < value.size(0); ++b)
      for (std::int64_t h = 0; h < outer; ++h)
        for (std::int64_t t = 0; t < length; ++t) {
          Random random(of_point.split(static_cast<std::uint64_t>(place.sentence(b)))
                            .split(static_cast<std::uint64_t>(place.first() + t))
                            .split(static_cast<std::uint64_t>(h)));
          for (std::int64_t n = 0; n < inner; ++n) noise.set(i++, standard_deviation * random.normal());
        }
    return value + Tensor(std::move(noise));
  };
}

Taps::Replace zeroed_positions(std::vector<std::int64_t> positions) {
  return [positions = std::move(positions)](const TapPlace& place, const Tensor& value) {
    return value * without_positions(place, value, positions);
  };
}

Tensor LeafTap::operator()(const TapPlace&, const Tensor& value) const {
  *leaf_ = Tensor(value.array());
  leaf_->requires_grad(true);
  return *leaf_;
}

const Tensor& LeafTap::value() const {
  require(leaf_->defined(), "leaf tap: no pass has come to its point yet");
  return *leaf_;
}

}  // namespace gaze
