#include <gaze/autograd/kernels/dropout.h>

#include <Random123/philox.h>

#include <algorithm>
#include <cstring>

#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/processor.h>
#include <gaze/autograd/kernels/serial.h>

namespace gaze::kernels::GAZE_LEVEL {
namespace {

// Two words of 64 bits hold four of a block's 32 bits each, as many blocks side by side as a vector has such words.
constexpr std::int64_t side_by_side = sizeof(Wide) / sizeof(std::uint64_t);

void philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, std::uint32_t* numbers) {
  constexpr std::uint64_t low = 0xffffffff;
  constexpr std::int64_t groups = philox_blocks / side_by_side;
  // Of a, b, c and d the lower halves count; products ignore what is above, and so need no masks.
  Wide a[groups], b[groups], c[groups], d[groups];
  Wide steps{};
#pragma GCC unroll 8
  for (std::int64_t l = 0; l < side_by_side; ++l) steps[l] = static_cast<std::uint64_t>(l);
#pragma GCC unroll 16
  for (std::int64_t i = 0; i < groups; ++i) {
    a[i] = steps + (first + static_cast<std::uint64_t>(i * side_by_side));
    b[i] = a[i] >> 32;
    c[i] = Wide{} + stream, d[i] = Wide{} + (stream >> 32);
  }
  std::uint32_t key = static_cast<std::uint32_t>(seed), other_key = static_cast<std::uint32_t>(seed >> 32);
  constexpr int rounds = 10;
  for (int round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (std::int64_t i = 0; i < groups; ++i) {
      const Wide p = multiply_lower_halves(a[i], Wide{} + PHILOX_M4x32_0),
                 q = multiply_lower_halves(c[i], Wide{} + PHILOX_M4x32_1);
      a[i] = q >> 32 ^ b[i] ^ (Wide{} + key);
      b[i] = q;
      c[i] = p >> 32 ^ d[i] ^ (Wide{} + other_key);
      d[i] = p;
    }
    key += PHILOX_W32_0, other_key += PHILOX_W32_1;
  }
#pragma GCC unroll 16
  for (std::int64_t i = 0; i < groups; ++i) {
    const Wide ab = (a[i] & low) | b[i] << 32, cd = (c[i] & low) | d[i] << 32;
    constexpr int count = side_by_side;
    [&]<int... word>(std::integer_sequence<int, word...>) {  // of ab and cd: a block's four come to stand together
      const Wide words[] = {__builtin_shufflevector(ab, cd, (word / 2 + word % 2 * count)...),
                            __builtin_shufflevector(ab, cd, (word / 2 + word % 2 * count + count / 2)...)};
      std::memcpy(numbers + 4 * i * side_by_side, words, sizeof(words));
    }
    (std::make_integer_sequence<int, count>());
  }
}

template <class T>
void dropout(const T* x, std::int64_t n, std::uint64_t seed, std::uint64_t stream, double p, T* y) {
  constexpr std::int64_t block = 4096, cost = 8;
  parallel_blocks(n, block, cost, [&](std::int64_t first, std::int64_t last) {
    dropout_part(x + first, first, last - first, seed, stream, p, y + first);
  });
}

}  // namespace

template <class T>
void dropout_part(const T* x, std::int64_t first, std::int64_t n, std::uint64_t seed, std::uint64_t stream, double p,
                  T* y) {
  const auto threshold = static_cast<std::uint32_t>(p * 0x1p32);
  const T scale = static_cast<T>(1 / (1 - p));
  std::uint32_t numbers[philox_numbers];
  for (std::int64_t i = 0; i < n;) {
    const std::int64_t at = first + i, skipped = at % philox_numbers;
    philox(seed, stream, static_cast<std::uint64_t>((at - skipped) / 4), numbers);
    const std::int64_t count = std::min(philox_numbers - skipped, n - i);
    const std::uint32_t* decide = numbers + skipped;
    for (std::int64_t j = 0; j < count; ++j) y[i + j] = decide[j] >= threshold ? x[i + j] * scale : T(0);
    i += count;
  }
}
template void dropout_part(const float*, std::int64_t, std::int64_t, std::uint64_t, std::uint64_t, double, float*);
template void dropout_part(const double*, std::int64_t, std::int64_t, std::uint64_t, std::uint64_t, double, double*);

GAZE_FILL(Dropout, .dropout = dropout, .philox = philox)

}  // namespace gaze::kernels::GAZE_LEVEL
