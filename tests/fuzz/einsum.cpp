#include <algorithm>
#include <array>

#include <gaze/autograd/ops.h>

#include "fuzz.h"

using namespace gaze;

namespace {

/// Whole numbers, whose sums are exact.
Tensor numbers(const std::vector<std::int64_t>& axes) {
  std::int64_t size = 1;
  for (const std::int64_t length : axes) size *= length;
  std::vector<double> values;
  for (std::int64_t i = 0; i < size; ++i) values.push_back(static_cast<double>(i * 5 % 7 - 3));
  return Tensor::from(Shape(axes), values);
}

/// By the definition: a sum over all values of all labels. The equation is one that einsum takes.
std::vector<double> by_loops(std::string text, const std::vector<Tensor>& operands) {
  std::erase(text, ' ');
  const std::size_t arrow = text.find("->");
  std::vector<std::string> labels(1);
  for (const char c : text.substr(0, arrow))
    if (c == ',')
      labels.emplace_back();
    else
      labels.back() += c;
  const std::string result = text.substr(arrow + 2);
  std::string all = result;
  std::array<std::int64_t, 128> length{}, at{};
  for (std::size_t i = 0; i < labels.size(); ++i)
    for (std::size_t axis = 0; axis < labels[i].size(); ++axis) {
      const char l = labels[i][axis];
      length[static_cast<std::size_t>(l)] = operands[i].size(static_cast<int>(axis));
      if (all.find(l) == all.npos) all += l;
    }
  const auto place = [&](const std::string& of) {
    std::int64_t index = 0;
    for (const char l : of) index = index * length[static_cast<std::size_t>(l)] + at[static_cast<std::size_t>(l)];
    return index;
  };
  std::int64_t size = 1, rounds = 1;
  for (const char l : result) size *= length[static_cast<std::size_t>(l)];
  for (const char l : all) rounds *= length[static_cast<std::size_t>(l)];
  std::vector<double> sums(static_cast<std::size_t>(size), 0);
  for (std::int64_t round = 0; round < rounds; ++round) {
    std::int64_t rest = round;
    for (const char l : all) {
      const std::int64_t n = length[static_cast<std::size_t>(l)];
      at[static_cast<std::size_t>(l)] = rest % n, rest /= n;
    }
    double product = 1;
    for (std::size_t i = 0; i < labels.size(); ++i) product *= operands[i].array().at(place(labels[i]));
    sums[static_cast<std::size_t>(place(result))] += product;
  }
  return sums;
}

}  // namespace

/// An equation and, behind its first line, the operands' shapes: a byte per axis, 0 ends one. What is computed is what
/// the definition says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size), equation = input.substr(0, input.find('\n'));
  std::vector<Tensor> operands;
  std::vector<std::int64_t> axes;
  std::int64_t count = 1;
  for (const char byte : input.substr(std::min(equation.size() + 1, input.size()))) {
    if (byte != 0 && axes.size() < 6 && count < 64) {
      axes.push_back((byte & 127) % 5);
      count *= axes.back();
      continue;
    }
    if (operands.size() < 3) operands.push_back(numbers(axes));
    axes.clear(), count = 1;
  }
  if (operands.empty()) operands.push_back(numbers({2, 2}));
  Tensor result;
  if (!fuzz::accepts([&] { result = einsum(equation, operands); })) return 0;
  const std::vector<double> expected = by_loops(std::string(equation), operands);
  fuzz::must(static_cast<std::size_t>(result.array().size()) == expected.size(), "the result has its shape");
  for (std::size_t i = 0; i < expected.size(); ++i)
    fuzz::must(result.array().at(static_cast<std::int64_t>(i)) == expected[i], "the result is the definition's");
  return 0;
}
