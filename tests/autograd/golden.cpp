#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/nn/model.h>

#include "../catch.h"
#include "../paths.h"
#include "declared_operations.h"

using namespace gaze;

namespace {

using Inputs = const std::vector<Tensor>&;

struct GoldenCase {
  std::string name;  ///< in the file: the operation and, after a hyphen, what is special
  std::function<Tensor(Inputs)> call;
};

/// Output and weights in one tensor, so that gradients come from both.
Tensor both(const AttentionResult& result) {
  return concat({reshape(result.output, {-1}), reshape(result.weights, {-1})}, 0);
}

const CrossEntropyOptions summed{.reduction = Reduction::sum}, smoothed{.label_smoothing = 0.1},
    ignoring{.ignore_index = 2}, smoothed_ignoring{.label_smoothing = 0.2, .ignore_index = 2},
    everything{.label_smoothing = 0.2, .ignore_index = 2, .reduction = Reduction::sum};

/// Two heads; a mask gets no gradient, so it is detached.
AttentionOptions masks(const Tensor& key_lengths, const Tensor& mask = {}) {
  return {.heads = 2, .key_lengths = key_lengths, .mask = mask.defined() ? mask.detach() : Tensor()};
}

/// Two heads, every mask and a scale.
AttentionOptions all_masks(const Tensor& key_lengths, const Tensor& mask) {
  AttentionOptions options = masks(key_lengths, mask);
  options.causal = true;
  options.scale = 0.3;
  return options;
}

/// A cell with torch's arguments: x, state, weight_ih, weight_hh, bias_ih, bias_hh.
template <class Cell>
Tensor whole(const Cell& cell, Inputs in, std::int64_t state_size) {
  const Tensor h = slice(in[1], 1, 0, state_size);
  return cell(linear(in[0], in[2], in[4]), linear(h, in[3], in[5]), in[1], Tensor());
}

/// The calls of golden/operations.py, in its order.
const std::vector<GoldenCase>& golden_cases() {
  static const std::vector<GoldenCase> all = {
      // Arithmetic
      {"add", [](Inputs in) { return add(in[0], in[1]); }},
      {"sub", [](Inputs in) { return sub(in[0], in[1]); }},
      {"mul", [](Inputs in) { return mul(in[0], in[1]); }},
      {"add-row", [](Inputs in) { return in[0] + in[1]; }},
      {"sub-inner-axis", [](Inputs in) { return in[0] - in[1]; }},
      {"mul-both", [](Inputs in) { return in[0] * in[1]; }},
      {"mul-itself", [](Inputs in) { return in[0] * in[0]; }},
      {"div", [](Inputs in) { return div(in[0], in[1]); }},
      {"div-column", [](Inputs in) { return in[0] / in[1]; }},
      {"add-number", [](Inputs in) { return 2.5 + in[0]; }},
      {"sub-number", [](Inputs in) { return 2.5 - in[0]; }},
      {"mul-number", [](Inputs in) { return in[0] * 2.5; }},
      {"div-number", [](Inputs in) { return 2.5 / in[0]; }},
      {"neg", [](Inputs in) { return neg(in[0]); }},
      {"pow", [](Inputs in) { return pow(in[0], in[1]); }},
      {"pow-row", [](Inputs in) { return pow(in[0], in[1]); }},
      {"pow-number", [](Inputs in) { return pow(in[0], 3); }},
      {"pow-zero-base", [](Inputs in) { return pow(in[0], in[1]); }},
      {"exp", [](Inputs in) { return exp(in[0]); }},
      {"log", [](Inputs in) { return log(in[0]); }},
      {"sqrt", [](Inputs in) { return sqrt(in[0]); }},
      {"rsqrt", [](Inputs in) { return rsqrt(in[0]); }},
      {"abs", [](Inputs in) { return abs(in[0]); }},
      {"abs-zero", [](Inputs in) { return abs(in[0]); }},
      {"erf", [](Inputs in) { return erf(in[0]); }},
      {"maximum", [](Inputs in) { return maximum(in[0], in[1]); }},
      {"maximum-row", [](Inputs in) { return maximum(in[0], in[1]); }},
      {"maximum-ties", [](Inputs in) { return maximum(in[0], in[1]); }},
      {"minimum", [](Inputs in) { return minimum(in[0], in[1]); }},
      {"minimum-column", [](Inputs in) { return minimum(in[0], in[1]); }},
      {"minimum-ties", [](Inputs in) { return minimum(in[0], in[1]); }},
      {"clip", [](Inputs in) { return clip(in[0], -0.6, 0.4); }},
      {"clip-bounds", [](Inputs in) { return clip(in[0], -1, 2); }},
      {"where", [](Inputs in) { return where(in[0], in[1], in[2]); }},
      {"where-row", [](Inputs in) { return where(in[0], in[1], in[2]); }},
      {"cast", [](Inputs in) { return cast(in[0], DType::float64); }},
      {"cast-and-back", [](Inputs in) { return cast(cast(in[0], DType::float32), DType::float64); }},

      // Activations
      {"tanh", [](Inputs in) { return tanh(in[0]); }},
      {"sigmoid", [](Inputs in) { return sigmoid(in[0]); }},
      {"relu", [](Inputs in) { return relu(in[0]); }},
      {"relu-zero", [](Inputs in) { return relu(in[0]); }},
      {"gelu", [](Inputs in) { return gelu(in[0]); }},
      {"gelu-tanh", [](Inputs in) { return gelu(in[0], Gelu::tanh); }},
      {"silu", [](Inputs in) { return silu(in[0]); }},
      {"softplus", [](Inputs in) { return softplus(in[0]); }},
      {"softplus-large", [](Inputs in) { return softplus(in[0]); }},

      // Reductions
      {"sum", [](Inputs in) { return sum(in[0]); }},
      {"sum-axes",
       [](Inputs in) {
         return sum(in[0], {0, -1});
       }},
      {"sum-keep", [](Inputs in) { return sum(in[0], {1}, true); }},
      {"mean", [](Inputs in) { return mean(in[0]); }},
      {"mean-axes",
       [](Inputs in) {
         return mean(in[0], {1, 2});
       }},
      {"mean-keep", [](Inputs in) { return mean(in[0], {0}, true); }},
      {"max", [](Inputs in) { return max(in[0]); }},
      {"max-axis", [](Inputs in) { return max(in[0], {1}); }},
      {"max-keep",
       [](Inputs in) {
         return max(in[0], {0, 2}, true);
       }},
      {"max-ties", [](Inputs in) { return max(in[0], {1}); }},
      {"min", [](Inputs in) { return min(in[0]); }},
      {"min-axis", [](Inputs in) { return min(in[0], {-1}); }},
      {"min-keep",
       [](Inputs in) {
         return min(in[0], {0, 1}, true);
       }},
      {"var", [](Inputs in) { return var(in[0]); }},
      {"var-axis", [](Inputs in) { return var(in[0], {1}); }},
      {"var-biased", [](Inputs in) { return var(in[0], {-1}, false, 0); }},
      {"var-keep",
       [](Inputs in) {
         return var(in[0], {0, 2}, true, 0);
       }},
      {"logsumexp", [](Inputs in) { return logsumexp(in[0]); }},
      {"logsumexp-axes",
       [](Inputs in) {
         return logsumexp(in[0], {0, 2});
       }},
      {"logsumexp-keep", [](Inputs in) { return logsumexp(in[0], {1}, true); }},
      {"logsumexp-large", [](Inputs in) { return logsumexp(in[0], {-1}); }},

      // Matrices
      {"matmul", [](Inputs in) { return matmul(in[0], in[1]); }},
      {"matmul-batched", [](Inputs in) { return matmul(in[0], in[1]); }},
      {"matmul-broadcast", [](Inputs in) { return matmul(in[0], in[1]); }},
      {"matmul-shared-b", [](Inputs in) { return matmul(in[0], in[1]); }},
      {"matmul-transpose-a", [](Inputs in) { return matmul(in[0], in[1], {.transpose_a = true}); }},
      {"matmul-transpose-b", [](Inputs in) { return matmul(in[0], in[1], {.transpose_b = true}); }},
      {"matmul-transpose-both",
       [](Inputs in) {
         return matmul(in[0], in[1], {true, true});
       }},
      {"matmul-row", [](Inputs in) { return matmul(in[0], in[1]); }},
      {"matmul-column", [](Inputs in) { return matmul(in[0], in[1]); }},
      {"matmul-vectors", [](Inputs in) { return matmul(in[0], in[1]); }},
      {"linear", [](Inputs in) { return linear(in[0], in[1], in[2]); }},
      {"linear-no-bias", [](Inputs in) { return linear(in[0], in[1]); }},
      {"linear-vector", [](Inputs in) { return linear(in[0], in[1], in[2]); }},
      {"linear-rows", [](Inputs in) { return linear(in[0], in[1], in[2], {.first = 2, .count = 3}); }},
      {"linear-last-rows", [](Inputs in) { return linear(in[0], in[1], {}, {.first = 4}); }},
      {"dense", [](Inputs in) { return dense(in[0], in[1], in[2], Activation::none); }},
      {"dense-relu", [](Inputs in) { return dense(in[0], in[1], in[2], Activation::relu); }},
      {"dense-gelu", [](Inputs in) { return dense(in[0], in[1], in[2], Activation::gelu); }},
      {"dense-no-bias", [](Inputs in) { return dense(in[0], in[1], {}, Activation::gelu); }},
      {"einsum-product", [](Inputs in) { return einsum("ij,jk->ik", in); }},
      {"einsum-transposed", [](Inputs in) { return einsum("ji,kj->ik", in); }},
      {"einsum-batched", [](Inputs in) { return einsum("bij,bjk->bik", in); }},
      {"einsum-scores", [](Inputs in) { return einsum("bthk,bshk->bhts", in); }},
      {"einsum-values", [](Inputs in) { return einsum("bhts,bshk->bthk", in); }},
      {"einsum-outer", [](Inputs in) { return einsum("i,j->ij", in); }},
      {"einsum-dot", [](Inputs in) { return einsum("i,i->", in); }},
      {"einsum-elementwise", [](Inputs in) { return einsum("ij,ij->ij", in); }},
      {"einsum-vector", [](Inputs in) { return einsum("ijk,k->i", in); }},
      {"einsum-permute", [](Inputs in) { return einsum("ijk->kij", in); }},
      {"einsum-reduce", [](Inputs in) { return einsum("ijk->kj", in); }},

      // Shape
      {"reshape",
       [](Inputs in) {
         return reshape(in[0], {4, -1});
       }},
      {"transpose", [](Inputs in) { return transpose(in[0]); }},
      {"transpose-axes", [](Inputs in) { return transpose(in[0], 0, 2); }},
      {"permute", [](Inputs in) { return permute(in[0], {2, 0, 1}); }},
      {"expand", [](Inputs in) { return expand(in[0], {2, 3, 4}); }},
      {"squeeze", [](Inputs in) { return squeeze(in[0], 1); }},
      {"unsqueeze", [](Inputs in) { return unsqueeze(in[0], -1); }},
      {"concat", [](Inputs in) { return concat(in, 1); }},
      {"concat-itself", [](Inputs in) { return concat({in[0], in[1], in[0]}, 0); }},
      {"stack", [](Inputs in) { return stack(in); }},
      {"stack-last", [](Inputs in) { return stack(in, -1); }},
      {"slice", [](Inputs in) { return slice(in[0], 0, 1, 4); }},
      {"slice-step", [](Inputs in) { return slice(in[0], 1, 1, 7, 3); }},
      {"pad", [](Inputs in) { return pad(in[0], {{1, 2}, {0, 1}}); }},
      {"pad-value", [](Inputs in) { return pad(in[0], {{0, 0}, {1, 1}, {2, 0}}, -3.5); }},

      // By index
      {"gather", [](Inputs in) { return gather(in[0], 0, in[1]); }},
      {"gather-last", [](Inputs in) { return gather(in[0], -1, in[1]); }},
      {"index_select", [](Inputs in) { return index_select(in[0], 0, in[1]); }},
      {"index_select-middle", [](Inputs in) { return index_select(in[0], 1, in[1]); }},
      {"scatter_add", [](Inputs in) { return scatter_add(in[0], 0, in[1], in[2]); }},
      {"scatter_add-last", [](Inputs in) { return scatter_add(in[0], -1, in[1], in[2]); }},
      {"embedding", [](Inputs in) { return embedding(in[0], in[1]); }},

      // Softmax
      {"softmax", [](Inputs in) { return softmax(in[0]); }},
      {"softmax-first", [](Inputs in) { return softmax(in[0], 0); }},
      {"softmax-middle", [](Inputs in) { return softmax(in[0], 1); }},
      {"softmax-large", [](Inputs in) { return softmax(in[0]); }},
      {"log_softmax", [](Inputs in) { return log_softmax(in[0]); }},
      {"log_softmax-first", [](Inputs in) { return log_softmax(in[0], 0); }},
      {"log_softmax-middle", [](Inputs in) { return log_softmax(in[0], 1); }},
      {"log_softmax-large", [](Inputs in) { return log_softmax(in[0]); }},
      {"masked_softmax", [](Inputs in) { return masked_softmax(in[0], in[1]); }},
      {"masked_softmax-row", [](Inputs in) { return masked_softmax(in[0], in[1]); }},
      {"masked_softmax-nothing", [](Inputs in) { return masked_softmax(in[0], in[1]); }},

      // Losses
      {"cross_entropy", [](Inputs in) { return cross_entropy(in[0], in[1]); }},
      {"cross_entropy-sum", [](Inputs in) { return cross_entropy(in[0], in[1], summed); }},
      {"cross_entropy-smoothing", [](Inputs in) { return cross_entropy(in[0], in[1], smoothed); }},
      {"cross_entropy-ignore", [](Inputs in) { return cross_entropy(in[0], in[1], ignoring); }},
      {"cross_entropy-all", [](Inputs in) { return cross_entropy(in[0], in[1], everything); }},
      {"cross_entropy-smoothing-ignore", [](Inputs in) { return cross_entropy(in[0], in[1], smoothed_ignoring); }},
      {"cross_entropy-two-axes", [](Inputs in) { return cross_entropy(in[0], in[1]); }},
      {"projected_cross_entropy", [](Inputs in) { return projected_cross_entropy(in[0], in[1], in[2]); }},
      {"projected_cross_entropy-sum", [](Inputs in) { return projected_cross_entropy(in[0], in[1], in[2], summed); }},
      {"projected_cross_entropy-smoothing",
       [](Inputs in) { return projected_cross_entropy(in[0], in[1], in[2], smoothed); }},
      {"projected_cross_entropy-ignore",
       [](Inputs in) { return projected_cross_entropy(in[0], in[1], in[2], ignoring); }},
      {"projected_cross_entropy-all",
       [](Inputs in) { return projected_cross_entropy(in[0], in[1], in[2], everything); }},
      {"projected_cross_entropy-smoothing-ignore",
       [](Inputs in) { return projected_cross_entropy(in[0], in[1], in[2], smoothed_ignoring); }},
      {"mse", [](Inputs in) { return mse(in[0], in[1]); }},
      {"mse-sum", [](Inputs in) { return mse(in[0], in[1], Reduction::sum); }},
      {"mse-broadcast", [](Inputs in) { return mse(in[0], in[1]); }},

      // Normalisation
      {"layer_norm", [](Inputs in) { return layer_norm(in[0], in[1], in[2]); }},
      {"layer_norm-eps", [](Inputs in) { return layer_norm(in[0], in[1], in[2], 0.3); }},
      {"residual", [](Inputs in) { return residual(in[0], in[1]); }},
      {"residual_norm", [](Inputs in) { return residual_norm(in[0], in[1], in[2], in[3]); }},
      {"residual_norm-eps", [](Inputs in) { return residual_norm(in[0], in[1], in[2], in[3], {}, 0.3); }},

      // Attention
      {"attention", [](Inputs in) { return attention(in[0], in[1], in[2]); }},
      {"attention-heads", [](Inputs in) { return attention(in[0], in[1], in[2], {.heads = 2}); }},
      {"attention-causal", [](Inputs in) { return attention(in[0], in[1], in[2], {.heads = 2, .causal = true}); }},
      {"attention-causal-rest", [](Inputs in) { return attention(in[0], in[1], in[2], {.heads = 2, .causal = true}); }},
      {"attention-lengths", [](Inputs in) { return attention(in[0], in[1], in[2], masks(in[3])); }},
      {"attention-no-keys", [](Inputs in) { return attention(in[0], in[1], in[2], masks(in[3])); }},
      {"attention-mask", [](Inputs in) { return attention(in[0], in[1], in[2], masks({}, in[3])); }},
      {"attention-mask-of-heads", [](Inputs in) { return attention(in[0], in[1], in[2], masks({}, in[3])); }},
      {"attention-scale", [](Inputs in) { return attention(in[0], in[1], in[2], {.heads = 2, .scale = 0.3}); }},
      {"attention-all", [](Inputs in) { return attention(in[0], in[1], in[2], all_masks(in[3], in[4])); }},
      {"attention-packed",
       [](Inputs in) { return attention({in[0], 0, 4}, {in[0], 4, 4}, {in[0], 8, 4}, {.heads = 2, .causal = true}); }},
      {"attention_weights", [](Inputs in) { return attention_weights(in[0], in[1], {.heads = 2}); }},
      {"attention_weights-causal",
       [](Inputs in) { return attention_weights(in[0], in[1], {.heads = 2, .causal = true}); }},
      {"attention_weights-all", [](Inputs in) { return attention_weights(in[0], in[1], all_masks(in[2], in[3])); }},
      {"composed_attention", [](Inputs in) { return composed_attention(in[0], in[1], in[2], {.heads = 2}).output; }},
      {"composed_attention-both",
       [](Inputs in) { return both(composed_attention(in[0], in[1], in[2], {.heads = 2})); }},
      {"composed_attention-all",
       [](Inputs in) { return both(composed_attention(in[0], in[1], in[2], all_masks(in[3], in[4]))); }},
      {"composed_attention-no-keys",
       [](Inputs in) { return composed_attention(in[0], in[1], in[2], masks(in[3])).output; }},
      {"split_heads", [](Inputs in) { return split_heads(in[0], 3); }},
      {"join_heads", [](Inputs in) { return join_heads(in[0]); }},
      {"masked_weights", [](Inputs in) { return masked_weights(in[0]); }},
      {"masked_weights-causal", [](Inputs in) { return masked_weights(in[0], {.causal = true}); }},
      {"masked_weights-lengths", [](Inputs in) { return masked_weights(in[0], masks(in[1])); }},
      {"masked_weights-mask", [](Inputs in) { return masked_weights(in[0], masks({}, in[1])); }},
      {"attend", [](Inputs in) { return attend(in[0], in[1], {.heads = 2}).output; }},
      {"attend-both",
       [](Inputs in) { return both(attend(in[0], in[1], {.heads = 2, .causal = true, .key_lengths = in[2]})); }},
      {"additive_scores", [](Inputs in) { return additive_scores(in[0], in[1], in[2]); }},
      {"additive_scores-heads", [](Inputs in) { return additive_scores(in[0], in[1], in[2]); }},

      // Recurrent cells
      {"gru_cell", [](Inputs in) { return gru_cell(in[0], in[1], in[2]); }},
      {"gru_cell-running", [](Inputs in) { return gru_cell(in[0], in[1], in[2], in[3]); }},
      {"gru_cell-whole", [](Inputs in) { return whole(gru_cell, in, in[1].size(1)); }},
      {"lstm_cell", [](Inputs in) { return lstm_cell(in[0], in[1], in[2]); }},
      {"lstm_cell-running", [](Inputs in) { return lstm_cell(in[0], in[1], in[2], in[3]); }},
      {"lstm_cell-whole", [](Inputs in) { return whole(lstm_cell, in, in[1].size(1) / 2); }},
  };
  return all;
}

constexpr const char* transformer_step = "transformer_step";  // the one case that is not a single operation

/// Operations of ops.h that no case has, and why.
const std::map<std::string, std::string> without_golden = {
    {"dropout", "what it drops comes from gaze's own random stream"},
    {"argmax", "no gradient"},
    {"equal", "no gradient"},
    {"not_equal", "no gradient"},
    {"less", "no gradient"},
    {"less_equal", "no gradient"},
    {"greater", "no gradient"},
    {"greater_equal", "no gradient"},
    {"one_hot", "no gradient"},
};

const Checkpoint& golden_file() {
  static const Checkpoint file = load_safetensors(source_folder() / "tests/golden/operations.safetensors");
  return file;
}

const Array& golden(const std::string& name) {
  INFO(name);
  const Array* found = golden_file().find(name);
  REQUIRE(found);
  return *found;
}

/// The largest difference relative to max(1, |numbers|); infinite when the shapes or dtypes differ, or one has a NaN.
double difference(const Tensor& a, const Array& b) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!a.defined() || a.shape() != b.shape() || a.dtype() != b.dtype()) return infinity;
  double max_error = 0;
  for (std::int64_t i = 0; i < b.size(); ++i) {
    const double d = std::abs(a.array().at(i) - b.at(i)) / std::max(1.0, std::abs(b.at(i)));
    max_error = std::isnan(d) ? infinity : std::max(max_error, d);
  }
  return max_error;
}

