#include <cmath>
#include <numeric>

#include <gaze/autograd/base/range.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/kernels/projection.h>
#include <gaze/autograd/ops/composed.h>
#include <gaze/autograd/ops/elementwise.h>

namespace gaze {
namespace {

/// Rows whose target counts, after checking that every target is a class or ignored.
std::int64_t count_targets(const char* operation, const Tensor& targets, std::int64_t classes, std::int32_t ignored) {
  std::int64_t counted = 0;
  const auto values = targets.values<std::int32_t>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == ignored) continue;
    require(within(values[i], 1, classes), "{}: target {} at position {} is not in [0, {})", operation, values[i], i,
            classes);
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
  std::replace(ids.write<std::int32_t>(), ids.write<std::int32_t>() + ids.size(), o.ignore_index, 0);
  const Tensor q =
      one_hot(Tensor(ids), classes, dtype) * (1 - o.label_smoothing) + o.label_smoothing / static_cast<double>(classes);
  return g * factor * unsqueeze(cast(counts, dtype), -1) * (softmax(logits) - q);
}

/// What is known before a loss is computed.
struct Counting {
  Counting(const char* operation, const Shape& logits, const Tensor& targets, const CrossEntropyOptions& o)
      : classes(logits[-1]), rows(targets.size()) {
    require(targets.dtype() == DType::int32 && targets.shape() == logits.without(-1),
            "{}: logits {} need int32 targets of the shape without the last axis, got {} {}", operation, logits,
            name_of(targets.dtype()), targets.shape());
    require(o.label_smoothing >= 0 && o.label_smoothing <= 1, "{}: label smoothing {} is not in [0, 1]", operation,
            o.label_smoothing);
    counted = count_targets(operation, targets, classes, o.ignore_index);
    factor = o.reduction == Reduction::mean ? 1 / static_cast<double>(counted) : 1;
  }
  double loss(const std::vector<double>& of_rows, const CrossEntropyOptions& o) const {
    if (counted == 0 && o.reduction == Reduction::mean) return std::nan("");
    return counted == 0 ? 0 : std::accumulate(of_rows.begin(), of_rows.end(), 0.0) * factor;
  }
  std::int64_t classes, rows, counted = 0;
  double factor = 0;  ///< of a row's loss in the whole
};

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& o) {
  require(logits.rank() >= 1, "cross_entropy: logits {} need a last axis of classes", logits.shape());
  const Counting c("cross_entropy", logits.shape(), targets, o);
  std::vector<double> losses(static_cast<std::size_t>(c.rows));
  Array log_sums({c.rows}, logits.dtype());
  for_floating("cross_entropy", logits.dtype(), [&]<class T>() {
    kernels::of<T>().cross_entropy_rows(logits.array().data<T>(), targets.array().data<std::int32_t>(), o.ignore_index,
                                        o.label_smoothing, c.rows, c.classes, losses.data(), log_sums.write<T>());
  });
  return record("cross_entropy", Array::full({}, logits.dtype(), c.loss(losses, o)), {logits, targets}, keep_inputs,
                [o, c, log_sums](const Saved& s, const Tensor& g) -> Gradients {
                  const Tensor ids = s[1];
                  if (c.counted == 0) return {Tensor::zeros(s.shape(0), g.dtype()), Tensor()};
                  if (grad_enabled()) return {composed_vjp(s[0], ids, o, c.factor, g), Tensor()};
                  // Logits are a step's largest array: their gradient takes their place.
                  Saved::Reused reused = s.reuse(0);
                  for_floating("cross_entropy", g.dtype(), [&]<class T>() {
                    kernels::of<T>().cross_entropy_rows_vjp(
                        reused.numbers.data<T>(), log_sums.data<T>(), ids.array().data<std::int32_t>(), o.ignore_index,
                        o.label_smoothing, c.factor * g.item(), c.rows, c.classes, reused.gradient.write<T>());
                  });
                  return {Tensor(std::move(reused.gradient)), Tensor()};
                });
}

Tensor projected_cross_entropy(const Tensor& x, const Tensor& weight, const Tensor& targets,
                               const CrossEntropyOptions& o) {
  detail::require_alike("projected_cross_entropy", x, weight);
  require(x.rank() >= 1 && weight.rank() == 2 && x.size(-1) == weight.size(1),
          "projected_cross_entropy: last axis of x {} must equal the last axis of weight {} [V,D]", x.shape(),
          weight.shape());
  const Counting c("projected_cross_entropy", x.shape().with(-1, weight.size(0)), targets, o);
  const bool recorded = grad_enabled() && c.counted > 0, to_x = recorded && x.requires_grad(),
             to_weight = recorded && weight.requires_grad();
  std::vector<double> losses(static_cast<std::size_t>(c.rows));
  Array dx = to_x ? Array(x.shape(), x.dtype()) : Array();
  Array dweight = to_weight ? Array(weight.shape(), x.dtype()) : Array();
  for_floating("projected_cross_entropy", x.dtype(), [&]<class T>() {
    kernels::projected_cross_entropy<T>({.rows = c.rows,
                                         .width = weight.size(1),
                                         .classes = c.classes,
                                         .x = x.array().data<T>(),
                                         .weight = weight.array().data<T>(),
                                         .targets = targets.array().data<std::int32_t>(),
                                         .ignored = o.ignore_index,
                                         .smoothing = o.label_smoothing,
                                         .factor = c.factor,
                                         .losses = losses.data(),
                                         .dx = to_x ? dx.write<T>() : nullptr,
                                         .dweight = to_weight ? dweight.write<T>() : nullptr});
  });
  // The loss is one number: its gradient is that of the logits times the one that comes from above.
  return record("projected_cross_entropy", Array::full({}, x.dtype(), c.loss(losses, o)), {x, weight, targets},
                keep_inputs, [o, c, dx, dweight](const Saved& s, const Tensor& g) -> Gradients {
                  if (grad_enabled())
                    return detail::differentiate(
                        s, 2, g,
                        [&](const std::vector<Tensor>& at) { return cross_entropy(linear(at[0], at[1]), s[2], o); }, 1);
                  const auto scaled = [&](int input, const Array& d) {
                    if (!s.needs(input)) return Tensor();
                    if (c.counted == 0) return Tensor::zeros(s.shape(input), g.dtype());
                    return g.item() == 1 ? Tensor(d) : Tensor(d) * g;
                  };
                  return {scaled(0, dx), scaled(1, dweight), Tensor()};
                });
}

Tensor mse(const Tensor& a, const Tensor& b, Reduction reduction) {
  detail::require_alike("mse", a, b);
  broadcast("mse", a.shape(), b.shape());
  const Tensor difference = a - b, squares = difference * difference;
  return reduction == Reduction::mean ? mean(squares) : sum(squares);
}

}  // namespace gaze
