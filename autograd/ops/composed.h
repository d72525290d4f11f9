#pragma once

#include <vector>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/vjp_ops.h>

namespace gaze::detail {

/// The vjp of every operation whose result, which it kept, is a softmax of its input along the last axis, or 0 for what
/// is masked.
Gradients softmax_vjp(const Saved&, const Tensor& g);

/// A vjp by differentiating f, the same operation composed of others, at its inputs `at` (which may be aliases of them
/// with the same numbers): for fused operations while a graph of gradients is being built, for rare ones always.
/// `others` follow the inputs that f takes and get no gradient.
template <class F>
Gradients differentiate_at(const Saved& s, std::vector<Tensor> at, const Tensor& g, const F& f,
                           std::size_t others = 0) {
  const bool create_graph = grad_enabled();
  const EnableGrad enable_grad;
  // Aliases cut the graph at the inputs: one of them may depend on another, and that path is not this operation's.
  std::vector<Tensor> wanted;
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (!s.needs(static_cast<int>(i))) continue;
    wanted.push_back(at[i] = alias(at[i]));
  }
  const std::vector<Tensor> found = grad(f(at), wanted, {.cotangents = {g}, .create_graph = create_graph});
  std::vector<Contribution> all(at.size() + others);
  for (std::size_t i = 0, next = 0; i < at.size(); ++i)
    if (s.needs(static_cast<int>(i))) all[i] = found[next++];
  return Gradients(std::move(all));
}

/// The same at the saved inputs. Every one must have been kept.
template <class F>
Gradients differentiate(const Saved& s, std::size_t inputs, const Tensor& g, const F& f, std::size_t others = 0) {
  std::vector<Tensor> at;
  for (std::size_t i = 0; i < inputs; ++i) at.push_back(s[static_cast<int>(i)]);
  return differentiate_at(s, std::move(at), g, f, others);
}

}  // namespace gaze::detail
