#include <cstdint>
#include <thread>

#include <gaze/autograd/array.h>

#include "../catch.h"

using namespace gaze;

TEST_CASE("a shape knows its axes, from either end") {
  const Shape s{2, 3, 4};
  CHECK(s.rank() == 3);
  CHECK(s.size() == 24);
  CHECK(s[-1] == 4);
  CHECK(s.without(1) == Shape{2, 4});
  CHECK(s.with(-1, 7) == Shape{2, 3, 7});
  CHECK(s.span_size(0, 2) == 6);
  CHECK(s.to_string() == "[2,3,4]");
  CHECK(Shape{}.size() == 1);
  CHECK(Shape{0, 5}.size() == 0);
  CHECK_THROWS_WITH(s[3], ContainsSubstring("axis 3") && ContainsSubstring("[2,3,4]"));
  CHECK_THROWS_AS((Shape{-1}), Error);
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), Error);
}

TEST_CASE("shapes broadcast by NumPy's rule") {
  CHECK(broadcast("add", {3, 1}, {4}) == Shape{3, 4});
  CHECK(broadcast("add", {}, {2, 2}) == Shape{2, 2});
  CHECK(broadcast("add", {0, 3}, {1, 3}) == Shape{0, 3});
  CHECK(broadcasts_to({1, 4}, {3, 4}));
  CHECK_FALSE(broadcasts_to({3, 4}, {1, 4}));
  CHECK_FALSE(broadcasts_to({2, 3, 4}, {3, 4}));
  CHECK_THROWS_WITH(broadcast("add", {2, 3}, {4}),
                    ContainsSubstring("add") && ContainsSubstring("[2,3]") && ContainsSubstring("[4]"));
}

TEST_CASE("arrays are aligned, share on reshape and carry a version") {
  Array a = Array::full({4, 4}, DType::float32, 2);
  CHECK(reinterpret_cast<std::uintptr_t>(a.data<float>()) % 64 == 0);
  Array b = a.reshaped({16});
  b.write<float>()[3] = 5;
  b.changed("test");
  CHECK(a.at(3) == 5);
  CHECK(a.version() == 1);
  CHECK(std::string(a.writer()) == "test");
  CHECK_FALSE(a.copy().shares(a));
  CHECK_THROWS_AS(a.reshaped({5}), Error);
  CHECK_THROWS_AS(a.data<double>(), Error);
  CHECK_THROWS_AS(Array().data<float>(), Error);
}

TEST_CASE("a span keeps the whole alive and has a version of its own") {
  Array part;
  {
    Array whole = Array::zeros({32}, DType::float64);
    part = whole.span(16, {2, 2});
    part.write<double>()[0] = 7;
    part.changed("test");
    CHECK(whole.at(16) == 7);
    CHECK(whole.version() == 0);
  }
  CHECK(part.at(0) == 7);
  CHECK_THROWS_AS((Array({4}, DType::int32).span(2, {3})), Error);
}

TEST_CASE("conversion between dtypes") {
  const Array a = Array::from<double>({3}, std::vector<double>{1.75, -2.75, 3});
  CHECK(a.to(DType::int32).at(0) == 1);
  CHECK(a.to(DType::int32).at(1) == -2);
  CHECK(a.to(DType::float32).at(0) == 1.75);
  CHECK(a.to(DType::float64).shares(a));
}

TEST_CASE("what a thread made outlives it", "[threads]") {
  Array from_thread;
  std::thread([&] { from_thread = Array::full({100}, DType::float32, 1); }).join();
  CHECK(from_thread.at(99) == 1);
}

#ifndef __SANITIZE_ADDRESS__  // where the pool keeps nothing
TEST_CASE("memory is used again") {
  const void* first = nullptr;
  { first = Array({1000}, DType::float32).data<float>(); }
  { CHECK(Array({1000}, DType::float32).data<float>() == first); }
}
#endif

TEST_CASE("a thread that ends gives its memory back to the system", "[threads]") {
  const std::size_t before = pool::bytes_held();
  std::thread([] {
    for (const std::int64_t length : {1, 5, 60, 70, 100, 1000, 12345, 1 << 20}) Array::zeros({length}, DType::float32);
  }).join();
  CHECK(pool::bytes_held() == before);
}

TEST_CASE("memory that one thread makes and another releases does not pile up", "[threads]") {
  constexpr std::int64_t length = 1 << 18;
  const std::size_t before = pool::bytes_held();
  for (int i = 0; i < 50; ++i) {
    Array made;
    std::thread([&] { made = Array::zeros({length}, DType::float32); }).join();
  }
  CHECK(pool::bytes_held() < before + 8 * length * sizeof(float));
}
