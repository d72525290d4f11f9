#include <gaze/nn/transformer.h>

#include "../catch.h"
#include "golden.h"

using namespace gaze;

namespace {

const TransformerOptions small = {
    .encoder_layers = 2, .decoder_layers = 2, .d_model = 12, .heads = 4, .d_ff = 20, .dropout = 0};

}  // namespace

TEST_CASE("Transformer equals torch.nn.Transformer: names, outputs and gradients") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  const Norm norm = GENERATE(Norm::pre, Norm::post);
  const Activation activation = GENERATE(Activation::relu, Activation::gelu);
  const std::string name =
      fmt::format("{}-{}", norm == Norm::pre ? "pre" : "post", activation == Activation::relu ? "relu" : "gelu");
  CAPTURE(name, name_of(dtype));
  const Golden golden(name, dtype);
  Params params(dtype);
  TransformerOptions options = small;
  options.norm = norm;
  options.activation = activation;
  const Transformer transformer(Scope(params), options);
  golden.fill(params);
  params.pack();
  const Tensor source = golden.input("source"), target = golden.input("target");
  const AttentionMasks padding{.key_lengths = golden.lengths()};
  Context context{.training = true};
  const Tensor y = transformer(source, target, {.source = padding, .memory = padding}, context);
  golden.check(params, {{"source", source}, {"target", target}}, {{"y", y}});
}

TEST_CASE("Encoder equals torch.nn.TransformerEncoder, with and without a final norm") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  const Norm norm = GENERATE(Norm::pre, Norm::post);
  const Golden golden(norm == Norm::pre ? "encoder-pre" : "encoder-post", dtype);
  Params params(dtype);
  TransformerOptions options = small;
  options.norm = norm;
  options.activation = Activation::gelu;
  const Encoder encoder(Scope(params), 2, options, norm == Norm::pre);
  golden.fill(params);
  const Tensor x = golden.input("x");
  Context context;
  golden.check(params, {{"x", x}}, {{"y", encoder(x, {.causal = true}, context)}});
}

TEST_CASE("the defaults are PyTorch's") {
  const TransformerOptions options;
  CHECK(options.encoder_layers == 6);
  CHECK(options.decoder_layers == 6);
  CHECK(options.d_model == 512);
  CHECK(options.heads == 8);
  CHECK(options.d_ff == 2048);
  CHECK(options.dropout == 0.1);
  CHECK(options.activation == Activation::relu);
  CHECK(options.norm == Norm::post);
}

TEST_CASE("a Transformer's matrices start Xavier-uniform, its biases as PyTorch's") {
  Params params;
  TransformerOptions options = small;
  options.d_model = 32;
  options.d_ff = 96;
  const Transformer transformer(Scope(params), options);
  const DecoderLayer& layer = transformer.decoder.layers[1];
  const auto check_bound = [](const Tensor& t, double bound) {
    CHECK(largest(t.array()) <= bound);
    CHECK(largest(t.array()) > 0.9 * bound);
  };
  check_bound(layer.feed_forward.linear1.weight, std::sqrt(6.0 / 128));
  check_bound(layer.feed_forward.linear1.bias, std::sqrt(1.0 / 32));
  check_bound(layer.self_attn.in_proj_weight, std::sqrt(6.0 / 128));
  check_bound(layer.multihead_attn.out_proj.weight, std::sqrt(6.0 / 64));
  CHECK(largest(layer.self_attn.in_proj_bias.array()) == 0);
  CHECK(largest(layer.multihead_attn.out_proj.bias.array()) == 0);
  CHECK(distance(layer.norm3.weight, Array::full({32}, DType::float32, 1)) == 0);
  CHECK(distance(layer.norm3.bias, Array::zeros({32}, DType::float32)) == 0);
  // torch.nn.TransformerEncoder alone leaves its Linear layers as they are.
  Params other;
  const Encoder encoder(Scope(other), 1, options);
  check_bound(encoder.layers[0].feed_forward.linear1.weight, std::sqrt(1.0 / 32));
  check_bound(encoder.layers[0].self_attn.out_proj.weight, std::sqrt(1.0 / 32));
}

TEST_CASE("every dropout of a layer draws its own numbers, in training only") {
  Params params;
  TransformerOptions options = small;
  options.dropout = 0.1;
  const Transformer transformer(Scope(params), options);
  const Tensor source = Tensor::ones({1, 3, 12}), target = Tensor::ones({1, 2, 12});
  Context training{.training = true, .stream = {.seed = 1}}, evaluation;
  const Tensor y = transformer(source, target, {}, training);
  CHECK(training.draws == 2 * 4 + 2 * 6);  // weights, sublayers, inner activations
  CHECK(distance(transformer(source, target, {}, evaluation), y.array()) > 1e-4);
  CHECK(evaluation.draws == 0);
}
