#include <gaze/optim/optimizer.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <gaze/autograd/graph.h>

namespace gaze {
namespace {

void check(const char* what, double value) {
  const bool fits = value >= 0 && value <= std::numeric_limits<float>::max();  // NaN does not
  require(fits, "optimizer: {} {} must be finite and not negative", what, value);
}

}  // namespace

Optimizer::Optimizer(Params& params, double weight_decay, std::vector<ParameterGroup> groups,
                     std::vector<std::string> moments)
    : params_(params), steps_(params.list().size(), 0) {
  check("weight decay", weight_decay);
  for (const ParameterGroup& group : groups) {
    require(static_cast<bool>(group.members), "optimizer: a parameter group does not say which its members are");
    check("a group's learning-rate factor", group.lr_factor);
    check("a group's weight decay", group.weight_decay.value_or(0));
    require(std::any_of(params_.list().begin(), params_.list().end(), group.members),
            "optimizer: a parameter group matches none of the parameters");
  }
  params_.pack();
  for (const Parameter& p : params_.list()) {
    Rule rule{1, p.value.rank() > 1 ? weight_decay : 0};
    for (const ParameterGroup& group : groups) {
      if (!group.members(p)) continue;
      rule.lr_factor = group.lr_factor;
      if (group.weight_decay) rule.weight_decay = *group.weight_decay;
      break;
    }
    rules_.push_back(rule);
  }
  for (std::string& name : moments)
    moments_.emplace_back(std::move(name), Array::zeros(params_.values().shape(), params_.dtype()));
}

void Optimizer::step(double lr, double factor) {
  check("learning rate", lr);
  check("the gradients' factor", std::abs(factor));
  for (const Rule& rule : rules_) check("learning rate of a group", lr * rule.lr_factor);
  updates_.clear();
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    Tensor value = params_.list()[i].value;
    const Tensor gradient = value.grad();
    if (!gradient.defined() || rules_[i].lr_factor == 0) continue;
    const bool in_arena = gradient.array().is_part();
    const Update next{.lr = lr * rules_[i].lr_factor,
                      .weight_decay = rules_[i].weight_decay,
                      .step = ++steps_[i],
                      .offset = params_.offset(i),
                      .size = value.size(),
                      .gradient = in_arena ? params_.gradients() : gradient.array(),
                      .first = in_arena ? params_.offset(i) : 0};
    // Zeros lie between parameters, in every arena: a step leaves them zeros.
    Update* last = updates_.empty() ? nullptr : &updates_.back();
    if (last && in_arena && last->gradient.shares(next.gradient) && last->lr == next.lr &&
        last->weight_decay == next.weight_decay && last->step == next.step && i > 0 &&
        last->offset + last->size == params_.offset(i - 1) + params_.list()[i - 1].value.size())
      last->size = next.offset + next.size - last->offset;
    else
      updates_.push_back(next);
    value.mutable_array().changed("optimizer step");
  }
  update(updates_, factor);
}

std::vector<std::pair<std::string, Array>> Optimizer::state() const {
  std::vector<std::pair<std::string, Array>> all;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Parameter& p = params_.list()[i];
    all.emplace_back("step." + p.name, Array::full({1}, DType::int32, steps_[i]));
    for (const auto& [name, arena] : moments_)
      all.emplace_back(name + "." + p.name, arena.span(params_.offset(i), p.value.shape()).copy());
  }
  return all;
}

void Optimizer::load_state(const std::function<const Array*(const std::string&)>& find) {
  const auto found = [&](const std::string& name, const Shape& shape, DType dtype) -> const Array& {
    const Array* array = find(name);
    require(array != nullptr, "optimizer state: {} is missing", name);
    require(array->shape() == shape && array->dtype() == dtype, "optimizer state: {} is {} {}, must be {} {}", name,
            name_of(array->dtype()), array->shape(), name_of(dtype), shape);
    return *array;
  };
  std::vector<std::int32_t> steps;
  std::vector<std::pair<Array, Array>> changes;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Parameter& p = params_.list()[i];
    const double made = found("step." + p.name, {1}, DType::int32).at(0);
    require(made >= 0 && made < 2e9, "optimizer state: step.{} is {}, must be from 0 to 2e9", p.name, made);
    steps.push_back(static_cast<std::int32_t>(made));
    for (const auto& [moment, arena] : moments_) {
      const Array& array = found(moment + "." + p.name, p.value.shape(), params_.dtype());
      const double most = std::numeric_limits<double>::max(), least = moment.ends_with("_sq") ? 0 : -most;
      if (const auto bad = first_outside(array, least, most))
        fail("optimizer state: {}.{} is {} at element {}, must be finite{}", moment, p.name, array.at(*bad), *bad,
             least == 0 ? " and not negative" : "");
      changes.emplace_back(arena.span(params_.offset(i), array.shape()), array);
    }
  }
  steps_ = std::move(steps);
  for (auto& [moment, array] : changes) moment.assign(array);
}

}  // namespace gaze
