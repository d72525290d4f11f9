#pragma once

extern "C" int openblas_get_num_threads();
extern "C" void openblas_set_num_threads(int);

namespace gaze {

/// OpenBLAS with one thread while one lives, so that the bits of a result do not depend on the number of processors;
/// then with as many as before.
class OneBlasThread {
 public:
  OneBlasThread() { openblas_set_num_threads(1); }
  ~OneBlasThread() { openblas_set_num_threads(before_); }
  OneBlasThread(const OneBlasThread&) = delete;
  OneBlasThread& operator=(const OneBlasThread&) = delete;

 private:
  int before_ = openblas_get_num_threads();
};

}  // namespace gaze
