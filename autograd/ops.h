#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <gaze/autograd/base/activation.h>
#include <gaze/autograd/random.h>
#include <gaze/autograd/tensor.h>
/// Every operation, with its formula and shapes. g is the gradient of the result; "~" broadcasts as NumPy does.
/// All take float32 or float64, both operands alike, unless said otherwise, and all can be differentiated twice.
/// Wrong shapes, dtypes, axes, indices and options throw an Error that names the operation and the rule.
/// Numbers below the smallest normal one (1.2e-38, 2.2e-308) count as 0, in and out: log(1e-40) is -inf in float32.
namespace gaze {

using Axes = std::vector<int>;  ///< axes to reduce or permute; negative ones count from the last

// Arithmetic, element by element ---------------------------------------------------------------- ops/arithmetic.cpp
Tensor add(const Tensor& a, const Tensor& b);           ///< a + b ~
Tensor sub(const Tensor& a, const Tensor& b);           ///< a - b ~
Tensor mul(const Tensor& a, const Tensor& b);           ///< a b ~
Tensor div(const Tensor& a, const Tensor& b);           ///< a / b ~
Tensor neg(const Tensor& x);                            ///< -x
Tensor pow(const Tensor& a, const Tensor& b);           ///< a^b ~; d/db needs a > 0 (0 at a = 0)
Tensor exp(const Tensor& x);                            ///< e^x
Tensor log(const Tensor& x);                            ///< natural logarithm
Tensor sqrt(const Tensor& x);                           ///< x^(1/2)
Tensor rsqrt(const Tensor& x);                          ///< x^(-1/2)
Tensor abs(const Tensor& x);                            ///< |x|; slope 0 at 0
Tensor erf(const Tensor& x);                            ///< 2/sqrt(pi) int_0^x e^(-t^2) dt
Tensor maximum(const Tensor& a, const Tensor& b);       ///< max(a, b) ~; ties share g in halves
Tensor minimum(const Tensor& a, const Tensor& b);       ///< min(a, b) ~; ties share g in halves
Tensor clip(const Tensor& x, double low, double high);  ///< min(max(x, low), high); slope 1 at the bounds
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);  ///< condition (int32) != 0 ? a : b ~
Tensor cast(const Tensor& x, DType dtype);  ///< x in another dtype; int32 passes no gradient

// Activations, element by element --------------------------------------------------------------- ops/activation.cpp
enum class Gelu { exact, tanh };
Tensor tanh(const Tensor& x);                           ///< (e^x - e^-x) / (e^x + e^-x)
Tensor sigmoid(const Tensor& x);                        ///< 1 / (1 + e^-x)
Tensor relu(const Tensor& x);                           ///< max(x, 0); slope 0 at 0
Tensor gelu(const Tensor& x, Gelu form = Gelu::exact);  ///< x Phi(x), Phi by erf or by tanh
Tensor silu(const Tensor& x);                           ///< x sigmoid(x)
Tensor softplus(const Tensor& x);                       ///< log(1 + e^x)

// Reductions over `axes` (none given: all); keep leaves them as axes of length 1 -------------------- ops/reduce.cpp
Tensor sum(const Tensor& x, Axes axes = {}, bool keep = false);   ///< 0 over nothing
Tensor mean(const Tensor& x, Axes axes = {}, bool keep = false);  ///< NaN over nothing
Tensor max(const Tensor& x, Axes axes = {}, bool keep = false);   ///< ties share g evenly; throws over nothing
Tensor min(const Tensor& x, Axes axes = {}, bool keep = false);   ///< ties share g evenly; throws over nothing
/// sum (x - mean)^2 / (n - correction)
Tensor var(const Tensor& x, Axes axes = {}, bool keep = false, int correction = 1);
Tensor logsumexp(const Tensor& x, Axes axes = {}, bool keep = false);  ///< log sum e^x, stable; -inf over nothing

