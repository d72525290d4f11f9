#include <gaze/optim/optimizer.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>

#include <gaze/optim/adam.h>
#include <gaze/optim/clipping.h>
#include <gaze/optim/schedules.h>
#include <gaze/optim/sgd.h>

#include "../catch.h"
#include "../paths.h"
#include "../settings.h"
#include "fixture.h"

using namespace gaze;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::map<std::string, Array> saved(const Optimizer& optimizer) {
  std::map<std::string, Array> all;
  for (auto& [name, array] : optimizer.state()) all.emplace(name, array);
  return all;
}

auto from(const std::map<std::string, Array>& state) {
  return [&state](const std::string& name) {
    const auto found = state.find(name);
    return found == state.end() ? nullptr : &found->second;
  };
}

}  // namespace

TEST_CASE("ten steps of every optimizer equal PyTorch's") {
  const Kind kind = GENERATE(from_range(kinds()));
  INFO(kind.name);
  std::ifstream file(source_folder() / "tests/golden/optim.json");
  REQUIRE(file);
  const auto golden = nlohmann::json::parse(file).at(kind.name);
  const DType dtype = GENERATE(DType::float64, DType::float32);
  Fixture f(dtype, {3, 7});
  const auto optimizer = kind.make(f.params);
  f.train(*optimizer, 1, 10);
  for (const Parameter& p : f.params.list()) {
    const auto expected = golden.at(p.name).get<std::vector<double>>();
    const std::vector<double> found = numbers(p.value);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
      CHECK(std::abs(found[i] - expected[i]) <= (dtype == DType::float64 ? 1e-12 : 1e-6));
  }
}

TEST_CASE("the number of threads changes no bit of a step") {
  const Kind kind = GENERATE(from_range(kinds()));
  const DType dtype = GENERATE(DType::float64, DType::float32);
  INFO(kind.name);
  const auto run = [&](int count) {
    const Threads threads(count);
    Fixture f(dtype);
    const auto optimizer = kind.make(f.params);
    f.train(*optimizer, 1, 3);
    return std::pair(f.params.hash(), numbers(*optimizer));
  };
  const auto alone = run(1);
  CHECK(run(2) == alone);
  CHECK(run(4) == alone);
}

TEST_CASE("a parameter without a gradient keeps its value, state and number of steps") {
  const Kind kind = GENERATE(from_range(kinds()));
  INFO(kind.name);
  Fixture f, without;
  const auto optimizer = kind.make(f.params), other = kind.make(without.params);
  Tensor vector = f.params["vector"];
  f.train(*optimizer, 1, 2);
  without.train(*other, 1, 2);

  const auto before = numbers(vector);
  const auto version = vector.array().version();
  const auto state = saved(*optimizer);
  const bool frozen = GENERATE(false, true);
  f.give_all(7);  // leaves numbers in the arena that must not count
  if (frozen) {
    vector.requires_grad(false);
  } else {
    vector.zero_grad();
  }
  optimizer->step(0.05);
  CHECK(numbers(vector) == before);
  CHECK(vector.array().version() == version);
  for (const auto& [name, array] : saved(*optimizer))
    CHECK((numbers(array) == numbers(state.at(name))) == name.ends_with(".vector"));

  // The vector goes on as if that step had never been.
  if (frozen) vector.requires_grad(true);
  f.train(*optimizer, 3, 5);
  without.train(*other, 3, 5);
  CHECK(numbers(vector) == numbers(without.params["vector"]));
  CHECK(numbers(f.params["matrix"]) != numbers(without.params["matrix"]));
  CHECK(saved(*optimizer).at("step.vector").at(0) == 5);
  CHECK(saved(*optimizer).at("step.matrix").at(0) == 6);
}

TEST_CASE("a step counts as a change in place") {
  Fixture f(DType::float64, {2, 2});
  Adam optimizer(f.params);
  const Tensor matrix = f.params["matrix"];
  const Tensor loss = (matrix * matrix).sum();
  f.train(optimizer, 1, 1);
  CHECK_THROWS_WITH(loss.backward(), ContainsSubstring("optimizer step"));
}

