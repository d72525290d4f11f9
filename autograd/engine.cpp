#include <gaze/autograd/engine.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include <gaze/autograd/base/range.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/kernels/indexing.h>
#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/vjp_ops.h>

namespace gaze {
namespace {

/// Whether a matrix holds the numbers of a shape, all its axes but the last together.
bool is_matrix_of(const Shape& matrix, const Shape& shape) {
  return matrix.rank() == 2 && shape.rank() >= 1 && matrix[1] == shape[-1] && matrix.size() == shape.size();
}

Shape product_shape(const Contribution& c) {
  return {c.a.size(c.transpose_a ? 1 : 0), c.b.size(c.transpose_b ? 0 : 1)};
}

/// Whether the two are matrices that can be multiplied.
bool multiplies(const Contribution& c) {
  return c.a.rank() == 2 && c.b.rank() == 2 && c.a.size(c.transpose_a ? 0 : 1) == c.b.size(c.transpose_b ? 1 : 0);
}

/// The gemm for target = op(a) op(b), or target += that.
template <class T>
kernels::Gemm<T> product_of(const Contribution& c, Array& target, bool adds) {
  const Shape shape = product_shape(c);
  return {.m = shape[0],
          .n = shape[1],
          .k = c.a.size(c.transpose_a ? 0 : 1),
          .a = c.a.array().data<T>(),
          .a_stride = c.a.size(1),
          .transpose_a = c.transpose_a,
          .b = c.b.array().data<T>(),
          .b_stride = c.b.size(1),
          .transpose_b = c.transpose_b,
          .c = target.write<T>(),
          .c_stride = shape[1],
          .adds = adds};
}

void multiply(const Contribution& c, Array& target, bool adds) {
  for_floating("backward", target.dtype(), [&]<class T>() { kernels::of<T>().gemm(product_of<T>(c, target, adds)); });
}

/// Whether the two can be added up in one go where the gradient lies.
bool alike(const Contribution& c, const Contribution& d) {
  return c.first_row == d.first_row && product_shape(c) == product_shape(d) && c.transpose_a == d.transpose_a &&
         c.transpose_b == d.transpose_b && c.a.size(1) == d.a.size(1) && c.b.size(1) == d.b.size(1);
}

/// target += the products, which are all alike.
void add_products(const std::vector<Contribution>& all, Array& target) {
  for_floating("backward", target.dtype(), [&]<class T>() {
    std::vector<kernels::GemmOperands<T>> operands;
    for (const Contribution& x : all)
      operands.push_back({x.a.array().data<T>(), x.b.array().data<T>(), x.a.size(x.transpose_a ? 0 : 1)});
    kernels::of<T>().gemm_sum(product_of<T>(all.front(), target, true), static_cast<std::int64_t>(operands.size()),
                              operands.data());
  });
}

/// sum += added
void add_to(const Array& added, Array& sum) {
  for_floating("backward", sum.dtype(),
               [&]<class T>() { kernels::of<T>().accumulate(added.data<T>(), sum.write<T>(), sum.size()); });
}

/// Checks what a vjp returned for a leaf before it is written where the gradient lies.
void check_contribution(const Node& by, const Node& leaf, const Contribution& c) {
  const auto check_dtype = [&](const Tensor& t) {
    require(t.dtype() == leaf.dtype, "{}: its vjp returned {} for an input of {}", by.operation, name_of(t.dtype()),
            name_of(leaf.dtype));
  };
  const auto check_rows = [&](const Shape& part) {
    if (c.first_row < 0 && part == leaf.shape) return;
    const std::int64_t first = std::max<std::int64_t>(c.first_row, 0);
    const bool fits = leaf.shape.rank() >= 1 && part.rank() == leaf.shape.rank() && c.first_row >= 0 &&
                      within(first, part[0], leaf.shape[0]) && part.with(0, leaf.shape[0]) == leaf.shape;
    require(fits, "{}: its vjp returned shape {} for rows from {} of an input of shape {}", by.operation, part, first,
            leaf.shape);
  };
  switch (c.kind) {
    case Contribution::Kind::none: return;
    case Contribution::Kind::tensor: check_dtype(c.a); return check_rows(c.a.shape());
    case Contribution::Kind::product: {
      check_dtype(c.a), check_dtype(c.b);
      require(multiplies(c), "{}: its vjp returned a product of {} and {}{}{}", by.operation, c.a.shape(), c.b.shape(),
              c.transpose_a ? ", the first transposed" : "", c.transpose_b ? ", the second transposed" : "");
      if (c.first_row >= 0 || !is_matrix_of(product_shape(c), leaf.shape)) check_rows(product_shape(c));
      return;
    }
    case Contribution::Kind::rows: {
      check_dtype(c.b);
      const bool fits = c.a.dtype() == DType::int32 && leaf.shape.rank() == 2 && c.b.rank() >= 1 &&
                        c.b.size(-1) == leaf.shape[1] && c.b.shape().without(-1) == c.a.shape();
      require(fits, "{}: its vjp returned rows {} by ids {} for an input of shape {}", by.operation, c.b.shape(),
              c.a.shape(), leaf.shape);
      if (const auto bad = first_outside(c.a.array(), 0, static_cast<double>(leaf.shape[0]) - 1))
        fail("{}: its vjp returned row {} for an input of shape {}", by.operation, c.a.array().at(*bad), leaf.shape);
    }
  }
}

/// The rows of a leaf's gradient that a contribution belongs to.
Array rows_of(const Array& gradient, std::int64_t first, const Shape& part) {
  if (first < 0) return gradient;
  const std::int64_t width = gradient.shape().span_size(1, gradient.shape().rank());
  return gradient.span(first * width, part);
}

/// A contribution as a tensor of the input's shape: for everything but a leaf's own gradient.
Tensor as_tensor(const Node& input, const Contribution& c) {
  Tensor t;
  switch (c.kind) {
    case Contribution::Kind::none: return {};
    case Contribution::Kind::tensor: t = c.a; break;
    case Contribution::Kind::product:
      t = matmul(c.a, c.b, {c.transpose_a, c.transpose_b});
      if (c.first_row < 0 && is_matrix_of(t.shape(), input.shape))
        t = reshape(t, {input.shape.begin(), input.shape.end()});
      break;
    case Contribution::Kind::rows: return add_rows(c.a, c.b, input.shape[0]);
  }
  if (c.first_row < 0) return t;
  require(t.rank() == input.shape.rank() && t.rank() >= 1 && within(c.first_row, t.size(0), input.shape[0]),
          "backward: rows {} from {} of an input of shape {} are out of range", t.shape(), c.first_row, input.shape);
  std::vector<std::pair<std::int64_t, std::int64_t>> widths(static_cast<std::size_t>(input.shape.rank()), {0, 0});
  widths[0] = {c.first_row, input.shape[0] - c.first_row - t.size(0)};
  return pad(t, widths);
}

/// Sums broadcast axes down and checks what a vjp returned.
Tensor fitted(const Node& by, const Node& input, Tensor gradient) {
  require(gradient.dtype() == input.dtype, "{}: its vjp returned {} for an input of {}", by.operation,
          name_of(gradient.dtype()), name_of(input.dtype));
  if (gradient.shape() == input.shape) return gradient;
  require(broadcasts_to(input.shape, gradient.shape()), "{}: its vjp returned shape {} for an input of shape {}",
          by.operation, gradient.shape(), input.shape);
  return sum_to(gradient, input.shape);
}

/// One walk from outputs towards leaves, in decreasing order of creation: when a node's turn comes, everything that
/// consumes its result has had its turn, so its gradient is complete.
class Walk {
 public:
  bool create_graph = false;
  bool retain_graph = false;
  bool into_leaves = false;  ///< backward(): leaves collect; grad(): `wanted` collects
  std::unordered_map<const Node*, Tensor> wanted;
  std::optional<std::unordered_set<const Node*>> through;  ///< nodes worth visiting; absent: all

