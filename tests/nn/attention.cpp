#include <gaze/nn/attention.h>
#include <gaze/nn/recorder.h>

#include <cmath>

#include "../catch.h"
#include "golden.h"

using namespace gaze;

namespace {

Tensor normal(const Shape& shape, DType dtype = DType::float32, std::uint64_t seed = 1) {
  Array a(shape, dtype);
  Random random(RandomStream{.seed = seed});
  for (std::int64_t i = 0; i < a.size(); ++i) a.set(i, random.normal());
  return Tensor(a, true);
}

struct Attended {
  Tensor output, weights;
};

/// With its weights, which gradients flow through: in separate operations.
Attended attended(const MultiHeadAttention& attend, const Tensor& x, const Tensor& memory, const AttentionMasks& masks,
                  Context& context) {
  AttentionRecorder recorder{.differentiable = true};
  Taps taps = context.taps ? *context.taps : Taps();
  recorder.add_to(taps);
  Context tapped = context;
  tapped.taps = &taps;
  const Tensor output = attend(x, memory, masks, tapped);
  return {output, recorder.modules.at(attend.site.name).weights()};
}

}  // namespace

TEST_CASE("self-attention equals torch.nn.MultiheadAttention, weights included") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  const Golden golden("self-attention", dtype);
  Params params(dtype);
  const MultiHeadAttention attend(Scope(params), 12, 4);
  golden.fill(params);
  const Tensor x = golden.input("x");
  Context context;
  const AttentionMasks masks{.additive = Tensor(golden.array("mask").to(dtype))};
  const auto [y, weights] = attended(attend, x, x, masks, context);
  golden.check(params, {{"x", x}}, {{"y", y}, {"weights", weights}});
  CHECK(distance(attend(x, x, masks, context), golden.array("outputs.y")) < (dtype == DType::float64 ? 1e-10 : 1e-5));
}

TEST_CASE("cross-attention equals torch.nn.MultiheadAttention, weights included") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  const Golden golden("cross-attention", dtype);
  Params params(dtype);
  const MultiHeadAttention attend(Scope(params) / "multihead_attn", 12, 4);
  load(params, golden.file(), {.add_prefix = "multihead_attn.", .strip_prefix = "weights."});
  const Tensor x = golden.input("x"), memory = golden.input("memory");
  AttentionRecorder recorder;
  const Taps taps = recorder.taps();
  Context context{.taps = &taps};
  const auto [y, weights] = attended(attend, x, memory, {.key_lengths = golden.lengths()}, context);
  CHECK(distance(recorder.modules.at("multihead_attn").weights(), golden.array("outputs.weights")) <
        (dtype == DType::float64 ? 1e-10 : 1e-5));
  golden.check(params, {{"x", x}, {"memory", memory}}, {{"y", y}, {"weights", weights}}, "multihead_attn.");
}

TEST_CASE("the three row blocks of the packed weight") {
  Params params;
  const MultiHeadAttention attend(Scope(params), 8, 2);
  const Tensor blocks = concat({attend.w_q(), attend.w_k(), attend.w_v()}, 0);
  CHECK(attend.w_k().shape() == Shape{8, 8});
  CHECK(distance(blocks, attend.in_proj_weight.array()) == 0);
  attend.w_k().sum().backward();
  const Tensor gradient = attend.in_proj_weight.grad();
  CHECK(gradient.at({7, 0}) == 0);
  CHECK(gradient.at({8, 0}) == 1);
  CHECK(gradient.at({15, 7}) == 1);
  CHECK(gradient.at({16, 0}) == 0);
}

TEST_CASE("self-attention is cross-attention to itself") {
  Params params(DType::float64);
  const MultiHeadAttention attend(Scope(params), 8, 2);
  const Tensor x = normal({2, 3, 8}, DType::float64);
  Context context;
  const Tensor self = attend(x, x, {.causal = true}, context);
  CHECK(distance(attend(x, x.clone(), {.causal = true}, context), self.array()) < 1e-14);
}

