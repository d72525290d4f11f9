#include <cmath>
#include <type_traits>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/parameters.h>

#include "../catch.h"

using namespace gaze;

TEST_CASE("parameters have names, are stored once and packed into arenas") {
  Params params;
  Tensor a = params.add("a", Array::full({3}, DType::float32, 1));
  Tensor b = params.add("b", Array::full({2, 2}, DType::float32, 2));
  params.tie("c", "b");
  CHECK(params["c"].same(b));
  CHECK(params.count() == 7);
  CHECK_THROWS_WITH(params.add("a", Array::zeros({1}, DType::float32)),
                    ContainsSubstring("a") && ContainsSubstring("taken"));
  CHECK_THROWS_WITH(params.add("d", Array::zeros({1}, DType::float64)), ContainsSubstring("float64"));
  CHECK_THROWS_AS(params.tie("e", "nothing"), Error);

  (a.sum() + b.sum()).backward();
  const auto before = params.hash();
  params.pack();
  CHECK(params.hash() == before);
  CHECK(params.offset(1) == 16);
  CHECK(params.values().at(16) == 2);
  CHECK(params.gradients().at(0) == 1);  // a gradient that was there moves along
  CHECK(a.grad().at({2}) == 1);
  a.fill(9);
  CHECK(params.values().at(2) == 9);
  CHECK(params.hash() != before);
  params.zero_grad();
  CHECK_FALSE(a.grad().defined());
  CHECK_THROWS_AS(params.add("late", Array::zeros({1}, DType::float32)), Error);
}

TEST_CASE("an unknown name suggests the nearest") {
  Params params;
  params.add("encoder.weight", Array::zeros({1}, DType::float32));
  CHECK_THROWS_WITH(params["encoder.wieght"], ContainsSubstring("did you mean encoder.weight?"));
  CHECK_THROWS_WITH(params["Encoder.Weight"], ContainsSubstring("did you mean encoder.weight?"));
  CHECK_THROWS_WITH(params["something else"], !ContainsSubstring("did you mean"));
}

TEST_CASE("handles with a parameter's old numbers are refused when the parameters are packed") {
  Params params;
  const Tensor a = params.add("a", Array::full({4}, DType::float32, 1));
  {
    const Tensor square = a.reshape({2, 2});
    CHECK_THROWS_WITH(params.pack(), ContainsSubstring("parameter a") && ContainsSubstring("reshape"));
    CHECK_FALSE(params.packed());
  }
  {
    const Tensor detached = a.detach();
    CHECK_THROWS_AS(params.pack(), Error);
  }
  {
    const Tensor loss = (a * a).sum();  // its backward walk would read the old numbers after a step
    CHECK_THROWS_AS(params.pack(), Error);
  }
  params.pack();
  Tensor handle = a;
  const Tensor square = a.reshape({2, 2});  // from now on it shares the arena
  handle.fill(3);
  CHECK(square.at({1, 1}) == 3);
  params.pack();
  static_assert(!std::is_move_constructible_v<Params> && !std::is_move_assignable_v<Params>);
}

TEST_CASE("numbers written through an old span of change() are noticed") {
  Tensor x(Array::full({4}, DType::float32, 3), true);
  const AnomalyMode anomaly;
  const std::span<float> old = x.change<float>();
  const Tensor y = (x * x).sum();
  old[1] = 10;
  CHECK_THROWS_WITH(y.backward(), ContainsSubstring("mul") && ContainsSubstring("through a span"));
  const Tensor z = exp(x).sum(), unread = (x + 1.0).sum();
  old[1] = 2;
  z.backward();  // the result is what exp kept, not its input
  unread.backward();
  CHECK(x.grad().at({1}) == Approx(std::exp(10.f) + 1));
}
