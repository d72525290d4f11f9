#include <gaze/autograd/check/cases/cases.h>

#include <gaze/autograd/random.h>

namespace gaze {
namespace cases {
namespace {

Random random_for(const Shape& shape, int salt) {
  return Random({static_cast<std::uint64_t>(salt), hash_of("op_cases " + shape.to_string())});
}

}  // namespace

Tensor between(const Shape& shape, double low, double high, int salt) {
  Random random = random_for(shape, salt);
  return table(shape, [&](const Index&) { return low + (high - low) * random.uniform(); });
}

Tensor away_from_zero(const Shape& shape, int salt) {
  Random random = random_for(shape, salt);
  return table(shape, [&](const Index&) {
    const double size = 0.2 + 1.3 * random.uniform();
    return random.uniform() < 0.5 ? size : -size;
  });
}

Tensor below(const Shape& shape, int bound, int salt) {
  Random random = random_for(shape, salt);
  return table(
      shape, [&](const Index&) { return random.below(static_cast<std::uint32_t>(bound)); }, DType::int32);
}

Tensor whole(const Shape& shape, const std::vector<std::int32_t>& values) { return Tensor::from(shape, values); }

double at(const Tensor& t, std::span<const std::int64_t> index) {
  std::int64_t flat = 0;
  const std::size_t skipped = index.size() - static_cast<std::size_t>(t.rank());
  for (int axis = 0; axis < t.rank(); ++axis) {
    const std::int64_t length = t.size(axis);
    flat = flat * length + (length == 1 ? 0 : index[skipped + static_cast<std::size_t>(axis)]);
  }
  return t.array().at(flat);
}

bool kept(double p, RandomStream stream, std::int64_t i) {
  const std::uint32_t bits = stream.block(static_cast<std::uint64_t>(i / 4))[static_cast<std::size_t>(i % 4)];
  return bits >= p * 0x1p32;
}

void for_each(const Shape& shape, const std::function<void(const Index&)>& body) {
  Index index(static_cast<std::size_t>(shape.rank()), 0);
  for (std::int64_t i = 0; i < shape.size(); ++i) {
    body(index);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      std::int64_t& place = index[static_cast<std::size_t>(axis)];
      if (++place < shape[axis]) break;
      place = 0;
    }
  }
}

Tensor table(const Shape& shape, const std::function<double(const Index&)>& f, DType dtype) {
  Array all(shape, dtype);
  std::int64_t next = 0;
  for_each(shape, [&](const Index& index) { all.set(next++, f(index)); });
  return Tensor(all);
}

}  // namespace cases

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> all = [] {
    cases::Table table;
    cases::add_arithmetic(table);
    cases::add_activations(table);
    cases::add_reductions(table);
    cases::add_matrices(table);
    cases::add_shapes(table);
    cases::add_indexing(table);
    cases::add_softmax(table);
    cases::add_losses(table);
    cases::add_normalisation(table);
    cases::add_attention(table);
    cases::add_scores(table);
    cases::add_recurrent(table);
    cases::add_comparisons(table);
    return table;
  }();
  return all;
}

}  // namespace gaze