TEST_CASE("parameter groups change learning rate and weight decay") {
  const auto named = [](std::string name) { return [=](const Parameter& p) { return p.name == name; }; };
  const auto everything = [](const Parameter&) { return true; };
  const auto step = [](std::vector<ParameterGroup> groups) {
    Fixture f(DType::float64, {1, 1});
    const double matrix = f.params["matrix"].at({0, 0}), vector = f.params["vector"].at({0});
    Sgd optimizer(f.params, {.weight_decay = 0.5, .groups = std::move(groups)});
    for (const Parameter& p : f.params.list()) Fixture::give(p.value, Array::full(p.value.shape(), DType::float64, 1));
    optimizer.step(0.25);
    // What was taken off: rate (1 + decay p).
    return std::pair(std::pair(matrix, matrix - f.params["matrix"].at({0, 0})),
                     std::pair(vector, vector - f.params["vector"].at({0})));
  };
  const auto check = [](std::pair<double, double> found, double rate, double decay) {
    CHECK(found.second == Approx(rate * (1 + decay * found.first)).epsilon(1e-14).margin(1e-16));
  };
  SECTION("no group: only what has more than one axis decays") {
    const auto [matrix, vector] = step({});
    check(matrix, 0.25, 0.5);
    check(vector, 0.25, 0);
  }
  SECTION("a group for one parameter leaves the other alone") {
    const auto [matrix, vector] = step({{.members = named("vector"), .lr_factor = 2, .weight_decay = 0.125}});
    check(matrix, 0.25, 0.5);
    check(vector, 0.5, 0.125);
  }
  SECTION("a group without a weight decay keeps the default, by axes") {
    const auto [matrix, vector] = step({{.members = everything, .lr_factor = 0.5}});
    check(matrix, 0.125, 0.5);
    check(vector, 0.125, 0);
  }
  SECTION("the first group that claims a parameter has it") {
    const auto [matrix, vector] =
        step({{.members = named("matrix"), .weight_decay = 0}, {.members = everything, .lr_factor = 4}});
    check(matrix, 0.25, 0);
    check(vector, 1, 0);
  }
  SECTION("a factor of 0 freezes") {
    const auto [matrix, vector] = step({{.members = named("matrix"), .lr_factor = 0}});
    check(matrix, 0, 0);
    check(vector, 0.25, 0);
  }
  SECTION("what makes no sense is refused") {
    CHECK_THROWS_WITH(step({{.members = everything, .lr_factor = -1}}), ContainsSubstring("-1"));
    CHECK_THROWS_AS(step({{.members = everything, .lr_factor = infinity}}), Error);
    CHECK_THROWS_WITH(step({{.members = everything, .weight_decay = -0.5}}), ContainsSubstring("-0.5"));
    CHECK_THROWS_AS(step({{.lr_factor = 2}}), Error);
  }
}

TEST_CASE("a training goes on from a saved state bit by bit") {
  const Kind kind = GENERATE(from_range(kinds()));
  const DType dtype = GENERATE(DType::float64, DType::float32);
  INFO(kind.name);
  Fixture whole(dtype);
  const auto optimizer = kind.make(whole.params);
  whole.train(*optimizer, 1, 4);
  const auto state = saved(*optimizer);

  Fixture resumed(dtype);
  const auto other = kind.make(resumed.params);
  for (const Parameter& p : resumed.params.list()) {
    Tensor value = p.value;
    value.assign(whole.params[p.name]);
  }
  whole.train(*optimizer, 5, 8);  // what was saved is a copy and stays as it was
  other->load_state(from(state));
  CHECK(other->state().size() == state.size());
  resumed.train(*other, 5, 8);
  CHECK(resumed.params.hash() == whole.params.hash());
  CHECK(numbers(*other) == numbers(*optimizer));
}