  void start(const Ptr<Node>& node, Tensor cotangent) { add(node, std::move(cotangent)); }

  void run() {
    while (!frontier_.empty()) {
      auto turn = frontier_.extract(frontier_.begin());
      visit(*turn.mapped().node, std::move(turn.mapped().gradient));
    }
    if (waiting_.empty()) return;
    const Profile::Backward timed("weights of many steps");
    for (auto& [leaf, products] : waiting_) add_waiting(*leaf, products);
  }

 private:
  struct Pending {
    Ptr<Node> node;
    Tensor gradient;
    /// Nobody else sees it, so that more can be added where it lies.
    bool changeable() const { return gradient.unique() && gradient.array().unique(); }
  };

  /// In anomaly mode: an operation inside a vjp that throws is the forward operation's fault.
  template <class F>
  static auto blame(const Node& node, const F& f) {
    try {
      return f();
    } catch (const detail::NotFinite& e) {
      fail("{}: its vjp made the first gradient that is not finite ({})", node.operation, e.what());
    }
  }

  void visit(Node& node, Tensor gradient) {
    if (node.hooks)
      for (const Node::Hook& hook : std::vector(*node.hooks))  // a hook may register another
        if (Tensor replaced = hook(gradient); replaced.defined()) gradient = fitted(node, node, std::move(replaced));
    if (const auto found = wanted.find(&node); found != wanted.end()) {
      found->second = gradient;
      if (through && !leads_on(node)) return;
    }
    if (node.is_leaf()) {
      if (into_leaves) collect(static_cast<Leaf&>(node), Contribution(std::move(gradient)));
      return;
    }
    require(!node.released, "{}: its graph was freed by an earlier backward walk; pass retain_graph to keep it",
            node.operation);
    const Profile::Backward timed(node.operation);
    const bool last_use = !retain_graph && !create_graph;
    const Saved saved(node, last_use);
    Gradients gradients = blame(node, [&] { return node.vjp(saved, gradient); });
    gradient = {};
    require(gradients.size() == node.edges.size(), "{}: its vjp returned {} gradients for {} inputs", node.operation,
            gradients.size(), node.edges.size());
    for (std::size_t i = 0; i < node.edges.size(); ++i) {
      const Ptr<Node>& input = node.edges[i].node;
      if (input && gradients[i].kind != Contribution::Kind::none && (!through || through->contains(input.get())))
        give(node, input, std::move(gradients[i]));
      gradients[i] = {};
    }
    if (last_use) {
      node.released = true;
      node.release();
      node.output.value.forget();
      for (Edge& edge : node.edges) edge.value.forget();
    }
  }

