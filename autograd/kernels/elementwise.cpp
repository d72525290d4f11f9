#include <gaze/autograd/kernels/elementwise.h>

#include <cmath>
#include <numbers>

#include <gaze/autograd/kernels/functions.h>
#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/simd.h>

namespace gaze::kernels::GAZE_LEVEL {
namespace {

constexpr std::int64_t block = 4096;  // elements of a task
constexpr std::int64_t cheap = 1, costly = 8;

/// tanh(sqrt(2/pi) (x + 0.044715 x^3)), the inside of gelu's tanh form (Hendrycks and Gimpel 2016).
template <class V>
V gelu_inner(const V& x) {
  constexpr double slope = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
  return simd::tanh(all<V>(slope) * (x + all<V>(0.044715) * x * x * x));
}

/// Beyond -10,000, 0 times an infinity would be NaN where an activation has long reached its limit; so would its slope
/// beyond +10,000. NaN stays NaN.
template <class V>
V not_below(const V& x) {
  return simd::max(V(-1e4F), x);
}
template <class V>
V bounded(const V& x) {
  return simd::min(V(1e4F), not_below(x));
}

/// Calls with(f, cost) for the function that `f` names.
template <class V, class With>
void select(Unary f, const With& with) {
  switch (f) {
    case Unary::neg: return with([](const V& x) { return x * V(-1); }, cheap);  // -x is 0 - x at some levels: 0 of 0
    case Unary::exp: return with([](const V& x) { return simd::exp(x); }, costly);
    case Unary::log: return with([](const V& x) { return simd::log(x); }, costly);
    case Unary::sqrt: return with([](const V& x) { return simd::sqrt(x); }, cheap);
    case Unary::rsqrt: return with([](const V& x) { return V(1) / simd::sqrt(x); }, cheap);
    case Unary::abs: return with([](const V& x) { return simd::abs(x); }, cheap);
    case Unary::erf: return with([](const V& x) { return error_function(x); }, costly);
    case Unary::tanh: return with([](const V& x) { return simd::tanh(x); }, costly);
    case Unary::sigmoid: return with([](const V& x) { return sigmoid(x); }, costly);
    case Unary::relu: return with([](const V& x) { return relu(x); }, cheap);
    case Unary::gelu_exact: return with([](const V& x) { return gelu(not_below(x)); }, costly);
    case Unary::gelu_tanh:
      return with(
          [](const V& given) {
            const V x = not_below(given);
            return V(0.5) * x * (V(1) + gelu_inner(x));
          },
          costly);
    case Unary::silu: return with([](const V& x) { return not_below(x) * sigmoid(x); }, costly);
    case Unary::softplus:
      return with([](const V& x) { return simd::max(x, V(0)) + simd::log1p(simd::exp(-simd::abs(x))); }, costly);
  }
}

template <class V>
V power(const V& a, const V& b) {
  using T = typename V::value_type;
  alignas(64) T x[V::size], y[V::size];
  a.store_aligned(x), b.store_aligned(y);
  for (std::size_t i = 0; i < V::size; ++i) x[i] = std::pow(x[i], y[i]);
  return V::load_aligned(x);
}

template <class V, class With>
void select(Binary f, const With& with) {
  switch (f) {
    case Binary::add: return with([](const V& a, const V& b) { return a + b; }, cheap);
    case Binary::sub: return with([](const V& a, const V& b) { return a - b; }, cheap);
    case Binary::mul: return with([](const V& a, const V& b) { return a * b; }, cheap);
    case Binary::div: return with([](const V& a, const V& b) { return a / b; }, cheap);
    case Binary::pow: return with([](const V& a, const V& b) { return power(a, b); }, costly * 4);
    // A NaN in either operand is a NaN in the result: instructions for max and min keep only the second's.
    case Binary::maximum:
      return with([](const V& a, const V& b) { return simd::select(a > b, a, simd::select(a == a, b, a)); }, cheap);
    case Binary::minimum:
      return with([](const V& a, const V& b) { return simd::select(a < b, a, simd::select(a == a, b, a)); }, cheap);
    case Binary::tanh_vjp: return with([](const V& g, const V& y) { return g * (V(1) - y * y); }, cheap);
    case Binary::sigmoid_vjp: return with([](const V& g, const V& y) { return g * y * (V(1) - y); }, cheap);
    case Binary::relu_vjp: return with([](const V& g, const V& y) { return simd::select(y > V(0), g, V(0)); }, cheap);
    case Binary::gelu_exact_vjp: return with([](const V& g, const V& x) { return g * gelu_slope(bounded(x)); }, costly);
    case Binary::gelu_tanh_vjp:
      return with(
          [](const V& g, const V& given) {
            const V x = bounded(given);
            constexpr double slope = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
            const V t = gelu_inner(x);
            const V inner = all<V>(slope) * (V(1) + all<V>(3 * 0.044715) * x * x);
            return g * V(0.5) * (V(1) + t + x * (V(1) - t * t) * inner);
          },
          costly);
    case Binary::silu_vjp:
      return with(
          [](const V& g, const V& given) {
            const V x = bounded(given), s = sigmoid(x);
            return g * s * (V(1) + x * (V(1) - s));
          },
          costly);
    case Binary::softplus_vjp: return with([](const V& g, const V& x) { return g * sigmoid(x); }, costly);
  }
}

/// Runs row(offsets of the operands, offset in y, length) for runs of the innermost axis, in parallel.
template <class Row>
void for_rows(const Broadcast& loop, std::int64_t cost, const Row& row) {
  const std::int64_t inner = loop.rank ? loop.lengths[loop.rank - 1] : 1;
  std::int64_t outer = 1;
  for (int axis = 0; axis < loop.rank - 1; ++axis) outer *= loop.lengths[axis];
  if (inner == 0 || outer == 0) return;
  const int last = loop.rank - 1;
  const std::int64_t pieces = (inner + block - 1) / block;             // of a row
  const std::int64_t rows = std::max<std::int64_t>(block / inner, 1);  // of a task
  parallel_tasks(pieces * ((outer + rows - 1) / rows), outer * inner * cost, [&](std::int64_t task) {
    const std::int64_t first = task / pieces * rows, from = task % pieces * block;
    const std::int64_t length = std::min(block, inner - from);
    std::int64_t position[max_axes], offset[3] = {};
    for (std::int64_t rest = first, axis = last - 1; axis >= 0; rest /= loop.lengths[axis], --axis) {
      position[axis] = rest % loop.lengths[axis];
      for (int i = 0; i < 3; ++i) offset[i] += position[axis] * loop.strides[i][axis];
    }
    for (std::int64_t r = first; r < std::min(first + rows, outer); ++r) {
      std::int64_t at[3];
      for (int i = 0; i < 3; ++i) at[i] = offset[i] + (loop.rank ? from * loop.strides[i][last] : 0);
      row(at, r * inner + from, length);
      for (int axis = last - 1; axis >= 0; --axis) {  // the next row, as an odometer counts
        for (int i = 0; i < 3; ++i) offset[i] += loop.strides[i][axis];
        if (++position[axis] < loop.lengths[axis]) break;
        for (int i = 0; i < 3; ++i) offset[i] -= position[axis] * loop.strides[i][axis];
        position[axis] = 0;
      }
    }
  });
}

template <class T>
void unary(Unary f, const T* x, T* y, std::int64_t n) {
  select<Vector<T>>(f, [&](const auto& function, std::int64_t cost) {
    parallel_blocks(n, block, cost,
                    [&](std::int64_t first, std::int64_t last) { map(last - first, y + first, function, x + first); });
  });
}

template <class T>
void binary(Binary f, const Broadcast& loop, const T* a, const T* b, T* y) {
  using V = Vector<T>;
  const bool a_runs = loop.rank == 0 || loop.strides[0][loop.rank - 1] != 0;
  const bool b_runs = loop.rank == 0 || loop.strides[1][loop.rank - 1] != 0;
  select<V>(f, [&](const auto& function, std::int64_t cost) {
    for_rows(loop, cost, [&](const std::int64_t* at, std::int64_t to, std::int64_t n) {
      if (a_runs && b_runs) {
        map(n, y + to, function, a + at[0], b + at[1]);
      } else if (a_runs) {
        const V repeated(b[at[1]]);
        map(
            n, y + to, [&](const V& x) { return function(x, repeated); }, a + at[0]);
      } else {
        const V repeated(a[at[0]]);
        const bool both = !b_runs;
        if (both) {
          const V value = function(repeated, V(b[at[1]]));
          std::fill_n(y + to, n, value.get(0));
        } else {
          map(
              n, y + to, [&](const V& x) { return function(repeated, x); }, b + at[1]);
        }
      }
    });
  });
}

template <class T>
void where(const Broadcast& loop, const std::int32_t* condition, const T* a, const T* b, T* y) {
  const auto step = [&](int i) { return loop.rank ? loop.strides[i][loop.rank - 1] : 0; };
  for_rows(loop, cheap, [&](const std::int64_t* at, std::int64_t to, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i)
      y[to + i] = condition[at[0] + i * step(0)] != 0 ? a[at[1] + i * step(1)] : b[at[2] + i * step(2)];
  });
}

template <class T>
void clip(const T* x, T low, T high, T* y, std::int64_t n) {
  using V = Vector<T>;
  parallel_blocks(n, block, cheap, [&](std::int64_t first, std::int64_t last) {
    // Of a NaN and a number the processor's min and max give the second operand: NaN stays NaN.
    map(
        last - first, y + first, [&](const V& v) { return simd::min(V(high), simd::max(V(low), v)); }, x + first);
  });
}

template <class T>
void accumulate(const T* x, T* y, std::int64_t n) {
  parallel_blocks(n, block, cheap,
                  [&](std::int64_t first, std::int64_t last) { add_to(y + first, x + first, last - first); });
}

}  // namespace

GAZE_FILL(Elementwise, .unary = unary, .binary = binary, .where = where, .clip = clip, .accumulate = accumulate)

}  // namespace gaze::kernels::GAZE_LEVEL
