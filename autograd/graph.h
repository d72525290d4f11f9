#pragma once

#include <array>
#include <functional>
#include <initializer_list>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <vector>

#include <gaze/autograd/profile.h>
#include <gaze/autograd/tensor.h>

namespace gaze {

/// What a vjp contributes to the gradient of one input. The engine adds contributions up; it alone knows whether the
/// input is a leaf whose gradient can be written in place.
///   tensor   the gradient itself; may have the output's broadcast shape, the engine sums it down
///   product  op(a) op(b), two matrices, which gemm can accumulate where the gradient lies: of a weight, or of a result
///            of more axes, taken for a matrix by its last
///   rows     row ids[i] of the input gets values[i]: embeddings
/// With first_row >= 0 a tensor or product is the gradient of the rows [first_row, ...) of the input's first axis
/// only (W_Q in a packed projection); the other rows get nothing.
struct Contribution {
  enum class Kind : std::uint8_t { none, tensor, product, rows };

  Contribution() = default;
  Contribution(Tensor gradient)  // NOLINT: a plain tensor is the common contribution
      : a(std::move(gradient)), kind(a.defined() ? Kind::tensor : Kind::none) {}
  static Contribution part(Tensor gradient, std::int64_t first_row) {
    return {Kind::tensor, std::move(gradient), {}, first_row};
  }
  static Contribution product(Tensor a, bool transpose_a, Tensor b, bool transpose_b, std::int64_t first_row = -1) {
    return {Kind::product, std::move(a), std::move(b), first_row, transpose_a, transpose_b};
  }
  static Contribution rows(Tensor ids, Tensor values) { return {Kind::rows, std::move(ids), std::move(values)}; }

  Tensor a, b;
  std::int64_t first_row = -1;
  Kind kind = Kind::none;
  bool transpose_a = false, transpose_b = false;

 private:
  Contribution(Kind what, Tensor left, Tensor right, std::int64_t first = -1, bool turn_left = false,
               bool turn_right = false)
      : a(std::move(left)),
        b(std::move(right)),
        first_row(first),
        kind(what),
        transpose_a(turn_left),
        transpose_b(turn_right) {}
};

/// One Contribution per input, in the order of the inputs.
class Gradients {
 public:
  Gradients() = default;
  Gradients(std::initializer_list<Contribution> list);
  explicit Gradients(std::vector<Contribution> list) : many_(std::move(list)), size_(many_.size()) {}
  std::size_t size() const { return size_; }
  Contribution& operator[](std::size_t i) { return many_.empty() ? few_[i] : many_[i]; }

 private:
  std::array<Contribution, 3> few_;
  std::vector<Contribution> many_;
  std::size_t size_ = 0;
};

/// What an operation kept for its vjp.
struct Kept {
  Array value;  ///< shape and dtype; numbers only when kept
  std::uint32_t version = 0;
  std::uint64_t hash = 0;  ///< of the numbers, where they are watched
};

/// One input of a recorded operation: where its gradient goes and, if the vjp needs them, its numbers.
struct Edge : Kept {
  Ptr<Node> node;  ///< null when the input needs no gradient
};

class Saved;

/// A recorded operation, or a leaf that wants a gradient. Nodes are numbered in the order of their creation, so an
/// input's number is always the smaller.
struct Node : Counted {
  using Hook = std::function<Tensor(const Tensor&)>;

  Node(const char* name, const Array& value);
  virtual ~Node() = default;
  static void destroy(Node*);  ///< frees a graph of any depth without recursion

  virtual Gradients vjp(const Saved&, const Tensor& gradient) = 0;
  virtual void release() {}  ///< drops what was kept for the backward walk
  virtual std::size_t bytes() const = 0;
  virtual bool is_leaf() const { return false; }

  const char* operation;
  std::uint64_t sequence;
  Shape shape;
  DType dtype;
  bool released = false;
  std::span<Edge> edges;
  Kept output;  ///< undefined unless it was kept
  std::unique_ptr<std::vector<Hook>> hooks;
  Node* next_to_free = nullptr;
};

/// A leaf and its gradient.
struct Leaf final : Node {
  explicit Leaf(const Array& value) : Node("leaf", value) {}
  Gradients vjp(const Saved&, const Tensor&) override { return {}; }
  std::size_t bytes() const override { return sizeof(Leaf); }
  bool is_leaf() const override { return true; }

  Array gradient;  ///< memory for the gradient: made by the first backward walk, or part of an arena
  bool present = false;
};

/// What an operation kept, as its vjp sees it: tensors that stand where the originals stood in the graph.
class Saved {
 public:
  /// last_use: the graph is not walked again, so what was kept may be changed.
  explicit Saved(Node& node, bool last_use = false) : node_(node), last_use_(last_use) {}
  /// The input. Throws when it was changed in place since, naming both operations.
  Tensor operator[](int input) const;
  Tensor result() const;
  /// An input that was not kept, from its numbers, which were found in another way.
  Tensor restored(int input, Array numbers) const;
  /// The input's numbers, and where its gradient may be written: over them when nothing will read them again.
  struct Reused {
    Array numbers, gradient;
  };
  Reused reuse(int input) const;
  const Shape& shape(int input) const { return node_.edges[static_cast<std::size_t>(input)].value.shape(); }
  bool needs(int input) const { return static_cast<bool>(node_.edges[static_cast<std::size_t>(input)].node); }

