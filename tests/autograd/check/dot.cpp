#include <gaze/autograd/check/dot.h>
#include <gaze/autograd/ops.h>

#include "../../catch.h"

using namespace gaze;

TEST_CASE("the graph as a picture") {
  const Tensor x(Array::full({1}, DType::float32, 2), true);
  const std::string dot = to_dot((x * x).sum());
  CHECK_THAT(dot, ContainsSubstring("digraph") && ContainsSubstring("mul [1]") && ContainsSubstring("shape=box"));
}
