#pragma once

#include <mutex>

extern "C" int openblas_get_num_threads();
extern "C" void openblas_set_num_threads(int);

namespace gaze::kernels {

/// OpenBLAS with one thread while one lives, so that the bits of a result do not depend on the number of processors;
/// then with as many as before. OpenBLAS has one number for all threads of the program: there is one of these at a
/// time, and others wait.
class OneBlasThread {
 public:
  OneBlasThread() { openblas_set_num_threads(1); }
  ~OneBlasThread() { openblas_set_num_threads(before_); }
  OneBlasThread(const OneBlasThread&) = delete;
  OneBlasThread& operator=(const OneBlasThread&) = delete;

 private:
  static std::mutex& one_at_a_time() {
    static std::mutex one;
    return one;
  }
  const std::lock_guard<std::mutex> lock_{one_at_a_time()};
  const int before_ = openblas_get_num_threads();
};

}  // namespace gaze::kernels