constexpr double tolerance = 1e-10;

}  // namespace

TEST_CASE("operations equal PyTorch's: results and gradients") {
  for (const GoldenCase& c : golden_cases()) {
    INFO(c.name);
    std::vector<Tensor> inputs;
    while (const Array* input = golden_file().find(fmt::format("{}.inputs.{}", c.name, inputs.size())))
      inputs.emplace_back(*input, is_floating(input->dtype()));
    REQUIRE(!inputs.empty());
    const Tensor output = c.call(inputs);
    CHECK(difference(output, golden(c.name + ".output")) < tolerance);
    backward(output, {.cotangent = Tensor(golden(c.name + ".cotangent"))});
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      INFO("gradient of input " << i);
      const Array* gradient = golden_file().find(fmt::format("{}.gradients.{}", c.name, i));
      REQUIRE(inputs[i].grad().defined() == (gradient != nullptr));
      if (gradient) CHECK(difference(inputs[i].grad(), *gradient) < tolerance);
    }
  }
}

TEST_CASE("a Transformer's training step equals PyTorch's: the loss and every parameter's gradient") {
  const std::string step = transformer_step;
  const auto input = [&](const char* name) { return Tensor(golden(step + ".inputs." + name)); };
  constexpr std::int64_t vocab = 11, pad = 0;
  Params params(DType::float64);
  const Seq2Seq model(Scope(params), {.source_vocab = vocab,
                                      .target_vocab = vocab,
                                      .max_length = 5,
                                      .tied = true,
                                      .transformer = {.encoder_layers = 2,
                                                      .decoder_layers = 2,
                                                      .d_model = 8,
                                                      .heads = 2,
                                                      .d_ff = 12,
                                                      .dropout = 0,
                                                      .activation = Activation::relu,
                                                      .norm = Norm::post}});
  load(params, golden_file(), {.strip_prefix = step + ".weights."});  // throws unless names and shapes are the same
  Context context{.training = true};
  const Tensor source = input("source"), lengths = input("lengths"), target = input("target"), gold = input("gold");
  const CrossEntropyOptions options{.label_smoothing = 0.1, .ignore_index = pad};
  const auto check = [&](const Tensor& loss) {
    CHECK(difference(loss, golden(step + ".output")) < tolerance);
    params.zero_grad();
    loss.backward();
    for (const Parameter& p : params.list()) {
      INFO("gradient of " << p.name);
      CHECK(difference(p.value.grad(), golden(step + ".gradients." + p.name)) < tolerance);
    }
  };
  SECTION("with logits") { check(cross_entropy(model(source, lengths, target, context), gold, options)); }
  SECTION("without logits") { check(model.loss({source, lengths, target, gold}, options, context)); }
}

TEST_CASE("the golden file and the table have the same cases") {
  std::set<std::string> here = {transformer_step}, there;
  for (const GoldenCase& c : golden_cases()) {
    INFO(c.name);
    CHECK(here.insert(c.name).second);
  }
  for (const auto& [name, array] : golden_file().arrays) there.insert(name.substr(0, name.find('.')));
  CHECK(here == there);
  CHECK(here.size() >= 60);
}

TEST_CASE("every operation of ops.h that has a gradient has a golden case") {
  std::set<std::string> covered;
  for (const GoldenCase& c : golden_cases()) covered.insert(c.name.substr(0, c.name.find('-')));
  const std::set<std::string> declared = declared_operations();
  CHECK(declared.size() > 60);
  for (const std::string& name : declared) {
    INFO(name);
    CHECK(covered.contains(name) != without_golden.contains(name));
  }
  for (const std::string& name : covered) {
    INFO(name << " has a case and is not in ops.h");
    CHECK(declared.contains(name));
  }
  for (const auto& [name, reason] : without_golden) {
    INFO(name << " is excused (" << reason << ") and is not in ops.h");
    CHECK(declared.contains(name));
  }
}
