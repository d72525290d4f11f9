#include <gaze/nn/safetensors.h>

#include "fuzz.h"

using namespace gaze;

/// What is read is written and read again as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto path = fuzz::file_of(fuzz::text_of(data, size));
  Checkpoint first;
  if (!fuzz::accepts([&] { first = load_safetensors(path); })) return 0;
  fuzz::must(load_safetensors_metadata(path) == first.metadata, "notes alone are those of the whole file");
  save_safetensors(path, first);
  const Checkpoint second = load_safetensors(path);
  fuzz::must(second.metadata == first.metadata, "notes are kept");
  fuzz::must(second.arrays.size() == first.arrays.size(), "arrays are kept");
  for (const auto& [name, array] : first.arrays) {
    const Array* other = second.find(name);
    fuzz::must(other && other->shape() == array.shape() && other->dtype() == array.dtype(), "an array is kept");
  }
  return 0;
}