  bool leads_on(const Node& node) const {
    return std::any_of(node.edges.begin(), node.edges.end(),
                       [&](const Edge& e) { return e.node && through->contains(e.node.get()); });
  }

  void give(const Node& by, const Ptr<Node>& input, Contribution c) {
    if (into_leaves && input->is_leaf() && !input->hooks && !anomaly_enabled()) {
      if (c.kind == Contribution::Kind::tensor && c.first_row < 0) c.a = fitted(by, *input, std::move(c.a));
      check_contribution(by, *input, c);
      collect(static_cast<Leaf&>(*input), std::move(c));
      return;
    }
    if (!create_graph && !anomaly_enabled() && add_in_place(by, input, c)) return;
    Tensor gradient = fitted(by, *input, as_tensor(*input, c));
    if (anomaly_enabled()) blame(by, [&] { detail::check_finite("gradient", gradient.array(), false); });
    add(input, std::move(gradient));
  }

  /// A product that is multiplied straight into the gradient of a result, or some rows of one, added where they lie:
  /// the slices of a sequence cost no more than the sequence. False when that cannot be.
  bool add_in_place(const Node& by, const Ptr<Node>& node, const Contribution& c) {
    const bool product = c.kind == Contribution::Kind::product && c.first_row < 0 && multiplies(c) &&
                         is_matrix_of(product_shape(c), node->shape) && c.a.dtype() == node->dtype &&
                         c.b.dtype() == node->dtype;
    const bool part = c.kind == Contribution::Kind::tensor && c.first_row >= 0;
    if (!product && !part) return false;
    if (part) check_contribution(by, *node, c);
    Pending& pending = frontier_[node->sequence];
    const bool adds = static_cast<bool>(pending.node);
    if (adds && !pending.changeable()) return false;
    if (!adds)
      pending = {node, Tensor(part ? Array::zeros(node->shape, node->dtype) : Array(node->shape, node->dtype))};
    Array target = rows_of(pending.gradient.mutable_array(), c.first_row, c.a.shape());
    if (product)
      multiply(c, target, adds);
    else
      add_to(c.a.array(), target);
    return true;
  }