// Matrices ------------------------------------------------------------------------------------------ ops/matmul.cpp
struct MatmulOptions {
  bool transpose_a = false;  ///< read the last two axes of a swapped; no copy
  bool transpose_b = false;
};
/// a [...,M,K] b [...,K,N] -> [...,M,N]; leading axes ~; a vector counts as a row (a) or column (b) that goes away
Tensor matmul(const Tensor& a, const Tensor& b, MatmulOptions options = {});
/// Rows of a packed weight: [first, first + count). count < 0: to the end.
struct RowRange {
  std::int64_t first = 0;
  std::int64_t count = -1;
};
/// x [...,I] W^T + b -> [...,O], with weight [O,I] and bias [O] (or undefined); only the given rows of both take part
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, RowRange rows = {});
struct DropoutOptions {
  double p = 0;  ///< 0 <= p < 1
  RandomStream stream = {};
};
/// dropout(activation(x W^T + b)) in one pass over the result; shapes as linear
Tensor dense(const Tensor& x, const Tensor& weight, const Tensor& bias, Activation activation,
             const DropoutOptions& dropout = {});
/// Sums of products by labelled axes, for one or two operands: the cases that are matmuls ("bik,bkj->bij"), outer
/// products, transposes and sums. Every label at most once per operand; no ellipsis.
Tensor einsum(std::string_view equation, const std::vector<Tensor>& operands);

// Shape; all copy but reshape, squeeze and unsqueeze ------------------------------------------------- ops/shape.cpp
Tensor reshape(const Tensor& x, std::vector<std::int64_t> shape);     ///< shares the numbers; one length may be -1
Tensor transpose(const Tensor& x, int axis_a = -2, int axis_b = -1);  ///< swaps two axes
Tensor permute(const Tensor& x, const Axes& order);                   ///< axis i of the result is axis order[i] of x
Tensor expand(const Tensor& x, const Shape& shape);            ///< repeats axes of length 1, as broadcasting would
Tensor squeeze(const Tensor& x, int axis);                     ///< drops an axis of length 1
Tensor unsqueeze(const Tensor& x, int axis);                   ///< adds an axis of length 1 before `axis`
Tensor concat(const std::vector<Tensor>& parts, int axis);     ///< one after another along an axis
Tensor stack(const std::vector<Tensor>& parts, int axis = 0);  ///< along a new axis
/// first, first + step, ... < last of an axis
Tensor slice(const Tensor& x, int axis, std::int64_t first, std::int64_t last, std::int64_t step = 1);
/// (before, after) an axis
Tensor pad(const Tensor& x, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths, double value = 0);

// By index; indices are int32 and must be in range ---------------------------------------------- ops/indexing.cpp
/// y[i][j] = x[index[i][j]][j] (axis 0); index has x's rank and is no longer elsewhere
Tensor gather(const Tensor& x, int axis, const Tensor& index);
Tensor index_select(const Tensor& x, int axis, const Tensor& index);  ///< index [N] -> that axis has length N
/// x, and x[index[i][j]][j] += source[i][j] (axis 0)
Tensor scatter_add(const Tensor& x, int axis, const Tensor& index, const Tensor& source);
Tensor embedding(const Tensor& weight, const Tensor& ids);  ///< weight [V,D], ids [...] -> [...,D]

// Softmax ---------------------------------------------------------------------------------------- ops/softmax.cpp
Tensor softmax(const Tensor& x, int axis = -1);      ///< e^x / sum e^x along the axis
Tensor log_softmax(const Tensor& x, int axis = -1);  ///< x - logsumexp(x)
/// Along the last axis, over x where keep (int32 ~) != 0, and 0 elsewhere; zeros in a row that keeps nothing
Tensor masked_softmax(const Tensor& x, const Tensor& keep);

// Losses --------------------------------------------------------------------------------------------- ops/loss.cpp
enum class Reduction { mean, sum };
struct CrossEntropyOptions {
  double label_smoothing = 0;  ///< eps: the target is (1 - eps) one_hot + eps / V
  std::int32_t ignore_index = std::numeric_limits<std::int32_t>::min();  ///< rows with this target count for nothing
  Reduction reduction = Reduction::mean;  ///< mean over the rows not ignored (NaN when there is none)
};
/// -sum_c q_c log softmax(logits)_c per row; logits [...,V], targets int32 [...] in [0, V)
Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& options = {});
/// cross_entropy(linear(x, weight), targets) for x [...,D], weight [V,D]. The logits of some rows at a time are made,
/// and their gradient with them, so that there is never room needed for all.
Tensor projected_cross_entropy(const Tensor& x, const Tensor& weight, const Tensor& targets,
                               const CrossEntropyOptions& options = {});
