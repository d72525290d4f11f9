#include <cstring>

#include <gaze/autograd/xtensor.h>

#include "fuzz.h"

using namespace gaze;

/// What is read is written and read again as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto path = fuzz::file_of(fuzz::text_of(data, size), ".npy");
  Tensor first;
  if (!fuzz::accepts([&] { first = load_npy(path); })) return 0;
  save_npy(path, first, false);
  const Tensor second = load_npy(path);
  fuzz::must(second.shape() == first.shape() && second.dtype() == first.dtype(), "an array is kept");
  fuzz::must(first.array().raw() == second.array().raw(), "numbers are kept");
  return 0;
}

/// The length of the header goes with the header, most of the time.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  constexpr std::size_t start = 10;
  if (size < start || seed % 8 == 0) return size;
  std::memcpy(data, "\x93NUMPY\x01", 7);
  const auto* end = static_cast<const std::uint8_t*>(std::memchr(data + start, '\n', size - start));
  const std::size_t header = end ? static_cast<std::size_t>(end - data) + 1 - start : size - start;
  data[8] = static_cast<std::uint8_t>(header), data[9] = static_cast<std::uint8_t>(header >> 8);
  return size;
}
