#include <gaze/autograd/kernels/philox.h>

#include <Random123/philox.h>

namespace gaze::kernels {

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
  for (std::int64_t i = 0; i < philox_blocks; ++i)
    for (std::int64_t word = 0; const std::uint64_t value : {a[i], b[i], c[i], d[i]})
      numbers[4 * i + word++] = static_cast<std::uint32_t>(value);
}

}  // namespace gaze::kernels
