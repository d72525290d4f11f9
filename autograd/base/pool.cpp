#include <gaze/autograd/base/pool.h>

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <new>
#include <utility>

#include <gaze/autograd/base/error.h>

namespace gaze::pool {
namespace {

// Size classes: four per power of two, from 64 bytes up. A class's blocks wait in a list threaded through the blocks.
constexpr std::size_t smallest = 64;
constexpr int classes = 4 * 64;
std::atomic<std::size_t> held{0};

struct Class {
  int index;
  std::size_t bytes;
};

Class class_of(std::size_t bytes) {
  const std::size_t n = std::max(bytes, smallest);
  const int power = static_cast<int>(std::bit_width(n - 1));  // 2^(power-1) < n <= 2^power
  if (power <= 8) {                                           // up to 256 bytes: multiples of 64
    const std::size_t rounded = (n + 63) / 64 * 64;
    return {static_cast<int>(rounded / 64) - 1, rounded};
  }
  const std::size_t quarter = std::size_t{1} << (power - 3);
  const std::size_t rounded = (n + quarter - 1) / quarter * quarter;
  return {4 * (power - 9) + static_cast<int>(rounded / quarter) - 1, rounded};
}

std::size_t bytes_of_class(int index) {
  if (index < 4) return static_cast<std::size_t>(index + 1) * 64;
  return static_cast<std::size_t>(index % 4 + 5) << (index / 4 + 5);
}

struct Free {
  Free* next;
};

// Under the address sanitizer nothing is kept, so that a use after release is seen.
#ifdef __has_feature  // clang's way to say so
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
constexpr bool keeps_blocks = false;
#else
constexpr bool keeps_blocks = true;
#endif

thread_local bool cache_open = keeps_blocks;  // outlives the cache: static objects may free memory after it is gone

/// One thread's free blocks. They go back to the system when the thread ends. A thread keeps no more than it has taken
/// from the system itself: what others made and it releases (a loader's batches) would pile up.
struct ThreadCache {
  std::array<Free*, classes> lists{};
  std::size_t kept = 0, taken = 0;
  ~ThreadCache() {
    cache_open = false;
    clear();
  }
  void clear() {
    for (int index = 0; index < classes; ++index)
      for (Free*& list = lists[static_cast<std::size_t>(index)]; list; held -= bytes_of_class(index))
        std::free(std::exchange(list, list->next));
    taken -= kept, kept = 0;
  }
};

ThreadCache& thread_cache() {
  thread_local ThreadCache s;
  return s;
}

}  // namespace

void* allocate(std::size_t bytes) {
  const auto [index, rounded] = class_of(bytes);
  if (cache_open) {
    ThreadCache& own = thread_cache();
    Free*& list = own.lists[static_cast<std::size_t>(index)];
    if (list) {
      own.kept -= rounded;
      return std::exchange(list, list->next);
    }
    own.taken += rounded;
  }
  // Parameters, moments, logits: whole pages of 2 MB where the system has them are faster to get and to walk.
  constexpr std::size_t page = 2 << 20, worth_pages = 2 * page;
  const bool large = rounded >= worth_pages;
  void* block = nullptr;
  if (posix_memalign(&block, large ? page : 64, rounded) != 0) fail("out of memory: {} bytes asked for", rounded);
  if (large) madvise(block, rounded, MADV_HUGEPAGE);  // a wish: where it is not granted, nothing is lost
  held += rounded;
  return block;
}

void release(void* block, std::size_t bytes) {
  const auto [index, rounded] = class_of(bytes);
  if (!cache_open || thread_cache().kept + rounded > thread_cache().taken) {
    std::free(block);
    held -= rounded;
    return;
  }
  ThreadCache& own = thread_cache();
  own.kept += rounded;
  Free*& list = own.lists[static_cast<std::size_t>(index)];
  list = new (block) Free{list};
}

std::size_t bytes_held() { return held; }

void trim() {
  if (cache_open) thread_cache().clear();
}

}  // namespace gaze::pool
