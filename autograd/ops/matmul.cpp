#include <algorithm>
#include <array>
#include <string>

#include <gaze/autograd/base/range.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/ops/composed.h>
#include <gaze/autograd/ops/elementwise.h>

namespace gaze {
namespace {

std::int64_t rows_of(const Tensor& t, bool transposed) { return t.size(transposed ? -1 : -2); }
std::int64_t columns_of(const Tensor& t, bool transposed) { return t.size(transposed ? -2 : -1); }

Shape batch_of(const Tensor& t) { return Shape(t.shape().axes().first(static_cast<std::size_t>(t.rank()) - 2)); }

/// x as a matrix: all axes but the last together.
Tensor as_matrix(const Tensor& x) {
  const std::int64_t width = x.size(-1);
  return reshape(x, {x.shape().span_size(0, x.rank() - 1), width});
}

template <class T>
void multiply(const Tensor& a, const Tensor& b, MatmulOptions o, const Shape& batch, Array& y) {
  const std::int64_t m = rows_of(a, o.transpose_a), k = columns_of(a, o.transpose_a), n = columns_of(b, o.transpose_b);
  kernels::Gemm<T> g{.m = m,
                     .n = n,
                     .k = k,
                     .a = a.array().data<T>(),
                     .a_stride = a.size(-1),
                     .transpose_a = o.transpose_a,
                     .b = b.array().data<T>(),
                     .b_stride = b.size(-1),
                     .transpose_b = o.transpose_b,
                     .c = y.write<T>(),
                     .c_stride = n};
  const Shape batch_a = batch_of(a), batch_b = batch_of(b);
  if (!o.transpose_a && batch_b.size() == 1 && batch_a.size() == batch.size()) {  // one tall product
    g.m = batch.size() * m;
    kernels::of<T>().gemm(g);
    return;
  }
  std::vector<kernels::GemmOffsets> offsets;
  kernels::for_each_pair(kernels::broadcast_loop(batch.axes(), {batch_a.axes(), batch_b.axes()}),
                         [&](std::int64_t i, std::int64_t of_a, std::int64_t of_b) {
                           offsets.push_back({of_a * m * k, of_b * k * n, i * m * n});
                         });
  kernels::of<T>().gemm_batch(g, batch.size(), offsets.data());
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, MatmulOptions o) {
  detail::require_alike("matmul", a, b);
  require(a.rank() > 0 && b.rank() > 0, "matmul: operands {} and {} must have at least one axis", a.shape(), b.shape());
  if (a.rank() == 1 || b.rank() == 1) {  // a vector is a row on the left and a column on the right
    require(!(a.rank() == 1 && o.transpose_a) && !(b.rank() == 1 && o.transpose_b),
            "matmul: a vector cannot be transposed");
    Tensor y = matmul(a.rank() == 1 ? unsqueeze(a, 0) : a, b.rank() == 1 ? unsqueeze(b, 1) : b, o);
    if (b.rank() == 1) y = squeeze(y, -1);
    return a.rank() == 1 ? squeeze(y, b.rank() == 1 ? -1 : -2) : y;
  }
  require(columns_of(a, o.transpose_a) == rows_of(b, o.transpose_b),
          "matmul: {} axis of a {} must equal {} axis of b {}", o.transpose_a ? "second-last" : "last", a.shape(),
          o.transpose_b ? "last" : "second-last", b.shape());
  const Shape batch = broadcast("matmul", batch_of(a), batch_of(b));
  Shape shape = batch;
  shape.append(rows_of(a, o.transpose_a));
  shape.append(columns_of(b, o.transpose_b));
  Array y(shape, a.dtype());
  for_floating("matmul", a.dtype(), [&]<class T>() { multiply<T>(a, b, o, batch, y); });
  const Keep keep = (b.requires_grad() ? keep_input(0) : keep_none) | (a.requires_grad() ? keep_input(1) : keep_none);
  // Y = A B: dA = G B^T and dB = A^T G; for a transposed operand the same, transposed.
  return record("matmul", std::move(y), {a, b}, keep, [o](const Saved& s, const Tensor& g) -> Gradients {
    const bool flat = s.shape(0).rank() == 2 && s.shape(1).rank() == 2;  // two matrices: the engine may accumulate
    const auto product = [flat](const Tensor& x, bool tx, const Tensor& z, bool tz) {
      return flat ? Contribution::product(x, tx, z, tz) : Contribution(matmul(x, z, {tx, tz}));
    };
    Contribution to_a, to_b;
    if (s.needs(0))
      to_a = o.transpose_a ? product(s[1], o.transpose_b, g, true) : product(g, false, s[1], !o.transpose_b);
    if (s.needs(1)) {
      if (s.shape(1).rank() == 2 && !o.transpose_a && !o.transpose_b && !flat)
        to_b = Contribution::product(as_matrix(s[0]), true, as_matrix(g), false);  // sums over the batch in the gemm
      else
        to_b = o.transpose_b ? product(g, true, s[0], o.transpose_a) : product(s[0], !o.transpose_a, g, false);
    }
    return {std::move(to_a), std::move(to_b)};
  });
}

namespace {

/// Y = dropout(activation(Z)), Z = X W^T + 1 b^T, with some rows of W and b.
struct Affine {
  const char* operation;
  RowRange rows;
  Activation activation = Activation::none;
  DropoutOptions drop = {};
  std::int64_t count = 0, in = 0;  ///< rows of X, columns of X

