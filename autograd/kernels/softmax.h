#pragma once

#include <cstdint>

namespace gaze::kernels {

/// Scores [B,H,T,S], and which of them a softmax over the keys sees.
template <class T>
struct ScoreMasks {
  std::int64_t batch = 0, heads = 0, queries = 0, keys = 0;
  bool causal = false;                        ///< query t sees keys 0..t
  const std::int32_t* key_lengths = nullptr;  ///< [B] or null: the keys that a sequence has
  const T* mask = nullptr;                    ///< added to the scores, or null; minus infinity masks whatever is there
  std::int64_t mask_strides[4] = {};          ///< of batch, head, query and key; 0 repeats
};

template <class T>
struct Softmax {
  /// Rows of n numbers. y may be x. A row of minus infinities alone (or n = 0) gives zeros.
  void (*softmax_rows)(const T* x, std::int64_t rows, std::int64_t n, T* y);
  /// The same of scores through their masks: masked ones get 0.
  void (*masked_softmax_rows)(const ScoreMasks<T>& masks, const T* scores, T* weights);
  void (*log_softmax_rows)(const T* x, std::int64_t rows, std::int64_t n, T* y);
  /// d = y (g - sum(g y)), from the result y of softmax
  void (*softmax_rows_vjp)(const T* g, const T* y, std::int64_t rows, std::int64_t n, T* d);
  /// d = g - e^y sum(g), from the result y of log_softmax
  void (*log_softmax_rows_vjp)(const T* g, const T* y, std::int64_t rows, std::int64_t n, T* d);
  /// Cross-entropy with label smoothing, row by row: losses[r] = -sum_c q_c log softmax(x_r)_c and the row's
  /// log sum e^x, which the vjp needs. A row whose target is `ignored` has loss 0.
  void (*cross_entropy_rows)(const T* x, const std::int32_t* targets, std::int32_t ignored, double smoothing,
                             std::int64_t rows, std::int64_t n, double* losses, T* log_sums);
  /// d = factor (softmax(x) - q), zeros for ignored rows; d may be x.
  void (*cross_entropy_rows_vjp)(const T* x, const T* log_sums, const std::int32_t* targets, std::int32_t ignored,
                                 double smoothing, double factor, std::int64_t rows, std::int64_t n, T* d);
};

}  // namespace gaze::kernels
