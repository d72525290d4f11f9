#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <gaze/nn/context.h>
#include <gaze/nn/dropout.h>
#include <gaze/nn/scope.h>

/// Recurrent layers with the parameter names, layouts and results of torch.nn.GRU and torch.nn.LSTM (batch first).
namespace gaze {

enum class Cell {
  gru,  ///< Cho et al. 2014; a state is h [B,H]
  lstm  ///< Hochreiter and Schmidhuber 1997; a state is h | c [B,2H]
};

const NameTable<Cell>& cell_names();
std::string_view name_of(Cell);

/// One step of a recurrent layer: see gru_cell() and lstm_cell() in ops.h.
struct RecurrentCell {
  /// Registers weight_ih [GH,I], weight_hh [GH,H], bias_ih and bias_hh [GH], all uniform in +-1/sqrt(H), where G is 3
  /// for a GRU and 4 for an LSTM. With a suffix ("_l0") behind each name, as torch's layers have.
  RecurrentCell(const Scope&, Cell, std::int64_t input_size, std::int64_t hidden_size, std::string_view suffix = "");

  /// x [B,I], state -> the next state. Where running, int32 [B] (or undefined), is 0, it stays.
  Tensor operator()(const Tensor& x, const Tensor& state, const Tensor& running = {}) const;
  /// In two parts, so that the first can be done for a whole sequence at once: [...,I] -> [...,GH]
  Tensor from_input(const Tensor& x) const;
  Tensor step(const Tensor& input, const Tensor& state, const Tensor& running = {}) const;

  Tensor output(const Tensor& state) const;  ///< h [B,H]
  Tensor state(const Tensor& h) const;       ///< that begins with h [B,H], an LSTM's c with zeros
  std::int64_t state_size() const;           ///< H or 2H

  Cell cell;
  std::int64_t hidden_size;
  Tensor weight_ih, weight_hh, bias_ih, bias_hh;
};

struct RecurrentOptions {
  Cell cell = Cell::gru;
  std::int64_t input_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t layers = 1;
  bool bidirectional = false;
  double dropout = 0;  ///< between layers
};

/// Layers of cells over a sequence, each reading the outputs of the one below; with two directions D = 2, else 1.
struct Recurrent {
  /// Registers weight_ih_l0, ..., and for the direction from the end weight_ih_l0_reverse, ...
  Recurrent(const Scope&, const RecurrentOptions&);

  /// x [B,S,I] -> outputs [B,S,DH]: both directions side by side. Steps at and after a row's length, int32 [B] (or
  /// undefined), are not made: outputs there are zeros, and the direction from the end begins with the last real one.
  Tensor operator()(const Tensor& x, const Tensor& lengths, Context&) const;

  struct Layer {
    RecurrentCell forward;
    std::vector<RecurrentCell> reverse;  ///< one, or none
  };
  std::vector<Layer> layers;
  Dropout dropout;
};

}  // namespace gaze
