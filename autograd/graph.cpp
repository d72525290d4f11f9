#include <gaze/autograd/graph.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

#include <gaze/autograd/random.h>

namespace gaze {
namespace {

std::atomic<std::uint64_t> next_sequence{1};

/// What was kept, by hashes, in AnomalyMode and debug builds: a write through an old span counts as no change.
struct KeptNumbers {
  std::mutex one_at_a_time;
  std::map<std::pair<std::uint64_t, std::size_t>, std::uint64_t> hashes;  ///< by a node's number and a place
  std::atomic<bool> any = false;
};
KeptNumbers& kept = *new KeptNumbers;  // never destroyed: graphs may outlive everything

std::uint64_t hash_of_numbers(const Array& a) {
  return for_any(a.dtype(), [&]<class T>() {
    return hash_of({reinterpret_cast<const char*>(a.data<T>()), a.bytes()});
  });
}

void remember(const Node& node, std::size_t place, const Array& numbers) {
#ifndef GAZE_WATCH_KEPT_NUMBERS  // defined in debug builds
  if (!anomaly_enabled()) return;
#endif
  if (!numbers.defined()) return;
  const std::lock_guard lock(kept.one_at_a_time);
  kept.hashes[{node.sequence, place}] = hash_of_numbers(numbers);
  kept.any = true;
}

bool as_remembered(const Node& node, std::size_t place, const Array& numbers) {
  if (!kept.any) return true;
  const std::lock_guard lock(kept.one_at_a_time);
  const auto found = kept.hashes.find({node.sequence, place});
  return found == kept.hashes.end() || found->second == hash_of_numbers(numbers);
}

void forget(const Node& node) {
  if (!kept.any) return;
  const std::lock_guard lock(kept.one_at_a_time);
  kept.hashes.erase(kept.hashes.lower_bound({node.sequence, 0}), kept.hashes.lower_bound({node.sequence + 1, 0}));
  kept.any = !kept.hashes.empty();
}

constexpr std::size_t place_of_result = 1u << 31;

}  // namespace

Contribution Contribution::part(Tensor gradient, std::int64_t first_row) {
  Contribution c(std::move(gradient));
  c.first_row = first_row;
  return c;
}

Contribution Contribution::product(Tensor a, bool transpose_a, Tensor b, bool transpose_b, std::int64_t first_row) {
  Contribution c;
  c.a = std::move(a), c.b = std::move(b);
  c.transpose_a = transpose_a, c.transpose_b = transpose_b;
  c.first_row = first_row;
  c.kind = Kind::product;
  return c;
}

Contribution Contribution::rows(Tensor ids, Tensor values) {
  Contribution c;
  c.a = std::move(ids), c.b = std::move(values);
  c.kind = Kind::rows;
  return c;
}

Gradients::Gradients(std::initializer_list<Contribution> list) : size_(list.size()) {
  if (list.size() > few_.size()) {
    many_ = list;
  } else {
    std::copy(list.begin(), list.end(), few_.begin());
  }
}

Node::Node(const char* name, const Array& value)
    : operation(name), sequence(next_sequence++), shape(value.shape()), dtype(value.dtype()), output(value) {
  output.forget();
}

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
    forget(*next);
    next->~Node();
    pool::release(next, bytes);
  }
  freeing = false;
}

namespace {

Tensor restore(const Node& node, const Array& value, std::uint32_t version, const Ptr<Node>& source, const char* what,
               std::size_t place) {
  require(!node.released, "{}: its graph was freed by an earlier backward walk; pass retain_graph to keep it",
          node.operation);
  require(value.defined(), "{}: its vjp reads {}, which it did not keep", node.operation, what);
  if (value.version() != version)
    fail("{}: {} {} was kept for the backward walk, but {} changed it in place since", node.operation, what,
         value.shape(), value.writer());
  require(as_remembered(node, place, value),
          "{}: {} {} was kept for the backward walk, but was written to since through a span that change() gave before",
          node.operation, what, value.shape());
  return Tensor(value, source);
}

}  // namespace

Tensor Saved::operator[](int input) const {
  const Edge& edge = node_.edges[static_cast<std::size_t>(input)];
  return restore(node_, edge.value, edge.version, edge.node, "an input", static_cast<std::size_t>(input));
}

Tensor Saved::result() const {
  return restore(node_, node_.output, node_.output_version, Ptr<Node>(&node_), "its result", place_of_result);
}

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
  return for_floating("first_not_finite", array.dtype(), [&]<class T>() -> std::optional<std::int64_t> {
    const auto values = array.values<T>();
    const auto bad = std::find_if(values.begin(), values.end(), [&](T v) {
      return !std::isfinite(v) && !(minus_infinity_passes && v == -std::numeric_limits<T>::infinity());
    });
    return bad == values.end() ? std::nullopt : std::optional<std::int64_t>(bad - values.begin());
  });
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
    edge.value = inputs[i].array();
    edge.version = edge.value.version();
    if (!(keep >> std::min<std::size_t>(i, 30) & 1)) edge.value.forget();
    remember(node, i, edge.value);
  }
  if (keep & keep_result) {
    node.output = value;
    node.output_version = value.version();
    remember(node, place_of_result, value);
  }
}

}  // namespace detail
}  // namespace gaze
