#pragma once

#include <cstddef>

/// Blocks of memory, 64-byte aligned, kept by size class for reuse and never returned to the system while in use.
namespace gaze::pool {

void* allocate(std::size_t bytes);
void release(void* block, std::size_t bytes);
std::size_t bytes_held();  ///< bytes in use and kept, all threads together
void trim();               ///< gives the system back what this thread keeps for reuse

}  // namespace gaze::pool
