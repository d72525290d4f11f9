#include <gaze/autograd/kernels/attention.h>

#include <algorithm>

#include <gaze/autograd/kernels/openblas.h>
#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/serial.h>
#include <gaze/autograd/kernels/simd.h>

namespace gaze::kernels::GAZE_LEVEL {
namespace {

/// Head h of sequence b: where its matrices lie.
template <class T>
struct Head {
  Head(const Attention<T>& x, std::int64_t task)
      : b(task / x.heads),
        h(task % x.heads),
        q(b * x.queries * x.q_stride + h * x.key_size),
        k(b * x.k_sequence + h * x.key_size),
        v(b * x.v_sequence + h * x.value_size),
        weights(task * x.queries * x.weights_stride),
        output((b * x.queries * x.heads + h) * x.value_size),
        first_number(task * x.queries * x.keys) {}
  std::int64_t b, h;
  std::int64_t q, k, v, weights, output;  // offsets
  std::int64_t first_number;              // of the dropout, which counts weights without the ends of rows
};

/// Whether rows of weights are whole vectors, so that nothing needs to mind their ends.
template <class T>
bool roomy(const Attention<T>& x) {
  return x.weights_stride % lanes<T> == 0;
}

template <class T>
void weights_of(const Attention<T>& x, const Head<T>& at, T* weights) {
  const std::int64_t stride = x.weights_stride;
  gemm_serial<T>({.m = x.queries,
                  .n = x.keys,
                  .k = x.key_size,
                  .a = x.q + at.q,
                  .a_stride = x.q_stride,
                  .b = x.k + at.k,
                  .b_stride = x.k_stride,
                  .transpose_b = true,
                  .c = weights,
                  .c_stride = stride,
                  .alpha = x.scale,
                  .roomy = roomy(x)});
  const std::int64_t length = x.key_lengths ? std::min<std::int64_t>(x.key_lengths[at.b], x.keys) : x.keys;
  for (std::int64_t t = 0; t < x.queries; ++t) {
    T* row = weights + t * stride;
    if (x.mask) {
      const T* mask = x.mask + at.b * x.mask_strides[0] + at.h * x.mask_strides[1] + t * x.mask_strides[2];
      for (std::int64_t s = 0; s < x.keys; ++s) row[s] += mask[s * x.mask_strides[3]];
    }
  }
  softmax_block({.rows = x.queries, .length = length, .causal = x.causal, .stride = stride}, weights);
}

template <class T>
void drop(const Attention<T>& x, const Head<T>& at, const T* from, T* to) {
  if (x.weights_stride == x.keys)
    return dropout_part(from, at.first_number, x.queries * x.keys, x.seed, x.stream, x.dropout, to);
  for (std::int64_t t = 0; t < x.queries; ++t, from += x.weights_stride, to += x.weights_stride)
    dropout_part(from, at.first_number + t * x.keys, x.keys, x.seed, x.stream, x.dropout, to);
}

/// A head's weights as its values are weighed: through the dropout into `buffer` [T,stride], or as they are.
template <class T>
const T* dropped(const Attention<T>& x, const Head<T>& at, const T* weights, T* buffer) {
  if (x.dropout == 0) return weights;
  drop(x, at, weights, buffer);
  return buffer;
}

template <class T, class Body>
void for_heads(const Attention<T>& x, const Body& body) {
  const std::int64_t cost = x.queries * x.keys * 16 + (x.queries + x.keys) * (x.key_size + x.value_size);
  constexpr std::int64_t worth_a_task = 32768;
  const ProductsInUse products;
  const std::int64_t heads_per_task = std::max<std::int64_t>(worth_a_task / std::max<std::int64_t>(cost, 1), 1);
  parallel_blocks(x.batch * x.heads, heads_per_task, cost, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t head = first; head < last; ++head) body(Head<T>(x, head));
  });
}

/// Memory of this thread for one head at a time.
template <class T>
T* scratch(std::int64_t n) {
  return static_cast<T*>(thread_memory(ThreadMemory::attention, static_cast<std::size_t>(n) * sizeof(T)));
}

