#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/random.h>

#include "../../catch.h"

using namespace gaze;

TEST_CASE("numbers made side by side are the stream's") {
  constexpr RandomStream stream{0x0123456789abcdefULL, 0xfedcba9876543210ULL};
  for (const std::uint64_t first : {0ULL, 5ULL, 0xfffffff8ULL, 1ULL << 40}) {
    std::uint32_t numbers[kernels::philox_numbers];
    kernels::of<float>().philox(stream.seed, stream.stream, first, numbers);
    for (std::int64_t b = 0; b < kernels::philox_blocks; ++b) {
      const auto block = stream.block(first + static_cast<std::uint64_t>(b));
      for (std::size_t word = 0; word < 4; ++word)
        REQUIRE(numbers[4 * b + static_cast<std::int64_t>(word)] == block[word]);
    }
  }
}
