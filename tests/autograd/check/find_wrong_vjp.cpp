#include <gaze/autograd/check/find_wrong_vjp.h>

#include <map>

#include <gaze/autograd/custom_op.h>
#include <gaze/autograd/ops.h>
#include <gaze/nn/model.h>

#include "../../catch.h"

using namespace gaze;

namespace {

Tensor ids(const Shape& shape, const std::vector<std::int32_t>& values) { return Tensor::from(shape, values); }

/// A Transformer with an operation of one's own between encoder and decoder.
struct Model {
  using Operation = std::function<Tensor(const std::vector<Tensor>&)>;
  explicit Model(Operation op, Norm norm = Norm::pre)
      : transformer(Scope(params, {.seed = 3}), {.source_vocab = 9,
                                                 .target_vocab = 9,
                                                 .max_length = 5,
                                                 .embedding_std = 0.3,
                                                 .transformer = {.encoder_layers = 1,
                                                                 .decoder_layers = 2,
                                                                 .d_model = 8,
                                                                 .heads = 2,
                                                                 .d_ff = 16,
                                                                 .dropout = 0.1,
                                                                 .norm = norm}}),
        gain(params.add("gain", Array::full({8}, DType::float64, 1.3))),
        operation(std::move(op)) {}
  Tensor loss() const {
    Context context{.training = true, .stream = {.seed = 5}};
    const Tensor source = ids({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}), lengths = ids({2}, {4, 2}),
                 target = ids({2, 3}, {1, 2, 3, 4, 5, 6});
    const Tensor memory = operation({transformer.encode(source, lengths, context), gain});
    return cross_entropy(transformer.decode(target, memory, lengths, context), target);
  }
  Params params{DType::float64};
  Seq2Seq transformer;
  Tensor gain;
  Operation operation;
};

Model::Operation scale(double factor) {
  return custom_op(
      "scale", [](const auto& in) { return in[0] * in[1]; },
      [factor](const auto& in, const Tensor&, const Tensor& g) {
        return std::vector<Tensor>{g * in[1] * factor, g * in[0]};
      });
}

}  // namespace

TEST_CASE("all vjps of a Transformer are right, at the values that they see, and so are their derivatives") {
  const Model model(scale(1), GENERATE(Norm::pre, Norm::post));
  const WrongVjps found = find_wrong_vjp([&] { return model.loss(); }, &model.params, {.second = true});
  INFO(found.to_string());
  CHECK(found);
  CHECK(found.operations > 20);
  CHECK_THAT(found.to_string(), ContainsSubstring("right"));
}

TEST_CASE("a wrong vjp inside a model is found by its name and its place, and no other") {
  Model model(scale(1.01));
  const GradcheckReport report = gradcheck(model.params, [&] { return model.loss(); });
  CHECK(report.verdict == Verdict::wrong);
  for (const InputCheck& c : report.inputs) {
    INFO(c.input);  // what comes after the operation has right gradients, what comes before it has not
    const bool after = c.input == "gain" || c.input == "head.weight" || c.input.starts_with("body.decoder") ||
                       c.input.starts_with("tgt_embed");
    CHECK((c.verdict == Verdict::right) == after);
  }
  const WrongVjps found = find_wrong_vjp([&] { return model.loss(); }, &model.params);
  REQUIRE(found.wrong.size() == 1);
  CHECK(found.wrong[0].operation == "scale");
  CHECK_FALSE(found.wrong[0].second);
  CHECK(found.wrong[0].where == "reads gain");
  CHECK_THAT(found.to_string(), ContainsSubstring("the vjp of scale is wrong") && ContainsSubstring("reads gain"));
  CHECK_THAT(found.wrong[0].report.reason, ContainsSubstring("layer_norm"));  // the input whose gradient it is
}

TEST_CASE("a missing second derivative is found when it is looked for") {
  const auto half = custom_op(
      "half", [](const auto& in) { return in[0] * in[0] * in[1]; },
      [](const auto& in, const Tensor&, const Tensor& g) {
        return std::vector<Tensor>{g * 2.0 * in[0].detach() * in[1], g * in[0] * in[0]};
      });
  const Model model(half);
  const auto loss = [&] { return model.loss(); };
  CHECK(find_wrong_vjp(loss, &model.params));
  const WrongVjps found = find_wrong_vjp(loss, &model.params, {.second = true});
  REQUIRE(found.wrong.size() == 1);
  CHECK(found.wrong[0].operation == "half");
  CHECK(found.wrong[0].second);
}

