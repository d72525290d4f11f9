#include <numbers>

#include <gaze/autograd/ops/elementwise.h>

namespace gaze {
namespace detail {

void require_alike(const char* operation, const Tensor& a, const Tensor& b) {
  require(a.dtype() == b.dtype(), "{}: operands are {} {} and {} {}; convert one with to()", operation,
          name_of(a.dtype()), a.shape(), name_of(b.dtype()), b.shape());
}

Array apply(const char* operation, kernels::Unary f, const Array& x) {
  return for_floating(operation, x.dtype(), [&]<class T>() {
    Array y(x.shape(), x.dtype());
    kernels::of<T>().unary(f, x.data<T>(), y.write<T>(), x.size());
    return y;
  });
}

Array apply(const char* operation, kernels::Binary f, const Array& a, const Array& b) {
  return for_floating(operation, a.dtype(), [&]<class T>() {
    Array y(broadcast(operation, a.shape(), b.shape()), a.dtype());
    kernels::of<T>().binary(f, kernels::broadcast_loop(y.shape().axes(), {a.shape().axes(), b.shape().axes()}),
                            a.data<T>(), b.data<T>(), y.write<T>());
    return y;
  });
}

}  // namespace detail

namespace {

using kernels::Binary;
using kernels::Unary;

/// Records y = f(a, b) with rule(saved, g) -> gradients of a and b.
template <class Rule>
Tensor of_two(const char* operation, Binary f, const Tensor& a, const Tensor& b, Keep keep, Rule rule) {
  detail::require_alike(operation, a, b);
  return record(operation, detail::apply(operation, f, a.array(), b.array()), {a, b}, keep, rule);
}

/// Records y = f(x) with rule(saved, g) -> gradient of x.
template <class Rule>
Tensor of_one(const char* operation, Unary f, const Tensor& x, Keep keep, Rule rule) {
  return record(operation, detail::apply(operation, f, x.array()), {x}, keep,
                [rule](const Saved& s, const Tensor& g) -> Gradients { return {rule(s, g)}; });
}

/// 1 where an int32 condition holds, else 0, in the dtype of `like`.
Tensor indicator(const Tensor& condition, const Tensor& like) { return cast(condition, like.dtype()); }

/// The larger, or the smaller. It gets g, and where both are equal each half of it.
Tensor one_of(const char* operation, Binary f, const Tensor& a, const Tensor& b,
              Tensor (*wins)(const Tensor&, const Tensor&)) {
  return of_two(operation, f, a, b, keep_inputs, [wins](const Saved& s, const Tensor& g) -> Gradients {
    const Tensor x = s[0].detach(), y = s[1].detach(), ties = 0.5 * indicator(equal(x, y), g);
    const auto share = [&](const Tensor& mine, const Tensor& other) {
      return g * (indicator(wins(mine, other), g) + ties);
    };
    return {s.needs(0) ? share(x, y) : Tensor(), s.needs(1) ? share(y, x) : Tensor()};
  });
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  return of_two("add", Binary::add, a, b, keep_none, [](const Saved&, const Tensor& g) -> Gradients { return {g, g}; });
}

Tensor sub(const Tensor& a, const Tensor& b) {
  return of_two("sub", Binary::sub, a, b, keep_none, [](const Saved& s, const Tensor& g) -> Gradients {
    return {g, s.needs(1) ? -g : Tensor()};
  });
}

Tensor mul(const Tensor& a, const Tensor& b) {
  const Keep keep = (b.requires_grad() ? keep_input(0) : keep_none) | (a.requires_grad() ? keep_input(1) : keep_none);
  return of_two("mul", Binary::mul, a, b, keep, [](const Saved& s, const Tensor& g) -> Gradients {
    return {s.needs(0) ? g * s[1] : Tensor(), s.needs(1) ? g * s[0] : Tensor()};
  });
}

Tensor div(const Tensor& a, const Tensor& b) {
  // d(a/b)/db = -a / b^2 = -y / b
  const Keep keep = keep_input(1) | (b.requires_grad() ? keep_input(0) : keep_none);
  return of_two("div", Binary::div, a, b, keep, [](const Saved& s, const Tensor& g) -> Gradients {
    const Tensor per_b = g / s[1];
    return {per_b, s.needs(1) ? -(per_b * (s[0] / s[1])) : Tensor()};
  });
}

Tensor neg(const Tensor& x) {
  return of_one("neg", Unary::neg, x, keep_none, [](const Saved&, const Tensor& g) { return -g; });
}

Tensor pow(const Tensor& a, const Tensor& b) {
  // d(a^b)/da = b a^(b-1), 0 where a and b are 0; d(a^b)/db = a^b log a, 0 where a = 0
  return of_two("pow", Binary::pow, a, b, keep_inputs, [](const Saved& s, const Tensor& g) -> Gradients {
    const Tensor base = s[0], exponent = s[1];
    const Tensor zero = Tensor::scalar(0, g.dtype()), one = Tensor::scalar(1, g.dtype());
    Tensor to_base, to_exponent;
    if (s.needs(0)) {
      const Tensor both_zero = equal(abs(base.detach()) + abs(exponent.detach()), zero);
      to_base = g * exponent * pow(where(both_zero, one, base), exponent - 1.0);
    }
    if (s.needs(1)) {
      const Tensor at_zero = equal(base, zero);
      to_exponent = where(at_zero, zero, g * pow(base, exponent) * log(where(at_zero, one, base)));
    }
    return {to_base, to_exponent};
  });
}

Tensor exp(const Tensor& x) {
  return of_one("exp", Unary::exp, x, keep_result, [](const Saved& s, const Tensor& g) { return g * s.result(); });
}

Tensor log(const Tensor& x) {
  return of_one("log", Unary::log, x, keep_inputs, [](const Saved& s, const Tensor& g) { return g / s[0]; });
}

Tensor sqrt(const Tensor& x) {
  return of_one("sqrt", Unary::sqrt, x, keep_result,
                [](const Saved& s, const Tensor& g) { return 0.5 * g / s.result(); });
}

Tensor rsqrt(const Tensor& x) {
  // d x^(-1/2) / dx = -1/2 x^(-3/2)
  return of_one("rsqrt", Unary::rsqrt, x, keep_result, [](const Saved& s, const Tensor& g) {
    const Tensor y = s.result();
    return -0.5 * g * y * y * y;
  });
}

Tensor abs(const Tensor& x) {
  return of_one("abs", Unary::abs, x, keep_inputs, [](const Saved& s, const Tensor& g) {
    const Tensor at = s[0].detach(), zero = Tensor::scalar(0, g.dtype());
    return g * (indicator(greater(at, zero), g) - indicator(less(at, zero), g));
  });
}

Tensor erf(const Tensor& x) {
  return of_one("erf", Unary::erf, x, keep_inputs, [](const Saved& s, const Tensor& g) {
    const Tensor at = s[0];
    return g * (2 * std::numbers::inv_sqrtpi * exp(-(at * at)));
  });
}

Tensor maximum(const Tensor& a, const Tensor& b) { return one_of("maximum", Binary::maximum, a, b, greater); }
Tensor minimum(const Tensor& a, const Tensor& b) { return one_of("minimum", Binary::minimum, a, b, less); }

Tensor clip(const Tensor& x, double low, double high) {
  require(low <= high, "clip: low {} must not exceed high {}", low, high);
  Array y(x.shape(), x.dtype());
  for_floating("clip", x.dtype(), [&]<class T>() {
    kernels::of<T>().clip(x.array().data<T>(), static_cast<T>(low), static_cast<T>(high), y.write<T>(), x.size());
  });
  return record("clip", std::move(y), {x}, keep_inputs, [low, high](const Saved& s, const Tensor& g) -> Gradients {
    const Tensor at = s[0].detach();
    return {g * indicator(greater_equal(at, Tensor::scalar(low, g.dtype())), g) *
            indicator(less_equal(at, Tensor::scalar(high, g.dtype())), g)};
  });
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  detail::require_alike("where", a, b);
  require(condition.dtype() == DType::int32, "where: the condition must be int32, got {}", name_of(condition.dtype()));
  const Shape shape = broadcast("where", broadcast("where", a.shape(), b.shape()), condition.shape());
  Array y(shape, a.dtype());
  for_floating("where", a.dtype(), [&]<class T>() {
    kernels::of<T>().where(
        kernels::broadcast_loop(shape.axes(), {condition.shape().axes(), a.shape().axes(), b.shape().axes()}),
        condition.array().data<std::int32_t>(), a.array().data<T>(), b.array().data<T>(), y.write<T>());
  });
  return record(
      "where", std::move(y), {condition, a, b}, keep_input(0), [](const Saved& s, const Tensor& g) -> Gradients {
        const Tensor zero = Tensor::scalar(0, g.dtype());
        return {Tensor(), s.needs(1) ? where(s[0], g, zero) : Tensor(), s.needs(2) ? where(s[0], zero, g) : Tensor()};
      });
}

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Array y = x.array().to(dtype);
  if (!is_floating(dtype) || !is_floating(x.dtype())) return Tensor(std::move(y));
  return record("cast", std::move(y), {x}, keep_none,
                [from = x.dtype()](const Saved&, const Tensor& g) -> Gradients { return {cast(g, from)}; });
}

}  // namespace gaze
