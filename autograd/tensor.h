#pragma once

#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include <gaze/autograd/array.h>

namespace gaze {

struct Leaf;
struct Node;

/// An Array and its place in the graph of operations. A cheap handle: copies are the same tensor.
///
/// The numbers are contiguous and row-major. A tensor made by a user is a leaf; one made by an operation remembers,
/// while gradients are being recorded, the operation and its inputs. One thread at a time may change a tensor; reading
/// is safe from many.
class Tensor {
 public:
  Tensor();  ///< undefined
  Tensor(const Tensor&);
  Tensor(Tensor&&) noexcept;
  Tensor& operator=(const Tensor&);
  Tensor& operator=(Tensor&&) noexcept;
  ~Tensor();
  explicit Tensor(Array array, bool requires_grad = false);
  Tensor(Array array, Ptr<Node> node);

  static Tensor zeros(Shape, DType = DType::float32);
  static Tensor ones(Shape, DType = DType::float32);
  static Tensor full(Shape, double value, DType = DType::float32);
  static Tensor scalar(double value, DType = DType::float32);
  template <class T>
  static Tensor from(Shape shape, std::span<const T> values) {
    return Tensor(Array::from<T>(shape, values));
  }
  template <class T>
  static Tensor from(Shape shape, const std::vector<T>& values) {
    return Tensor(Array::from<T>(shape, std::span<const T>(values)));
  }

  bool defined() const { return static_cast<bool>(impl_); }
  const Array& array() const;
  const Shape& shape() const { return array().shape(); }
  DType dtype() const { return array().dtype(); }
  int rank() const { return shape().rank(); }
  std::int64_t size() const { return array().size(); }
  std::int64_t size(int axis) const { return shape()[axis]; }
  double item() const;  ///< the one number of a one-element tensor; throws otherwise
  double at(std::initializer_list<std::int64_t> index) const;  ///< negative indices count from the end
  template <class T>
  std::span<const T> values() const& {  ///< valid while the tensor lives
    return array().values<T>();
  }
  template <class T>
  std::span<const T> values() && = delete;  // the numbers would go with the temporary
  std::string to_string() const;            ///< as NumPy prints: nested brackets, long axes shortened

  /// Whether gradients flow to this tensor: a leaf that asked for them, or an operation's result that depends on one.
  bool requires_grad() const;
  /// Asks for gradients of this leaf, or stops them and drops the one that is there (a frozen parameter). Throws for an
  /// operation's result and for int32.
  Tensor& requires_grad(bool on);
  bool is_leaf() const;
  /// Of a leaf, after backward(); undefined when there is none. In an arena, clone() what must outlive the next walk.
  Tensor grad() const;
  void zero_grad();                                ///< the leaf has no gradient again
  void backward(bool retain_graph = false) const;  ///< see engine.h
  /// Calls hook with the whole gradient of this tensor when the backward walk has it; what it returns replaces the
  /// gradient unless it is undefined. Throws unless the tensor requires gradients.
  void register_hook(std::function<Tensor(const Tensor&)> hook);
  Tensor detach() const;  ///< the same numbers, outside the graph
  Tensor clone() const;   ///< a differentiable copy

  /// Changes in place, outside the graph. A graph that saved the numbers refuses to go backward afterwards, naming
  /// `writer` and the operation that saved them. Throws for a shape or dtype that differs.
  void assign(const Tensor& other, const char* writer = "assign");
  void fill(double value, const char* writer = "fill");
  /// The numbers, to be written before the tensor's next use: AnomalyMode and debug builds throw for later writes.
  template <class T>
  std::span<T> change(const char* writer = "change") {
    Array& a = mutable_array();
    a.changed(writer);
    return {a.write<T>(), static_cast<std::size_t>(a.size())};
  }

  // Short forms of operations; see ops.h.
  Tensor to(DType) const;
  Tensor reshape(Shape) const;
  Tensor operator[](std::int64_t index) const;  ///< one entry of the first axis, which goes away
  Tensor slice(int axis, std::int64_t first, std::int64_t last) const;
  Tensor sum() const;
  Tensor mean() const;

  const Ptr<Node>& node() const;  ///< null when no gradient flows here
  Leaf* leaf() const;             ///< of a leaf that asks or once asked for gradients, or null
  Array& mutable_array();         ///< for optimizers and arenas; changed() is theirs to call
  bool same(const Tensor& other) const { return impl_ == other.impl_; }
  bool unique() const;  ///< no other handle holds this tensor

 private:
  struct Impl;
  Ptr<Impl> impl_;
};

/// A number or a list of them, as deep as it may be.
class Nested {
 public:
  Nested(double value) : value_(value), is_list_(false) {}  // NOLINT: {1, 2} is a list of two of them
  Nested(std::initializer_list<Nested> list) : list_(list), is_list_(true) {}  // NOLINT
  /// Appends the numbers to `flat` and, on the way to the first, the lengths to `shape`. Throws when lists differ.
  void read(int depth, Shape& shape, std::vector<double>& flat) const;

 private:
  double value_ = 0;
  std::vector<Nested> list_;
  bool is_list_;
};

/// A tensor from nested lists: tensor({{1, 2}, {3, 4}}). Throws when lists differ in length or depth.
Tensor tensor(const Nested& values, DType = DType::float32);

std::ostream& operator<<(std::ostream&, const Tensor&);

/// While one lives, a flag of this thread is what the derived class says; then what it was before.
class FlagScope {
 public:
  FlagScope(const FlagScope&) = delete;
  FlagScope& operator=(const FlagScope&) = delete;

 protected:
  FlagScope(bool& flag, bool on) : flag_(flag), before_(std::exchange(flag, on)) {}
  ~FlagScope() { flag_ = before_; }

 private:
  bool& flag_;
  bool before_;
};

/// While one lives, operations of this thread record a graph, also inside a NoGrad or a backward walk, or none.
struct GradMode : FlagScope {
  explicit GradMode(bool records);
};
struct NoGrad : GradMode {
  NoGrad() : GradMode(false) {}
};
struct EnableGrad : GradMode {
  EnableGrad() : GradMode(true) {}
};

/// Whether operations of this thread record a graph.
bool grad_enabled();

/// While one lives, this thread checks every operation's result and every gradient, and throws at the first that is
/// not finite, naming the operation, or the forward operation whose vjp made it.
struct AnomalyMode : FlagScope {
  AnomalyMode();
};

bool anomaly_enabled();

}  // namespace gaze