  bool changes() const { return activation != Activation::none || drop.p > 0; }  ///< Y is not Z

  void check(const Tensor& x, const Tensor& weight, const Tensor& bias) {
    detail::require_alike(operation, x, weight);
    require(x.rank() >= 1 && weight.rank() == 2 && x.size(-1) == weight.size(1),
            "{}: last axis of x {} must equal the last axis of weight {} [out,in]", operation, x.shape(),
            weight.shape());
    require(within(rows.first, std::max<std::int64_t>(rows.count, 0), weight.size(0)),
            "{}: {} rows from {} of weight {} are out of range", operation, rows.count, rows.first, weight.shape());
    if (rows.count < 0) rows.count = weight.size(0) - rows.first;
    require(drop.p >= 0 && drop.p < 1, "{}: p {} is not in [0, 1)", operation, drop.p);
    count = x.shape().span_size(0, x.rank() - 1), in = weight.size(1);
    if (!bias.defined()) return;
    detail::require_alike(operation, x, bias);
    require(bias.rank() == 1 && bias.size(0) == weight.size(0),
            "{}: bias {} must have one number for each row of weight {}", operation, bias.shape(), weight.shape());
  }

  Tensor composed(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    Tensor y = linear(x, weight, bias, rows);
    if (activation == Activation::relu) y = relu(y);
    if (activation == Activation::gelu) y = gelu(y);
    return drop.p > 0 ? dropout(y, drop.p, drop.stream) : y;
  }

  /// Fills y and, if it is defined, the activation's slope.
  void forward(const Tensor& x, const Tensor& weight, const Tensor& bias, Array& y, Array& slope) const {
    for_floating(operation, x.dtype(), [&]<class T>() {
      kernels::of<T>().gemm({.m = count,
                             .n = rows.count,
                             .k = in,
                             .a = x.array().data<T>(),
                             .a_stride = in,
                             .b = weight.array().data<T>() + rows.first * in,
                             .b_stride = in,
                             .transpose_b = true,
                             .c = y.write<T>(),
                             .c_stride = rows.count,
                             .bias = bias.defined() ? bias.array().data<T>() + rows.first : nullptr,
                             .activation = activation,
                             .slope = slope.defined() ? slope.write<T>() : nullptr,
                             .dropout = drop.p,
                             .seed = drop.stream.seed,
                             .stream = drop.stream.stream});
    });
  }

