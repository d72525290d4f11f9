#include <gaze/autograd/check/slope.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace gaze {
namespace {

constexpr double usual_step = 1e-5, largest_step = 1e-1, smallest_step = 1e-10;
constexpr double few = 4;  ///< roundings of the last bit on the way to a term

double relative(double analytic, double numeric, double tolerance, double hidden) {
  const double error = std::abs(analytic - numeric);
  if (error == 0) return 0;
  const double size = std::max({std::abs(analytic), std::abs(numeric), hidden / tolerance});
  return std::isfinite(error) ? error / size : std::numeric_limits<double>::infinity();
}

/// The slope where neighbouring steps agree best.
struct Flat {
  Differences at;  ///< central: that of two steps together
  double uncertainty;
};

/// Two steps' central differences are off by as many squares of the step: together they cancel that (Richardson 1911).
/// Noise grows as steps get smaller: where neighbours agree by chance, those after them tell how large it is.
std::optional<Flat> flat_part(const std::vector<Differences>& all, std::size_t first, double granule) {
  constexpr std::size_t neighbours = 3;
  std::optional<Flat> best;
  const auto together = [&](std::size_t i) { return (100 * all[i + 1].central - all[i].central) / 99; };
  for (std::size_t i = first; i + 2 < all.size(); ++i) {
    const double value = together(i);
    double apart = std::abs(value - together(i + 1));
    if (!std::isfinite(apart)) continue;
    double share = 1;
    for (std::size_t j = i + 1; j < i + neighbours && j + 2 < all.size(); ++j) {
      share /= 10;
      if (const double later = share * std::abs(together(j) - together(j + 1)); later > apart) apart = later;
    }
    const double uncertainty = apart + all[i + 1].rounding + granule / all[i + 1].step;
    if (best && uncertainty >= best->uncertainty) continue;
    best = {all[i + 1], uncertainty};
    best->at.central = value;
  }
  return best;
}

/// The size of the function's terms, which the rounding of its differences tells.
double magnitude(const Differences& d) { return d.rounding * d.step / (few * std::numeric_limits<double>::epsilon()); }

/// Drops the smallest steps when nothing changes at them any more because rounding swallows it: when what changed last
/// is no more than float32 loses, and more than float64 does. Returns that: the function goes by such steps.
double drop_swallowed(std::vector<Differences>& all) {
  constexpr double float32_rounding = 1e-6, float64_rounding = 1e-15;
  constexpr std::ptrdiff_t enough = 4;
  const auto last =
      std::find_if(all.rbegin(), all.rend(), [](const Differences& d) { return d.low != 0 || d.high != 0; });
  if (last == all.rbegin() || last == all.rend()) return 0;
  const double change = std::max(std::abs(last->left), std::abs(last->right)) * last->step;
  if (!(change < float32_rounding * magnitude(*last) && change > float64_rounding * magnitude(*last))) return 0;
  all.erase(std::max(last.base(), all.begin() + std::min(enough, std::ssize(all))), all.end());
  return change;
}

/// What is not smooth about a function, seen from larger to smaller steps.
struct Corners {
  std::optional<Differences> corner;  ///< of the smallest step that rounding leaves a meaning
  std::size_t smooth = 0;             ///< the first step that is smaller than all corners and jumps beside the point
};

/// A corner: left and right slopes go on differing, by as much, as steps get smaller. A smooth function's differ by a
/// tenth for a tenth of the step, noise by ten times as much. A jump: a side's change goes on being the same, and is
/// more than float32 loses. Smaller steps that see neither take back what larger ones saw: it is beside the point.
Corners corners(const std::vector<Differences>& all) {
  constexpr double clear = 0.05, lasting = 0.3, visible = 1e-4, same = 0.01, more_than_float32 = 1e-5;
  constexpr int often = 2;
  const auto gap = [](const Differences& d) { return d.high - d.low; };
  Corners found;
  int times = 0;
  for (std::size_t i = 1; i < all.size(); ++i) {
    const Differences &now = all[i], &before = all[i - 1];
    const auto jumps = [&](double Differences::*side) {
      const double height = now.*side * now.step;
      return std::abs(height) > more_than_float32 * magnitude(now) &&
             std::abs(before.*side * before.step - height) < same * std::abs(height);
    };
    if (jumps(&Differences::left) || jumps(&Differences::right)) found.smooth = i + 1;
    const double noise = 4 * now.rounding;
    const double moved = std::max(std::abs(now.left - before.left), std::abs(now.right - before.right));
    const bool corner = noise < clear * gap(now) && gap(now) > lasting * gap(before) &&
                        lasting * gap(now) < gap(before) && moved < lasting * gap(now) &&
                        gap(now) > visible * std::max(std::abs(now.left), std::abs(now.right));
    times = corner ? times + 1 : 0;
    if (times >= often) {
      found.corner = now;
    } else if (found.corner && gap(now) + noise < lasting * gap(*found.corner)) {
      found.corner.reset();
      found.smooth = i;
    }
  }
  return found;
}

/// Whether the function ends here: on one side it is finite at no step.
bool at_the_edge(const std::vector<Differences>& all) {
  const auto none = [&](double Differences::*side) {
    return std::all_of(all.begin(), all.end(), [&](const Differences& d) { return !std::isfinite(d.*side); });
  };
  return none(&Differences::left) || none(&Differences::right);
}

}  // namespace

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::right: return "right";
    case Verdict::kink_nearby: return "kink nearby";
    case Verdict::float32_only: return "not differentiable in float32 only";
    case Verdict::wrong: return "wrong";
    default: return "not deterministic";
  }
}

