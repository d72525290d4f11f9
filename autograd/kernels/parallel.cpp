#include <gaze/autograd/kernels/parallel.h>

#include <omp.h>
#include <xmmintrin.h>

#include <algorithm>

#include <gaze/autograd/error.h>

namespace gaze {
namespace {

int thread_count = std::max(1, omp_get_max_threads());

}  // namespace

void set_threads(int count) {
  require(count >= 1 && count <= 1024, "threads: {} asked for, between 1 and 1024 can be used", count);
  thread_count = count;
}

int threads() { return thread_count; }

namespace kernels {

FlushDenormals::FlushDenormals() : before_(_mm_getcsr()) {
  constexpr unsigned flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
  const unsigned wanted = before_ | flush_to_zero | denormals_are_zero;
  if (wanted != before_) _mm_setcsr(wanted);
}

FlushDenormals::~FlushDenormals() {
  if (_mm_getcsr() != before_) _mm_setcsr(before_);
}

void run_tasks(std::int64_t tasks, void (*body)(const void*, std::int64_t), const void* context) {
  const int team = static_cast<int>(std::min<std::int64_t>(thread_count, tasks));
#pragma omp parallel num_threads(team)
  {
    const FlushDenormals flush;
#pragma omp for schedule(dynamic, 1)
    for (std::int64_t i = 0; i < tasks; ++i) body(context, i);
  }
}

}  // namespace kernels
}  // namespace gaze
