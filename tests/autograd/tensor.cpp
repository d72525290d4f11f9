#include <catch2/catch.hpp>

#include <sstream>

#include <gaze/autograd/ops.h>

using namespace gaze;

TEST_CASE("tensors from nested lists") {
  const Tensor m = tensor({{1, 2, 3}, {4, 5, 6}});
  CHECK(m.shape() == Shape{2, 3});
  CHECK(m.dtype() == DType::float32);
  CHECK(m.at({1, 2}) == 6);
  CHECK(tensor({{{1, 2}}, {{3, 4}}}).shape() == Shape{2, 1, 2});
  CHECK(tensor({1, 2}, DType::int32).at({1}) == 2);
  CHECK_THROWS_WITH(tensor({{1, 2}, {3}}), Catch::Contains("1 numbers among rows of 2"));
}

TEST_CASE("tensors print as NumPy's arrays do") {
  CHECK(tensor({{1, 2.5}, {-3, 4}}).to_string() == "[[ 1., 2.5],\n [-3.,  4.]]");
  CHECK(Tensor::scalar(3).to_string() == "3.");
  CHECK(tensor({1, 2}, DType::int32).to_string() == "[1, 2] int32");
  CHECK(Tensor::zeros({0, 3}).to_string() == "[]");
  CHECK(Tensor().to_string() == "undefined");
  CHECK(tensor({1e-9, 1e12}).to_string() == "[1e-09, 1e+12]");
  std::ostringstream out;
  out << Tensor::zeros({2000});
  CHECK(out.str() == "[0., 0., 0., ..., 0., 0., 0.]");
  CHECK(Tensor(Array::zeros({1}, DType::float32), true).to_string() == "[0.] requires_grad");
}

TEST_CASE("item, indexing and slices") {
  const Tensor m = tensor({{1, 2, 3}, {4, 5, 6}});
  CHECK(m[1].to_string() == "[4., 5., 6.]");
  CHECK(m[-1][0].item() == 4);
  CHECK(m.slice(1, 1, 3).to_string() == "[[2., 3.],\n [5., 6.]]");
  CHECK_THROWS_WITH(m.item(), Catch::Contains("[2,3]"));
  CHECK_THROWS_AS(m[2], Error);
  CHECK_THROWS_AS(m.at({0, 3}), Error);
  CHECK_THROWS_AS(Tensor().shape(), Error);
}

TEST_CASE("detach, clone and frozen leaves") {
  Tensor x(Array::full({2}, DType::float32, 3), true);
  CHECK(x.is_leaf());
  CHECK_FALSE(x.detach().requires_grad());
  CHECK(x.detach().array().shares(x.array()));
  CHECK_FALSE(x.clone().array().shares(x.array()));
  CHECK(x.clone().requires_grad());
  Tensor copy = x;
  copy.requires_grad(false);
  CHECK_FALSE(x.requires_grad());
  CHECK_THROWS_AS(tensor({1}, DType::int32).requires_grad(true), Error);
  x.requires_grad(true);
  CHECK_THROWS_WITH((x * 2.0).requires_grad(false), Catch::Contains("mul"));
}
