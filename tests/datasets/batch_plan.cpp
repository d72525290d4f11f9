#include <algorithm>
#include <set>

#include <gaze/autograd/base/error.h>
#include <gaze/datasets/batch_plan.h>

#include "../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

std::vector<PairLength> lengths_of(std::int32_t count) {
  Random random({.seed = 5});
  std::vector<PairLength> lengths;
  for (std::int32_t i = 0; i < count; ++i) lengths.emplace_back(1 + random.below(30), 1 + random.below(30));
  return lengths;
}

std::vector<std::uint32_t> all_of(std::span<const std::uint32_t> batch) { return {batch.begin(), batch.end()}; }

}  // namespace

TEST_CASE("an epoch takes every pair once, in another order each time") {
  for (const std::int64_t tokens : {0, 300}) {
    BatchPlan plan(lengths_of(1003), {.sentences = 32, .tokens = tokens, .stream = {.seed = 1}});
    std::vector<std::vector<std::uint32_t>> orders;
    std::int64_t number = 0;
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
      std::vector<std::uint32_t> order;
      for (; plan.position(number).epoch == epoch; ++number) {
        const auto batch = all_of(plan.batch(number));
        CHECK_FALSE(batch.empty());
        order.insert(order.end(), batch.begin(), batch.end());
      }
      CHECK(order.size() == 1003);
      CHECK(std::set<std::uint32_t>(order.begin(), order.end()).size() == 1003);
      orders.push_back(order);
      CHECK(plan.batches(epoch + 1) == number);
    }
    CHECK(orders[0] != orders[1]);
    CHECK(orders[1] != orders[2]);
  }
}

TEST_CASE("a batch is a function of the seed and its number") {
  const BatchPlan::Options options{.sentences = 16, .tokens = GENERATE(0, 200), .stream = {.seed = 7}};
  BatchPlan one(lengths_of(500), options), other(lengths_of(500), options);
  BatchPlan::Options changed = options;
  changed.stream.seed = 8;
  BatchPlan another(lengths_of(500), changed);
  std::vector<std::vector<std::uint32_t>> in_order;
  bool differs = false;
  for (std::int64_t i = 0; i < 90; ++i) {
    in_order.push_back(all_of(one.batch(i)));
    differs = differs || all_of(another.batch(i)) != in_order.back();
  }
  CHECK(differs);
  for (const std::int64_t i : {89, 3, 40, 39, 0, 88})
    CHECK(all_of(other.batch(i)) == in_order[static_cast<std::size_t>(i)]);
  CHECK_THROWS_AS(one.batch(-1), Error);
  CHECK_THROWS_AS(BatchPlan({}, options), Error);
}

TEST_CASE("batches hold sentences of like length, as many as asked for or as fit into the tokens") {
  const auto lengths = lengths_of(4000);
  BatchPlan plan(lengths, {.sentences = 50, .stream = {.seed = 1}});
  std::int64_t padded = 0, needed = 0;
  for (std::int64_t i = 0; i < plan.batches(1); ++i) {
    std::int32_t longest = 0;
    CHECK(plan.batch(i).size() == 50);
    for (const std::uint32_t p : plan.batch(i))
      longest = std::max(longest, lengths[p].second), needed += lengths[p].second;
    padded += longest * 50;
  }
  CHECK(static_cast<double>(padded) < 1.05 * static_cast<double>(needed));

  BatchPlan by_tokens(lengths, {.tokens = 400, .stream = {.seed = 1}});
  for (std::int64_t i = 0; i < by_tokens.batches(1); ++i) {
    std::int64_t longest = 0;
    for (const std::uint32_t p : by_tokens.batch(i))
      longest = std::max<std::int64_t>({longest, lengths[p].first, lengths[p].second});
    CHECK(longest * static_cast<std::int64_t>(by_tokens.batch(i).size()) <= 400);
  }
  // What is over the limit by itself is a batch by itself.
  BatchPlan tight({{5, 5}, {90, 3}, {4, 4}}, {.tokens = 10, .stream = {}});
  CHECK(tight.batches(1) == 2);
}