 private:
  Node& node_;
  bool last_use_;
};

/// Which numbers a vjp needs: bit i for input i.
using Keep = std::uint32_t;
constexpr Keep keep_none = 0;
constexpr Keep keep_result = 1u << 31;
constexpr Keep keep_inputs = keep_result - 1;
constexpr Keep keep_input(int i) { return 1u << i; }

/// Where the first number of an array is that is not finite, if one is; minus infinity may pass, as the number of a
/// mask.
std::optional<std::int64_t> first_not_finite(const Array& array, bool minus_infinity_passes = false);

namespace detail {

bool wants_graph(std::span<const Tensor> inputs);
/// What check_finite() throws, to be told from other errors.
class NotFinite : public Error {
 public:
  using Error::Error;
};
/// Throws NotFinite for what first_not_finite() finds.
void check_finite(const char* operation, const Array& value, bool minus_infinity_passes = true);
/// While one lives, this thread checks nothing: for the inside of an operation whose result is checked.
struct UncheckedNumbers : FlagScope {
  UncheckedNumbers();
};
void connect(Node& node, std::span<const Tensor> inputs, const Array& value, Keep keep);
/// Whether a walk from a result would come to a source that requires gradients.
bool depends(const Tensor& result, const Tensor& source);

/// Looks on while this thread records operations: see find_wrong_vjp().
class ObservedGraph {
 public:
  ObservedGraph();  ///< from now on
  virtual ~ObservedGraph();
  ObservedGraph(const ObservedGraph&) = delete;
  ObservedGraph& operator=(const ObservedGraph&) = delete;
  static ObservedGraph* current();  ///< of this thread, or null

  /// What the operation gives instead of its result and a node of its own; undefined: nothing else.
  virtual Tensor instead(const char* operation, const Array& value) = 0;
  virtual void recorded(const char* operation, const Tensor& result, std::span<const Tensor> inputs) = 0;

 private:
  ObservedGraph* before_;
};

/// Its edges lie behind it, in the same block.
template <class F>
struct Operation final : Node {
  Operation(const char* name, const Array& value, std::size_t inputs, F f) : Node(name, value), rule(std::move(f)) {
    static_assert(alignof(Operation) >= alignof(Edge) && alignof(Operation) <= 64);  // the pool's blocks are at 64
    edges = {reinterpret_cast<Edge*>(this + 1), inputs};
    std::uninitialized_value_construct(edges.begin(), edges.end());
  }
  ~Operation() override { std::destroy(edges.begin(), edges.end()); }
  static std::size_t bytes(std::size_t inputs) { return sizeof(Operation) + inputs * sizeof(Edge); }
  Gradients vjp(const Saved& saved, const Tensor& gradient) override { return (*rule)(saved, gradient); }
  void release() override { rule.reset(); }
  std::size_t bytes() const override { return bytes(edges.size()); }
  std::optional<F> rule;
};

}  // namespace detail

/// The inputs of an operation: a list in braces, an array or, as a span, as many as there are. Lives no longer than the
/// call that it is given to.
struct InputList : std::span<const Tensor> {
  InputList(std::initializer_list<Tensor> list) : span(list.begin(), list.size()) {}  // NOLINT
  template <std::size_t N>
  InputList(const Tensor (&array)[N]) : span(array) {}     // NOLINT
  InputList(std::span<const Tensor> many) : span(many) {}  // NOLINT
};

/// The result of an operation, recorded when an input requires gradients and recording is on.
/// vjp(const Saved&, const Tensor& gradient) -> Gradients is called at most once unless the graph is retained. It must
/// be written in operations, so that it can be differentiated while grad_enabled(), or throw then.
template <class F>
Tensor record(const char* operation, Array value, InputList inputs, Keep keep, F vjp) {
  if (anomaly_enabled()) detail::check_finite(operation, value);
  Profile::mark(operation);
  if (!detail::wants_graph(inputs)) return Tensor(std::move(value));
  detail::ObservedGraph* const observed_graph = detail::ObservedGraph::current();
  if (observed_graph) [[unlikely]]
    if (Tensor other = observed_graph->instead(operation, value); other.defined()) return other;
  using Op = detail::Operation<F>;
  Ptr<Node> node(new (pool::allocate(Op::bytes(inputs.size()))) Op(operation, value, inputs.size(), std::move(vjp)));
  detail::connect(*node, inputs, value, keep);
  Tensor result(std::move(value), std::move(node));
  if (observed_graph) [[unlikely]]
    observed_graph->recorded(operation, result, inputs);
  return result;
}

}  // namespace gaze
