#include <gaze/autograd/ops.h>

#include "fuzz.h"

using namespace gaze;

/// An equation and, behind its first line, the operands' shapes: a byte per axis, 0 ends one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size), equation = input.substr(0, input.find('\n'));
  std::vector<Tensor> operands;
  std::vector<std::int64_t> axes;
  std::int64_t numbers = 1;
  for (const char byte : input.substr(std::min(equation.size() + 1, input.size()))) {
    if (byte != 0 && axes.size() < 6 && numbers < 512) {
      axes.push_back((byte & 127) % 5);
      numbers *= axes.back();
      continue;
    }
    if (operands.size() < 3) operands.push_back(Tensor::ones(Shape(axes)));
    axes.clear(), numbers = 1;
  }
  if (operands.empty()) operands.push_back(Tensor::ones({2, 2}));
  fuzz::accepts([&] { einsum(equation, operands); });
  return 0;
}
