#pragma once

#include <cstdint>

namespace gaze::kernels {

/// One step of a recurrent layer for `rows` sentences of n units.
template <class T>
struct RecurrentStep {
  const T *input = nullptr, *recurrent = nullptr;  ///< [rows, gates n]: what the input and the state say to the gates
  const T* state = nullptr;                        ///< [rows, n] of a GRU, [rows, 2n] of an LSTM: h and c
  const std::int32_t* running = nullptr;           ///< [rows]: where it is 0, the state stays; null: nowhere
  std::int64_t rows = 0, n = 0;
};

template <class T>
struct Recurrent {
  /// The next state. See gru_cell() and lstm_cell() in ops.h for the formulas.
  void (*gru)(const RecurrentStep<T>& step, T* next);
  void (*lstm)(const RecurrentStep<T>& step, T* next);
  /// From the gradient g of the next state those of the arguments. An LSTM's two arguments of gates have one gradient.
  void (*gru_vjp)(const RecurrentStep<T>& step, const T* g, T* d_input, T* d_recurrent, T* d_state);
  void (*lstm_vjp)(const RecurrentStep<T>& step, const T* g, T* d_gates, T* d_state);
};

}  // namespace gaze::kernels
