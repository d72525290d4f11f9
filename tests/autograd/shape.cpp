#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/vjp_ops.h>

#include "../catch.h"

using namespace gaze;

namespace {

/// 0, 1, 2, ...
Tensor counting(const Shape& shape, DType dtype = DType::float64) {
  std::vector<double> values(static_cast<std::size_t>(shape.size()));
  std::iota(values.begin(), values.end(), 0.0);
  return Tensor(Tensor::from<double>(shape, values).array().to(dtype));
}

Tensor ids(const Shape& shape, const std::vector<std::int32_t>& values) {
  return Tensor::from<std::int32_t>(shape, values);
}

std::vector<double> numbers(const Tensor& x) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < x.size(); ++i) all.push_back(x.array().at(i));
  return all;
}

using List = std::vector<double>;

}  // namespace

TEST_CASE("reshape, squeeze and unsqueeze share the numbers") {
  const Tensor x = counting({2, 6});
  const Tensor y = reshape(x, {3, -1});
  CHECK(y.shape() == Shape{3, 4});
  CHECK(y.array().shares(x.array()));
  CHECK(reshape(x, {-1}).shape() == Shape{12});
  CHECK(unsqueeze(x, -1).shape() == Shape{2, 6, 1});
  CHECK(unsqueeze(x, 0).shape() == Shape{1, 2, 6});
  CHECK(squeeze(unsqueeze(x, 1), -2).shape() == x.shape());
  CHECK(reshape(Tensor::zeros({0, 3}), {3, -1}).shape() == Shape{3, 0});
  CHECK(reshape(tensor({7}), {}).item() == 7);
}

