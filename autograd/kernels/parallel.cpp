#include <gaze/autograd/kernels/parallel.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/base/pool.h>
#include <gaze/autograd/kernels/processor.h>

namespace gaze {
namespace {

int threads_at_start() {
  int count = 0;
  if (const char* asked = std::getenv("OMP_NUM_THREADS")) std::from_chars(asked, asked + std::strlen(asked), count);
  return std::clamp(count > 0 ? count : static_cast<int>(std::thread::hardware_concurrency()), 1, 1024);
}

std::atomic<int> thread_count = threads_at_start();

}  // namespace

void set_threads(int count) {
  require(count >= 1 && count <= 1024, "threads: {} asked for, between 1 and 1024 can be used", count);
  thread_count = count;
}

int threads() { return thread_count; }

namespace kernels {
namespace {

/// Helpers that take tasks beside the thread that asks for them.
///
/// A training step asks thousands of times for a few tens of microseconds, so a helper that has nothing to do looks for
/// work a while before it sleeps, and the asking thread waits only for tasks that a helper has begun: one that the
/// system has put aside holds nobody up.
class Team {
 public:
  void run(std::int64_t tasks, Body body, const void* context) {
    // Work inside work, and of a second thread at the same time, is done by whoever asks.
    if (working_) return serially(tasks, body, context);
    const std::unique_lock<std::mutex> alone(busy_, std::try_to_lock);
    if (!alone) return serially(tasks, body, context);
    for (auto missing = static_cast<std::size_t>(threads() - 1); helpers_.size() < missing;)
      helpers_.emplace_back([this, number = static_cast<int>(helpers_.size()) + 1] { help(number); });
    for (std::int64_t first = 0; first < tasks; first += max_tasks)
      round(first, std::min(tasks - first, max_tasks), body, context);
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  // One word says which round it is, how many tasks it has and which is next, so that a task is claimed in one step.
  static constexpr int bits = 20;
  static constexpr std::int64_t max_tasks = (std::int64_t{1} << bits) - 1;
  static constexpr int looks = 2000;  // for work or its end, before giving the processor away: some 50 microseconds
  static std::uint64_t next_of(std::uint64_t word) { return word & max_tasks; }
  static std::uint64_t tasks_of(std::uint64_t word) { return word >> bits & max_tasks; }

  static void serially(std::int64_t tasks, Body body, const void* context) {
    for (std::int64_t i = 0; i < tasks; ++i) body(context, i);
  }

  void round(std::int64_t first, std::int64_t tasks, Body body, const void* context) {
    first_ = first, body_ = body, context_ = context;
    unfinished_.store(tasks, std::memory_order_relaxed);
    word_.store(++rounds_ << 2 * bits | static_cast<std::uint64_t>(tasks) << bits, std::memory_order_seq_cst);
    wake();
    work();
    for (int look = 0; unfinished_.load(std::memory_order_acquire) > 0;)
      if (look < looks)
        pause(), ++look;
      else
        std::this_thread::yield();
  }

  /// Does tasks until none is left to begin.
  void work() {
    working_ = true;
    std::int64_t done = 0;
    std::uint64_t word = word_.load(std::memory_order_acquire);
    while (next_of(word) < tasks_of(word)) {
      if (!word_.compare_exchange_weak(word, word + 1, std::memory_order_acq_rel)) continue;
      // A task that is claimed keeps its round alive, until it is counted as done: what it needs stays as it is.
      try {
        body_(context_, first_ + static_cast<std::int64_t>(next_of(word)));
      } catch (...) {
        const std::lock_guard lock(failing_);
        if (!failure_) failure_ = std::current_exception();
      }
      ++done;
      word = word_.load(std::memory_order_acquire);
    }
    if (done > 0) unfinished_.fetch_sub(done, std::memory_order_acq_rel);
    working_ = false;
  }

  [[noreturn]] void help(int number) {
    const FlushDenormals flush;
    while (true) {
      const std::uint32_t call = calls_.load(std::memory_order_acquire);
      if (number < threads()) work();
      int look = 0;
      while (look < looks && calls_.load(std::memory_order_relaxed) == call) pause(), ++look;
      if (look == looks) calls_.wait(call, std::memory_order_acquire);
    }
  }

  void wake() {
    calls_.fetch_add(1, std::memory_order_seq_cst);
    calls_.notify_all();
  }

  static thread_local bool working_;
  std::mutex busy_, failing_;
  std::vector<std::thread> helpers_;
  Body body_ = nullptr;
  const void* context_ = nullptr;
  std::int64_t first_ = 0;
  std::uint64_t rounds_ = 0;
  std::exception_ptr failure_;
  alignas(64) std::atomic<std::uint64_t> word_{0};
  alignas(64) std::atomic<std::int64_t> unfinished_{0};
  alignas(64) std::atomic<std::uint32_t> calls_{0};
};

thread_local bool Team::working_ = false;

}  // namespace

FlushDenormals::FlushDenormals() : before_(floating_point_control()) {
  const std::uint64_t wanted = before_ | denormals_flushed;
  if (wanted != before_) set_floating_point_control(wanted);
}

FlushDenormals::~FlushDenormals() {
  if (floating_point_control() != before_) set_floating_point_control(before_);
}

Scratch::Scratch(std::size_t bytes) : memory_(bytes ? pool::allocate(bytes) : nullptr), bytes_(bytes) {}

Scratch::~Scratch() {
  if (memory_) pool::release(memory_, bytes_);
}

void* thread_memory(ThreadMemory purpose, std::size_t bytes) {
  struct Block {
    ~Block() { std::free(memory); }
    void* memory = nullptr;
    std::size_t bytes = 0;
  };
  thread_local Block blocks[3];
  Block& own = blocks[static_cast<int>(purpose)];
  if (own.bytes < bytes) {
    constexpr std::size_t line = 64;
    const std::size_t size = (bytes + line - 1) / line * line;
    void* more = std::aligned_alloc(line, size);
    if (!more) fail("out of memory: {} bytes asked for", size);
    std::free(std::exchange(own.memory, more));
    own.bytes = size;
  }
  return own.memory;
}

void run_tasks(std::int64_t tasks, Body body, const void* context) {
  static Team& team = *new Team;  // never destroyed: helpers look at it until the process ends
  const FlushDenormals flush;
  team.run(tasks, body, context);
}

}  // namespace kernels
}  // namespace gaze
