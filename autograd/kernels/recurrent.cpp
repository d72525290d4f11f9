#include <gaze/autograd/kernels/recurrent.h>

#include <algorithm>

#include <gaze/autograd/kernels/functions.h>
#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/simd.h>

namespace gaze::kernels::GAZE_LEVEL {
namespace {

constexpr std::int64_t gru_gates = 3, lstm_gates = 4;
constexpr std::int64_t cost = 64;  // of a unit: exponentials

/// compute(row) where the state goes on, stay(row) where it stays.
template <class T, class Compute, class Stay>
void for_rows(const RecurrentStep<T>& s, const Compute& compute, const Stay& stay) {
  parallel_blocks(s.rows, rows_per_block(s.n * cost), s.n * cost, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r)
      if (!s.running || s.running[r] != 0)
        compute(r);
      else
        stay(r);
  });
}

template <class V>
struct Gru {
  Gru(const V& input_r, const V& recurrent_r, const V& input_z, const V& recurrent_z, const V& input_n,
      const V& recurrent_n)
      : r(sigmoid(input_r + recurrent_r)),
        z(sigmoid(input_z + recurrent_z)),
        n(simd::tanh(input_n + r * recurrent_n)) {}
  V r, z, n;
};

template <class T>
void gru(const RecurrentStep<T>& s, T* next) {
  using V = Vector<T>;
  const std::int64_t n = s.n;
  for_rows(
      s,
      [&](std::int64_t row) {
        const T *a = s.input + row * gru_gates * n, *b = s.recurrent + row * gru_gates * n, *h = s.state + row * n;
        for_vectors<T>(n, [&](std::int64_t i, const auto& load, const auto& store) {
          const Gru<V> gates(load(a + i), load(b + i), load(a + n + i), load(b + n + i), load(a + 2 * n + i),
                             load(b + 2 * n + i));
          store((V(1) - gates.z) * gates.n + gates.z * load(h + i), next + row * n + i);
        });
      },
      [&](std::int64_t row) { std::copy_n(s.state + row * n, n, next + row * n); });
}

template <class T>
void gru_vjp(const RecurrentStep<T>& s, const T* g, T* d_input, T* d_recurrent, T* d_state) {
  using V = Vector<T>;
  const std::int64_t n = s.n;
  for_rows(
      s,
      [&](std::int64_t row) {
        const T *a = s.input + row * gru_gates * n, *b = s.recurrent + row * gru_gates * n, *h = s.state + row * n;
        T *da = d_input + row * gru_gates * n, *db = d_recurrent + row * gru_gates * n;
        for_vectors<T>(n, [&](std::int64_t i, const auto& load, const auto& store) {
          const V said = load(b + 2 * n + i), up = load(g + row * n + i);
          const Gru<V> gates(load(a + i), load(b + i), load(a + n + i), load(b + n + i), load(a + 2 * n + i), said);
          const auto& [r, z, candidate] = gates;
          const V dn = up * (V(1) - z) * (V(1) - candidate * candidate);
          const V dr = dn * said * r * (V(1) - r), dz = up * (load(h + i) - candidate) * z * (V(1) - z);
          store(dr, da + i), store(dr, db + i);
          store(dz, da + n + i), store(dz, db + n + i);
          store(dn, da + 2 * n + i), store(dn * r, db + 2 * n + i);
          store(up * z, d_state + row * n + i);
        });
      },
      [&](std::int64_t row) {
        std::fill_n(d_input + row * gru_gates * n, gru_gates * n, T(0));
        std::fill_n(d_recurrent + row * gru_gates * n, gru_gates * n, T(0));
        std::copy_n(g + row * n, n, d_state + row * n);
      });
}

/// The gates of units [at, at + lanes) and the next c. load(from) reads a vector.
template <class V, class T, class Load>
struct Lstm {
  Lstm(const T* a, const T* b, const T* c, std::int64_t n, const Load& load)
      : i(sigmoid(load(a) + load(b))),
        f(sigmoid(load(a + n) + load(b + n))),
        g(simd::tanh(load(a + 2 * n) + load(b + 2 * n))),
        o(sigmoid(load(a + 3 * n) + load(b + 3 * n))),
        before(load(c)),
        out(simd::tanh(f * before + i * g)) {}
  V i, f, g, o;
  V before;  ///< c
  V out;     ///< tanh of the next c
};

template <class T>
void lstm(const RecurrentStep<T>& s, T* next) {
  using V = Vector<T>;
  const std::int64_t n = s.n;
  for_rows(
      s,
      [&](std::int64_t row) {
        const T *a = s.input + row * lstm_gates * n, *b = s.recurrent + row * lstm_gates * n;
        T* to = next + row * 2 * n;
        for_vectors<T>(n, [&](std::int64_t at, const auto& load, const auto& store) {
          const Lstm<V, T, std::decay_t<decltype(load)>> x(a + at, b + at, s.state + row * 2 * n + n + at, n, load);
          store(x.o * x.out, to + at);
          store(x.f * x.before + x.i * x.g, to + n + at);
        });
      },
      [&](std::int64_t row) { std::copy_n(s.state + row * 2 * n, 2 * n, next + row * 2 * n); });
}

template <class T>
void lstm_vjp(const RecurrentStep<T>& s, const T* g, T* d_gates, T* d_state) {
  using V = Vector<T>;
  const std::int64_t n = s.n;
  for_rows(
      s,
      [&](std::int64_t row) {
        const T *a = s.input + row * lstm_gates * n, *b = s.recurrent + row * lstm_gates * n, *up = g + row * 2 * n;
        T *d = d_gates + row * lstm_gates * n, *ds = d_state + row * 2 * n;
        for_vectors<T>(n, [&](std::int64_t at, const auto& load, const auto& store) {
          const Lstm<V, T, std::decay_t<decltype(load)>> x(a + at, b + at, s.state + row * 2 * n + n + at, n, load);
          const V dh = load(up + at), dc = load(up + n + at) + dh * x.o * (V(1) - x.out * x.out);
          store(dc * x.g * x.i * (V(1) - x.i), d + at);
          store(dc * x.before * x.f * (V(1) - x.f), d + n + at);
          store(dc * x.i * (V(1) - x.g * x.g), d + 2 * n + at);
          store(dh * x.out * x.o * (V(1) - x.o), d + 3 * n + at);
          store(V(T(0)), ds + at);
          store(dc * x.f, ds + n + at);
        });
      },
      [&](std::int64_t row) {
        std::fill_n(d_gates + row * lstm_gates * n, lstm_gates * n, T(0));
        std::copy_n(g + row * 2 * n, 2 * n, d_state + row * 2 * n);
      });
}

}  // namespace

GAZE_FILL(Recurrent, .gru = gru, .lstm = lstm, .gru_vjp = gru_vjp, .lstm_vjp = lstm_vjp)

}  // namespace gaze::kernels::GAZE_LEVEL
