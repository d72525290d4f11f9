#include <gaze/autograd/random.h>

#include <Random123/philox.h>

#include <cmath>
#include <numbers>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/kernels/parallel.h>

namespace gaze {

std::array<std::uint32_t, 4> RandomStream::block(std::uint64_t counter) const {
  using Philox = r123::Philox4x32;
  const Philox::ctr_type position = {{static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32),
                                      static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)}};
  const Philox::key_type key = {{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
  const Philox::ctr_type out = Philox()(position, key);
  return {out[0], out[1], out[2], out[3]};
}

RandomStream RandomStream::split(std::uint64_t part) const {
  // One Philox block of the parent names the child: distinct parts give distinct, unrelated streams.
  const auto b = RandomStream{seed ^ 0x9e3779b97f4a7c15ULL, stream}.block(part);
  return {seed, static_cast<std::uint64_t>(b[0]) << 32 | b[1]};
}

RandomStream RandomStream::split(std::string_view name) const { return split(hash_of(name)); }

std::uint32_t Random::bits() {
  if (used_ == 4) block_ = stream_.block(counter_++), used_ = 0;
  return block_[static_cast<std::size_t>(used_++)];
}

double Random::uniform() {
  const std::uint64_t high = bits() >> 5, low = bits() >> 6;
  return static_cast<double>(high << 26 | low) * 0x1p-53;
}

double Random::normal() {
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

/// Where in its stream a draw begins is known, so that every part of the numbers can be drawn on its own.
template <class Draw>
void Random::fill(std::span<double> numbers, std::uint64_t bits_per_draw, const Draw& draw) {
  constexpr std::int64_t block = 4096, cost = 16;
  const std::uint64_t start = 4 * counter_ - static_cast<std::uint64_t>(4 - used_);
  const auto at = [this](std::uint64_t position) {
    Random there(stream_);
    there.counter_ = position / 4;
    for (std::uint64_t drawn = position % 4; drawn-- > 0;) there.bits();
    return there;
  };
  kernels::parallel_blocks(static_cast<std::int64_t>(numbers.size()), block, cost,
                           [&](std::int64_t first, std::int64_t last) {
                             Random part = at(start + static_cast<std::uint64_t>(first) * bits_per_draw);
                             for (std::int64_t i = first; i < last; ++i)
                               numbers[static_cast<std::size_t>(i)] = draw(part);
                           });
  *this = at(start + numbers.size() * bits_per_draw);
}

void Random::uniform(std::span<double> numbers) {
  fill(numbers, 2, [](Random& r) { return r.uniform(); });
}

void Random::normal(std::span<double> numbers) {
  fill(numbers, 4, [](Random& r) { return r.normal(); });
}

std::uint32_t Random::below(std::uint32_t bound) {
  require(bound > 0, "random: below(0) has no value to give");
  // Lemire (2019): the high half of a product, redrawn where the low half would favour some values.
  const std::uint32_t biased = -bound % bound;
  while (true) {
    const std::uint64_t product = static_cast<std::uint64_t>(bits()) * bound;
    if (static_cast<std::uint32_t>(product) >= biased) return static_cast<std::uint32_t>(product >> 32);
  }
}

std::uint64_t hash_of(std::string_view bytes, std::uint64_t start) {
  for (const char c : bytes) start = (start ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return start;
}

}  // namespace gaze
