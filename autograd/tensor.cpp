#include <gaze/autograd/tensor.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <ostream>

#include <gaze/autograd/base/range.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>

namespace gaze {
namespace {

thread_local bool recording = true;
thread_local bool checking = false;

const Ptr<Node> no_node;

}  // namespace

GradMode::GradMode(bool records) : FlagScope(recording, records) {}
bool grad_enabled() { return recording; }

AnomalyMode::AnomalyMode() : FlagScope(checking, true) {}
detail::UncheckedNumbers::UncheckedNumbers() : FlagScope(checking, false) {}
bool anomaly_enabled() { return checking; }

struct Tensor::Impl : Counted {
  Impl(Array a, Ptr<Node> n) : array(std::move(a)), node(std::move(n)) {}
  static void destroy(Impl* impl) {
    impl->~Impl();
    pool::release(impl, sizeof(Impl));
  }
  Array array;
  Ptr<Node> node;
  Ptr<Node> frozen;  ///< the leaf's node while it asks for no gradients
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
    const std::int64_t length = size(axis++), place = i < 0 ? i + length : i;
    require(within(place, 1, length), "at: index {} is out of range for an axis of length {}", i, length);
    flat = flat * length + place;
  }
  return array().at(flat);
}

bool Tensor::requires_grad() const { return static_cast<bool>(node()); }
bool Tensor::is_leaf() const { return !node() || node()->is_leaf(); }

Tensor& Tensor::requires_grad(bool on) {
  require(is_leaf(), "requires_grad: {} made this tensor; only a leaf's can be changed",
          node() ? node()->operation : "");
  require(!on || is_floating(dtype()), "requires_grad: an {} tensor has no gradient", name_of(dtype()));
  if (on && !impl_->node) {
    impl_->node = std::exchange(impl_->frozen, {});
    if (!impl_->node) impl_->node = Ptr<Node>(new (pool::allocate(sizeof(Leaf))) Leaf(array()));
  } else if (!on && impl_->node) {
    zero_grad();
    impl_->frozen = std::exchange(impl_->node, {});
  }
  return *this;
}

Tensor Tensor::grad() const {
  require(is_leaf(), "grad: {} made this tensor; only leaves keep their gradient (see register_hook)",
          node() ? node()->operation : "");
  const Leaf* own = leaf();
  return own && own->present ? Tensor(own->gradient) : Tensor();
}

void Tensor::zero_grad() {
  if (Leaf* own = leaf()) own->present = false;
}

Leaf* Tensor::leaf() const {
  if (!impl_) return nullptr;
  Node* own = impl_->frozen ? impl_->frozen.get() : impl_->node.get();
  return own && own->is_leaf() ? static_cast<Leaf*>(own) : nullptr;
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
  require(within(i, 1, size(0)), "index: {} is out of range for shape {}", index, shape());
  return squeeze(slice(0, i, i + 1), 0);
}
Tensor Tensor::slice(int axis, std::int64_t first, std::int64_t last) const {
  return gaze::slice(*this, axis, first, last);
}
Tensor Tensor::sum() const { return gaze::sum(*this); }
Tensor Tensor::mean() const { return gaze::mean(*this); }

namespace {

// NumPy's print: three entries at either end of a long axis; all numbers in one form, with as many digits as tell each
// from its neighbours but at most eight behind the point, points below one another.
constexpr std::int64_t shown_whole = 1000;
constexpr std::int64_t edge = 3;
constexpr int max_digits = 8;

/// The shortest text of a number, in the form, that reads back as the same number of its type.
std::string shortest(double v, DType dtype, bool scientific, int min_digits = 0) {
  std::string text;
  for (int digits = min_digits; digits <= max_digits; ++digits) {
    text = scientific ? fmt::format("{:#.{}e}", v, digits) : fmt::format("{:#.{}f}", v, digits);
    const double back = std::strtod(text.c_str(), nullptr);
    if (dtype == DType::float32 ? static_cast<float>(back) == static_cast<float>(v) : back == v) break;
  }
  if (!scientific)
    while (text.back() == '0' && static_cast<int>(text.size() - text.find('.')) - 1 > min_digits) text.pop_back();
  return text;
}

/// The form that suits all numbers of a tensor.
class NumberFormat {
 public:
  explicit NumberFormat(DType dtype) : dtype_(dtype) {}

