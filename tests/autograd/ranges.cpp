#include <functional>
#include <limits>

#include <gaze/autograd/base/range.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>

#include "../catch.h"

using namespace gaze;

namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max(),
                       least = std::numeric_limits<std::int64_t>::min();

}  // namespace

TEST_CASE("whether a range is within a length is decided without a sum that overflows") {
  CHECK(within(0, 0, 0));
  CHECK(within(2, 3, 5));
  CHECK(within(5, 0, 5));
  CHECK_FALSE(within(2, 4, 5));
  CHECK_FALSE(within(6, 0, 5));
  CHECK_FALSE(within(-1, 1, 5));
  for (const std::int64_t a : {most, least, std::int64_t{-1}, most - 1}) {
    CHECK_FALSE(within(a, 5, 5));
    CHECK_FALSE(within(1, a, 5));
    CHECK_FALSE(within(a, a, 5));
  }
}

TEST_CASE("indices, lengths and sizes at the ends of 64 bits are refused by every operation that takes one") {
  const Tensor x = Tensor::ones({2, 3, 4}), weight = Tensor::ones({5, 4}), bias = Tensor::ones({5});
  const Tensor scores = Tensor::ones({2, 2, 3, 3}), v = Tensor::ones({2, 4});
  struct Row {
    const char* name;
    std::function<void(std::int64_t)> call;
    bool minus_one = true;  // whether -1 is an error too
  };
  const auto columns = [&](std::int64_t first, std::int64_t count, std::int64_t length) {
    Columns c(x, first, count);
    c.length = length;
    return c;
  };
  const Row rows[] = {
      {"linear's first row",
       [&](auto n) {
         linear(x, weight, bias, {n, 5});
       }},
      {"linear's first row to the end",
       [&](auto n) {
         linear(x, weight, bias, {n, -1});
       }},
      {"linear's count",
       [&](auto n) {
         linear(x, weight, bias, {1, n < 0 ? most : n});
       }},
      {"slice's first", [&](auto n) { slice(x, 1, n, 0); }},
      {"slice's last", [&](auto n) { slice(x, 1, 0, n); }, false},
      {"slice's step", [&](auto n) { slice(x, 1, 0, 3, n < 0 ? n : least); }},
      {"a method's slice", [&](auto n) { x.slice(0, n, 0); }},
      {"an entry", [&](auto n) { x[n]; }, false},
      {"at",
       [&](auto n) {
         x.at({0, n, 0});
       },
       false},
      {"reshape's length",
       [&](auto n) {
         reshape(x, {n, n});
       }},
      {"reshape's product",
       [&](auto n) {
         reshape(x, {n, 2, -1});
       }},
      {"a method's reshape",
       [&](auto n) {
         x.reshape({n, 24});
       }},
      {"expand", [&](auto n) { expand(Tensor::ones({1}), Shape{n}); }},
      {"pad's before",
       [&](auto n) {
         pad(x, {{0, 0}, {n, 0}, {0, 0}});
       }},
      {"pad's after",
       [&](auto n) {
         pad(x, {{0, 0}, {1, n}, {0, 0}});
       }},
      {"pad's sum",
       [&](auto n) {
         pad(x, {{0, 0}, {n, n}, {0, 0}});
       }},
      {"one_hot", [&](auto n) { one_hot(Tensor::zeros({2}, DType::int32), n); }},
      {"zeros", [&](auto n) { Tensor::zeros({n}); }},
      {"an axis beside one of length 0",
       [&](auto n) {
         Tensor::zeros({0, n});
       }},
      {"a shape's length that is set", [&](auto n) { x.shape().with(0, n); }},
      {"an array's element", [&](auto n) { x.array().at(n); }},
      {"an array's element that is set", [&](auto n) { x.array().copy().set(n, 1); }},
      {"an array's part", [&](auto n) { x.array().span(n, {3}); }},
      {"columns of q", [&](auto n) { attention(columns(n, 2, 3), columns(0, 2, 3), columns(0, 2, 3)); }},
      {"columns of k", [&](auto n) { attention(columns(0, 2, 3), columns(n, 2, 3), columns(0, 2, 3)); }},
      {"columns of v", [&](auto n) { attention_weights(columns(0, 2, 3), columns(n, n, 3)); }},
      {"a count of columns", [&](auto n) { attention(columns(0, 2, 3), columns(0, 2, 3), columns(1, n, 3)); }},
      {"a length of keys", [&](auto n) { attention(columns(0, 2, 3), columns(0, 2, n), columns(0, 2, n)); }},
      {"a length of composed attention",
       [&](auto n) { composed_attention(columns(0, 2, 3), columns(0, 2, n), columns(0, 2, n)); }},
      {"heads", [&](auto n) { attention(x, x, x, {.heads = n}); }},
      {"heads to split", [&](auto n) { split_heads(x, n); }},
      {"no heads to split", [&](auto) { split_heads(x, 0); }},
      {"heads to attend with", [&](auto n) { attend(scores, x, {.heads = n}); }},
      {"keys of additive scores",
       [&](auto n) {
         const NoGrad no_grad;
         additive_scores(x, columns(n, 4, 3), v);
       }},
  };
  for (const Row& row : rows)
    for (const std::int64_t n : {most, least, std::int64_t{-1}, most - 1, least + 1}) {
      INFO(row.name << " " << n);
      if (n != -1 || row.minus_one) CHECK_THROWS_AS(row.call(n), Error);
    }
  // What is far and yet within reason does what it says.
  CHECK(slice(x, 1, 0, 3, most).shape() == Shape{2, 1, 4});
  CHECK(slice(x, 1, 1, 1, most).shape() == Shape{2, 0, 4});
  CHECK(linear(x, weight, bias, {1, least}).shape() == Shape{2, 3, 4});
}