Differences differences(const Line& line, double step) {
  const Change above = line(step), below = line(-step);
  double low = 0, high = 0;
  if (above.terms.empty()) {
    low = std::min(-below.value, above.value) / step;
    high = std::max(-below.value, above.value) / step;
  }
  for (std::size_t i = 0; i < above.terms.size(); ++i) {
    low += std::min(-below.terms[i], above.terms[i]) / step;
    high += std::max(-below.terms[i], above.terms[i]) / step;
  }
  return {.step = step,
          .left = -below.value / step,
          .right = above.value / step,
          .central = (above.value - below.value) / (2 * step),
          .low = low,
          .high = high,
          .rounding = few * std::numeric_limits<double>::epsilon() * (above.magnitude + below.magnitude) / (2 * step)};
}

std::vector<Differences> sweep(const Line& line, const Scales& scales) {
  constexpr double rounding = 0.5;
  std::vector<Differences> all;
  for (int i = 0;; ++i) {
    const double step = scales.large * largest_step * std::pow(10.0, -i);
    if (step < rounding * smallest_step * scales.small) return all;
    all.push_back(differences(line, step));
  }
}

DerivativeComparison judge(double analytic, const Line& line, const Scales& scales, double tolerance, double hidden) {
  const auto judged = [&](Verdict verdict, const Differences& d, double uncertain) {
    return DerivativeComparison{verdict, analytic, d.central,
                                relative(analytic, d.central, tolerance, hidden + uncertain), d.step};
  };
  const Differences usual = differences(line, scales.large * usual_step);
  const DerivativeComparison quick = judged(Verdict::right, usual, usual.rounding);
  const double seen = std::max(std::abs(analytic), std::abs(usual.central));
  const bool resolved = usual.rounding <= tolerance * seen || seen <= hidden;
  if (quick.error <= tolerance && resolved) return quick;
  if (std::isnan(analytic)) return judged(Verdict::wrong, usual, 0);

  std::vector<Differences> all = sweep(line, scales);
  const double granule = drop_swallowed(all);
  const auto [corner, smooth] = corners(all);
  if (!all.empty() && smooth == all.size()) return judged(Verdict::kink_nearby, all.back(), 0);
  const std::optional<Flat> flat = flat_part(all, smooth, granule);
  if (corner) {
    const double low = corner->low, high = corner->high;
    const double room = tolerance * std::max(std::abs(low), std::abs(high)) + 4 * corner->rounding;
    const bool between = analytic >= low - room && analytic <= high + room;
    return judged(between ? Verdict::kink_nearby : Verdict::wrong, *corner, corner->rounding);
  }
  constexpr double some = 0.1, settles = 1e-5;
  if (!flat) {
    // The function ends here, or so near that few steps stay inside.
    const auto inside =
        std::find_if(all.rbegin(), all.rend(), [](const Differences& d) { return std::isfinite(d.central); });
    if (inside != all.rend()) {
      const double larger = std::max(std::abs(analytic), std::abs(inside->central));
      const bool near = std::abs(analytic - inside->central) <= some * larger;
      return judged(near ? Verdict::kink_nearby : Verdict::wrong, *inside, 0);
    }
    DerivativeComparison edge = judged(at_the_edge(all) ? Verdict::kink_nearby : Verdict::wrong, usual, 0);
    edge.numeric = std::isfinite(usual.left) ? usual.left : usual.right;
    return edge;
  }
  const double size = std::max(std::abs(analytic), std::abs(flat->at.central));
  constexpr double explained = 10, fewer_digits = 100;
  const double largest = std::max(size, hidden / tolerance), uncertain = flat->uncertainty;
  const bool rounding_alone = uncertain <= explained * flat->at.rounding;
  // Smaller steps show whether the function is noisy, as one of float32 is; else it is kinks that keep larger ones
  // apart.
  double noise = granule;
  for (const Differences& d : all)
    if (d.step < flat->at.step && std::isfinite(d.central))
      noise = std::max(noise, std::abs(d.central - flat->at.central) * d.step);
  const Verdict unsettled =
      noise > fewer_digits * flat->at.rounding * flat->at.step ? Verdict::float32_only : Verdict::kink_nearby;
  const DerivativeComparison settled = judged(Verdict::right, flat->at, 2 * uncertain);
  if (settled.error <= tolerance) {
    if (rounding_alone || uncertain <= settles * largest) return settled;
    if (uncertain <= some * largest || uncertain <= explained * granule / flat->at.step)
      return judged(unsettled, flat->at, 2 * uncertain);
  }
  const double off = std::abs(analytic - flat->at.central);
  if (!rounding_alone && uncertain > tolerance * size && uncertain < some * size && off <= 4 * uncertain)
    return judged(unsettled, flat->at, uncertain);
  return judged(Verdict::wrong, flat->at, flat->at.rounding);
}

}  // namespace gaze