TEST_CASE("permute follows its definition for every order of four axes") {
  const Shape shape{3, 4, 5, 2};
  const Tensor x = counting(shape);
  Axes order = {0, 1, 2, 3};
  do {
    const Tensor y = permute(x, order);
    for (std::int64_t i = 0; i < x.size(); ++i) {
      std::int64_t from[4], rest = i, at = 0;
      for (int axis = 3; axis >= 0; --axis) from[axis] = rest % shape[axis], rest /= shape[axis];
      for (int axis = 0; axis < 4; ++axis) at = at * y.size(axis) + from[order[static_cast<std::size_t>(axis)]];
      REQUIRE(y.array().at(at) == static_cast<double>(i));
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("large transposes are right at any number of threads, for every dtype") {
  const int before = threads();
  for (const int count : {1, 3})
    for (const DType dtype : {DType::float32, DType::float64, DType::int32}) {
      set_threads(count);
      const Tensor x = counting({203, 517}, dtype), y = transpose(x);
      CHECK(y.shape() == Shape{517, 203});
      CHECK(y.dtype() == dtype);
      CHECK(y.at({516, 0}) == 516);
      CHECK(y.at({100, 77}) == 77 * 517 + 100);
      CHECK((numbers(transpose(y)) == numbers(x)));
      const Tensor heads = permute(counting({7, 130, 6, 16}, dtype), {0, 2, 1, 3});
      CHECK(heads.at({6, 5, 129, 15}) == 7 * 130 * 6 * 16 - 1);
      CHECK(heads.at({1, 2, 3, 4}) == ((1 * 130 + 3) * 6 + 2) * 16 + 4);
    }
  set_threads(before);
}

TEST_CASE("expand repeats axes of length 1 and adds axes in front") {
  CHECK(numbers(expand(counting({3, 1}), {2, 3, 2})) == List{0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2});
  CHECK(numbers(expand(counting({3}), {2, 3})) == List{0, 1, 2, 0, 1, 2});
  CHECK(expand(counting({1, 3}), {0, 3}).shape() == Shape{0, 3});
  const Tensor wide = expand(Tensor::scalar(4), {100'000});
  CHECK(sum(wide).item() == 400'000);
  Tensor x = counting({3, 1}).requires_grad(true);
  expand(x, {2, 3, 5}).sum().backward();
  CHECK(numbers(x.grad()) == List{10, 10, 10});
}

TEST_CASE("concat and stack") {
  const Tensor a = counting({2, 1}), b = counting({2, 2}), none = Tensor::zeros({2, 0}, DType::float64);
  CHECK(numbers(concat({a, b, none, a}, 1)) == List{0, 0, 1, 0, 1, 2, 3, 1});
  CHECK(numbers(concat({b, b}, -2)) == List{0, 1, 2, 3, 0, 1, 2, 3});
  CHECK(stack({a, a, a}, -1).shape() == Shape{2, 1, 3});
  CHECK(numbers(stack({b, b}, 1)) == List{0, 1, 0, 1, 2, 3, 2, 3});
  Tensor x = counting({2, 2}).requires_grad(true);
  (concat({a, x, x}, 1) * counting({2, 5})).sum().backward();
  CHECK(numbers(x.grad()) == List{1 + 3, 2 + 4, 6 + 8, 7 + 9});
}

TEST_CASE("slice takes Python's bounds and steps") {
  const Tensor x = counting({2, 5});
  CHECK(numbers(slice(x, 1, 1, 4)) == List{1, 2, 3, 6, 7, 8});
  CHECK(numbers(slice(x, -1, -2, 5)) == List{3, 4, 8, 9});
  CHECK(numbers(slice(x, 1, 0, -1, 2)) == List{0, 2, 5, 7});
  CHECK(numbers(slice(x, 1, 0, 5, 3)) == List{0, 3, 5, 8});
  CHECK(slice(x, 0, 2, 2).shape() == Shape{0, 5});
  Tensor y = counting({7}).requires_grad(true);
  (slice(y, 0, 1, 6, 2) * tensor({2, 3, 4}, DType::float64)).sum().backward();
  CHECK(numbers(y.grad()) == List{0, 2, 0, 3, 0, 4, 0});
}

TEST_CASE("the vjp of a slice is differentiable") {
  Tensor x = counting({7}).requires_grad(true);
  const Tensor first = grad(pow(slice(x, 0, 0, 7, 3), 3.0).sum(), {x}, {.cotangents = {}, .create_graph = true})[0];
  CHECK(numbers(first) == List{0, 0, 0, 27, 0, 0, 108});
  CHECK(numbers(grad(first.sum(), {x})[0]) == List{0, 0, 0, 18, 0, 0, 36});
}

TEST_CASE("pad surrounds with a value") {
  const Tensor x = counting({2, 2});
  CHECK(numbers(pad(x, {{1, 0}, {0, 2}}, 9)) == List{9, 9, 9, 9, 0, 1, 9, 9, 2, 3, 9, 9});
  CHECK(pad(Tensor::zeros({0}), {{2, 1}}, -1).to_string() == tensor({-1, -1, -1}).to_string());
  Tensor y = counting({2, 2}).requires_grad(true);
  (pad(y, {{1, 1}, {2, 0}}) * counting({4, 4})).sum().backward();
  CHECK(numbers(y.grad()) == List{6, 7, 10, 11});
}

TEST_CASE("int32 moves without a graph") {
  const Tensor x = counting({2, 3}, DType::int32);
  CHECK(numbers(concat({slice(x, 1, 0, 1), transpose(reshape(x, {3, 2}))}, 1)) == List{0, 0, 2, 4, 3, 1, 3, 5});
  CHECK(numbers(gather(x, 1, ids({2, 1}, {2, 0}))) == List{2, 3});
  CHECK(pad(x, {{0, 0}, {1, 0}}, -1).dtype() == DType::int32);
  CHECK_FALSE(expand(x, {4, 2, 3}).requires_grad());
}

TEST_CASE("gather reads where the index points") {
  const Tensor x = counting({3, 4});
  CHECK(numbers(gather(x, 1, ids({3, 2}, {3, 0, 1, 1, 2, 3}))) == List{3, 0, 5, 5, 10, 11});
  CHECK(numbers(gather(x, 0, ids({1, 3}, {2, 0, 1}))) == List{8, 1, 6});
  CHECK(gather(x, 0, ids({0, 4}, {})).shape() == Shape{0, 4});
  Tensor y = counting({3, 4}).requires_grad(true);
  gather(y, -2, ids({3, 2}, {2, 0, 2, 1, 2, 1})).sum().backward();
  CHECK(numbers(y.grad()) == List{0, 1, 0, 0, 0, 2, 0, 0, 3, 0, 0, 0});
}

TEST_CASE("scatter_add adds repeated entries up and leaves its operand alone") {
  const Tensor x = Tensor::ones({2, 3}, DType::float64);
  const Tensor index = ids({2, 2}, {1, 1, 0, 2});
  CHECK(numbers(scatter_add(x, 1, index, counting({2, 2}) + 1.0)) == List{1, 4, 1, 4, 1, 5});
  CHECK(numbers(x) == List(6, 1.0));
}

TEST_CASE("index_select along every axis") {
  const Tensor x = counting({2, 3, 2});
  CHECK(numbers(index_select(x, 0, ids({1}, {1}))) == List{6, 7, 8, 9, 10, 11});
  CHECK(numbers(index_select(x, 1, ids({2}, {2, 0}))) == List{4, 5, 0, 1, 10, 11, 6, 7});
  CHECK(numbers(index_select(x, -1, ids({3}, {1, 1, 0}))) ==
        List{1, 1, 0, 3, 3, 2, 5, 5, 4, 7, 7, 6, 9, 9, 8, 11, 11, 10});
  CHECK(index_select(x, 1, ids({0}, {})).shape() == Shape{2, 0, 2});
}

TEST_CASE("embedding picks rows and its gradient adds up repeated ids at any number of threads") {
  const Tensor table = counting({4, 2});
  CHECK(embedding(table, ids({2, 2}, {3, 0, 1, 1})).shape() == Shape{2, 2, 2});
  CHECK(numbers(embedding(table, ids({}, {2}))) == List{4, 5});
  CHECK(numbers(add_rows(ids({3}, {1, 3, 1}), counting({3, 2}), 4)) == List{0, 0, 4, 6, 0, 0, 2, 3});

  const int before = threads();
  const std::int64_t rows = 50, width = 200, count = 3000;
  std::vector<std::int32_t> drawn(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < drawn.size(); ++i) drawn[i] = static_cast<std::int32_t>(i * i % 47);
  const Tensor chosen = ids({count}, drawn), weights = counting({count, width}) / 7.0;
  List expected(static_cast<std::size_t>(rows * width));
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t c = 0; c < width; ++c)
      expected[static_cast<std::size_t>(drawn[static_cast<std::size_t>(i)] * width + c)] += weights.at({i, c});
  for (const int n : {1, 2, 5}) {
    set_threads(n);
    Tensor weight = Tensor::zeros({rows, width}, DType::float64).requires_grad(true);
    (embedding(weight, chosen) * weights).sum().backward();
    CHECK((numbers(weight.grad()) == expected));
  }
  set_threads(before);
}

TEST_CASE("comparisons broadcast and take int32") {
  const Tensor a = tensor({{1, 2}, {3, std::numeric_limits<double>::quiet_NaN()}}), b = tensor({2, 3});
  CHECK(numbers(equal(a, b)) == List{0, 0, 0, 0});
  CHECK(numbers(not_equal(a, b)) == List{1, 1, 1, 1});
  CHECK(numbers(less(a, b)) == List{1, 1, 0, 0});
  CHECK(numbers(greater(a, b)) == List{0, 0, 1, 0});
  CHECK(numbers(less_equal(tensor({1, 2, 3}), tensor({2}))) == List{1, 1, 0});
  CHECK(numbers(greater_equal(ids({3}, {1, 2, 3}), ids({}, {2}))) == List{0, 1, 1});
  CHECK(equal(a, a).dtype() == DType::int32);
  CHECK(equal(Tensor::zeros({0, 2}), b).shape() == Shape{0, 2});
  Tensor x = tensor({1, 2}).requires_grad(true);
  CHECK_FALSE(less(x, b).requires_grad());
  CHECK_THROWS_WITH(less(x, ids({2}, {1, 2})),
                    ContainsSubstring("less") && ContainsSubstring("int32") && ContainsSubstring("float32"));
  CHECK_THROWS_WITH(less(x, tensor({1, 2, 3})),
                    ContainsSubstring("less") && ContainsSubstring("[2]") && ContainsSubstring("[3]"));
}

TEST_CASE("argmax takes the first of the largest and one_hot marks it") {
  const Tensor x = tensor({{1, 5, 5}, {7, 7, 2}});
  CHECK(numbers(argmax(x)) == List{1, 0});
  CHECK(numbers(argmax(x, 0)) == List{1, 1, 0});
  CHECK(numbers(one_hot(argmax(x), 3)) == List{0, 1, 0, 1, 0, 0});
  CHECK(one_hot(ids({}, {1}), 2, DType::int32).shape() == Shape{2});
}

TEST_CASE("operations of shape say what is wrong") {
  const Tensor x = counting({2, 3});
  CHECK_THROWS_WITH(reshape(x, {4, -1}),
                    ContainsSubstring("reshape") && ContainsSubstring("[2,3]") && ContainsSubstring("[4,-1]"));
  CHECK_THROWS_WITH(reshape(x, {-1, -1}), ContainsSubstring("reshape") && ContainsSubstring("more than one -1"));
  CHECK_THROWS_WITH(reshape(x, {5}),
                    ContainsSubstring("reshape") && ContainsSubstring("[2,3]") && ContainsSubstring("[5]"));
  CHECK_THROWS_WITH(reshape(x, {-2, -3}), ContainsSubstring("reshape") && ContainsSubstring("-2"));
  CHECK_THROWS_WITH(reshape(Tensor::zeros({0, 3}), {0, -1}),
                    ContainsSubstring("reshape") && ContainsSubstring("[0,3]"));
  CHECK_THROWS_WITH(squeeze(x, 0), ContainsSubstring("squeeze") && ContainsSubstring("[2,3]"));
  CHECK_THROWS_WITH(unsqueeze(x, 3), ContainsSubstring("unsqueeze: axis 3") && ContainsSubstring("[2,3]"));
  CHECK_THROWS_WITH(transpose(x, 0, 2), ContainsSubstring("transpose: axis 2") && ContainsSubstring("[2,3]"));
  CHECK_THROWS_WITH(permute(x, {0}), ContainsSubstring("permute") && ContainsSubstring("[2,3]"));
  CHECK_THROWS_WITH(permute(x, {0, 0}), ContainsSubstring("permute") && ContainsSubstring("twice"));
  CHECK_THROWS_WITH(expand(x, {2, 4}),
                    ContainsSubstring("expand") && ContainsSubstring("[2,3]") && ContainsSubstring("[2,4]"));
  CHECK_THROWS_WITH(concat({}, 0), ContainsSubstring("concat"));
  CHECK_THROWS_WITH(concat({x, counting({3, 3})}, 1),
                    ContainsSubstring("concat") && ContainsSubstring("[2,3]") && ContainsSubstring("[3,3]"));
  CHECK_THROWS_WITH(concat({x, counting({2, 3}, DType::float32)}, 1),
                    ContainsSubstring("concat") && ContainsSubstring("float32"));
  CHECK_THROWS_WITH(stack({x, counting({3, 2})}),
                    ContainsSubstring("stack") && ContainsSubstring("[2,3]") && ContainsSubstring("[3,2]"));
  CHECK_THROWS_WITH(stack({x, counting({2, 3}, DType::float32)}),
                    ContainsSubstring("stack") && ContainsSubstring("float32"));
  CHECK_THROWS_WITH(stack({x}, 4), ContainsSubstring("stack: axis 4") && ContainsSubstring("[2,3]"));
  CHECK_THROWS_WITH(slice(x, 1, 2, 4), ContainsSubstring("slice") && ContainsSubstring("[2,3]"));
  CHECK_THROWS_WITH(slice(x, 1, 2, 1), ContainsSubstring("slice") && ContainsSubstring("[2,3]"));
  CHECK_THROWS_WITH(slice(x, 1, -4, 2), ContainsSubstring("slice") && ContainsSubstring("[2,3]"));
  CHECK_THROWS_WITH(slice(x, 1, 0, 2, 0), ContainsSubstring("slice"));
  CHECK_THROWS_WITH(pad(x, {{1, 1}}), ContainsSubstring("pad") && ContainsSubstring("[2,3]"));
  CHECK_THROWS_WITH(pad(x, {{1, 1}, {-1, 0}}), ContainsSubstring("pad") && ContainsSubstring("-1"));
}

TEST_CASE("operations by index name the operation, the position and the value") {
  const Tensor x = counting({2, 3}), real = tensor({0, 1});
  CHECK_THROWS_WITH(embedding(x, ids({2}, {0, 2})),
                    ContainsSubstring("embedding") && ContainsSubstring("position 1") && ContainsSubstring("2"));
  CHECK_THROWS_WITH(embedding(x, ids({1}, {-1})), ContainsSubstring("embedding") && ContainsSubstring("-1"));
  CHECK_THROWS_WITH(embedding(x, real), ContainsSubstring("embedding") && ContainsSubstring("int32"));
  CHECK_THROWS_WITH(gather(x, 1, ids({1, 2}, {0, 3})),
                    ContainsSubstring("gather") && ContainsSubstring("index 3 at position 1"));
  CHECK_THROWS_WITH(gather(x, 1, ids({3, 1}, {0, 0, 0})),
                    ContainsSubstring("gather") && ContainsSubstring("[3,1]") && ContainsSubstring("[2,3]"));
  CHECK_THROWS_WITH(gather(x, 1, ids({1}, {0})),
                    ContainsSubstring("gather") && ContainsSubstring("[1]") && ContainsSubstring("[2,3]"));
  CHECK_THROWS_WITH(scatter_add(x, 0, ids({1, 3}, {0, 5, 0}), counting({1, 3})),
                    ContainsSubstring("scatter_add") && ContainsSubstring("5"));
  CHECK_THROWS_WITH(scatter_add(x, 0, ids({1, 3}, {0, 0, 0}), counting({1, 2})),
                    ContainsSubstring("scatter_add") && ContainsSubstring("[1,2]"));
  CHECK_THROWS_WITH(index_select(x, 1, ids({1}, {3})),
                    ContainsSubstring("index_select") && ContainsSubstring("index 3 at position 0"));
  CHECK_THROWS_WITH(index_select(x, 1, real), ContainsSubstring("index_select") && ContainsSubstring("int32"));
  CHECK_THROWS_WITH(one_hot(ids({2}, {0, 3}), 3),
                    ContainsSubstring("one_hot") && ContainsSubstring("position 1") && ContainsSubstring("3"));
  CHECK_THROWS_WITH(one_hot(ids({1}, {0}), -1), ContainsSubstring("one_hot") && ContainsSubstring("-1"));
}
