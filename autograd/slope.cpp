#include <gaze/autograd/slope.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace gaze {
namespace {

constexpr double usual_step = 1e-5, largest_step = 1e-1, smallest_step = 1e-10;

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
std::optional<Flat> flat_part(const std::vector<Differences>& all) {
  std::optional<Flat> best;
  const auto together = [&](std::size_t i) { return (100 * all[i + 1].central - all[i].central) / 99; };
  for (std::size_t i = 0; i + 2 < all.size(); ++i) {
    const double value = together(i), next = together(i + 1);
    if (!std::isfinite(value) || !std::isfinite(next)) continue;
    const double uncertainty = std::abs(value - next) + all[i + 1].rounding;
    if (best && uncertainty >= best->uncertainty) continue;
    best = {all[i + 1], uncertainty};
    best->at.central = value;
  }
  return best;
}

/// Where one-sided slopes differ and stay what they are as the step gets smaller, to the smallest that rounding leaves
/// a meaning. A smooth function's come together, a tenth for a tenth of the step; noise sends them apart.
std::optional<Differences> kink(const std::vector<Differences>& all) {
  constexpr double clear = 0.05, lasting = 0.3, visible = 1e-4;
  std::optional<Differences> found;
  for (std::size_t i = 1; i < all.size(); ++i) {
    const Differences &now = all[i], &before = all[i - 1];
    const double jump = std::abs(now.right - now.left);
    if (!(4 * now.rounding < clear * std::max(jump, std::abs(before.right - before.left)))) continue;
    const double moved = std::abs(now.right - before.right) + std::abs(now.left - before.left);
    found.reset();
    if (jump > visible * std::max(std::abs(now.left), std::abs(now.right)) && moved < lasting * jump) found = now;
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
  constexpr double few = 4;  // roundings of the last bit on the way to a term
  return {.step = step,
          .left = -below.value / step,
          .right = above.value / step,
          .central = (above.value - below.value) / (2 * step),
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

Judgement judge(double analytic, const Line& line, const Scales& scales, double tolerance, double hidden) {
  const auto judged = [&](Verdict verdict, const Differences& d, double uncertain) {
    return Judgement{verdict, analytic, d.central, relative(analytic, d.central, tolerance, hidden + uncertain),
                     d.step};
  };
  const Differences usual = differences(line, scales.large * usual_step);
  const Judgement quick = judged(Verdict::right, usual, usual.rounding);
  const double seen = std::max(std::abs(analytic), std::abs(usual.central));
  const bool resolved = usual.rounding <= tolerance * seen || seen <= hidden;
  if (quick.error <= tolerance && resolved) return quick;

  const std::vector<Differences> all = sweep(line, scales);
  const std::optional<Flat> flat = flat_part(all);
  if (const auto corner = kink(all)) {
    const double low = std::min(corner->left, corner->right), high = std::max(corner->left, corner->right);
    const double room = tolerance * std::max(std::abs(low), std::abs(high)) + 4 * corner->rounding;
    const bool between = analytic >= low - room && analytic <= high + room;
    return judged(between || !std::isfinite(analytic) ? Verdict::kink_nearby : Verdict::wrong, *corner,
                  corner->rounding);
  }
  if (!flat) {
    Judgement edge = judged(at_the_edge(all) ? Verdict::kink_nearby : Verdict::wrong, usual, 0);
    edge.numeric = std::isfinite(usual.left) ? usual.left : usual.right;
    return edge;
  }
  const double size = std::max(std::abs(analytic), std::abs(flat->at.central));
  constexpr double clear = 1e-3, explained = 10;
  const bool rounding_alone = flat->uncertainty <= explained * flat->at.rounding;
  if (rounding_alone || flat->uncertainty <= clear * std::max(size, hidden / tolerance)) {
    const Judgement settled = judged(Verdict::right, flat->at, 2 * flat->uncertainty);
    if (settled.error <= tolerance) return settled;
  }
  // Smaller steps show the noise of the function. Where it is more than rounding, the function has fewer digits.
  double noise = 0;
  for (const Differences& d : all)
    if (d.step < flat->at.step && std::isfinite(d.central))
      noise = std::max(noise, std::abs(d.central - flat->at.central) * d.step);
  constexpr double fewer_digits = 100, some = 0.1;
  const double uncertain = std::max(flat->uncertainty, noise / flat->at.step);
  const double off = std::abs(analytic - flat->at.central);
  if (noise > fewer_digits * flat->at.rounding * flat->at.step && uncertain < some * size && off <= 4 * uncertain)
    return judged(Verdict::float32_only, flat->at, uncertain);
  return judged(Verdict::wrong, flat->at, flat->at.rounding);
}

}  // namespace gaze
