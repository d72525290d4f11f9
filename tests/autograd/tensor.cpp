#include <cmath>

#include <sstream>

#include <gaze/autograd/ops.h>
#include <gaze/autograd/parameters.h>

#include "../catch.h"

using namespace gaze;

TEST_CASE("tensors from nested lists") {
  const Tensor m = tensor({{1, 2, 3}, {4, 5, 6}});
  CHECK(m.shape() == Shape{2, 3});
  CHECK(m.dtype() == DType::float32);
  CHECK(m.at({1, 2}) == 6);
  CHECK(tensor({{{1, 2}}, {{3, 4}}}).shape() == Shape{2, 1, 2});
  CHECK(tensor({1, 2}, DType::int32).at({1}) == 2);
  CHECK_THROWS_WITH(tensor({{1, 2}, {3}}), "tensor: a list of 1 among lists of 2");
  CHECK_THROWS_WITH(tensor({1, {3}}), "tensor: a list stands among numbers");
  CHECK_THROWS_WITH(tensor({{1}, 3}), "tensor: a number stands among lists");
  CHECK(tensor({{1}, {2}}).shape() == Shape{2, 1});
  CHECK(tensor({{{{5}}}}).shape() == Shape{1, 1, 1, 1});
  CHECK(tensor({{}, {}}).shape() == Shape{2, 0});
  CHECK(tensor(4).rank() == 0);
}

TEST_CASE("what an int32 cannot hold is refused") {
  CHECK_THROWS_WITH(tensor({1, NAN}).to(DType::int32), "cast: nan does not fit int32");
  CHECK_THROWS_WITH(tensor({3e9}).to(DType::int32), ContainsSubstring("does not fit int32"));
  CHECK_THROWS_AS(Tensor::full({2}, -3e9, DType::int32), Error);
  CHECK(tensor({-1.9, 2147483647}, DType::float64).to(DType::int32).to_string() == "[        -1, 2147483647] int32");
}

TEST_CASE("a shape of more elements than memory has is refused, not wrapped around") {
  constexpr std::int64_t big = std::int64_t{1} << 32;
  CHECK_THROWS_WITH((Shape{big, big}), ContainsSubstring("too many elements"));
  CHECK_THROWS_AS(Tensor::zeros({std::int64_t{1} << 62}), Error);
#ifndef __SANITIZE_ADDRESS__  // which ends the program instead
  CHECK_THROWS_WITH(Tensor::zeros({std::int64_t{1} << 47}), ContainsSubstring("out of memory"));
#endif
  CHECK(Tensor::zeros({0, big}).size() == 0);
}

TEST_CASE("compound operators give new tensors and leave others alone") {
  Tensor a = tensor({1, 2});
  const Tensor before = a;
  a += tensor({10});
  a *= a;
  CHECK(a.to_string() == "[121., 144.]");
  CHECK(before.to_string() == "[1., 2.]");
  CHECK(a.at({-1}) == 144);
}

TEST_CASE("a leaf that is frozen and thawed has the graph's gradients again, where they were") {
  Params params;
  Tensor x = params.add("x", Array::full({2}, DType::float32, 3));
  params.pack();
  const Tensor y = (x * x).sum();
  x.requires_grad(false);
  CHECK_FALSE((x * x).requires_grad());
  x.requires_grad(true);
  y.backward();
  CHECK(x.grad().to_string() == "[6., 6.]");
  CHECK(params.gradients().at(1) == 6);
}

TEST_CASE("tensors print as NumPy's arrays do") {
  CHECK(tensor({{1, 2.5}, {-3, 4}}).to_string() == "[[ 1. ,  2.5],\n [-3. ,  4. ]]");
  CHECK(tensor({0.00012345, 0.00025}).to_string() == "[0.00012345, 0.00025   ]");
  CHECK(tensor({1e-5, 1.5, -2.25}).to_string() == "[ 1.00e-05,  1.50e+00, -2.25e+00]");
  CHECK(tensor({0.1, NAN, -INFINITY}).to_string() == "[ 0.1,  nan, -inf]");
  CHECK(tensor({1 / 3.0, 1000.5}).to_string() == "[3.3333334e-01, 1.0005000e+03]");
  CHECK(tensor({1 / 3.0, 100.5}, DType::float64).to_string() == "[  0.33333333, 100.5       ] float64");
  CHECK(Tensor::scalar(3).to_string() == "3.");
  CHECK(tensor({1, 2}, DType::int32).to_string() == "[1, 2] int32");
  CHECK(Tensor::zeros({0, 3}).to_string() == "[]");
  CHECK(Tensor().to_string() == "undefined");
  CHECK(tensor({1e-9, 1e12}).to_string() == "[1.e-09, 1.e+12]");
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
  CHECK_THROWS_WITH(m.item(), ContainsSubstring("[2,3]"));
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
  CHECK_THROWS_WITH((x * 2.0).requires_grad(false), ContainsSubstring("mul"));
}