TEST_CASE("a query that sees no key gets zeros, forward and backward") {
  const bool composed = GENERATE(false, true);
  Params params;
  const MultiHeadAttention attend(Scope(params), 8, 2);
  Tensor bias = attend.out_proj.bias;
  bias.assign(normal({8}));
  const Tensor x = normal({2, 3, 8}), memory = normal({2, 4, 8}, DType::float32, 2);
  AttentionRecorder recorder{.differentiable = composed};
  const Taps taps = recorder.taps();
  Context context{.taps = &taps};
  const Tensor lengths = Tensor::from<std::int32_t>({2}, std::vector<std::int32_t>{0, 2});
  const Tensor y = attend(x, memory, {.key_lengths = lengths}, context);
  for (std::int64_t d = 0; d < 8; ++d) CHECK(y.at({0, 1, d}) == bias.at({d}));
  y.sum().backward();
  for (const Parameter& p : params.list()) CHECK(std::isfinite(largest(p.value.grad().array())));
  CHECK(distance(memory.grad().slice(0, 0, 1), Array::zeros({1, 4, 8}, DType::float32)) == 0);
  CHECK(distance(x.grad().slice(0, 0, 1), Array::zeros({1, 3, 8}, DType::float32)) == 0);
  CHECK(largest(memory.grad().slice(0, 1, 2).array()) > 0);
  const Tensor recorded = recorder.modules.begin()->second.weights();
  CHECK(largest(recorded.slice(0, 0, 1).array()) == 0);
  CHECK(distance(sum(recorded.slice(0, 1, 2), {-1}), Array::full({1, 2, 3}, DType::float32, 1)) < 1e-6);
}

TEST_CASE("dropout of the weights acts in training only and is the same in both forms") {
  Params params;
  const MultiHeadAttention attend(Scope(params), 8, 2, 0.5);
  const Tensor x = normal({2, 6, 8});
  const auto run = [&](bool training, bool composed) {
    Context context{.training = training, .stream = {.seed = 1}};
    return composed ? attended(attend, x, x, {}, context) : Attended{attend(x, x, {}, context), {}};
  };
  const Tensor plain = run(false, false).output, trained = run(true, false).output;
  CHECK(distance(run(false, false).output, plain.array()) == 0);
  CHECK(distance(trained, plain.array()) > 1e-3);
  CHECK(distance(run(true, true).output, trained.array()) < 1e-5);
  CHECK(distance(run(true, true).weights, run(false, true).weights.array()) == 0);  // given before dropout
}

TEST_CASE("recording changes no bit and no random number") {
  Params params;
  const MultiHeadAttention attend(Scope(params) / "self_attn", 8, 2, 0.3);
  const Tensor x = normal({2, 5, 8});
  AttentionRecorder all, none{.wants = [](std::string_view name) { return name == "another"; }};
  const auto run = [&](AttentionRecorder* recorder) {
    const Taps taps = recorder ? recorder->taps() : Taps();
    Context context{.training = true, .stream = {.seed = 1}, .taps = recorder ? &taps : nullptr};
    params.zero_grad();
    const Tensor y = attend(x, x, {.causal = true}, context);
    y.sum().backward();
    CHECK(context.draws == 1);
    return std::pair(y.array(), attend.in_proj_weight.grad().array().copy());
  };
  const auto [plain, gradient] = run(nullptr);
  for (AttentionRecorder* recorder : {&all, &none}) {
    const auto [y, g] = run(recorder);
    CHECK(distance(Tensor(y), plain) == 0);
    CHECK(distance(Tensor(g), gradient) == 0);
  }
  CHECK(none.modules.empty());
  REQUIRE(all.modules.size() == 1);
  const Tensor weights = all.modules.at("self_attn").weights();
  REQUIRE(weights.shape() == Shape{2, 2, 5, 5});
  CHECK(distance(sum(weights, {-1}), Array::full({2, 2, 5}, DType::float32, 1)) < 1e-6);
  CHECK(weights.at({1, 1, 2, 3}) == 0);
  CHECK(weights.at({1, 1, 2, 2}) > 0);
}