TEST_CASE("indices that int32 can hold and a table cannot are refused by name") {
  const Tensor table = Tensor::ones({3, 2});
  for (const std::int32_t n :
       {std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min(), -1, 3}) {
    const Tensor index = Tensor::from({1}, std::vector{n}), square = Tensor::from({1, 1}, std::vector{n});
    CHECK_THROWS_WITH(embedding(table, index), ContainsSubstring("embedding"));
    CHECK_THROWS_WITH(index_select(table, 0, index), ContainsSubstring("index_select"));
    CHECK_THROWS_WITH(gather(table, 0, square), ContainsSubstring("gather"));
    CHECK_THROWS_WITH(scatter_add(table, 0, square, Tensor::ones({1, 1})), ContainsSubstring("scatter_add"));
    CHECK_THROWS_WITH(one_hot(index, 3), ContainsSubstring("one_hot"));
    CHECK_THROWS_WITH(cross_entropy(Tensor::ones({1, 3}), index, {.ignore_index = -100}),
                      ContainsSubstring("cross_entropy"));
    CHECK_THROWS_WITH(attention(table.reshape({1, 3, 2}), table.reshape({1, 3, 2}), table.reshape({1, 3, 2}),
                                {.key_lengths = Tensor::from({1}, std::vector{n == 3 ? 4 : n})}),
                      ContainsSubstring("attention"));
  }
}

TEST_CASE("a number that int32 cannot hold is refused, and the last that it can is not") {
  const auto to_int = [](double v) { return cast(Tensor::scalar(v, DType::float64), DType::int32).item(); };
  CHECK(to_int(2147483647.5) == 2147483647);
  CHECK(to_int(-2147483648.5) == -2147483648.0);
  for (const double v : {2147483648.0, -2147483649.0, 1e300, std::numeric_limits<double>::quiet_NaN(),
                         std::numeric_limits<double>::infinity()}) {
    CHECK_THROWS_AS(to_int(v), Error);
    CHECK_THROWS_AS(Tensor::full({2}, v, DType::int32), Error);
  }
  CHECK_THROWS_AS(cast(Tensor::scalar(2147483648.0), DType::int32), Error);
}

TEST_CASE("rows of a gradient that an operation gives are within its input") {
  for (const std::int64_t first : {most, std::int64_t{2}, most - 1}) {
    for (const bool leaf : {true, false}) {
      Tensor x(Array::zeros({3, 2}, DType::float32), true);
      const Tensor at = leaf ? x : x * 2.0;
      const Tensor y = record("planted", Array::zeros({}, DType::float32), {at}, keep_none,
                              [first](const Saved&, const Tensor&) -> Gradients {
                                return {Contribution::part(Tensor::ones({2, 2}), first)};
                              });
      CHECK_THROWS_AS(y.backward(), Error);
      CHECK_THROWS_AS(grad(record("planted", Array::zeros({}, DType::float32), {at}, keep_none,
                                  [first](const Saved&, const Tensor&) -> Gradients {
                                    return {Contribution::part(Tensor::ones({2, 2}), first)};
                                  }),
                           {x}, {.create_graph = true}),
                      Error);
    }
  }
}
