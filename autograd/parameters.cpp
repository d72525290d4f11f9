#include <gaze/autograd/parameters.h>

#include <gaze/autograd/graph.h>
#include <gaze/autograd/random.h>

namespace gaze {
namespace {

constexpr std::int64_t alignment = 16;

}  // namespace

Tensor Params::add(std::string name, Array initial) {
  require(!packed(), "parameter {}: added after the parameters were packed", name);
  require(initial.dtype() == dtype_, "parameter {}: {} among {} parameters", name, name_of(initial.dtype()),
          name_of(dtype_));
  require(!contains(name), "parameter {}: the name is taken", name);
  Tensor value(initial.unique() ? std::move(initial) : initial.copy(), true);
  index_.emplace(name, list_.size());
  list_.push_back({std::move(name), value});
  return value;
}

void Params::tie(std::string alias, std::string_view name) {
  require(!contains(alias), "parameter {}: the name is taken", alias);
  const auto target = index_.find(name);
  require(target != index_.end(), "parameter {}: tied to {}, which does not exist", alias, name);
  index_.emplace(alias, target->second);
  ties_.emplace(std::move(alias), list_[target->second].name);
}

bool Params::contains(std::string_view name) const { return index_.find(name) != index_.end(); }

const Tensor& Params::operator[](std::string_view name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) {
    std::vector<std::string> names;
    for (const auto& [known, unused] : index_) names.push_back(known);
    fail("parameter {}: not found{}", name, did_you_mean(name, names));
  }
  return list_[found->second].value;
}

std::int64_t Params::count() const {
  std::int64_t n = 0;
  for (const Parameter& p : list_) n += p.value.size();
  return n;
}

void Params::zero_grad() {
  for (Parameter& p : list_) p.value.zero_grad();
}

std::uint64_t Params::hash() const {
  std::uint64_t h = hash_of("");
  for (const Parameter& p : list_) {
    const Array& a = p.value.array();
    h = hash_of(p.name + a.shape().to_string(), h);
    h = hash_of(a.raw(), h);
  }
  return h;
}

void Params::pack() {
  if (packed()) return;
  for (const Parameter& p : list_)
    require(p.value.array().unique(),
            "parameter {}: a reshape, a detached handle or a graph made before the parameters were packed still holds "
            "its numbers, and would never see them change; make the optimizer first, or let go of it",
            p.name);
  std::int64_t total = 0;
  for (const Parameter& p : list_) {
    offsets_.push_back(total);
    total += (p.value.size() + alignment - 1) / alignment * alignment;
  }
  values_ = Array::zeros({total}, dtype_);
  gradients_ = Array::zeros({total}, dtype_);
  for (std::size_t i = 0; i < list_.size(); ++i) {
    Tensor& value = list_[i].value;
    Array part = values_.span(offsets_[i], value.shape());
    part.assign(value.array());
    value.mutable_array() = part;
    Leaf& leaf = *value.leaf();
    Array gradient = gradients_.span(offsets_[i], value.shape());
    if (leaf.present) gradient.assign(leaf.gradient);
    leaf.gradient = gradient;
  }
  pool::trim();  // where the parameters lay before: nothing else is of their sizes
}

}  // namespace gaze
