#include <gaze/nn/recurrent.h>

#include <algorithm>
#include <cmath>

#include <gaze/autograd/ops.h>

namespace gaze {
namespace {

std::int64_t gates_of(Cell cell) { return cell == Cell::gru ? 3 : 4; }

/// Which rows of [B] make a step: an undefined tensor when all do.
Tensor running_at(std::int64_t step, std::span<const std::int32_t> lengths) {
  const auto runs = [&](std::int32_t length) { return step < length; };
  if (std::all_of(lengths.begin(), lengths.end(), runs)) return {};
  std::vector<std::int32_t> flags;
  for (const std::int32_t length : lengths) flags.push_back(runs(length));
  return Tensor::from<std::int32_t>({static_cast<std::int64_t>(flags.size())}, flags);
}

/// One direction over x [S,B,I], in the order of time: outputs [B,S,H], zeros where no step is made.
Tensor unrolled(const RecurrentCell& cell, const Tensor& x, std::span<const std::int32_t> lengths, bool from_the_end) {
  const std::int64_t steps = x.size(0), batch = x.size(1);
  const Tensor input = cell.from_input(x);  // [S,B,GH]
  Tensor state = Tensor::zeros({batch, cell.state_size()}, x.dtype());
  std::vector<Tensor> outputs(static_cast<std::size_t>(steps));
  for (std::int64_t i = 0; i < steps; ++i) {
    const std::int64_t t = from_the_end ? steps - 1 - i : i;
    const Tensor running = running_at(t, lengths);
    state = cell.step(input[t], state, running);
    const Tensor h = cell.output(state);
    outputs[static_cast<std::size_t>(t)] =
        running.defined() ? where(unsqueeze(running, 1), h, Tensor::scalar(0, h.dtype())) : h;
  }
  return stack(outputs, 1);
}

}  // namespace

const NameTable<Cell>& cell_names() {
  static const NameTable<Cell> names("cell", {{Cell::gru, "gru"}, {Cell::lstm, "lstm"}});
  return names;
}

std::string_view name_of(Cell cell) { return cell_names().name_of(cell); }

RecurrentCell::RecurrentCell(const Scope& scope, Cell kind, std::int64_t input_size, std::int64_t size,
                             std::string_view suffix)
    : cell(kind), hidden_size(size) {
  require(input_size > 0 && size > 0, "{} {}: needs sizes above 0, got {} -> {}", name_of(kind), scope.path(),
          input_size, size);
  const std::int64_t rows = gates_of(cell) * size;
  const auto add = [&](std::string name, const Shape& shape) {
    return scope.parameter(name.append(suffix), shape, init::uniform(1 / std::sqrt(static_cast<double>(size))));
  };
  weight_ih = add("weight_ih", {rows, input_size});
  weight_hh = add("weight_hh", {rows, size});
  bias_ih = add("bias_ih", {rows});
  bias_hh = add("bias_hh", {rows});
}

Tensor RecurrentCell::from_input(const Tensor& x) const { return linear(x, weight_ih, bias_ih); }

Tensor RecurrentCell::step(const Tensor& input, const Tensor& state, const Tensor& running) const {
  const Tensor recurrent = linear(output(state), weight_hh, bias_hh);  // [B,H] -> [B,GH]
  return cell == Cell::gru ? gru_cell(input, recurrent, state, running) : lstm_cell(input, recurrent, state, running);
}

Tensor RecurrentCell::operator()(const Tensor& x, const Tensor& state, const Tensor& running) const {
  return step(from_input(x), state, running);
}

Tensor RecurrentCell::output(const Tensor& state) const {
  return cell == Cell::gru ? state : slice(state, 1, 0, hidden_size);
}

Tensor RecurrentCell::state(const Tensor& h) const {
  return cell == Cell::gru ? h : pad(h, {{0, 0}, {0, hidden_size}});
}

std::int64_t RecurrentCell::state_size() const { return cell == Cell::gru ? hidden_size : 2 * hidden_size; }

Recurrent::Recurrent(const Scope& scope, const RecurrentOptions& o) : dropout(o.dropout) {
  require(o.layers > 0, "{} {}: {} layers", name_of(o.cell), scope.path(), o.layers);
  const std::int64_t directions = o.bidirectional ? 2 : 1;
  for (std::int64_t i = 0; i < o.layers; ++i) {
    const std::int64_t input = i == 0 ? o.input_size : directions * o.hidden_size;
    const std::string suffix = fmt::format("_l{}", i);
    Layer layer{RecurrentCell(scope, o.cell, input, o.hidden_size, suffix), {}};
    if (o.bidirectional) layer.reverse.emplace_back(scope, o.cell, input, o.hidden_size, suffix + "_reverse");
    layers.push_back(std::move(layer));
  }
}

Tensor Recurrent::operator()(const Tensor& x, const Tensor& lengths, Context& context) const {
  require(x.rank() == 3, "recurrent: x must be [B,S,I], got {}", x.shape());
  require(!lengths.defined() || (lengths.dtype() == DType::int32 && lengths.shape() == Shape{x.size(0)}),
          "recurrent: lengths must be int32 [{}]", x.size(0));
  if (lengths.defined())
    if (const auto bad = first_outside(lengths.array(), 0, static_cast<double>(x.size(1))))
      fail("recurrent: length {} is not in [0, {}]", lengths.array().at(*bad), x.size(1));
  const std::vector<std::int32_t> all(static_cast<std::size_t>(x.size(0)), static_cast<std::int32_t>(x.size(1)));
  const std::span<const std::int32_t> ends = lengths.defined() ? lengths.values<std::int32_t>() : std::span(all);
  if (x.size(1) == 0) {
    const Layer& top = layers.back();
    const auto directions = static_cast<std::int64_t>(1 + top.reverse.size());
    return Tensor::zeros({x.size(0), 0, directions * top.forward.hidden_size}, x.dtype());
  }
  Tensor y = x;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (i > 0) y = dropout(y, context);
    const Tensor in_time = transpose(y, 0, 1);  // [B,S,I] -> [S,B,I]
    std::vector<Tensor> directions = {unrolled(layers[i].forward, in_time, ends, false)};
    for (const RecurrentCell& reverse : layers[i].reverse) directions.push_back(unrolled(reverse, in_time, ends, true));
    y = concat(directions, 2);
  }
  return y;
}

}  // namespace gaze
