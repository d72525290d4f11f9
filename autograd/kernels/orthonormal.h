#pragma once

#include <cstdint>

namespace gaze::kernels {

/// Turns a matrix [rows,columns] of at least as many rows as columns into the Q of its QR decomposition, with the signs
/// that make R's diagonal positive: its columns are orthonormal.
void orthonormalise(double* matrix, std::int64_t rows, std::int64_t columns);

}  // namespace gaze::kernels
