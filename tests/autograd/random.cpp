#include <cmath>
#include <map>

#include <gaze/autograd/random.h>

#include "../catch.h"

using namespace gaze;

TEST_CASE("Philox gives the numbers of its authors' known-answer tests") {
  // Random123's kat_vectors for philox4x32 with 10 rounds; the key's upper half and the counter's are ours to place.
  CHECK(RandomStream{0, 0}.block(0) == std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint64_t ones = ~std::uint64_t{0};
  CHECK(RandomStream{ones, ones}.block(ones) ==
        std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
}

TEST_CASE("draws are a function of seed and stream") {
  Random a({1, 2}), b({1, 2}), other({1, 3});
  double same = 0, different = 0;
  for (int i = 0; i < 100; ++i) {
    const double x = a.uniform();
    same += x == b.uniform();
    different += x == other.uniform();
  }
  CHECK(same == 100);
  CHECK(different == 0);
  CHECK(RandomStream{1, 2}.split("a").stream == RandomStream{1, 2}.split("a").stream);
  CHECK(RandomStream{1, 2}.split("a").stream != RandomStream{1, 2}.split("b").stream);
  CHECK(RandomStream{1, 2}.split(1).stream != RandomStream{1, 2}.split(2).stream);
}

TEST_CASE("uniform, normal and bounded draws have their moments") {
  Random random({7, 0});
  constexpr int n = 20000;
  double sum = 0, normal_sum = 0, normal_square = 0;
  std::map<std::uint32_t, int> counts;
  for (int i = 0; i < n; ++i) {
    const double u = random.uniform(), z = random.normal();
    CHECK((u >= 0 && u < 1));
    sum += u, normal_sum += z, normal_square += z * z;
    ++counts[random.below(5)];
  }
  CHECK(std::abs(sum / n - 0.5) < 0.01);
  CHECK(std::abs(normal_sum / n) < 0.03);
  CHECK(std::abs(normal_square / n - 1) < 0.04);
  CHECK(counts.size() == 5);
  for (const auto& [value, count] : counts) CHECK(std::abs(count - n / 5) < 300);
  CHECK_THROWS(random.below(0));
}
