#include <gaze/autograd/xtensor.h>

#include "fuzz.h"

using namespace gaze;

/// What is read is written and read again with its shape.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto path = fuzz::file_of(fuzz::text_of(data, size), ".npy");
  Tensor first;
  if (!fuzz::accepts([&] { first = load_npy(path); })) return 0;
  save_npy(path, first, false);
  const Tensor second = load_npy(path);
  fuzz::must(second.shape() == first.shape() && second.dtype() == first.dtype(), "an array is kept");
  return 0;
}
