#include <gaze/nn/scope.h>

namespace gaze {

std::string Scope::full_name(std::string_view name) const {
  require(!name.empty(), "scope {}: a name is empty", path_);
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

Scope Scope::operator/(std::string_view name) const {
  Scope inner = *this;
  inner.path_ = full_name(name);
  return inner;
}

Scope Scope::operator/(std::int64_t index) const { return *this / fmt::to_string(index); }

Scope Scope::matrices(Initializer initializer) const {
  Scope same = *this;
  same.matrices_ = std::move(initializer);
  return same;
}

Tensor Scope::parameter(std::string_view name, const Shape& shape, const Initializer& initializer) const {
  const std::string full = full_name(name);
  Array numbers(shape, DType::float64);
  Random random(stream_.split(full));
  const bool replaced = matrices_ && shape.rank() > 1;
  (replaced ? matrices_ : initializer)(shape, random,
                                       {numbers.write<double>(), static_cast<std::size_t>(numbers.size())});
  return params_->add(full, numbers.to(DType::float32).to(dtype()));  // the same start in either dtype
}

void Scope::tie(std::string_view alias, std::string_view name) const {
  params_->tie(full_name(alias), full_name(name));
}

}  // namespace gaze
