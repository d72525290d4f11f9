#pragma once

#include <mutex>

extern "C" int openblas_get_num_threads();
extern "C" void openblas_set_num_threads(int);

namespace gaze {

/// OpenBLAS with one thread while one lives, so that the bits of a result do not depend on the number of processors;
/// then with as many as before. Of several at a time, in any threads, the last one to end gives them back.
class OneBlasThread {
 public:
  OneBlasThread() {
    const std::lock_guard lock(all().changing);
    if (all().count++ == 0) all().before = openblas_get_num_threads();
    openblas_set_num_threads(1);
  }
  ~OneBlasThread() {
    const std::lock_guard lock(all().changing);
    if (--all().count == 0) openblas_set_num_threads(all().before);
  }
  OneBlasThread(const OneBlasThread&) = delete;
  OneBlasThread& operator=(const OneBlasThread&) = delete;

 private:
  struct All {
    std::mutex changing;
    int count = 0, before = 0;
  };
  static All& all() {
    static All one;
    return one;
  }
};

}  // namespace gaze