TEST_CASE("a state that does not fit is refused and nothing changes") {
  Fixture f(DType::float64, {3, 7});
  Adam optimizer(f.params);
  f.train(optimizer, 1, 2);
  const auto before = numbers(optimizer);
  auto state = saved(optimizer);
  for (auto& [name, array] : state) array.fill(9);
  const auto refused = [&](const std::string& message) {
    CHECK_THROWS_WITH(optimizer.load_state(from(state)), ContainsSubstring(message));
    CHECK(numbers(optimizer) == before);
  };
  SECTION("an entry is missing") {
    state.erase("exp_avg_sq.vector");
    refused("exp_avg_sq.vector is missing");
  }
  SECTION("a shape differs") {
    state["exp_avg_sq.vector"] = Array::zeros({6}, DType::float64);
    refused("exp_avg_sq.vector is float64 [6], must be float64 [5]");
  }
  SECTION("a moment is not a number") {
    state["exp_avg.vector"].set(2, NAN);
    refused("exp_avg.vector is nan at element 2, must be finite");
  }
  SECTION("a mean of squares is negative") {
    state["exp_avg_sq.vector"].set(1, -1e-9);
    refused("exp_avg_sq.vector is -1e-09 at element 1, must be finite and not negative");
  }
  SECTION("so many steps cannot have been taken") {
    state["step.vector"].set(0, 2147483647);
    refused("step.vector is 2147483647");
  }
  SECTION("a dtype differs") {
    state["exp_avg.vector"] = Array::zeros({5}, DType::float32);
    refused("exp_avg.vector is float32 [5], must be float64 [5]");
  }
  SECTION("a number of steps is negative") {
    state["step.vector"].fill(-1);
    refused("step.vector");
  }
}

TEST_CASE("a learning rate that makes no sense is refused before anything changes") {
  Fixture f(DType::float64, {3, 7});
  Adam optimizer(f.params);
  f.give_all(1);
  const auto before = f.params.hash();
  for (const double lr : {-0.1, infinity, std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_WITH(optimizer.step(lr), ContainsSubstring("learning rate"));
  CHECK(f.params.hash() == before);
  CHECK(saved(optimizer).at("step.matrix").at(0) == 0);
}

TEST_CASE("nothing to train is not an error") {
  Params none;
  Adam optimizer(none);
  optimizer.step(0.1);
  CHECK(optimizer.state().empty());

  Params empty;
  const Tensor w = empty.add("w", Array::zeros({0, 3}, DType::float32));
  Sgd other(empty, {.momentum = 0.9});
  Fixture::give(w, Array::zeros({0, 3}, DType::float32));
  other.step(0.1);
  CHECK(saved(other).at("step.w").at(0) == 1);
}

TEST_CASE("a factor of the gradients that is not finite is refused before anything changes") {
  Fixture f(DType::float64, {3, 7});
  Adam optimizer(f.params);
  f.train(optimizer, 1, 2);
  const auto before = f.params.hash();
  for (const double factor : {static_cast<double>(NAN), static_cast<double>(INFINITY)})
    CHECK_THROWS_WITH(optimizer.step(0.1, factor), ContainsSubstring("factor"));
  CHECK(f.params.hash() == before);
}

TEST_CASE("what makes no sense is refused by name before anything changes") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Params params;
  Tensor p = params.add("p", Array::full({2}, DType::float32, 1));
  for (const double eps : {0.0, -1.0, nan, infinity, 1e-50})
    CHECK_THROWS_WITH(Adam(params, {.eps = eps}), ContainsSubstring("eps"));
  for (const double beta : {-0.1, 1.0, nan}) {
    CHECK_THROWS_WITH(Adam(params, {.betas = {beta, 0.9}}), ContainsSubstring("betas"));
    CHECK_THROWS_WITH(Adam(params, {.betas = {0.9, beta}}), ContainsSubstring("betas"));
    CHECK_THROWS_WITH(Sgd(params, {.momentum = beta}), ContainsSubstring("momentum"));
  }
  for (const double decay : {-0.1, nan, infinity})
    CHECK_THROWS_WITH(AdamW(params, {.weight_decay = decay}), ContainsSubstring("weight decay"));
  Adam adam(params);
  p.sum().backward();
  for (const double lr : {-1.0, nan, infinity, 1e39})
    CHECK_THROWS_WITH(adam.step(lr), ContainsSubstring("learning rate"));
  for (const double factor : {nan, infinity}) CHECK_THROWS_WITH(adam.step(0.1, factor), ContainsSubstring("factor"));
  CHECK(p.at({0}) == 1);
  adam.step(0.1);
  CHECK(p.at({0}) == Approx(0.9));
  for (const double norm : {-1.0, nan}) CHECK_THROWS_WITH(clip_factor(1, norm), ContainsSubstring("norm"));
  for (const double norm : {-1.0, nan, infinity}) CHECK_THROWS_WITH(clip_factor(norm, 1), ContainsSubstring("norm"));
  CHECK_THROWS_AS((Schedule{.decay = Decay::cosine, .steps = 9, .min_factor = nan}.factor(3)), Error);
  CHECK_THROWS_AS((Schedule{.warmup = -3}.factor(1)), Error);
}
