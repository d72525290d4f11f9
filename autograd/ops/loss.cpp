#include <cmath>
#include <numeric>

#include <gaze/autograd/graph.h>
#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/ops/elementwise.h>

namespace gaze {
namespace {

/// Rows whose target counts, after checking that every target is a class or ignored.
std::int64_t count_targets(const Tensor& targets, std::int64_t classes, std::int32_t ignored) {
  std::int64_t counted = 0;
  const auto values = targets.values<std::int32_t>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == ignored) continue;
    require(values[i] >= 0 && values[i] < classes, "cross_entropy: target {} at position {} is not in [0, {})",
            values[i], i, classes);
    ++counted;
  }
  return counted;
}

/// The gradient of the logits in operations: factor g (softmax(x) - q) a row that counts.
Tensor composed_vjp(const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& o, double factor,
                    const Tensor& g) {
  const DType dtype = logits.dtype();
  const std::int64_t classes = logits.size(-1);
  const Tensor counts = not_equal(targets, Tensor(Array::full({}, DType::int32, o.ignore_index)));
  Array ids = targets.array().copy();
  for (std::int64_t i = 0; i < ids.size(); ++i)
    if (ids.data<std::int32_t>()[i] == o.ignore_index) ids.write<std::int32_t>()[i] = 0;
  const Tensor q =
      one_hot(Tensor(ids), classes, dtype) * (1 - o.label_smoothing) + o.label_smoothing / static_cast<double>(classes);
  return g * factor * unsqueeze(cast(counts, dtype), -1) * (softmax(logits) - q);
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& o) {
  require(logits.rank() >= 1 && targets.dtype() == DType::int32 && targets.shape() == logits.shape().without(-1),
          "cross_entropy: logits {} need int32 targets of the shape without the last axis, got {} {}", logits.shape(),
          name_of(targets.dtype()), targets.shape());
  require(o.label_smoothing >= 0 && o.label_smoothing <= 1, "cross_entropy: label smoothing {} is not in [0, 1]",
          o.label_smoothing);
  const std::int64_t classes = logits.size(-1), rows = targets.size();
  const std::int64_t counted = count_targets(targets, classes, o.ignore_index);
  std::vector<double> losses(static_cast<std::size_t>(rows));
  Array log_sums({rows}, logits.dtype());
  for_floating("cross_entropy", logits.dtype(), [&]<class T>() {
    kernels::of<T>().cross_entropy_rows(logits.array().data<T>(), targets.array().data<std::int32_t>(), o.ignore_index,
                                        o.label_smoothing, rows, classes, losses.data(), log_sums.write<T>());
  });
  const double total = std::accumulate(losses.begin(), losses.end(), 0.0);
  const double factor = o.reduction == Reduction::mean ? 1 / static_cast<double>(counted) : 1;
  const double loss = counted == 0 && o.reduction == Reduction::mean ? std::nan("") : total * factor;
  return record("cross_entropy", Array::full({}, logits.dtype(), loss), {logits, targets}, keep_inputs,
                [o, factor, log_sums, counted](const Saved& s, const Tensor& g) -> Gradients {
                  const Tensor ids = s[1];
                  if (counted == 0) return {Tensor::zeros(s.shape(0), g.dtype()), Tensor()};
                  if (grad_enabled()) return {composed_vjp(s[0], ids, o, factor, g), Tensor()};
                  // Logits are a step's largest array: their gradient takes their place.
                  auto [x, d] = s.reuse(0);
                  for_floating("cross_entropy", x.dtype(), [&]<class T>() {
                    kernels::of<T>().cross_entropy_rows_vjp(
                        x.data<T>(), log_sums.data<T>(), ids.array().data<std::int32_t>(), o.ignore_index,
                        o.label_smoothing, factor * g.item(), ids.size(), x.shape()[-1], d.template write<T>());
                  });
                  return {Tensor(std::move(d)), Tensor()};
                });
}

Tensor mse(const Tensor& a, const Tensor& b, Reduction reduction) {
  detail::require_alike("mse", a, b);
  broadcast("mse", a.shape(), b.shape());
  const Tensor difference = a - b, squares = difference * difference;
  return reduction == Reduction::mean ? mean(squares) : sum(squares);
}

}  // namespace gaze
