#pragma once

namespace gaze {

/// Threads that operations use, the caller's included: at least 1. The results have the same bits for any number.
/// At the start, as many as OMP_NUM_THREADS says, or one per processor.
void set_threads(int count);
int threads();

}  // namespace gaze