  // All numbers are seen, then measured, then written.
  const char* see(double v) {
    if (std::isfinite(v) && v != 0 && is_floating(dtype_))
      smallest_ = std::min(smallest_, std::abs(v)), largest_ = std::max(largest_, std::abs(v));
    return "";
  }
  void settle() { scientific_ = largest_ >= 1e8 || smallest_ < 1e-4 || largest_ > 1000 * smallest_; }
  const char* measure(double v) {
    const std::string text = plain(v);
    const std::size_t point = std::isfinite(v) ? text.find('.') : text.npos;
    const std::size_t end = scientific_ ? text.find('e') : text.size();
    if (point == text.npos)
      width_ = std::max(width_, text.size());
    else
      before_ = std::max(before_, point), behind_ = std::max(behind_, end - point - 1),
      exponent_ = std::max(exponent_, text.size() - end);
    return "";
  }
  std::string operator()(double v) const {
    std::string text =
        scientific_ && std::isfinite(v) ? shortest(v, dtype_, true, static_cast<int>(behind_)) : plain(v);
    const std::size_t point = std::isfinite(v) ? text.find('.') : text.npos;
    if (point != text.npos && !scientific_) text.append(behind_ - (text.size() - point - 1), ' ');
    return fmt::format("{:>{}}", text, std::max(width_, before_ > 0 ? before_ + 1 + behind_ + exponent_ : 0));
  }

 private:
  std::string plain(double v) const {
    if (!is_floating(dtype_)) return fmt::format("{}", static_cast<std::int64_t>(v));
    if (std::isnan(v)) return "nan";
    if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
    return shortest(v, dtype_, scientific_);
  }

  DType dtype_;
  double smallest_ = std::numeric_limits<double>::infinity(), largest_ = 0;
  bool scientific_ = false;
  std::size_t before_ = 0, behind_ = 0, exponent_ = 0, width_ = 0;
};

/// Text of all numbers that are shown, each as text_of(number).
template <class TextOf>
void print(const Array& a, bool whole, int axis, std::int64_t base, const TextOf& text_of, std::string& out) {
  if (axis == a.shape().rank()) {
    out += text_of(a.at(base));
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
    print(a, whole, axis + 1, base * n + i, text_of, out);
  }
  out += ']';
}

}  // namespace

void Nested::read(int depth, Shape& shape, std::vector<double>& flat) const {
  if (!is_list_) {
    require(depth == shape.rank(), "tensor: a number stands among lists");
    flat.push_back(value_);
    return;
  }
  const auto length = static_cast<std::int64_t>(list_.size());
  if (depth == shape.rank()) {
    require(flat.empty(), "tensor: a list stands among numbers");
    shape.append(length);
  }
  require(shape[depth] == length, "tensor: a list of {} among lists of {}", length, shape[depth]);
  for (const Nested& part : list_) part.read(depth + 1, shape, flat);
}

Tensor tensor(const Nested& values, DType dtype) {
  Shape shape;
  std::vector<double> flat;
  values.read(0, shape, flat);
  return Tensor(Array::from<double>(shape, std::span<const double>(flat)).to(dtype));
}

std::string Tensor::to_string() const {
  if (!defined()) return "undefined";
  const Array& a = array();
  const bool whole = a.size() <= shown_whole;
  NumberFormat format(dtype());
  std::string out;
  print(
      a, whole, 0, 0, [&](double v) { return format.see(v); }, out);
  format.settle();
  print(
      a, whole, 0, 0, [&](double v) { return format.measure(v); }, out);
  out.clear();
  print(a, whole, 0, 0, format, out);
  if (dtype() != DType::float32) out += fmt::format(" {}", name_of(dtype()));
  if (requires_grad()) out += is_leaf() ? " requires_grad" : fmt::format(" from {}", node()->operation);
  return out;
}

std::ostream& operator<<(std::ostream& out, const Tensor& t) { return out << t.to_string(); }

}  // namespace gaze