template <class T>
void attention_weights(const Attention<T>& x, T* weights) {
  Attention<T> dense = x;
  dense.weights_stride = x.keys;
  for_heads(dense, [&](const Head<T>& at) { weights_of(dense, at, weights + at.weights); });
}

template <class T>
std::int64_t attention_stride(const Attention<T>& x) {
  const std::int64_t whole = round_up(x.keys, lanes<T>);
  // Dropout runs over a head's weights in one go where they lie close together, and very short rows would be mostly
  // end.
  return x.dropout > 0 || 2 * x.keys < whole ? x.keys : whole;
}

template <class T>
void attention(const Attention<T>& x, T* weights, T* output) {
  for_heads(x, [&](const Head<T>& at) {
    T* own = weights + at.weights;
    weights_of(x, at, own);
    T* buffer = x.dropout > 0 ? scratch<T>(x.queries * x.weights_stride) : nullptr;
    gemm_serial<T>({.m = x.queries,
                    .n = x.value_size,
                    .k = x.keys,
                    .a = dropped(x, at, own, buffer),
                    .a_stride = x.weights_stride,
                    .b = x.v + at.v,
                    .b_stride = x.v_stride,
                    .c = output + at.output,
                    .c_stride = x.heads * x.value_size});
  });
}

template <class T>
void attention_vjp(const Attention<T>& x, const T* weights, const T* gradient, T* dq, T* dk, T* dv) {
  const std::int64_t width = x.heads * x.value_size, stride = x.weights_stride;
  for_heads(x, [&](const Head<T>& at) {
    const T *own = weights + at.weights, *up = gradient + at.output;
    const std::int64_t n = x.queries * stride;
    const std::int64_t apart = round_up(n, lanes<T>);
    T* buffer = scratch<T>(apart + n);
    T* scores = buffer + apart;
    if (dv)  // O = P V: dV = P^T G
      gemm_serial<T>({.m = x.keys,
                      .n = x.value_size,
                      .k = x.queries,
                      .a = dropped(x, at, own, buffer),
                      .a_stride = stride,
                      .transpose_a = true,
                      .b = up,
                      .b_stride = width,
                      .c = dv + at.v,
                      .c_stride = x.v_stride});
    if (!dq && !dk) return;
    // dP = G V^T, through the dropout; dS = P (dP - sum(dP P)); dQ = scale dS K, dK = scale dS^T Q
    gemm_serial<T>({.m = x.queries,
                    .n = x.keys,
                    .k = x.value_size,
                    .a = up,
                    .a_stride = width,
                    .b = x.v + at.v,
                    .b_stride = x.v_stride,
                    .transpose_b = true,
                    .c = scores,
                    .c_stride = stride,
                    .roomy = roomy(x)});
    if (x.dropout > 0) drop(x, at, scores, scores);
    using V = Vector<T>;
    const std::int64_t columns = roomy(x) ? stride : x.keys;  // P is 0 beyond the keys
    for (std::int64_t t = 0; t < x.queries; ++t) {
      T* row = scores + t * stride;
      const T* p = own + t * stride;
      const V dot(map_sum<T>(
          columns, [](const V& a, const V& b) { return a * b; }, row, p));
      map(
          columns, row, [&](const V& a, const V& b) { return b * (a - dot); }, row, p);
    }
    if (dq)
      gemm_serial<T>({.m = x.queries,
                      .n = x.key_size,
                      .k = x.keys,
                      .a = scores,
                      .a_stride = stride,
                      .b = x.k + at.k,
                      .b_stride = x.k_stride,
                      .c = dq + at.q,
                      .c_stride = x.q_stride,
                      .alpha = x.scale});
    if (dk)
      gemm_serial<T>({.m = x.keys,
                      .n = x.key_size,
                      .k = x.queries,
                      .a = scores,
                      .a_stride = stride,
                      .transpose_a = true,
                      .b = x.q + at.q,
                      .b_stride = x.q_stride,
                      .c = dk + at.k,
                      .c_stride = x.k_stride,
                      .alpha = x.scale});
  });
}

}  // namespace

GAZE_FILL(AttentionKernels, .attention_weights = attention_weights, .attention_stride = attention_stride,
          .attention = attention, .attention_vjp = attention_vjp)

}  // namespace gaze::kernels::GAZE_LEVEL
