#pragma once

#include <cstddef>
#include <cstdint>

#include <gaze/autograd/base/threads.h>

namespace gaze::kernels {

/// While one lives, this thread flushes denormals to zero, in results and operands: they slow a gemm a hundredfold.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  std::uint64_t before_;  ///< the thread's floating-point control word
};

/// Runs body(context, i) for i in [0, tasks) on the threads, denormals flushed. The tasks must be cut without regard
/// to the number of threads and write apart from one another: then the results have the same bits for any number.
using Body = void (*)(const void* context, std::int64_t task);
void run_tasks(std::int64_t tasks, Body body, const void* context);

/// As run_tasks, for a callable body(i). `work` estimates the elements touched in all: small work stays on this thread.
template <class F>
void parallel_tasks(std::int64_t tasks, std::int64_t work, const F& body) {
  constexpr std::int64_t worth_a_thread = 16384;
  if (tasks == 1 || work < worth_a_thread || threads() == 1) {
    const FlushDenormals flush;
    for (std::int64_t i = 0; i < tasks; ++i) body(i);
    return;
  }
  run_tasks(
      tasks, [](const void* context, std::int64_t task) { (*static_cast<const F*>(context))(task); }, &body);
}

/// Cuts [0, count) at multiples of `block` and runs body(first, last) for the parts. `cost`: elements touched for one.
/// A block should be a multiple of 16 where vectors run along it.
template <class F>
void parallel_blocks(std::int64_t count, std::int64_t block, std::int64_t cost, const F& body) {
  parallel_tasks((count + block - 1) / block, count * cost, [&](std::int64_t i) {
    const std::int64_t first = i * block, last = first + block < count ? first + block : count;
    body(first, last);
  });
}

/// Memory for the time of one kernel, 64-byte aligned, uninitialised.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[gnu::always_inline]] void* memory() const { return memory_; }

 private:
  void* memory_;
  std::size_t bytes_;
};

/// Memory of this thread, 64-byte aligned, for the purpose named: at least so much, the same until more is asked for.
enum class ThreadMemory { gemm, attention, rows };
void* thread_memory(ThreadMemory purpose, std::size_t bytes);

/// Rows a block so that a block touches about 8192 elements.
[[gnu::always_inline]] inline std::int64_t rows_per_block(std::int64_t width) {
  constexpr std::int64_t elements = 8192;
  return width >= elements ? 1 : elements / (width > 0 ? width : 1);
}

}  // namespace gaze::kernels
