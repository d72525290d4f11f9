#include <gaze/nn/recurrent.h>

#include "../catch.h"
#include "golden.h"

using namespace gaze;

namespace {

constexpr std::int64_t inputs = 3, hidden = 7;

Recurrent two_layers(Params& params, Cell cell, double dropout = 0) {
  return Recurrent(Scope(params, {.seed = 4}), {.cell = cell,
                                                .input_size = inputs,
                                                .hidden_size = hidden,
                                                .layers = 2,
                                                .bidirectional = true,
                                                .dropout = dropout});
}

}  // namespace

TEST_CASE(
    "Recurrent equals torch.nn.GRU and torch.nn.LSTM over sentences of several lengths: names, outputs, gradients") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  const Cell cell = GENERATE(Cell::gru, Cell::lstm);
  CAPTURE(name_of(cell), name_of(dtype));
  const Golden golden(std::string(name_of(cell)), dtype);
  Params params(dtype);
  const Recurrent layers = two_layers(params, cell);
  golden.fill(params);
  params.pack();
  const Tensor x = golden.input("x");
  Context context{.training = true};
  golden.check(params, {{"x", x}}, {{"y", layers(x, golden.lengths(), context)}});
}

TEST_CASE("what a recurrent layer says of a sentence does not depend on the padding behind it") {
  const Cell cell = GENERATE(Cell::gru, Cell::lstm);
  Params params(DType::float64);
  const Recurrent layers = two_layers(params, cell);
  Context context;
  Random random({.seed = 3});
  std::vector<double> numbers(2 * 6 * inputs);
  for (double& n : numbers) n = random.normal();
  const Tensor batch = Tensor::from<double>({2, 6, inputs}, numbers);
  const Tensor alone = slice(slice(batch, 0, 1, 2), 1, 0, 4);
  const Tensor padded = layers(batch, Tensor::from<std::int32_t>({2}, {6, 4}), context);
  CHECK(distance(slice(slice(padded, 0, 1, 2), 1, 0, 4), layers(alone, {}, context).array()) == 0);
  CHECK(largest(slice(slice(padded, 0, 1, 2), 1, 4, 6).array()) == 0);
  const Tensor empty = layers(batch, Tensor::from<std::int32_t>({2}, {6, 0}), context);
  CHECK(largest(slice(empty, 0, 1, 2).array()) == 0);
  CHECK(layers(Tensor::zeros({2, 0, inputs}, DType::float64), {}, context).shape() == Shape{2, 0, 2 * hidden});
}

TEST_CASE("a cell makes the steps of a layer") {
  const Cell kind = GENERATE(Cell::gru, Cell::lstm);
  Params params;
  const RecurrentCell cell(Scope(params, {.seed = 5}), kind, inputs, hidden);
  Params same;
  const Recurrent layer(Scope(same, {.seed = 5}), {.cell = kind, .input_size = inputs, .hidden_size = hidden});
  for (std::size_t i = 0; i < params.list().size(); ++i) Tensor(same.list()[i].value).assign(params.list()[i].value);
  CHECK(same.list()[0].name == "weight_ih_l0");
  CHECK(params.list()[0].name == "weight_ih");
  const Tensor x = tensor({{{0.3, -1, 2}, {0.5, 0.1, -0.4}}});  // [1,2,3]
  Context context;
  const Tensor y = layer(x, {}, context);
  Tensor state = Tensor::zeros({1, cell.state_size()});
  for (std::int64_t t = 0; t < 2; ++t) {
    state = cell(reshape(slice(x, 1, t, t + 1), {1, inputs}), state);
    CHECK(distance(cell.output(state), slice(y, 1, t, t + 1).reshape({1, hidden}).array()) == 0);
  }
  const Tensor stays = cell(Tensor::ones({1, inputs}), state, Tensor::from<std::int32_t>({1}, {0}));
  CHECK(distance(stays, state.array()) == 0);
}

TEST_CASE("dropout between recurrent layers is for training alone") {
  Params params;
  const Recurrent layers = two_layers(params, Cell::gru, 0.5);
  const Tensor x = Tensor::ones({2, 3, inputs});
  Context still, training{.training = true, .stream = {.seed = 1}}, again = training;
  const Tensor y = layers(x, {}, still);
  CHECK(distance(layers(x, {}, training), y.array()) > 1e-3);
  Context other{.training = true, .stream = {.seed = 1}};
  CHECK(distance(layers(x, {}, again), layers(x, {}, other).array()) == 0);
}

TEST_CASE("the gradient of a long sequence costs no more than the sequence") {
  // Each step reads one slice; a gradient of the whole length for each would be quadratic.
  const Tensor x(Array::full({4000, 2}, DType::float64, 1), true);
  const Tensor made = x * 2.0;
  Tensor total = Tensor::scalar(0, DType::float64);
  for (std::int64_t t = 0; t < x.size(0); ++t) total = total + (made[t] * made[t]).sum() * static_cast<double>(t);
  total.backward();
  for (const std::int64_t t : {0, 1, 3999}) CHECK(x.grad().at({t, 1}) == 8.0 * static_cast<double>(t));
}

TEST_CASE("recurrent layers say what they cannot take") {
  Params params;
  CHECK_THROWS_WITH(RecurrentCell(Scope(params) / "cell", Cell::gru, 0, 4), ContainsSubstring("gru cell"));
  CHECK_THROWS_WITH(Recurrent(Scope(params), {.input_size = 2, .hidden_size = 2, .layers = 0}),
                    ContainsSubstring("0 layers"));
  const Recurrent layers = two_layers(params, Cell::gru);
  Context context;
  CHECK_THROWS_WITH(layers(Tensor::zeros({2, 3}), {}, context), ContainsSubstring("[B,S,I]"));
  CHECK_THROWS_WITH(layers(Tensor::zeros({2, 3, inputs}), Tensor::from<std::int32_t>({2}, {1, 4}), context),
                    ContainsSubstring("length 4"));
  CHECK_THROWS_WITH(layers(Tensor::zeros({2, 3, inputs}), Tensor::from<std::int32_t>({1}, {1}), context),
                    ContainsSubstring("int32 [2]"));
  CHECK_THROWS_WITH(cell_names().named("rnn"), ContainsSubstring("gru, lstm"));
}
