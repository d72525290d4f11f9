#include <gaze/autograd/graph.h>

#include <algorithm>
#include <cmath>

#include <gaze/autograd/random.h>

namespace gaze {
namespace {

std::atomic<std::uint64_t> next_sequence{1};

/// Keeps numbers, or their shape and dtype alone. In AnomalyMode and debug builds their hash is kept beside them: a
/// write through a span that was given before counts as no change.
void keep_numbers(Kept& place, const Array& numbers, bool kept) {
#ifdef GAZE_WATCH_KEPT_NUMBERS  // defined in debug builds
  constexpr bool watched = true;
#else
  const bool watched = anomaly_enabled();
#endif
  place.value = numbers;
  place.version = numbers.version();
  if (!kept)
    place.value.forget();
  else if (watched && numbers.defined())
    place.hash = hash_of(numbers.raw());
}

}  // namespace

Gradients::Gradients(std::initializer_list<Contribution> list) : size_(list.size()) {
  if (list.size() > few_.size()) {
    many_ = list;
  } else {
    std::copy(list.begin(), list.end(), few_.begin());
  }
}

Node::Node(const char* name, const Array& value)
    : operation(name), sequence(next_sequence++), shape(value.shape()), dtype(value.dtype()) {}

void Node::destroy(Node* node) {
  // Freeing a node drops its inputs, which may free them, and so on down a graph of any depth: those wait in a list
  // instead of being freed from within.
  thread_local Node* waiting = nullptr;
  thread_local bool freeing = false;
  node->next_to_free = std::exchange(waiting, node);
  if (std::exchange(freeing, true)) return;
  while (waiting) {
    Node* next = std::exchange(waiting, waiting->next_to_free);
    const std::size_t bytes = next->bytes();
    next->~Node();
    pool::release(next, bytes);
  }
  freeing = false;
}

namespace {

Tensor restore(const Node& node, const Kept& kept, const Ptr<Node>& source, const char* what) {
  const Array& value = kept.value;
  require(!node.released, "{}: its graph was freed by an earlier backward walk; pass retain_graph to keep it",
          node.operation);
  require(value.defined(), "{}: its vjp reads {}, which it did not keep", node.operation, what);
  if (value.version() != kept.version)
    fail("{}: {} {} was kept for the backward walk, but {} changed it in place since", node.operation, what,
         value.shape(), value.writer());
  require(kept.hash == 0 || kept.hash == hash_of(value.raw()),
          "{}: {} {} was kept for the backward walk, but was written to since through a span that change() gave before",
          node.operation, what, value.shape());
  return Tensor(value, source);
}

}  // namespace

Tensor Saved::operator[](int input) const {
  const Edge& edge = node_.edges[static_cast<std::size_t>(input)];
  return restore(node_, edge, edge.node, "an input");
}

Tensor Saved::result() const { return restore(node_, node_.output, Ptr<Node>(&node_), "its result"); }

Tensor Saved::restored(int input, Array numbers) const {
  return Tensor(std::move(numbers), node_.edges[static_cast<std::size_t>(input)].node);
}

Saved::Reused Saved::reuse(int input) const {
  const Array& kept = node_.edges[static_cast<std::size_t>(input)].value;
  const bool nobody_else = last_use_ && kept.unique();
  const Array numbers = (*this)[input].array();
  return {numbers, nobody_else ? numbers : Array(numbers.shape(), numbers.dtype())};
}

std::optional<std::int64_t> first_not_finite(const Array& array, bool minus_infinity_passes) {
  if (!is_floating(array.dtype())) return {};
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return first_outside(array, minus_infinity_passes ? -infinity : std::nextafter(-infinity, 0),
                       std::nextafter(infinity, 0));
}

namespace detail {
namespace {

thread_local ObservedGraph* observed_graph = nullptr;

}  // namespace

ObservedGraph::ObservedGraph() : before_(std::exchange(observed_graph, this)) {}
ObservedGraph::~ObservedGraph() { observed_graph = before_; }
ObservedGraph* ObservedGraph::current() { return observed_graph; }

bool wants_graph(std::span<const Tensor> inputs) {
  return grad_enabled() && std::any_of(inputs.begin(), inputs.end(), [](const Tensor& t) { return t.requires_grad(); });
}

void check_finite(const char* operation, const Array& value, bool minus_infinity_passes) {
  const auto bad = first_not_finite(value, minus_infinity_passes);
  if (!bad) return;
  const double number = value.at(*bad);
  throw NotFinite(fmt::format("{}: its result {} has {} at element {}", operation, value.shape(),
                              std::isnan(number) ? std::abs(number) : number, *bad));
}

void connect(Node& node, std::span<const Tensor> inputs, const Array& value, Keep keep) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Edge& edge = node.edges[i];
    if (!inputs[i].defined()) continue;  // an optional input left out
    edge.node = inputs[i].node();
    keep_numbers(edge, inputs[i].array(), keep >> std::min<std::size_t>(i, 30) & 1);
  }
  if (keep & keep_result) keep_numbers(node.output, value, true);
}

}  // namespace detail
}  // namespace gaze
