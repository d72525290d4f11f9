#include <gaze/nn/positions.h>

#include <array>
#include <cmath>
#include <string>
#include <utility>

#include <gaze/autograd/ops.h>
#include <gaze/nn/embedding.h>

namespace gaze {
namespace {

/// A vector for each position, which is added: [max_length,D], a parameter or not.
struct PositionTable final : EmbeddingPositions {
  PositionTable(std::string path, Tensor all) : name(std::move(path)), table(std::move(all)) {}

  Tensor operator()(const Tensor& x, std::int64_t first) const override {
    const std::int64_t length = x.size(1), end = first + length;
    require(end <= table.size(0), "embedding {}: length {} is over the maximum {}", name, end, table.size(0));
    return x + (length == table.size(0) ? table : table.slice(0, first, end));  // [B,T,D] + [T,D]
  }

  std::string name;
  Tensor table;
};

using Made = std::shared_ptr<const EmbeddingPositions>;

void require_length(const Scope& scope, const EmbeddingPositionsOptions& o) {
  require(o.max_length > 0, "embedding {}: needs a maximum length above 0, got {}", scope.path(), o.max_length);
}

Made learned(const Scope& scope, const EmbeddingPositionsOptions& o) {
  require_length(scope, o);
  return std::make_shared<PositionTable>(scope.path(), Embedding(scope / "pos", o.max_length, o.d_model, o.std).weight);
}

Made sinusoidal(const Scope& scope, const EmbeddingPositionsOptions& o) {
  require_length(scope, o);
  return std::make_shared<PositionTable>(scope.path(), sinusoidal_positions(o.max_length, o.d_model, scope.dtype()));
}

struct Row {
  Positions value;
  std::string_view name;
  Made (*in_embedding)(const Scope&, const EmbeddingPositionsOptions&);
};

constexpr std::array rows = {Row{Positions::learned, "learned", learned},
                             Row{Positions::sinusoidal, "sinusoidal", sinusoidal},
                             Row{Positions::none, "none", nullptr}};

}  // namespace

const NameTable<Positions>& positions_names() {
  static const auto names = NameTable<Positions>::of("positions", rows);
  return names;
}

PositionalEncoding::PositionalEncoding(Positions positions) {
  for (const Row& row : rows)
    if (row.value == positions && row.in_embedding) in_embedding = row.in_embedding;
}

Tensor sinusoidal_positions(std::int64_t length, std::int64_t d_model, DType dtype) {
  Array sinusoids({length, d_model}, dtype);
  for (std::int64_t t = 0; t < length; ++t) {
    for (std::int64_t column = 0; column < d_model; ++column) {
      const std::int64_t pair = column / 2 * 2;
      const double wavelength = std::pow(10000.0, static_cast<double>(pair) / static_cast<double>(d_model));
      const double angle = static_cast<double>(t) / wavelength;
      sinusoids.set(t * d_model + column, column == pair ? std::sin(angle) : std::cos(angle));
    }
  }
  return Tensor(sinusoids);
}

}  // namespace gaze
