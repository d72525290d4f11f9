#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gaze/autograd/ops.h>
#include <gaze/optim/adam.h>
#include <gaze/optim/sgd.h>

namespace gaze {

/// A matrix and a vector with the values and gradients of golden/optim.py. The default matrix is long enough for
/// several blocks of a kernel and ends within a vector.
struct Fixture {
  explicit Fixture(DType dtype = DType::float64, const Shape& matrix = {41, 251}) : params(dtype) {
    params.add("matrix", wave(matrix, [](double i) { return std::cos(i + 1) / 2; }));
    params.add("vector", wave({5}, [](double i) { return std::cos(i + 1) / 2; }));
  }

  Array wave(const Shape& shape, const std::function<double(double)>& f) const {
    Array a(shape, params.dtype());
    for (std::int64_t i = 0; i < a.size(); ++i) a.set(i, f(static_cast<double>(i)));
    return a;
  }

  /// The gradient of parameter c, 0 or 1, at step t.
  Array gradient(std::size_t c, int t) const {
    return wave(params.list()[c].value.shape(),
                [&](double i) { return std::sin(t + 0.7 * i + static_cast<double>(c)); });
  }

  /// Makes the gradient of a parameter, by the engine, equal to g.
  static void give(Tensor parameter, const Array& g) {
    parameter.zero_grad();
    (parameter * Tensor(g)).sum().backward();
  }

  void give_all(int t) {
    for (std::size_t c = 0; c < 2; ++c) give(params.list()[c].value, gradient(c, t));
  }

  /// Steps first to last of the training that golden/optim.py defines.
  void train(Optimizer& optimizer, int first, int last) {
    for (int t = first; t <= last; ++t) {
      give_all(t);
      optimizer.step(0.05);
    }
  }

  Params params;
};

inline std::vector<double> numbers(const Array& a) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < a.size(); ++i) all.push_back(a.at(i));
  return all;
}
inline std::vector<double> numbers(const Tensor& t) { return numbers(t.array()); }

/// The state of an optimizer as it can be compared.
inline std::vector<std::pair<std::string, std::vector<double>>> numbers(const Optimizer& optimizer) {
  std::vector<std::pair<std::string, std::vector<double>>> all;
  for (const auto& [name, array] : optimizer.state()) all.emplace_back(name, numbers(array));
  return all;
}

/// The optimizers and options of golden/optim.py.
struct Kind {
  std::string name;
  std::function<std::unique_ptr<Optimizer>(Params&)> make;
};

inline std::vector<Kind> kinds() {
  const auto adam = [](double decay) { return AdamOptions{.betas = {0.9, 0.98}, .eps = 1e-6, .weight_decay = decay}; };
  const auto sgd = [](double momentum, double decay, bool nesterov) {
    return [=](Params& p) {
      return std::make_unique<Sgd>(p, SgdOptions{.momentum = momentum, .weight_decay = decay, .nesterov = nesterov});
    };
  };
  return {{"adam", [=](Params& p) { return std::make_unique<Adam>(p, adam(0)); }},
          {"adam with weight decay", [=](Params& p) { return std::make_unique<Adam>(p, adam(0.1)); }},
          {"adamw", [=](Params& p) { return std::make_unique<AdamW>(p, adam(0.1)); }},
          {"sgd", sgd(0, 0, false)},
          {"sgd with momentum", sgd(0.9, 0.1, false)},
          {"sgd with Nesterov", sgd(0.9, 0.1, true)}};
}

}  // namespace gaze
