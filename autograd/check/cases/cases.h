#pragma once

#include <span>
#include <vector>

#include <gaze/autograd/check/cases/op_cases.h>
#include <gaze/autograd/ops.h>

/// What the tables of cases are written in: inputs, and references as loops over indices.
namespace gaze::cases {

using Inputs = const std::vector<Tensor>&;
using Table = std::vector<OpCase>;
using Index = std::vector<std::int64_t>;

/// float64 numbers in [low, high), the same at every call; `salt` gives others of the same shape.
Tensor between(const Shape& shape, double low, double high, int salt = 0);
inline Tensor numbers(const Shape& shape, int salt = 0) { return between(shape, -1.5, 1.5, salt); }
/// Of both signs, and at least 0.2 from 0.
Tensor away_from_zero(const Shape& shape, int salt = 0);
/// int32 in [0, bound).
Tensor below(const Shape& shape, int bound, int salt = 0);
Tensor whole(const Shape& shape, const std::vector<std::int32_t>& values);

/// The number at an index, counted from the last axis; axes of length 1 repeat, and missing ones as well.
double at(const Tensor& t, std::span<const std::int64_t> index);
inline std::int64_t id_at(const Tensor& t, std::span<const std::int64_t> index) {
  return static_cast<std::int64_t>(at(t, index));
}
/// Whether dropout with probability p keeps number i of a stream.
bool kept(double p, RandomStream stream, std::int64_t i);
/// Calls body(index) for every index of the shape, the last axis fastest.
void for_each(const Shape& shape, const std::function<void(const Index&)>& body);
/// A tensor of f(index).
Tensor table(const Shape& shape, const std::function<double(const Index&)>& f, DType dtype = DType::float64);

void add_arithmetic(Table&);
void add_activations(Table&);
void add_reductions(Table&);
void add_matrices(Table&);
void add_shapes(Table&);
void add_indexing(Table&);
void add_softmax(Table&);
void add_losses(Table&);
void add_normalisation(Table&);
void add_attention(Table&);
void add_scores(Table&);
void add_recurrent(Table&);
void add_comparisons(Table&);

}  // namespace gaze::cases