TEST_CASE("several wrong operations are told apart, without names of parameters as well") {
  const auto wrong = [](const char* name, double factor) {
    return custom_op(
        name, [](const auto& in) { return tanh(in[0]); },
        [factor](const auto&, const Tensor& y, const Tensor& g) {
          return std::vector<Tensor>{g * (1.0 - y * y) * factor};
        });
  };
  const auto first = wrong("first", 0.9), fine = wrong("fine", 1), last = wrong("last", -1);
  const Tensor x(Array::full({3}, DType::float64, 0.4), true);
  const auto loss = [&] { return sum(last({fine({first({x}) * 2.0}) + x})); };
  const WrongVjps found = find_wrong_vjp(loss);
  REQUIRE(found.wrong.size() == 2);
  CHECK(found.wrong[0].operation == "first");
  CHECK(found.wrong[1].operation == "last");
  CHECK(found.operations == 6);
}

TEST_CASE("inputs and operations are told by their own names and numbers") {
  Params params(DType::float64);
  const Tensor weight = params.add("weight", Array::full({3}, DType::float64, 1.2)),
               constant(Array::full({3}, DType::float64, 0.7), true), ones = Tensor::ones({3}, DType::float64),
               zeros = Tensor::zeros({3}, DType::float64);
  // Right by the leaf that is not a parameter and comes first, wrong by the parameter, which it reads twice.
  const auto product = custom_op(
      "product", [](const auto& in) { return in[0] * in[1] * in[2]; },
      [](const auto& in, const Tensor&, const Tensor& g) {
        return std::vector<Tensor>{g * in[1] * in[2], g * in[0] * in[2] * 0.9, g * in[0] * in[1]};
      });
  const Tensor x(Array::from<double>({1, 3}, std::vector<double>{0.1, -0.4, 0.9}), true);
  const auto loss = [&] {  // residual_norm is recorded in two parts and is one operation
    return sum(residual_norm(x, tanh(x), ones, zeros) * product({constant, weight, weight}));
  };
  const WrongVjps found = find_wrong_vjp(loss, &params);
  REQUIRE(found.wrong.size() == 1);
  CHECK(found.wrong[0].where == "reads weight");
  CHECK(found.wrong[0].number <= found.operations);
  CHECK(found.operations == 5);
  std::map<std::string, Verdict> verdicts;
  for (const InputCheck& c : found.wrong[0].report.inputs) verdicts[c.input] = c.verdict;
  CHECK(verdicts == std::map<std::string, Verdict>{{"leaf 0", Verdict::right}, {"weight", Verdict::wrong}});
}

TEST_CASE("what is calculated in float32 inside a model is left out, and said to be") {
  const Tensor x(Array::full({3}, DType::float64, 0.4), true);
  const WrongVjps found = find_wrong_vjp([&] { return sum(exp(cast(tanh(x), DType::float32)).to(DType::float64)); });
  CHECK(found);
  CHECK(found.operations == 5);
  CHECK(found.left_out == 3);  // cast, exp, and the cast back
  CHECK_THAT(found.to_string(), ContainsSubstring("3 in float32 left out"));
}

TEST_CASE("a loss that goes another way at every call, or is float32, is refused") {
  const Tensor x(Array::full({3}, DType::float64, 0.4), true);
  int calls = 0;
  CHECK_THROWS_WITH(find_wrong_vjp([&] { return ++calls % 2 ? sum(exp(x)) : sum(tanh(x)); }),
                    ContainsSubstring("every call"));
  const Tensor single(Array::full({3}, DType::float32, 0.4), true);
  CHECK_THROWS_WITH(find_wrong_vjp([&] { return sum(single); }), ContainsSubstring("float64"));
}

TEST_CASE("a model whose dropout changes is refused, with how to fix it") {
  Model model(scale(1));
  std::uint64_t calls = 0;
  const GradcheckReport report = gradcheck(model.params, [&] { return sum(dropout(model.gain, 0.5, {1, ++calls})); });
  CHECK(report.verdict == Verdict::not_deterministic);
  CHECK_THAT(report.reason, ContainsSubstring("stream"));
  Params single;
  CHECK_THROWS_WITH(gradcheck(single, [] { return Tensor::scalar(1); }), ContainsSubstring("Params(DType::float64)"));
}
