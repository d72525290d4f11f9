#include <gaze/autograd/kernels/dropout.h>

#include <Random123/philox.h>

#include <algorithm>

#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/serial.h>

namespace gaze::kernels::GAZE_LEVEL {
namespace {

void philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, std::uint32_t* numbers) {
  // Four words a block, each with its blocks side by side, in 64 bits: as wide as the products.
  constexpr std::uint64_t low = 0xffffffff;
  std::uint64_t a[philox_blocks], b[philox_blocks], c[philox_blocks], d[philox_blocks];
  for (std::int64_t i = 0; i < philox_blocks; ++i) {
    const std::uint64_t counter = first + static_cast<std::uint64_t>(i);
    a[i] = counter & low, b[i] = counter >> 32, c[i] = stream & low, d[i] = stream >> 32;
  }
  std::uint32_t key = static_cast<std::uint32_t>(seed), other_key = static_cast<std::uint32_t>(seed >> 32);
  constexpr int rounds = 10;
  for (int round = 0; round < rounds; ++round) {
    for (std::int64_t i = 0; i < philox_blocks; ++i) {
      const std::uint64_t p = a[i] * PHILOX_M4x32_0, q = c[i] * PHILOX_M4x32_1;
      a[i] = q >> 32 ^ b[i] ^ key;
      b[i] = q & low;
      c[i] = p >> 32 ^ d[i] ^ other_key;
      d[i] = p & low;
    }
    key += PHILOX_W32_0, other_key += PHILOX_W32_1;
  }
  for (std::int64_t i = 0; i < philox_blocks; ++i) {
    const std::uint64_t words[] = {a[i], b[i], c[i], d[i]};
    for (std::int64_t word = 0; word < 4; ++word) numbers[4 * i + word] = static_cast<std::uint32_t>(words[word]);
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
    for (std::int64_t j = 0; j < count; ++j) y[i + j] = numbers[skipped + j] >= threshold ? x[i + j] * scale : T(0);
    i += count;
  }
}
template void dropout_part(const float*, std::int64_t, std::int64_t, std::uint64_t, std::uint64_t, double, float*);
template void dropout_part(const double*, std::int64_t, std::int64_t, std::uint64_t, std::uint64_t, double, double*);

GAZE_FILL(Dropout, dropout, philox)

}  // namespace gaze::kernels::GAZE_LEVEL
