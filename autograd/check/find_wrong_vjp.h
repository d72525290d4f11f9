#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gaze/autograd/check/gradcheck.h>
#include <gaze/autograd/parameters.h>

namespace gaze {

/// An operation of a graph whose vjp is wrong.
struct WrongVjp {
  std::string operation;    ///< its name
  std::int64_t number = 0;  ///< its place among the recorded ones, from 1
  std::string where;        ///< "reads ..." its parameters, or "stands between" those that are read before and after it
  bool second = false;      ///< its gradients are right, their derivatives are not
  GradcheckReport report = {};
};

struct WrongVjps {
  std::int64_t operations = 0;  ///< that were recorded
  std::int64_t left_out = 0;    ///< of these: in float32, where differences show too little
  std::vector<WrongVjp> wrong;  ///< in the order in which they were recorded
  /// There is none.
  explicit operator bool() const { return wrong.empty(); }
  std::string to_string() const;
};

struct FindOptions {
  bool second = false;  ///< also check that each vjp can be differentiated, and is so rightly
  double tolerance = 1e-6;
  std::uint64_t seed = 1;
};

/// Checks every operation that loss() records, at the very values that it sees there: what an operation reads is cut
/// off from what made it, and its vjp compared with differences of its own result. loss() is called a few times an
/// operation; it must do the same at every call, in float64. `params`, if not null, names places.
WrongVjps find_wrong_vjp(const std::function<Tensor()>& loss, const Params* params = nullptr, const FindOptions& = {});

}  // namespace gaze
