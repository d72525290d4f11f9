#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gaze/autograd/check/gradcheck.h>

#if __has_include(<catch2/matchers/catch_matchers.hpp>)
#include <catch2/matchers/catch_matchers.hpp>
#else
#include <catch2/catch.hpp>
#endif

/// For tests with Catch2, version 2 or 3. Not part of gaze.h: who does not test needs no Catch2.
namespace gaze {

/// REQUIRE_THAT(f, HasCorrectGradient(x, w)): f takes as many tensors, or a vector of them, and gives one. What a
/// failed assertion prints is the checker's report. Any callable will do: the matcher is not a Catch::MatcherBase,
/// which would ask for one type.
class GradientMatcher {
 public:
  explicit GradientMatcher(std::vector<Tensor> inputs, GradcheckOptions options = {})
      : inputs_(std::move(inputs)), options_(std::move(options)) {}

  template <class F>
  bool match(const F& f) const {
    const GradcheckReport report = gradcheck(
        [&f](const std::vector<Tensor>& in) -> Tensor {
          if constexpr (std::is_invocable_r_v<Tensor, const F&, const std::vector<Tensor>&>)
            return f(in);
          else if constexpr (std::is_invocable_r_v<Tensor, const F&, const Tensor&>)
            return f(in.at(0));
          else if constexpr (std::is_invocable_r_v<Tensor, const F&, const Tensor&, const Tensor&>)
            return f(in.at(0), in.at(1));
          else
            return f(in.at(0), in.at(1), in.at(2));
        },
        inputs_, options_);
    said_ = report.to_string();
    return report.passed();
  }
  std::string toString() const { return "has a correct gradient\n" + said_; }

 private:
  std::vector<Tensor> inputs_;
  GradcheckOptions options_;
  mutable std::string said_;
};

template <class... Input>
GradientMatcher HasCorrectGradient(const Input&... inputs) {
  return GradientMatcher(std::vector<Tensor>{inputs...});
}

}  // namespace gaze