Tensor mse(const Tensor& a, const Tensor& b, Reduction reduction = Reduction::mean);  ///< (a - b)^2 ~

// Normalisation and dropout -------------------------------------------- ops/normalise.cpp, ops/dropout.cpp
/// (x - mean) / sqrt(var + eps) weight + bias over the last axis (Ba et al. 2016), var without correction
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps = 1e-5);
/// x + dropout(f)
Tensor residual(const Tensor& x, const Tensor& f, const DropoutOptions& dropout = {});
/// layer_norm(x + dropout(f)) in one pass
Tensor residual_norm(const Tensor& x, const Tensor& f, const Tensor& weight, const Tensor& bias,
                     const DropoutOptions& dropout = {}, double eps = 1e-5);
/// x / (1 - p) where number i of the stream keeps element i, 0 elsewhere; 0 <= p < 1
Tensor dropout(const Tensor& x, double p, RandomStream stream);

// Attention ------------------------------------------------------------------------------------ ops/attention.cpp
/// Some columns of the last axis of a packed tensor: Q, K or V where a packed projection wrote them.
struct Columns {
  Columns(Tensor all)  // NOLINT
      : packed(std::move(all)), count(packed.defined() ? packed.size(-1) : 0), length(rows()) {}
  Columns(Tensor all, std::int64_t from, std::int64_t n)
      : packed(std::move(all)), first(from), count(n), length(rows()) {}
  Tensor alone() const;  ///< [...,length,count]: a copy unless they are all that there is
  Tensor packed;
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int64_t length;  ///< of keys and values: rows in use of the second last axis; the rest are spare

 private:
  std::int64_t rows() const { return packed.defined() && packed.rank() > 1 ? packed.size(-2) : 0; }
};
struct AttentionOptions {
  std::int64_t heads = 1;            ///< head h owns columns [h K, (h+1) K)
  bool causal = false;               ///< query t sees keys 0..t
  Tensor key_lengths = {};           ///< int32 [B] (or undefined): keys at and after a row's length are masked
  Tensor mask = {};                  ///< ~ [B,H,T,S] (or undefined): added to the scores; -inf masks; no gradient
  std::optional<double> scale = {};  ///< of the scores; default 1 / sqrt(K)
  double dropout = 0;                ///< of the weights
  RandomStream stream = {};          ///< of that dropout
};
/// softmax(scale Q K^T + masks) V per head (Vaswani et al. 2017, equation 1): q [B,T,HK], k [B,S,HK], v [B,S,HC] ->
/// [B,T,HC]. A query with every key masked gives zeros, forward and backward.
Tensor attention(const Columns& q, const Columns& k, const Columns& v, const AttentionOptions& options = {});
/// The weights of the above before dropout: [B,H,T,S]
Tensor attention_weights(const Columns& q, const Columns& k, const AttentionOptions& options = {});
struct AttentionResult {
  Tensor output;   ///< [B,T,HC]
  Tensor weights;  ///< [B,H,T,S], before dropout
};
/// The same in separate operations: as attention() but slower, and its weights can be seen and differentiated.
AttentionResult composed_attention(const Columns& q, const Columns& k, const Columns& v,
                                   const AttentionOptions& options = {});
