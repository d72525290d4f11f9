#include <algorithm>
#include <map>
#include <set>

#include <gaze/autograd/check/find_wrong_vjp.h>
#include <gaze/autograd/check/gradcheck.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/parameters.h>

#include <gaze/autograd/check/cases/planted/bugs.h>
#include "../../catch.h"
#include "../declared_operations.h"

using namespace gaze;
using namespace gaze::planted;

/// Operations whose vjp is wrong in a way that a person could have written. The checker must find every one.
namespace {

/// A double backward that is lost, for every operation as it is called first.
void plant_lost_graphs(Bugs& bugs) {
  std::set<std::string> done;
  for (const Bug& operation : bugs.operations)
    if (done.insert(operation.operation).second)
      bugs.plant_second(operation, "builds no graph of its gradients", numbers_only(operation.right));
}

const Bugs& all_planted() {
  static const Bugs all = [] {
    Bugs bugs;
    plant_arithmetic(bugs);
    plant_activations(bugs);
    plant_reductions(bugs);
    plant_matmul(bugs);
    plant_linear(bugs);
    plant_shapes(bugs);
    plant_indexing(bugs);
    plant_softmax(bugs);
    plant_losses(bugs);
    plant_normalisation(bugs);
    plant_attention(bugs);
    plant_additive(bugs);
    plant_recurrent(bugs);
    plant_lost_graphs(bugs);
    return bugs;
  }();
  return all;
}

// What they are looked for in -------------------------------------------------------------------------------------

constexpr GradcheckOptions::Mode fast = GradcheckOptions::Mode::fast;

std::string name_of_input(std::size_t i) { return fmt::format("input {}", i); }

/// A small model: an operation between others, with parameters for its floating inputs.
struct Model {
  Call call;
  Tensors inputs = {};
  Params params = Params(DType::float64);

  Model(Call operation, const Tensors& at) : call(std::move(operation)) {
    for (std::size_t i = 0; i < at.size(); ++i)
      inputs.push_back(is_floating(at[i].dtype()) ? params.add(name_of_input(i), at[i].array().copy()) : at[i]);
  }

  Tensor loss() const {
    constexpr double before = 1.1, after = 0.2;  // near 1, and small enough that tanh has a slope
    constexpr int salt = 17;
    Tensors scaled;
    for (const Tensor& t : inputs) scaled.push_back(is_floating(t.dtype()) ? t * before : t);
    const Tensor y = tanh(call(scaled) * after);
    return mean(y * numbers(y.shape(), salt));
  }

  GradcheckReport check() {
    return gradcheck(params, [this] { return loss(); });
  }
  WrongVjps find(bool second) const {
    return find_wrong_vjp([this] { return loss(); }, &params, {.second = second});
  }
};

std::set<std::string> wrong_inputs(const GradcheckReport& report) {
  std::set<std::string> wrong;
  for (const InputCheck& check : report.inputs)
    if (check.verdict == Verdict::wrong) wrong.insert(check.input);
  return wrong;
}

void check_named(const WrongVjps& found, const Bug& bug) {
  INFO(found.to_string());
  CHECK(found.wrong.size() == 1);
  for (const WrongVjp& wrong : found.wrong) {
    CHECK(wrong.operation == bug.name());
    CHECK(wrong.second == (bug.caught == Caught::second));
  }
}

/// A gradient that is wrong: of those inputs and of no others, in both modes, alone and in a model.
void check_first(const Bug& bug, Model& model) {
  std::set<std::string> spoiled_names;
  for (const std::size_t i : bug.spoiled) spoiled_names.insert(name_of_input(i));
  for (const GradcheckReport& report :
       {gradcheck(bug.wrong, bug.inputs), gradcheck(bug.wrong, bug.inputs, {.mode = fast}), model.check()}) {
    INFO(report.to_string());
    CHECK(report.verdict == Verdict::wrong);
    CHECK(wrong_inputs(report) == spoiled_names);
    CHECK((!report.worst.empty() && spoiled_names.contains(report.worst.front().input)));
  }
  check_named(model.find(false), bug);
}

/// A second derivative that is wrong, of a gradient that is right.
void check_second(const Bug& bug, Model& model) {
  CHECK(gradcheck(bug.wrong, bug.inputs).passed());
  CHECK(model.check().passed());
  CHECK(model.find(false).wrong.empty());
  CHECK(gradgradcheck(bug.wrong, bug.inputs).verdict == Verdict::wrong);
  CHECK(gradgradcheck(bug.wrong, bug.inputs, {.mode = fast}).verdict == Verdict::wrong);
  check_named(model.find(true), bug);
}

void check_in_place(const Bug& bug, Model& model) {
  CHECK(gradcheck(bug.wrong, bug.inputs).verdict == Verdict::wrong);
  CHECK(gradcheck(bug.wrong, bug.inputs, {.mode = fast}).verdict == Verdict::wrong);
  check_named(model.find(false), bug);
}

const std::set<std::string> without_gradients = {"argmax",     "equal",   "not_equal",     "less",
                                                 "less_equal", "greater", "greater_equal", "one_hot"};

}  // namespace

TEST_CASE("every planted bug is found, and named") {
  for (const Bug& bug : all_planted().all) {
    INFO(bug.operation << " that " << bug.fault);
    Model model(bug.wrong, bug.inputs);
    switch (bug.caught) {
      case Caught::first: check_first(bug, model); break;
      case Caught::second: check_second(bug, model); break;
      case Caught::in_place: check_in_place(bug, model); break;
    }
  }
}

TEST_CASE("a planted vjp of the wrong shape or dtype is refused by name") {
  for (const auto& refused : all_planted().refused) {
    const auto& bug = refused.bug;
    INFO(bug.operation << " that " << bug.fault);
    const auto check_refusal = [start = bug.name() + ": ", rest = refused.message](const std::function<void()>& check) {
      CHECK_THROWS_WITH(check(), StartsWith(start) && ContainsSubstring(rest));
    };
    Model model(bug.wrong, bug.inputs);
    check_refusal([&] { gradcheck(bug.wrong, bug.inputs); });
    check_refusal([&] { model.check(); });
    check_refusal([&] { model.find(false); });
  }
}

TEST_CASE("every operation has a planted bug") {
  const std::set<std::string> declared = declared_operations();
  std::map<std::string, std::set<Caught>> caught;
  std::set<std::pair<std::string, std::string>> faults;
  for (const Bug& bug : all_planted().all) {
    INFO(bug.operation << " that " << bug.fault);
    caught[bug.operation].insert(bug.caught);
    CHECK((declared.contains(bug.operation) && !without_gradients.contains(bug.operation)));
    faults.insert({bug.operation, bug.fault});
  }
  for (const std::string& name : declared) {
    INFO(name);
    CHECK((without_gradients.contains(name) ||
           (caught[name].contains(Caught::first) && caught[name].contains(Caught::second))));
  }
  for (const std::string& name : without_gradients) {
    INFO(name << " has no gradient and is not in ops.h");
    CHECK(declared.contains(name));
  }
  constexpr std::size_t agreed = 60;
  CHECK(faults.size() >= agreed);
}

TEST_CASE("what is not planted is right") {
  for (const Bug& operation : all_planted().operations) {
    INFO(operation.operation << " of " << operation.inputs.front().shape().to_string());
    CHECK(gradcheck(operation.right, operation.inputs).passed());
    CHECK(gradgradcheck(operation.right, operation.inputs).passed());
    Model model(operation.right, operation.inputs);
    CHECK(model.check().passed());
    const WrongVjps found = model.find(true);
    INFO(found.to_string());
    CHECK(found.wrong.empty());
  }
}
