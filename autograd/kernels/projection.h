#pragma once

#include <cstdint>

namespace gaze::kernels {

/// Logits that are made of rows of x by a weight, and their cross-entropy.
template <class T>
struct ProjectedLoss {
  std::int64_t rows = 0, width = 0, classes = 0;
  const T *x = nullptr, *weight = nullptr;  ///< [rows,width] and [classes,width]
  const std::int32_t* targets = nullptr;    ///< [rows]
  std::int32_t ignored = 0;
  double smoothing = 0;
  double factor = 1;                    ///< of a row's loss in the whole
  double* losses = nullptr;             ///< [rows]: where they go
  T *dx = nullptr, *dweight = nullptr;  ///< where the whole's gradients go, or null
};

/// Some rows after others, so that logits, which are a step's largest array, are never there all at once.
template <class T>
void projected_cross_entropy(const ProjectedLoss<T>&);

}  // namespace gaze::kernels