Tensor split_heads(const Columns& x, std::int64_t heads);  ///< [B,L,HK] -> [B,H,L,K]
Tensor join_heads(const Tensor& x);                        ///< its inverse: [B,H,L,K] -> [B,L,HK]
/// softmax(scores + masks) for scores [B,H,T,S] of any kind; of the options the masks count.
Tensor masked_weights(const Tensor& scores, const AttentionOptions& options = {});
/// masked_weights() V, v [B,S,HC]: what composed_attention() does with scale Q K^T.
AttentionResult attend(const Tensor& scores, const Columns& v, const AttentionOptions& options = {});
/// sum_a v_ha tanh(q_tha + k_sha) (Bahdanau et al. 2015, section A.1.2): q [B,T,HA], k [B,S,HA], v [H,A] -> scores
/// [B,H,T,S]
Tensor additive_scores(const Tensor& q, const Columns& k, const Tensor& v);

// Recurrent cells ------------------------------------------------------------------------------ ops/recurrent.cpp
/// One step of a GRU (Cho et al. 2014, in torch.nn.GRU's form): h' = (1 - z) n + z h with r = sigmoid(a_r + b_r),
/// z = sigmoid(a_z + b_z), n = tanh(a_n + r b_n), where a [B,3H] = r | z | n come from the input, b [B,3H] from the
/// state, and h [B,H]. Where running, int32 [B] (or undefined), is 0, h' = h.
Tensor gru_cell(const Tensor& a, const Tensor& b, const Tensor& h, const Tensor& running = {});
/// One step of an LSTM (Hochreiter and Schmidhuber 1997, with forget gates): c' = f c + i g, h' = o tanh(c') with
/// i, f, o = sigmoid(a + b) and g = tanh(a + b) of their own columns, where a, b [B,4H] = i | f | g | o, and the state
/// [B,2H] = h | c, as the result is.
Tensor lstm_cell(const Tensor& a, const Tensor& b, const Tensor& state, const Tensor& running = {});

// Without gradients: int32 results (one_hot: any dtype) ------------------------------------------ ops/compare.cpp
Tensor argmax(const Tensor& x, int axis = -1);           ///< the first of the largest; the axis goes away
Tensor equal(const Tensor& a, const Tensor& b);          ///< a == b ~, also of int32
Tensor not_equal(const Tensor& a, const Tensor& b);      ///< a != b ~
Tensor less(const Tensor& a, const Tensor& b);           ///< a < b ~
Tensor less_equal(const Tensor& a, const Tensor& b);     ///< a <= b ~
Tensor greater(const Tensor& a, const Tensor& b);        ///< a > b ~
Tensor greater_equal(const Tensor& a, const Tensor& b);  ///< a >= b ~
/// int32 [...] in [0, classes) -> [...,classes]
Tensor one_hot(const Tensor& ids, std::int64_t classes, DType dtype = DType::float32);

// Operators ------------------------------------------------------------------------------------------------------
inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator-(const Tensor& x) { return neg(x); }
inline Tensor operator+(const Tensor& a, double b) { return add(a, Tensor::scalar(b, a.dtype())); }
inline Tensor operator-(const Tensor& a, double b) { return sub(a, Tensor::scalar(b, a.dtype())); }
inline Tensor operator*(const Tensor& a, double b) { return mul(a, Tensor::scalar(b, a.dtype())); }
inline Tensor operator/(const Tensor& a, double b) { return div(a, Tensor::scalar(b, a.dtype())); }
inline Tensor operator+(double a, const Tensor& b) { return add(Tensor::scalar(a, b.dtype()), b); }
inline Tensor operator-(double a, const Tensor& b) { return sub(Tensor::scalar(a, b.dtype()), b); }
inline Tensor operator*(double a, const Tensor& b) { return mul(Tensor::scalar(a, b.dtype()), b); }
inline Tensor operator/(double a, const Tensor& b) { return div(Tensor::scalar(a, b.dtype()), b); }
inline Tensor& operator+=(Tensor& a, const Tensor& b) { return a = a + b; }  // a new tensor: none is changed in place
inline Tensor& operator-=(Tensor& a, const Tensor& b) { return a = a - b; }
inline Tensor& operator*=(Tensor& a, const Tensor& b) { return a = a * b; }
inline Tensor& operator/=(Tensor& a, const Tensor& b) { return a = a / b; }
inline Tensor pow(const Tensor& a, double b) { return pow(a, Tensor::scalar(b, a.dtype())); }

}  // namespace gaze
