#include <cstring>

#include <gaze/nn/safetensors.h>

#include "fuzz.h"

using namespace gaze;

/// What is read is written and read again as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto path = fuzz::file_of(fuzz::text_of(data, size));
  Checkpoint first;
  if (!fuzz::accepts([&] { first = load_safetensors(path); })) {
    fuzz::accepts([&] { load_safetensors_metadata(path); });
    return 0;
  }
  fuzz::must(load_safetensors_metadata(path) == first.metadata, "notes alone are those of the whole file");
  save_safetensors(path, first);
  const Checkpoint second = load_safetensors(path);
  fuzz::must(second.metadata == first.metadata, "notes are kept");
  fuzz::must(second.arrays.size() == first.arrays.size(), "arrays are kept");
  for (const auto& [name, array] : first.arrays) {
    const Array* other = second.find(name);
    fuzz::must(other && other->shape() == array.shape() && other->dtype() == array.dtype(), "an array is kept");
    fuzz::must(other->raw() == array.raw(), "numbers are kept");
  }
  return 0;
}

/// The length in front goes with the header, most of the time: up to the last bracket.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  constexpr std::size_t start = sizeof(std::uint64_t);
  if (size < start || seed % 8 == 0) return size;
  std::uint64_t length = size;
  while (length > start && data[length - 1] != '}') --length;
  length -= start;
  std::memcpy(data, &length, sizeof length);
  return size;
}
