#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gaze/autograd/kernels/parallel.h>

#include "../../catch.h"
#include "../../settings.h"

using namespace gaze;

namespace {

constexpr std::int64_t much = 1 << 30;  // work that is worth all threads

}  // namespace

TEST_CASE("every task is done once, for any number of tasks and threads", "[threads]") {
  for (const int count : {1, 2, 3, 7}) {
    const Threads use(count);
    for (const std::int64_t tasks : {0, 1, 2, 5, 1000}) {
      for (int again = 0; again < 50; ++again) {
        std::vector<std::atomic<int>> done(static_cast<std::size_t>(tasks));
        kernels::parallel_tasks(tasks, much, [&](std::int64_t i) { ++done[static_cast<std::size_t>(i)]; });
        REQUIRE(std::all_of(done.begin(), done.end(), [](const auto& n) { return n == 1; }));
      }
    }
  }
}

TEST_CASE("more tasks than fit one round are done", "[threads]") {
  const Threads use(3);
  std::atomic<std::int64_t> sum{0};
  constexpr std::int64_t tasks = (1 << 21) + 5;
  kernels::parallel_tasks(tasks, much, [&](std::int64_t i) { sum += i; });
  CHECK(sum == tasks * (tasks - 1) / 2);
}

TEST_CASE("work inside work, and of several threads at once, is done", "[threads]") {
  const Threads use(3);
  std::atomic<int> done{0};
  const auto nested = [&] {
    kernels::parallel_tasks(20, much,
                            [&](std::int64_t) { kernels::parallel_tasks(10, much, [&](std::int64_t) { ++done; }); });
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) callers.emplace_back(nested);
  for (std::thread& caller : callers) caller.join();
  CHECK(done == 4 * 20 * 10);
}

TEST_CASE("what a task throws comes out, and the next work is done", "[threads]") {
  const Threads use(3);
  for (int again = 0; again < 20; ++again) {
    std::atomic<int> done{0};
    CHECK_THROWS_AS(kernels::parallel_tasks(100, much,
                                            [&](std::int64_t i) {
                                              ++done;
                                              if (i == 57) throw std::runtime_error("task 57");
                                            }),
                    std::runtime_error);
    CHECK(done == 100);
  }
  std::atomic<int> done{0};
  kernels::parallel_tasks(100, much, [&](std::int64_t) { ++done; });
  CHECK(done == 100);
}

TEST_CASE("a child of fork, which has no helpers, does the work alone") {
  const Threads use(3);
  std::atomic<int> done{0};
  const auto work = [&] { kernels::parallel_tasks(100, much, [&](std::int64_t) { ++done; }); };
  work();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    done = 0;
    work();
    _exit(done == 100 ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}
