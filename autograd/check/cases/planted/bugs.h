#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <gaze/autograd/check/cases/cases.h>
#include <gaze/autograd/custom_op.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>

/// Operations whose vjp is wrong in a way that a person could have written. The checker must find every one.
namespace gaze::planted {

using namespace gaze::cases;

using Tensors = std::vector<Tensor>;
using Call = std::function<Tensor(Inputs)>;

/// What a vjp is given.
struct At {
  Inputs inputs;
  const Tensor& y;  ///< the result
  const Tensor& g;  ///< its gradient
  const Tensor& operator[](std::size_t i) const { return inputs[i]; }
};
using Rule = std::function<Tensors(const At&)>;

/// What a planted bug is caught by.
enum class Caught {
  first,    ///< its gradients are not the slopes
  second,   ///< its gradients are right, what they are differentiated to is not
  in_place  ///< its gradients are right, but the walk changes numbers that others read
};

struct Bug {
  std::string operation;  ///< of ops.h, that it imitates
  std::string fault;
  Tensors inputs;                       ///< float64 ones are differentiated by
  Call right;                           ///< the true operation
  Call wrong;                           ///< the same numbers, recorded as "wrong <operation>"
  std::set<std::size_t> spoiled = {0};  ///< inputs whose gradient is wrong
  Caught caught = Caught::first;

  std::string name() const { return "wrong " + operation; }
};

/// A vjp that the engine refuses.
struct Refused {
  Bug bug;
  std::string message;  ///< part of it
};

class Bugs {
 public:
  /// The operation that the next ones imitate, and how it is called.
  void of(std::string operation, Tensors inputs, Call right) {
    operations.push_back({std::move(operation), "", std::move(inputs), std::move(right), {}});
  }
  void plant(std::string fault, Rule rule, std::set<std::size_t> spoiled = {0}) {
    all.push_back(made(operations.back(), std::move(fault), std::move(rule), std::move(spoiled), Caught::first));
  }
  void plant_second(std::string fault, Rule rule) {
    plant_second(operations.back(), std::move(fault), std::move(rule));
  }
  void plant_second(const Bug& operation, std::string fault, Rule rule) {
    all.push_back(made(operation, std::move(fault), std::move(rule), {}, Caught::second));
  }
  void plant_in_place(std::string fault, Rule rule) {
    all.push_back(made(operations.back(), std::move(fault), std::move(rule), {}, Caught::in_place));
  }
  void plant_refused(std::string fault, Rule rule, std::string message) {
    refused.push_back(
        {made(operations.back(), std::move(fault), std::move(rule), {}, Caught::first), std::move(message)});
  }
  /// One that gaze::record() records, for contributions of a kind that custom_op() does not have.
  void plant_recorded(std::string fault, Call wrong, std::set<std::size_t> spoiled = {0}) {
    Bug bug = operations.back();
    bug.fault = std::move(fault), bug.wrong = std::move(wrong), bug.spoiled = std::move(spoiled);
    all.push_back(std::move(bug));
  }

  std::vector<Bug> all;
  std::vector<Refused> refused;
  std::vector<Bug> operations;  ///< with nothing wrong, each once

 private:
  static Bug made(Bug bug, std::string fault, Rule rule, std::set<std::size_t> spoiled, Caught caught) {
    bug.fault = std::move(fault), bug.spoiled = std::move(spoiled), bug.caught = caught;
    bug.wrong = custom_op(bug.name(), bug.right, [rule = std::move(rule)](Inputs in, const Tensor& y, const Tensor& g) {
      return rule(At{in, y, g});
    });
    return bug;
  }
};

inline Call unary(Tensor (*op)(const Tensor&)) {
  return [op](Inputs in) { return op(in[0]); };
}
inline Call binary(Tensor (*op)(const Tensor&, const Tensor&)) {
  return [op](Inputs in) { return op(in[0], in[1]); };
}

// What wrong vjps are written in ----------------------------------------------------------------------------------

inline constexpr double never = -std::numeric_limits<double>::infinity();

inline Tensor zeros(const Shape& shape) { return Tensor::zeros(shape, DType::float64); }
inline Tensor as_numbers(const Tensor& condition) { return cast(condition, DType::float64); }
inline Tensor sum_along(const Tensor& x, int axis) { return sum(x, {axis}, true); }
inline Tensor mean_of_rows(const Tensor& x) { return mean(x, {-1}, true); }
/// Where x is the largest, or smallest, of its group.
inline Tensor where_equal(const Tensor& x, const Tensor& extreme) { return as_numbers(equal(x, extreme)); }

/// The vjp of f: for an operation taken for another, or for one gradient to be spoiled among right ones.
inline Rule vjp_of(const Call& f) {
  return [f](const At& at) {
    const bool create_graph = grad_enabled();
    const EnableGrad enable_grad;
    Tensors copies, wanted;  // copies cut the graph at the inputs
    for (const Tensor& input : at.inputs) {
      copies.push_back(is_floating(input.dtype()) ? input.clone() : input);
      if (is_floating(input.dtype())) wanted.push_back(copies.back());
    }
    const Tensors found =
        grad(f(copies), wanted, {.cotangents = {at.g}, .create_graph = create_graph, .allow_unused = true});
    Tensors all;
    for (std::size_t i = 0, next = 0; i < copies.size(); ++i)
      all.push_back(is_floating(copies[i].dtype()) ? found[next++] : Tensor());
    return all;
  };
}

/// The vjp of f with one gradient changed.
inline Rule spoiled(const Call& f, std::size_t input, const std::function<Tensor(const At&, const Tensors&)>& change) {
  return [rule = vjp_of(f), input, change](const At& at) {
    Tensors all = rule(at);
    all[input] = change(at, all);
    return all;
  };
}

/// The vjp of f as numbers: differentiated again, it gives nothing.
inline Rule numbers_only(const Call& f) {
  return [rule = vjp_of(f)](const At& at) {
    const NoGrad no_grad;
    Tensors all = rule(at);
    for (Tensor& gradient : all)
      if (gradient.defined()) gradient = gradient.detach();
    return all;
  };
}

/// Values written into the rows of zeros one over the other where they should be added: the last of a row's stays.
inline Tensor overwritten(const Tensor& ids, const Tensor& values, std::int64_t rows) {
  const std::span<const std::int32_t> all = ids.array().values<std::int32_t>();
  Tensors made;
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto last = std::find(all.rbegin(), all.rend(), row);
    made.push_back(last == all.rend() ? zeros(values.shape().without(0)) : values[all.rend() - last - 1]);
  }
  return stack(made);
}

// The bugs -------------------------------------------------------------------------------------------------------

void plant_arithmetic(Bugs&);
void plant_activations(Bugs&);
void plant_reductions(Bugs&);
void plant_matmul(Bugs&);
void plant_linear(Bugs&);
void plant_shapes(Bugs&);
void plant_indexing(Bugs&);
void plant_softmax(Bugs&);
void plant_losses(Bugs&);
void plant_normalisation(Bugs&);
void plant_attention(Bugs&);
void plant_additive(Bugs&);
void plant_recurrent(Bugs&);

}  // namespace gaze::planted
