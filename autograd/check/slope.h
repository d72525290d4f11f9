#pragma once

#include <functional>
#include <vector>

namespace gaze {

/// What a gradient is, as far as differences can tell.
enum class Verdict {
  right,         ///< analytic and numeric agree
  kink_nearby,   ///< left and right slopes differ (relu at 0, ties of a maximum) and the gradient lies between them
  float32_only,  ///< the function has about seven digits only: not differentiable, in float32 only; they agree
  wrong,         ///< they differ
  not_deterministic,  ///< the function gives other numbers when it is called again: dropout, a state that changes
};

const char* name_of(Verdict);  ///< "right", "kink nearby", "not differentiable in float32 only", "wrong", ...

/// A function along a line, seen from its start: what changes when one goes t.
struct Change {
  double value = 0;                ///< f(t) - f(0), terms subtracted before they are summed; NaN where f is not finite
  double magnitude = 0;            ///< the sum of |terms| of f(t), on which rounding works
  std::vector<double> terms = {};  ///< of value
};
using Line = std::function<Change(double t)>;

/// Differences with one step.
struct Differences {
  double step = 0;
  double left = 0, right = 0, central = 0;  ///< slopes; NaN where the function is not finite
  double low = 0, high = 0;                 ///< the sums of the smaller and of the larger of each term's slopes
  double rounding = 0;                      ///< how far rounding alone may move the central one
};
Differences differences(const Line& line, double step);
/// The distances over which a function may be expected to change, from the larger to the smaller.
struct Scales {
  double large = 1, small = 1;
};
/// With steps from large / 10 down to small / 10^10, each a tenth of the one before: large ones are off by the
/// function's curvature, small ones by rounding.
std::vector<Differences> sweep(const Line& line, const Scales& scales);

/// A derivative beside the one that differences give.
struct DerivativeComparison {
  Verdict verdict = Verdict::right;
  double analytic = 0, numeric = 0;
  double error = 0;  ///< |analytic - numeric| / max(|analytic|, |numeric|, what rounding hides / tolerance)
  double step = 0;   ///< of the numeric one
};

/// Compares `analytic` with the central difference at large / 10^5 and, when they do not agree, with the flat part of a
/// whole sweep: the step whose neighbour agrees best. Slopes smaller than `hidden` are not told from 0.
DerivativeComparison judge(double analytic, const Line& line, const Scales& scales, double tolerance,
                           double hidden = 0);

}  // namespace gaze
