#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace gaze {

/// Names a sequence of random numbers: number i of it is a pure function of (seed, stream, i), whoever asks, in
/// whatever order, on however many threads (Philox 4x32-10, Salmon et al. 2011).
struct RandomStream {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;

  /// The four 32-bit numbers of block `counter`.
  std::array<std::uint32_t, 4> block(std::uint64_t counter) const;
  /// A stream of its own for a part of the work: the same for the same seed, stream and part.
  RandomStream split(std::uint64_t part) const;
  RandomStream split(std::string_view name) const;
};

/// Draws the numbers of a RandomStream one after another.
class Random {
 public:
  explicit Random(RandomStream stream) : stream_(stream) {}

  std::uint32_t bits();                      ///< 32 random bits
  double uniform();                          ///< in [0, 1)
  double normal();                           ///< mean 0, variance 1 (Box and Muller)
  void uniform(std::span<double> numbers);   ///< as many draws, on all threads
  void normal(std::span<double> numbers);    ///< as many draws, on all threads
  std::uint32_t below(std::uint32_t bound);  ///< in [0, bound), every value equally likely; bound must be positive

 private:
  template <class Draw>
  void fill(std::span<double> numbers, std::uint64_t bits_per_draw, const Draw& draw);
  RandomStream stream_;
  std::uint64_t counter_ = 0;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
};

/// A 64-bit hash of bytes (FNV-1a), the same on every machine.
std::uint64_t hash_of(std::string_view bytes, std::uint64_t start = 0xcbf29ce484222325ULL);

}  // namespace gaze
