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
