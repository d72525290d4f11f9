#include <gaze/autograd/kernels/additive.h>

#include <algorithm>

#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/simd.h>

namespace gaze::kernels::GAZE_LEVEL {
namespace {

constexpr std::int64_t cost = 16;  // of a tanh

/// body(first query, first key, first of v, first score) of each sentence and head, and which of them it is.
template <class T, class Body>
void for_heads(const AdditiveScores<T>& x, const Body& body) {
  parallel_tasks(x.batch * x.heads, x.batch * x.heads * x.queries * x.keys * x.n * cost, [&](std::int64_t task) {
    const std::int64_t b = task / x.heads, h = task % x.heads, row = x.heads * x.n;
    body(b * x.queries * row + h * x.n, b * x.k_sequence + h * x.n, h * x.n, task * x.queries * x.keys, task);
  });
}

template <class T>
void additive_scores(const AdditiveScores<T>& x, T* scores) {
  using V = Vector<T>;
  const std::int64_t row = x.heads * x.n;
  for_heads(x, [&](std::int64_t query, std::int64_t key, std::int64_t own, std::int64_t score, std::int64_t) {
    for (std::int64_t t = 0; t < x.queries; ++t)
      for (std::int64_t s = 0; s < x.keys; ++s)
        scores[score + t * x.keys + s] = map_sum<T>(
            x.n, [](const V& q, const V& k, const V& v) { return v * simd::tanh(q + k); }, x.q + query + t * row,
            x.k + key + s * x.k_stride, x.v + own);
  });
}

template <class T>
void additive_scores_vjp(const AdditiveScores<T>& x, const T* g, T* dq, T* dk, T* dv) {
  using V = Vector<T>;
  const std::int64_t row = x.heads * x.n;
  // Every sentence has its own part of dv; the parts are added in their order.
  const Scratch scratch(static_cast<std::size_t>(x.batch * row) * sizeof(T));
  auto* parts = static_cast<T*>(scratch.memory());
  for_heads(x, [&](std::int64_t query, std::int64_t key, std::int64_t own, std::int64_t score, std::int64_t task) {
    T* const part = parts + task * x.n;
    std::fill_n(part, x.n, T(0));
    for (std::int64_t t = 0; t < x.queries; ++t) std::fill_n(dq + query + t * row, x.n, T(0));
    for (std::int64_t s = 0; s < x.keys; ++s) std::fill_n(dk + key + s * x.k_stride, x.n, T(0));
    for (std::int64_t t = 0; t < x.queries; ++t)
      for (std::int64_t s = 0; s < x.keys; ++s) {
        const std::int64_t q = query + t * row, k = key + s * x.k_stride;
        const V up(g[score + t * x.keys + s]);
        for_vectors<T>(x.n, [&](std::int64_t i, const auto& load, const auto& store) {
          const V y = simd::tanh(load(x.q + q + i) + load(x.k + k + i));
          const V d = up * load(x.v + own + i) * (V(1) - y * y);
          store(load(part + i) + up * y, part + i);
          store(load(dq + q + i) + d, dq + q + i);
          store(load(dk + k + i) + d, dk + k + i);
        });
      }
  });
  const FlushDenormals flush;
  std::fill_n(dv, row, T(0));
  for (std::int64_t b = 0; b < x.batch; ++b) add_to(dv, parts + b * row, row);
}

}  // namespace

GAZE_FILL(Additive, .additive_scores = additive_scores, .additive_scores_vjp = additive_scores_vjp)

}  // namespace gaze::kernels::GAZE_LEVEL