  void add(const Ptr<Node>& node, Tensor gradient) {
    Pending& pending = frontier_[node->sequence];
    if (!pending.node) {
      pending.node = node;
      pending.gradient = std::move(gradient);
    } else if (!create_graph && pending.changeable()) {
      add_to(gradient.array(), pending.gradient.mutable_array());
    } else {
      pending.gradient = gaze::add(pending.gradient, gradient);
    }
  }

  /// Adds to a leaf's gradient, in the order of the calls. The products of a weight that is used again and again, step
  /// after step of a sequence with few rows each, wait for one another: the gradient is then read and written once for
  /// many of them.
  void collect(Leaf& leaf, Contribution c) {
    constexpr std::int64_t few = 128;     // rows: of more, the arithmetic takes longer than the gradient's way
    constexpr std::size_t together = 32;  // products whose operands are kept
    const auto found = waiting_.find(&leaf);
    const bool waits = leaf.present && c.kind == Contribution::Kind::product && c.a.size(c.transpose_a ? 0 : 1) <= few;
    const bool others = found != waiting_.end() && !found->second.empty();
    if (others && (!waits || found->second.size() == together || !alike(found->second.front(), c)))
      add_waiting(leaf, found->second);
    if (waits)
      waiting_[&leaf].push_back(std::move(c));
    else
      accumulate(leaf, c);
  }

  static void add_waiting(Leaf& leaf, std::vector<Contribution>& products) {
    if (products.empty()) return;
    Array target = rows_of(leaf.gradient, products.front().first_row, product_shape(products.front()));
    add_products(products, target);
    leaf.gradient.changed("backward");
    products.clear();
  }

  /// Adds to a leaf's gradient where it lies: the first contribution overwrites, later ones add.
  static void accumulate(Leaf& leaf, const Contribution& c) {
    // A gradient that somebody still holds from before zero_grad() stays as it is, unless an arena says where it lies.
    if (!leaf.gradient.defined() || (!leaf.present && !leaf.gradient.unique() && !leaf.gradient.is_part()))
      leaf.gradient = Array(leaf.shape, leaf.dtype);
    Array& gradient = leaf.gradient;
    const bool partial = c.first_row >= 0 || c.kind == Contribution::Kind::rows;
    if (!leaf.present && partial) gradient.fill(0);
    const bool adds = leaf.present || partial;
    for_floating("backward", leaf.dtype, [&]<class T>() {
      if (c.kind == Contribution::Kind::product) {
        Array target = rows_of(gradient, c.first_row, product_shape(c));
        multiply(c, target, adds);
      } else if (c.kind == Contribution::Kind::rows) {
        kernels::scatter_rows<T>(c.a.array().data<std::int32_t>(), c.a.size(), c.b.array().data<T>(), c.b.size(-1),
                                 gradient.write<T>());
      } else {
        Array target = rows_of(gradient, c.first_row, c.a.shape());
        if (adds) {
          add_to(c.a.array(), target);
        } else {
          target.assign(c.a.array());
        }
      }
    });
    gradient.changed("backward");
    leaf.present = true;
  }