  /// dZ [count,out], and db [out] if it is defined, in one pass; dZ is g itself where Y is Z.
  Tensor to_z(const Tensor& g, const Array& kept, Array& dbias) const {
    Array dz = changes() ? Array(g.shape(), g.dtype()) : Array();
    if (dz.defined() || dbias.defined())
      for_floating(operation, g.dtype(), [&]<class T>() {
        kernels::of<T>().dense_vjp({.rows = count,
                                    .n = rows.count,
                                    .activation = activation,
                                    .kept = kept.defined() ? kept.data<T>() : nullptr,
                                    .dropout = drop.p,
                                    .seed = drop.stream.seed,
                                    .stream = drop.stream.stream},
                                   g.array().data<T>(), dz.defined() ? dz.write<T>() : nullptr,
                                   dbias.defined() ? dbias.write<T>() : nullptr);
      });
    return dz.defined() ? Tensor(std::move(dz)) : g;
  }
};

Tensor affine(Affine f, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  f.check(x, weight, bias);
  const Tensor inputs[] = {x, weight, bias};
  Array y(x.shape().with(-1, f.rows.count), x.dtype()), slope;
  if (f.activation == Activation::gelu && detail::wants_graph(inputs)) slope = Array(y.shape(), y.dtype());
  f.forward(x, weight, bias, y, slope);
  const Keep keep = keep_inputs | (f.activation == Activation::relu ? keep_result : keep_none);
  return record(f.operation, std::move(y), inputs, keep, [f, slope](const Saved& s, const Tensor& g) -> Gradients {
    const bool biased = s.shape(2).rank() == 1;
    if (grad_enabled() && f.changes())
      return detail::differentiate(
          s, biased ? 3 : 2, g,
          [&](const std::vector<Tensor>& at) { return f.composed(at[0], at[1], biased ? at[2] : Tensor()); },
          biased ? 0 : 1);
    // dX = dZ W, dW = dZ^T X, db = dZ^T 1; rows that took no part get nothing.
    const bool create_graph = grad_enabled();  // then Y is Z, and every step is an operation
    Array dbias = s.needs(2) && !create_graph ? Array({f.rows.count}, g.dtype()) : Array();
    const Tensor dz =
        as_matrix(create_graph ? g : f.to_z(g, f.activation == Activation::relu ? s.result().array() : slope, dbias));
    Contribution to_x, to_weight, to_bias;
    if (s.needs(0)) {
      const Tensor own = create_graph ? slice(s[1], 0, f.rows.first, f.rows.first + f.rows.count)
                                      : Tensor(s[1].array().span(f.rows.first * f.in, {f.rows.count, f.in}));
      to_x = Contribution::product(dz, false, own, false);
    }
    if (s.needs(1)) to_weight = Contribution::product(dz, true, as_matrix(s[0]), false, f.rows.first);
    if (s.needs(2)) to_bias = Contribution::part(create_graph ? sum(dz, {0}) : Tensor(std::move(dbias)), f.rows.first);
    return {std::move(to_x), std::move(to_weight), std::move(to_bias)};
  });
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, RowRange rows) {
  return affine({.operation = "linear", .rows = rows}, x, weight, bias);
}

Tensor dense(const Tensor& x, const Tensor& weight, const Tensor& bias, Activation activation,
             const DropoutOptions& dropout) {
  return affine({.operation = "dense", .rows = {}, .activation = activation, .drop = dropout}, x, weight, bias);
}

namespace {

/// An operand of einsum brought to the order `labels`, axes not in them summed away.
Tensor arranged(Tensor x, std::string own, const std::string& labels) {
  for (std::size_t i = own.size(); i-- > 0;) {
    if (labels.find(own[i]) != std::string::npos) continue;
    x = sum(x, {static_cast<int>(i)});
    own.erase(i, 1);
  }
  Axes order;
  for (const char label : labels)
    if (const std::size_t at = own.find(label); at != std::string::npos) order.push_back(static_cast<int>(at));
  return std::is_sorted(order.begin(), order.end()) ? x : permute(x, order);
}

}  // namespace

Tensor einsum(std::string_view equation, const std::vector<Tensor>& operands) {
  std::string text;
  for (const char c : equation)
    if (c != ' ') text += c;
  const std::size_t arrow = text.find("->");
  require(arrow != std::string::npos, "einsum: \"{}\" has no \"->\"", equation);
  const std::string result = text.substr(arrow + 2);
  std::vector<std::string> labels(1);
  for (const char c : text.substr(0, arrow)) c == ',' ? labels.emplace_back() : labels.back() += c, void();
  require(labels.size() == operands.size() && (labels.size() == 1 || labels.size() == 2),
          "einsum: \"{}\" names {} operands, {} are given; one or two are supported", equation, labels.size(),
          operands.size());
  std::array<std::int64_t, 128> lengths;
  lengths.fill(-1);
  const auto check_labels = [&](const std::string& word) {
    for (std::size_t i = 0; i < word.size(); ++i)
      require(((word[i] | 32) >= 'a' && (word[i] | 32) <= 'z') && word.find(word[i], i + 1) == std::string::npos,
              "einsum: \"{}\": every label is a letter, at most once per operand", equation);
  };
  for (std::size_t i = 0; i < labels.size(); ++i) {
    check_labels(labels[i]);
    require(static_cast<int>(labels[i].size()) == operands[i].rank(),
            "einsum: \"{}\" has {} labels for operand {} of shape {}", equation, labels[i].size(), i,
            operands[i].shape());
    for (std::size_t axis = 0; axis < labels[i].size(); ++axis) {
      std::int64_t& length = lengths[static_cast<std::size_t>(labels[i][axis])];
      const std::int64_t own = operands[i].size(static_cast<int>(axis));
      require(length < 0 || length == own, "einsum: \"{}\": axis {} is {} in one operand and {} in the other", equation,
              labels[i][axis], length, own);
      length = own;
    }
  }
  check_labels(result);
  for (const char label : result)
    require(lengths[static_cast<std::size_t>(label)] >= 0, "einsum: \"{}\": {} is in the result only", equation, label);
  if (operands.size() == 1) return arranged(operands[0], labels[0], result);

  // Labels in both operands and the result run along the batch, those in both alone are summed by the product.
  std::string batch, left, right, summed;
  const auto has = [](const std::string& word, char l) { return word.find(l) != std::string::npos; };
  for (const char l : labels[0])
    if (has(labels[1], l))
      (has(result, l) ? batch : summed) += l;
    else if (has(result, l))
      left += l;
  for (const char l : labels[1])
    if (!has(labels[0], l) && has(result, l)) right += l;
  const auto product = [&](const std::string& word) {
    std::int64_t n = 1;
    for (const char l : word) n *= lengths[static_cast<std::size_t>(l)];
    return n;
  };
  const Tensor a = reshape(arranged(operands[0], labels[0], batch + left + summed),
                           {product(batch), product(left), product(summed)});
  const Tensor b = reshape(arranged(operands[1], labels[1], batch + summed + right),
                           {product(batch), product(summed), product(right)});
  std::vector<std::int64_t> shape;
  for (const char l : batch + left + right) shape.push_back(lengths[static_cast<std::size_t>(l)]);
  return arranged(reshape(matmul(a, b), shape), batch + left + right, result);
}

}  // namespace gaze
