#pragma once

#include <cstdint>

namespace gaze::kernels {

/// Queries q [batch, queries, heads n], keys k [batch, keys, heads n] and v [heads, n]. Keys may be columns of wider
/// rows, and a sequence of them may have spare rows.
template <class T>
struct AdditiveScores {
  const T *q = nullptr, *k = nullptr, *v = nullptr;
  std::int64_t batch = 0, queries = 0, keys = 0, heads = 0, n = 0;
  std::int64_t k_stride = 0, k_sequence = 0;  ///< from one key to the next, and from one sequence's to the next's
};

template <class T>
struct Additive {
  /// scores [batch, heads, queries, keys]: sum_i v_i tanh(q_i + k_i)
  void (*additive_scores)(const AdditiveScores<T>& x, T* scores);
  /// From the gradient g of the scores those of q, k (where k itself has them) and v.
  void (*additive_scores_vjp)(const AdditiveScores<T>& x, const T* g, T* dq, T* dk, T* dv);
};

}  // namespace gaze::kernels