  std::map<std::uint64_t, Pending, std::greater<>> frontier_;
  std::unordered_map<Leaf*, std::vector<Contribution>> waiting_;
};

Tensor cotangent_for(const Tensor& output, Tensor given) {
  require(output.requires_grad(), "backward: the output depends on nothing that requires gradients");
  if (!given.defined()) {
    require(output.size() == 1, "backward: an output of shape {} needs a cotangent; only one element does without",
            output.shape());
    return Tensor::full(output.shape(), 1, output.dtype());
  }
  require(given.shape() == output.shape() && given.dtype() == output.dtype(),
          "backward: a cotangent of {} {} for an output of {} {}", name_of(given.dtype()), given.shape(),
          name_of(output.dtype()), output.shape());
  return given;
}

/// The nodes from which a wanted one can be reached: a walk need not go anywhere else.
std::unordered_set<const Node*> on_the_way(std::span<const Tensor> outputs,
                                           const std::unordered_map<const Node*, Tensor>& wanted) {
  std::vector<const Node*> stack;
  std::map<std::uint64_t, const Node*> known;  // in the order of their creation
  std::uint64_t oldest = std::numeric_limits<std::uint64_t>::max();
  for (const auto& [node, gradient] : wanted) oldest = std::min(oldest, node->sequence);
  const auto push = [&](const Node* node) {
    if (node && node->sequence >= oldest && known.emplace(node->sequence, node).second) stack.push_back(node);
  };
  for (const Tensor& output : outputs) push(output.node().get());
  while (!stack.empty()) {
    const Node* node = stack.back();
    stack.pop_back();
    for (const Edge& edge : node->edges) push(edge.node.get());
  }
  std::unordered_set<const Node*> through;
  for (const auto& [sequence, node] : known)
    if (wanted.contains(node) || std::any_of(node->edges.begin(), node->edges.end(),
                                             [&](const Edge& e) { return e.node && through.contains(e.node.get()); }))
      through.insert(node);
  return through;
}

}  // namespace

bool detail::depends(const Tensor& result, const Tensor& source) {
  return result.requires_grad() && !on_the_way({&result, 1}, {{source.node().get(), Tensor()}}).empty();
}

void backward(const Tensor& output, const BackwardOptions& options) {
  const NoGrad no_grad;
  Walk walk;
  walk.into_leaves = true;
  walk.retain_graph = options.retain_graph;
  // A copy: the cotangent may be the very gradient that this walk adds to.
  const Tensor given = options.cotangent.defined() ? options.cotangent.detach().clone() : Tensor();
  walk.start(output.node(), cotangent_for(output, given));
  walk.run();
}

std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs, const GradOptions& options) {
  require(options.cotangents.empty() || options.cotangents.size() == outputs.size(),
          "grad: {} cotangents for {} outputs", options.cotangents.size(), outputs.size());
  Walk walk;
  walk.create_graph = options.create_graph;
  walk.retain_graph = options.retain_graph;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    require(inputs[i].requires_grad(), "grad: input {} requires no gradient", i);
    walk.wanted[inputs[i].node().get()];
  }
  walk.through = on_the_way(outputs, walk.wanted);
  const GradMode mode(options.create_graph);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Tensor cotangent = cotangent_for(outputs[i], options.cotangents.empty() ? Tensor() : options.cotangents[i]);
    if (walk.through->contains(outputs[i].node().get())) walk.start(outputs[i].node(), std::move(cotangent));
  }
  walk.run();
  std::vector<Tensor> gradients;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    gradients.push_back(walk.wanted[inputs[i].node().get()]);
    require(gradients.back().defined() || options.allow_unused,
            "grad: no output depends on input {}; allow_unused gives an undefined tensor instead", i);
  }
  return gradients;
}

std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs, const GradOptions& options) {
  return grad(std::span(&output, 1), inputs, options);
}

}  // namespace gaze
