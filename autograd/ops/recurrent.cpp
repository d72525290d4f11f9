#include <gaze/autograd/graph.h>
#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/ops/composed.h>
#include <gaze/autograd/ops/elementwise.h>

namespace gaze {
namespace {

constexpr std::size_t masks = 1;  // running, an input without a gradient

/// The arguments of a cell with `gates` gates and `states` vectors of state.
void check(const char* cell, const Tensor& a, const Tensor& b, const Tensor& state, const Tensor& running,
           std::int64_t gates, std::int64_t states) {
  detail::require_alike(cell, a, b);
  detail::require_alike(cell, a, state);
  require(state.rank() == 2 && state.size(1) % states == 0 &&
              a.shape() == Shape{state.size(0), gates * (state.size(1) / states)} && b.shape() == a.shape(),
          "{}: a {} and b {} must be [B,{}H] for a state [B,{}H] {}", cell, a.shape(), b.shape(), gates, states,
          state.shape());
  require(!running.defined() || (running.dtype() == DType::int32 && running.shape() == Shape{state.size(0)}),
          "{}: running must be int32 [{}]", cell, state.size(0));
}

template <class T>
kernels::RecurrentStep<T> step_of(const Tensor& a, const Tensor& b, const Tensor& state, const Tensor& running,
                                  std::int64_t states) {
  return {.input = a.array().data<T>(),
          .recurrent = b.array().data<T>(),
          .state = state.array().data<T>(),
          .running = running.defined() ? running.array().data<std::int32_t>() : nullptr,
          .rows = state.size(0),
          .n = state.size(1) / states};
}

Tensor columns(const Tensor& x, std::int64_t part, std::int64_t size) {
  return slice(x, 1, part * size, (part + 1) * size);
}

/// What a cell is made of: its gates, its vectors of state, and itself in operations.
struct Cell {
  const char* name;
  std::int64_t gates, states;
  Tensor (*composed)(const Tensor& a, const Tensor& b, const Tensor& state);
};

/// The cell's result, and its vjp by fused(step arguments, g). Where the state stays, so does its gradient.
template <class Forward, class Fused>
Tensor apply(const Cell& cell, const Tensor& a, const Tensor& b, const Tensor& state, const Tensor& running,
             const Forward& forward, const Fused& fused) {
  check(cell.name, a, b, state, running, cell.gates, cell.states);
  Array next(state.shape(), state.dtype());
  for_floating(cell.name, state.dtype(),
               [&]<class T>() { forward(step_of<T>(a, b, state, running, cell.states), next.write<T>()); });
  return record(cell.name, std::move(next), {a, b, state, running}, keep_inputs,
                [cell, fused, masked = running.defined()](const Saved& s, const Tensor& g) -> Gradients {
                  const Tensor goes_on = masked ? s[3] : Tensor();
                  if (!grad_enabled()) return fused(s[0], s[1], s[2], goes_on, g);
                  const auto composed = [&](const std::vector<Tensor>& in) {
                    const Tensor made = cell.composed(in[0], in[1], in[2]);
                    return goes_on.defined() ? where(unsqueeze(goes_on, 1), made, in[2]) : made;
                  };
                  return detail::differentiate(s, 3, g, composed, masks);
                });
}

Tensor composed_gru(const Tensor& a, const Tensor& b, const Tensor& h) {
  const std::int64_t size = h.size(1);
  const auto both = [&](std::int64_t part) { return columns(a, part, size) + columns(b, part, size); };
  const Tensor r = sigmoid(both(0)), z = sigmoid(both(1)), n = tanh(columns(a, 2, size) + r * columns(b, 2, size));
  return (1.0 - z) * n + z * h;
}

Tensor composed_lstm(const Tensor& a, const Tensor& b, const Tensor& state) {
  const std::int64_t size = state.size(1) / 2;
  const Tensor sums = a + b;
  const Tensor i = sigmoid(columns(sums, 0, size)), f = sigmoid(columns(sums, 1, size)),
               g = tanh(columns(sums, 2, size)), o = sigmoid(columns(sums, 3, size));
  const Tensor c = f * columns(state, 1, size) + i * g;
  return concat({o * tanh(c), c}, 1);
}

constexpr Cell gru{"gru_cell", 3, 1, composed_gru}, lstm{"lstm_cell", 4, 2, composed_lstm};

}  // namespace

Tensor gru_cell(const Tensor& a, const Tensor& b, const Tensor& h, const Tensor& running) {
  return apply(
      gru, a, b, h, running,
      []<class T>(const kernels::RecurrentStep<T>& step, T* next) { kernels::of<T>().gru(step, next); },
      [](const Tensor& input, const Tensor& recurrent, const Tensor& state, const Tensor& goes_on,
         const Tensor& g) -> Gradients {
        Array da(input.shape(), g.dtype()), db(recurrent.shape(), g.dtype()), dh(state.shape(), g.dtype());
        for_floating(gru.name, g.dtype(), [&]<class T>() {
          kernels::of<T>().gru_vjp(step_of<T>(input, recurrent, state, goes_on, gru.states), g.array().data<T>(),
                                   da.write<T>(), db.write<T>(), dh.write<T>());
        });
        return {Tensor(std::move(da)), Tensor(std::move(db)), Tensor(std::move(dh)), {}};
      });
}

Tensor lstm_cell(const Tensor& a, const Tensor& b, const Tensor& state, const Tensor& running) {
  return apply(
      lstm, a, b, state, running,
      []<class T>(const kernels::RecurrentStep<T>& step, T* next) { kernels::of<T>().lstm(step, next); },
      [](const Tensor& input, const Tensor& recurrent, const Tensor& before, const Tensor& goes_on,
         const Tensor& g) -> Gradients {
        Array d_gates(input.shape(), g.dtype()), d_state(before.shape(), g.dtype());
        for_floating(lstm.name, g.dtype(), [&]<class T>() {
          kernels::of<T>().lstm_vjp(step_of<T>(input, recurrent, before, goes_on, lstm.states), g.array().data<T>(),
                                    d_gates.write<T>(), d_state.write<T>());
        });
        const Tensor both(std::move(d_gates));
        return {both, both, Tensor(std::move(d_state)), {}};
      });
}

}  // namespace gaze
