#include <gaze/autograd/check/dot.h>

#include <unordered_set>
#include <vector>

#include <gaze/autograd/graph.h>

namespace gaze {

std::string to_dot(const Tensor& tensor) {
  std::string dot = "digraph gaze {\n  rankdir=BT;\n";
  std::vector<const Node*> stack;
  std::unordered_set<const Node*> known;
  const auto push = [&](const Node* node) {
    if (node && known.insert(node).second) stack.push_back(node);
  };
  push(tensor.node().get());
  while (!stack.empty()) {
    const Node* node = stack.back();
    stack.pop_back();
    dot += fmt::format("  n{} [label=\"{} {}\"{}];\n", node->sequence, node->operation, node->shape,
                       node->is_leaf() ? ", shape=box" : "");
    for (const Edge& edge : node->edges) {
      if (!edge.node) continue;
      dot += fmt::format("  n{} -> n{};\n", edge.node->sequence, node->sequence);
      push(edge.node.get());
    }
  }
  return dot + "}\n";
}

}  // namespace gaze
