#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <gaze/autograd/parameters.h>
#include <gaze/autograd/random.h>
#include <gaze/nn/init.h>

namespace gaze {

/// Where a module registers its parameters: a place in a model's tree of names.
///
///     Params params;
///     Scope root(params, {.seed = 1});
///     Linear first(root / "layers" / 0, 8, 16);   // layers.0.weight, layers.0.bias
///
/// The initial numbers of a parameter depend on the random stream and on its full name only: not on the order in which
/// modules are made, nor on the dtype. In float64 they are the float32 numbers, widened.
class Scope {
 public:
  explicit Scope(Params& params, RandomStream stream = {}) : params_(&params), stream_(stream) {}

  Scope operator/(std::string_view name) const;
  Scope operator/(std::int64_t index) const;
  /// The same scope, but every parameter of more than one axis below it starts with `initializer`, whatever its module
  /// asks for.
  Scope matrices(Initializer initializer) const;

  /// Registers a parameter. Throws for a name taken.
  Tensor parameter(std::string_view name, const Shape& shape, const Initializer& initializer) const;
  /// Lets the parameter `name` go by `alias` too; both are relative to this scope.
  void tie(std::string_view alias, std::string_view name) const;

  const std::string& path() const { return path_; }  ///< "encoder.layers.0", empty at the root
  DType dtype() const { return params_->dtype(); }

 private:
  std::string full_name(std::string_view name) const;

  Params* params_;
  RandomStream stream_;
  std::string path_;
  Initializer matrices_;
};

}  // namespace gaze
