#include <gaze/autograd/tensor.h>

#include <algorithm>
#include <ostream>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>

namespace gaze {
namespace {

thread_local bool recording = true;
thread_local bool checking = false;

const Ptr<Node> no_node;

}  // namespace

NoGrad::NoGrad() : before_(std::exchange(recording, false)) {}
NoGrad::~NoGrad() { recording = before_; }
EnableGrad::EnableGrad() : before_(std::exchange(recording, true)) {}
EnableGrad::~EnableGrad() { recording = before_; }
bool grad_enabled() { return recording; }

AnomalyMode::AnomalyMode() : before_(std::exchange(checking, true)) {}
AnomalyMode::~AnomalyMode() { checking = before_; }
bool anomaly_enabled() { return checking; }

struct Tensor::Impl : Counted {
  Impl(Array a, Ptr<Node> n) : array(std::move(a)), node(std::move(n)) {}
  static void destroy(Impl* impl) {
    impl->~Impl();
    pool::release(impl, sizeof(Impl));
  }
  Array array;
  Ptr<Node> node;
};

Tensor::Tensor() = default;
Tensor::Tensor(const Tensor&) = default;
Tensor::Tensor(Tensor&&) noexcept = default;
Tensor& Tensor::operator=(const Tensor&) = default;
Tensor& Tensor::operator=(Tensor&&) noexcept = default;
Tensor::~Tensor() = default;

Tensor::Tensor(Array array, bool wants_gradient) : Tensor(std::move(array), Ptr<Node>()) {
  if (wants_gradient) requires_grad(true);
}

Tensor::Tensor(Array array, Ptr<Node> node)
    : impl_(new (pool::allocate(sizeof(Impl))) Impl(std::move(array), std::move(node))) {}

Tensor Tensor::zeros(Shape shape, DType dtype) { return Tensor(Array::zeros(shape, dtype)); }
Tensor Tensor::ones(Shape shape, DType dtype) { return full(shape, 1, dtype); }
Tensor Tensor::full(Shape shape, double value, DType dtype) { return Tensor(Array::full(shape, dtype, value)); }
Tensor Tensor::scalar(double value, DType dtype) { return full({}, value, dtype); }

const Array& Tensor::array() const {
  require(defined(), "tensor: it is undefined");
  return impl_->array;
}

Array& Tensor::mutable_array() {
  require(defined(), "tensor: it is undefined");
  return impl_->array;
}

const Ptr<Node>& Tensor::node() const { return impl_ ? impl_->node : no_node; }
bool Tensor::unique() const { return impl_.unique(); }

double Tensor::item() const {
  require(size() == 1, "item: needs one element, shape {} has {}", shape(), size());
  return array().at(0);
}

double Tensor::at(std::initializer_list<std::int64_t> index) const {
  require(static_cast<int>(index.size()) == rank(), "at: {} indices for shape {}", index.size(), shape());
  std::int64_t flat = 0;
  int axis = 0;
  for (const std::int64_t i : index) {
    const std::int64_t length = size(axis++);
    require(i >= 0 && i < length, "at: index {} is out of range for an axis of length {}", i, length);
    flat = flat * length + i;
  }
  return array().at(flat);
}

bool Tensor::requires_grad() const { return static_cast<bool>(node()); }
bool Tensor::is_leaf() const { return !node() || node()->is_leaf(); }

Tensor& Tensor::requires_grad(bool on) {
  require(is_leaf(), "requires_grad: {} made this tensor; only a leaf's can be changed",
          node() ? node()->operation : "");
  require(!on || is_floating(dtype()), "requires_grad: an {} tensor has no gradient", name_of(dtype()));
  if (on && !impl_->node) impl_->node = Ptr<Node>(new (pool::allocate(sizeof(Leaf))) Leaf(array()));
  if (!on) impl_->node.reset();
  return *this;
}

Tensor Tensor::grad() const {
  require(is_leaf(), "grad: {} made this tensor; only leaves keep their gradient (see register_hook)",
          node() ? node()->operation : "");
  if (!node()) return {};
  const auto& leaf = static_cast<const Leaf&>(*node());
  return leaf.present ? Tensor(leaf.gradient) : Tensor();
}

void Tensor::zero_grad() {
  if (node() && node()->is_leaf()) static_cast<Leaf&>(*node()).present = false;
}

void Tensor::backward(bool retain_graph) const {
  gaze::backward(*this, {.cotangent = {}, .retain_graph = retain_graph});
}

void Tensor::register_hook(std::function<Tensor(const Tensor&)> hook) {
  require(requires_grad(), "register_hook: the tensor requires no gradient");
  auto& hooks = impl_->node->hooks;
  if (!hooks) hooks = std::make_unique<std::vector<Node::Hook>>();
  hooks->push_back(std::move(hook));
}

Tensor Tensor::detach() const { return Tensor(array()); }

Tensor Tensor::clone() const {
  return record("clone", array().copy(), {*this}, keep_none,
                [](const Saved&, const Tensor& g) -> Gradients { return {g}; });
}

void Tensor::assign(const Tensor& other, const char* writer) {
  mutable_array().assign(other.array());
  impl_->array.changed(writer);
}

void Tensor::fill(double value, const char* writer) {
  mutable_array().fill(value);
  impl_->array.changed(writer);
}

Tensor Tensor::to(DType dtype) const { return cast(*this, dtype); }
Tensor Tensor::reshape(Shape shape) const { return gaze::reshape(*this, {shape.begin(), shape.end()}); }
Tensor Tensor::operator[](std::int64_t index) const {
  require(rank() > 0, "index: a scalar has no axis");
  const std::int64_t i = index < 0 ? index + size(0) : index;
  require(i >= 0 && i < size(0), "index: {} is out of range for shape {}", index, shape());
  return squeeze(slice(0, i, i + 1), 0);
}
Tensor Tensor::slice(int axis, std::int64_t first, std::int64_t last) const {
  return gaze::slice(*this, axis, first, last);
}
Tensor Tensor::sum() const { return gaze::sum(*this); }
Tensor Tensor::mean() const { return gaze::mean(*this); }

namespace {

template <class Row>
void append(std::vector<double>& flat, const Row& row) {
  flat.insert(flat.end(), row.begin(), row.end());
}

Tensor from_doubles(const Shape& shape, const std::vector<double>& flat, DType dtype) {
  return Tensor(Array::from<double>(shape, std::span<const double>(flat)).to(dtype));
}

std::int64_t length(auto const& list) { return static_cast<std::int64_t>(list.size()); }

// NumPy's print: three entries at either end of a long axis, columns aligned by the widest number.
constexpr std::int64_t shown_whole = 1000;
constexpr std::int64_t edge = 3;

std::string number(const Array& a, std::int64_t i) {
  if (!is_floating(a.dtype())) return fmt::format("{}", a.data<std::int32_t>()[i]);
  const double v = a.at(i);
  if (v == 0 || (std::abs(v) >= 1e-4 && std::abs(v) < 1e8)) {
    std::string s = fmt::format("{:.4f}", v);
    s.erase(s.find_last_not_of('0') + 1);
    return s;
  }
  return fmt::format("{:.4g}", v);
}

template <class Visit>
void visit_shown(const Shape& shape, bool whole, int axis, std::int64_t base, const Visit& visit) {
  if (axis == shape.rank()) return visit(base);
  for (std::int64_t i = 0; i < shape[axis]; ++i) {
    if (!whole && shape[axis] > 2 * edge && i == edge) i = shape[axis] - edge;
    visit_shown(shape, whole, axis + 1, base * shape[axis] + i, visit);
  }
}

void print(const Array& a, bool whole, int axis, std::int64_t base, std::size_t width, std::string& out) {
  if (axis == a.shape().rank()) {
    out += fmt::format("{:>{}}", number(a, base), width);
    return;
  }
  const std::int64_t n = a.shape()[axis];
  const bool innermost = axis + 1 == a.shape().rank();
  const std::string between = innermost
                                  ? ", "
                                  : "," + std::string(static_cast<std::size_t>(a.shape().rank() - axis - 1), '\n') +
                                        std::string(static_cast<std::size_t>(axis + 1), ' ');
  out += '[';
  for (std::int64_t i = 0; i < n; ++i) {
    if (i) out += between;
    if (!whole && n > 2 * edge && i == edge) {
      out += "..." + between;
      i = n - edge;
    }
    print(a, whole, axis + 1, base * n + i, width, out);
  }
  out += ']';
}

}  // namespace

Tensor tensor(std::initializer_list<double> values, DType dtype) {
  return from_doubles({length(values)}, std::vector<double>(values), dtype);
}

Tensor tensor(std::initializer_list<std::initializer_list<double>> values, DType dtype) {
  std::vector<double> flat;
  const std::int64_t columns = values.size() ? length(*values.begin()) : 0;
  for (const auto& row : values) {
    require(length(row) == columns, "tensor: a row of {} numbers among rows of {}", row.size(), columns);
    append(flat, row);
  }
  return from_doubles({length(values), columns}, flat, dtype);
}

Tensor tensor(std::initializer_list<std::initializer_list<std::initializer_list<double>>> values, DType dtype) {
  std::vector<double> flat;
  const std::int64_t rows = values.size() ? length(*values.begin()) : 0;
  const std::int64_t columns = rows ? length(*values.begin()->begin()) : 0;
  for (const auto& matrix : values) {
    require(length(matrix) == rows, "tensor: a matrix of {} rows among matrices of {}", matrix.size(), rows);
    for (const auto& row : matrix) {
      require(length(row) == columns, "tensor: a row of {} numbers among rows of {}", row.size(), columns);
      append(flat, row);
    }
  }
  return from_doubles({length(values), rows, columns}, flat, dtype);
}

std::string Tensor::to_string() const {
  if (!defined()) return "undefined";
  const Array& a = array();
  const bool whole = a.size() <= shown_whole;
  std::size_t width = 0;
  visit_shown(a.shape(), whole, 0, 0, [&](std::int64_t i) { width = std::max(width, number(a, i).size()); });
  std::string out;
  print(a, whole, 0, 0, width, out);
  if (dtype() != DType::float32) out += fmt::format(" {}", name_of(dtype()));
  if (requires_grad()) out += is_leaf() ? " requires_grad" : fmt::format(" from {}", node()->operation);
  return out;
}

std::ostream& operator<<(std::ostream& out, const Tensor& t) { return out << t.to_string(); }

}  // namespace gaze
