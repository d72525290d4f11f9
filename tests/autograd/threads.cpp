#include <atomic>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include <gaze/autograd/custom_op.h>
#include <gaze/autograd/kernels/openblas.h>
#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/parameters.h>
#include <gaze/nn/attention.h>
#include <gaze/nn/init.h>
#include <gaze/nn/layer_norm.h>
#include <gaze/nn/linear.h>
#include <gaze/optim/adam.h>

#include "../catch.h"
#include "../settings.h"

// What several threads may do at once. `./run tsan` runs it under ThreadSanitizer; assertions stay on the test's own
// thread, as Catch's are for one.

using namespace gaze;

namespace {

/// work(0), work(1), ... at once, each in a thread of its own.
template <class Work>
void at_once(int count, const Work& work) {
  std::vector<std::thread> all;
  for (int i = 0; i < count; ++i) all.emplace_back([&work, i] { work(i); });
  for (std::thread& one : all) one.join();
}

/// The bits of a few steps of a small model whose work is worth several threads.
std::uint64_t trained(std::uint64_t seed) {
  Params params;
  const Scope scope(params, {.seed = seed});
  const MultiHeadAttention attention(scope / "attention", 32, 4, 0, Score::scaled_dot, AttentionKind::decoder);
  const Linear up(scope / "up", 32, 96), down(scope / "down", 96, 32);
  const LayerNorm norm(scope / "norm", 32);
  Adam adam(params);
  std::vector<double> numbers(6 * 24 * 32);
  Random(RandomStream{.seed = seed + 1}).normal(numbers);
  const Tensor x = Tensor::from({6, 24, 32}, numbers).to(DType::float32);
  for (std::uint64_t step = 0; step < 3; ++step) {
    Context context{.training = true, .stream = RandomStream{.seed = seed}.split(step)};
    const Tensor h = norm(x + attention(x, x, {.causal = true}, context));
    const Tensor y = down(dropout(gelu(up(h)), 0.2, RandomStream{.seed = step}));
    params.zero_grad();
    (mse(softmax(y), x) + mean(abs(y))).backward();
    adam.step(0.01);
  }
  return params.hash();
}

}  // namespace

TEST_CASE("arrays that threads make, hand on and release stay whole", "[threads]") {
  std::mutex door;
  std::deque<std::pair<double, Array>> handed;
  std::atomic<int> wrong = 0;
  at_once(4, [&](int number) {
    for (int round = 0; round < 200; ++round) {
      const double value = number * 1000 + round;
      std::pair<double, Array> other(value, Array::full({1 + round * 7 % 500}, DType::float64, value));
      {
        const std::lock_guard lock(door);
        handed.push_back(other);
        std::swap(other, handed.front());
        if (round % 3 > 0) handed.pop_front();
      }
      for (std::int64_t i = 0; i < other.second.size(); ++i) wrong += other.second.at(i) != other.first;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("models that threads train at once have their own bits, while the number of threads changes", "[threads]") {
  const Threads use(1);
  std::vector<std::uint64_t> alone;
  for (std::uint64_t seed = 0; seed < 3; ++seed) alone.push_back(trained(seed));
  for (const int count : {2, 3}) {
    set_threads(count);
    CHECK(trained(1) == alone[1]);
  }
  std::atomic<int> wrong = 0, running = 3;
  at_once(4, [&](int number) {
    if (number == 3) {
      for (int count = 1; running > 0; count = count % 4 + 1) set_threads(count), std::this_thread::yield();
      return;
    }
    const auto seed = static_cast<std::size_t>(number);
    for (int round = 0; round < 3; ++round) wrong += trained(seed) != alone[seed];
    --running;
  });
  CHECK(wrong == 0);
}

TEST_CASE("what tasks throw reaches the thread that asked for them, and no other", "[threads]") {
  const Threads use(3);
  constexpr std::int64_t much = 1 << 30;  // work that is worth all threads
  std::atomic<int> wrong = 0;
  at_once(4, [&](int number) {
    const std::string own = "task of " + std::to_string(number);
    for (int round = 0; round < 50; ++round) {
      try {
        kernels::parallel_tasks(20, much, [&](std::int64_t i) {
          if (number > 0 && i % 7 == 3) throw Error(own);
        });
        wrong += number > 0;
      } catch (const Error& error) {
        wrong += error.what() != own;
      }
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("threads make and use operations of their own, and watch their graphs, at once", "[threads]") {
  std::atomic<int> wrong = 0;
  at_once(3, [&](int number) {
    for (int round = 0; round < 10; ++round) {
      const double factor = number + 1;
      const auto scaled = custom_op(
          "scaled", [=](const auto& in) { return in[0] * factor; },
          [=](const auto&, const Tensor&, const Tensor& g) { return std::vector<Tensor>{g * factor}; });
      const AnomalyMode watched;
      Tensor x = Tensor::ones({8}, DType::float64);
      x.requires_grad(true);
      scaled({scaled({x})}).sum().backward();
      wrong += x.grad().array().at(3) != factor * factor;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("orthogonal weights that threads draw at once are those of one, and OpenBLAS keeps its threads",
          "[threads]") {
  const int before = openblas_get_num_threads();
  const int usual = before > 1 ? before : 2;
  openblas_set_num_threads(usual);
  const auto drawn = [] {
    Params params;
    Scope(params, {.seed = 5}).parameter("w", {24, 24}, init::orthogonal());
    return params.hash();
  };
  const std::uint64_t alone = drawn();
  std::atomic<int> wrong = 0;
  at_once(4, [&](int) {
    for (int round = 0; round < 20; ++round) {
      wrong += drawn() != alone;
      const kernels::OneBlasThread one;
      wrong += openblas_get_num_threads() != 1;
    }
  });
  CHECK(wrong == 0);
  CHECK(openblas_get_num_threads() == usual);
  openblas_set_num_threads(before);
}