TEST_CASE("heads must divide the model's width, and inputs must have it") {
  Params params;
  CHECK_THROWS_WITH(MultiHeadAttention(Scope(params) / "self_attn", 10, 4),
                    ContainsSubstring("self_attn") && ContainsSubstring("10") && ContainsSubstring("4 heads"));
  CHECK_THROWS_AS(MultiHeadAttention(Scope(params), 8, 0), Error);
  CHECK(params.list().empty());
  const MultiHeadAttention attend(Scope(params), 8, 2);
  Context context;
  const Tensor x = normal({2, 3, 8}), narrow = normal({2, 3, 4}), more = normal({3, 3, 8});
  CHECK_THROWS_WITH(attend(narrow, narrow, {}, context), ContainsSubstring("[2,3,4]"));
  CHECK_THROWS_WITH(attend(x, more, {}, context), ContainsSubstring("[3,3,16]"));
  CHECK_THROWS_WITH(
      attend(x, x, {.key_lengths = Tensor::from<std::int32_t>({1}, std::vector<std::int32_t>{1})}, context),
      ContainsSubstring("key lengths"));
}

TEST_CASE("keys and values are appended and selected as if all had been made anew", "[attention]") {
  const auto uniform = [](const Shape& shape, std::uint64_t seed) {
    Random random({.seed = seed});
    std::vector<double> numbers(static_cast<std::size_t>(shape.size()));
    for (double& number : numbers) number = random.uniform();
    return Tensor::from(shape, numbers);
  };
  const Tensor keys = uniform({2, 5, 4}, 1), values = uniform({2, 5, 4}, 2);
  const auto words = [](const Tensor& x, std::int64_t from, std::int64_t to) { return slice(x, 1, from, to); };
  const auto is = [&](const KeysValues& some, const Tensor& rows, std::int64_t length) {
    CHECK(some.length() == length);
    CHECK(distance(some.keys().alone(), words(index_select(keys, 0, rows), 0, length).array()) == 0);
    CHECK(distance(some.values().alone(), words(index_select(values, 0, rows), 0, length).array()) == 0);
  };
  const auto rows = [](std::vector<std::int32_t> numbers) {
    return Tensor::from({static_cast<std::int64_t>(numbers.size())}, numbers);
  };
  const NoGrad no_grad;
  KeysValues all;
  const auto append = [&](KeysValues& to, std::int64_t from, std::int64_t end) {
    to.append(words(keys, from, end), words(values, from, end));
  };
  append(all, 0, 2), append(all, 2, 2), append(all, 2, 3);
  is(all, rows({0, 1}), 3);
  KeysValues part;  // of a packed tensor with rows behind those in use
  Columns some_keys(keys), some_values(values);
  some_keys.length = some_values.length = 2;
  part.append(some_keys, some_values);
  append(part, 2, 3), append(part, 3, 4);
  is(part, rows({0, 1}), 4);
  KeysValues turned = all;
  turned.select(rows({1, 0}));
  is(turned, rows({1, 0}), 3);
  append(all, 3, 4);
  is(all, rows({0, 1}), 4);
  is(turned, rows({1, 0}), 3);
  turned.select(rows({1, 1, 0}));
  is(turned, rows({0, 0, 1}), 3);
  CHECK_THROWS_WITH(turned.select(rows({3})), ContainsSubstring("index 3"));
  CHECK_THROWS_WITH(all.append(words(keys, 0, 1), words(values, 0, 2)), "attention: 1 keys and 2 values");

  Params params(DType::float64);
  const MultiHeadAttention attention(Scope(params, {.seed = 4}), 4, 2);
  const Tensor x = uniform({2, 3, 4}, 5), memory = uniform({2, 3, 4}, 6);
  Context context;
  KeysValues longer = attention.keys_values(memory, context);
  longer.append(words(keys, 0, 1), words(values, 0, 1)), longer.append(words(keys, 1, 2), words(values, 1, 2));
  KeysValues anew;
  const KeysValues first = attention.keys_values(memory, context);
  anew.append(concat({first.keys().alone(), words(keys, 0, 2)}, 1),
              concat({first.values().alone(), words(values, 0, 2)}, 1));
  CHECK(distance(attention.attend(x, longer, {}, context), attention.attend(x, anew, {}, context).array()) == 0);
}
