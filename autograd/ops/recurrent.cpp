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

/// The state, or where it does not run what it was.
Tensor kept(const Tensor& next, const Tensor& state, const Tensor& running) {
  return running.defined() ? where(unsqueeze(running, 1), next, state) : next;
}

}  // namespace

Tensor gru_cell(const Tensor& a, const Tensor& b, const Tensor& h, const Tensor& running) {
  constexpr std::int64_t gates = 3, states = 1;
  check("gru_cell", a, b, h, running, gates, states);
  Array next(h.shape(), h.dtype());
  for_floating("gru_cell", h.dtype(),
               [&]<class T>() { kernels::of<T>().gru(step_of<T>(a, b, h, running, states), next.write<T>()); });
  return record("gru_cell", std::move(next), {a, b, h, running}, keep_inputs,
                [masked = running.defined()](const Saved& s, const Tensor& g) -> Gradients {
                  const Tensor goes_on = masked ? s[3] : Tensor();
                  if (grad_enabled())
                    return detail::differentiate(
                        s, 3, g,
                        [&](const std::vector<Tensor>& in) {
                          const std::int64_t size = in[2].size(1);
                          const auto sum_of = [&](std::int64_t part) {
                            return columns(in[0], part, size) + columns(in[1], part, size);
                          };
                          const Tensor r = sigmoid(sum_of(0)), z = sigmoid(sum_of(1));
                          const Tensor n = tanh(columns(in[0], 2, size) + r * columns(in[1], 2, size));
                          return kept((1.0 - z) * n + z * in[2], in[2], goes_on);
                        },
                        masks);
                  const Tensor input = s[0], recurrent = s[1], state = s[2];
                  Array da(input.shape(), g.dtype()), db(recurrent.shape(), g.dtype()), dh(state.shape(), g.dtype());
                  for_floating("gru_cell", g.dtype(), [&]<class T>() {
                    kernels::of<T>().gru_vjp(step_of<T>(input, recurrent, state, goes_on, states), g.array().data<T>(),
                                             da.write<T>(), db.write<T>(), dh.write<T>());
                  });
                  return {Tensor(std::move(da)), Tensor(std::move(db)), Tensor(std::move(dh)), {}};
                });
}

Tensor lstm_cell(const Tensor& a, const Tensor& b, const Tensor& state, const Tensor& running) {
  constexpr std::int64_t gates = 4, states = 2;
  check("lstm_cell", a, b, state, running, gates, states);
  Array next(state.shape(), state.dtype());
  for_floating("lstm_cell", state.dtype(),
               [&]<class T>() { kernels::of<T>().lstm(step_of<T>(a, b, state, running, states), next.write<T>()); });
  return record("lstm_cell", std::move(next), {a, b, state, running}, keep_inputs,
                [masked = running.defined()](const Saved& s, const Tensor& g) -> Gradients {
                  const Tensor goes_on = masked ? s[3] : Tensor();
                  if (grad_enabled())
                    return detail::differentiate(
                        s, 3, g,
                        [&](const std::vector<Tensor>& in) {
                          const std::int64_t size = in[2].size(1) / 2;
                          const Tensor sums = in[0] + in[1];
                          const Tensor i = sigmoid(columns(sums, 0, size)), f = sigmoid(columns(sums, 1, size)),
                                       candidate = tanh(columns(sums, 2, size)), o = sigmoid(columns(sums, 3, size));
                          const Tensor c = f * columns(in[2], 1, size) + i * candidate;
                          return kept(concat({o * tanh(c), c}, 1), in[2], goes_on);
                        },
                        masks);
                  const Tensor input = s[0], recurrent = s[1], before = s[2];
                  Array d_gates(input.shape(), g.dtype()), d_state(before.shape(), g.dtype());
                  for_floating("lstm_cell", g.dtype(), [&]<class T>() {
                    kernels::of<T>().lstm_vjp(step_of<T>(input, recurrent, before, goes_on, states),
                                              g.array().data<T>(), d_gates.write<T>(), d_state.write<T>());
                  });
                  const Tensor both(std::move(d_gates));
                  return {both, both, Tensor(std::move(d_state)), {}};
                });
}

}  // namespace gaze
