#pragma once

#include <cstdint>

#include <gaze/autograd/kernels/softmax.h>

namespace gaze::kernels {

/// One scaled dot-product attention over B sequences and H heads. q, k and v point to the first of their columns in a
/// row-major tensor [B, T or S, stride].
template <class T>
struct Attention : ScoreMasks<T> {
  std::int64_t key_size = 0, value_size = 0;  ///< columns of a head: K of q and k, C of v
  const T *q = nullptr, *k = nullptr, *v = nullptr;
  std::int64_t q_stride = 0, k_stride = 0, v_stride = 0;
  std::int64_t k_sequence = 0, v_sequence = 0;  ///< distance of two sequences: at least keys strides
  T scale = 1;
  std::int64_t weights_stride = 0;  ///< distance of two rows of the weights that are kept: at least the keys
  double dropout = 0;
  std::uint64_t seed = 0, stream = 0;  ///< of the dropout
};

template <class T>
struct AttentionKernels {
  /// weights [B,H,T,S] = softmax(scale q k^T + masks), before dropout.
  void (*attention_weights)(const Attention<T>&, T* weights);
  /// Rows of weights that attention() and attention_vjp() should be given: whole vectors where that is possible.
  std::int64_t (*attention_stride)(const Attention<T>&);
  /// output [B,T,H C] = dropout(weights) v; fills `weights` [B,H,T,weights_stride], what is beyond the keys with zeros.
  void (*attention)(const Attention<T>&, T* weights, T* output);
  /// From the gradient of the output [B,T,H C] and the weights: gradients of q, k and v into columns of tensors laid
  /// out as q, k and v are. Each result may be null.
  void (*attention_vjp)(const Attention<T>&, const T* weights, const T* gradient, T* dq, T* dk, T* dv);
};

}  // namespace gaze::kernels
