#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <gaze/autograd/kernels/isa.h>

#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
using Catch::EventListenerBase;
using Handled = void;
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
using EventListenerBase = Catch::TestEventListenerBase;
using Handled = bool;  ///< version 2 asks listeners whether they took the assertion's messages
#endif

namespace {

/// A test case that cannot run here says WARN("skipped: why"); ctest then lists it as skipped.
struct SkipListener : EventListenerBase {
  using EventListenerBase::EventListenerBase;

  Handled assertionEnded(const Catch::AssertionStats& stats) override {
    const Catch::AssertionResult& result = stats.assertionResult;
    if (result.getResultType() == Catch::ResultWas::Warning && result.hasMessage() &&
        std::string(result.getMessage()).starts_with("skipped:"))
      skipped = true;
    return Handled(true);
  }

  static inline bool skipped = false;
};

CATCH_REGISTER_LISTENER(SkipListener)

/// Whether GAZE_ISA asks for a level that was compiled but that this processor does not have.
bool lacks_level() {
  using namespace gaze::kernels;
  const char* asked = std::getenv("GAZE_ISA");
  const auto has = [&](const std::vector<Isa>& levels) {
    return std::any_of(levels.begin(), levels.end(), [&](Isa level) { return name_of(level) == asked; });
  };
  return asked && has(compiled_isas()) && !has(supported_isas());
}

/// Whether GAZE_ISA asks for the level that tests run with one by one, and that would be a second time.
bool is_usual_level() {
  using namespace gaze::kernels;
  const char* asked = std::getenv("GAZE_ISA");
  return std::getenv("GAZE_OTHER_LEVELS") && asked && name_of(supported_isas().back()) == asked;
}

}  // namespace

/// Exits with 0, or with 1 when something failed, or with 77 when nothing failed and something was skipped.
int main(int argc, char** argv) {
  if (lacks_level()) {
    std::puts("skipped: this processor does not have the level that GAZE_ISA asks for");
    return 77;
  }
  if (is_usual_level()) {
    std::puts("skipped: every test by itself runs with this processor's best level, which is this one");
    return 77;
  }
  if (Catch::Session().run(argc, argv) != 0) return 1;
  return SkipListener::skipped ? 77 : 0;
}
