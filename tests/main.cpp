#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include <string_view>

namespace {

/// A test case that cannot run here says WARN("skipped: why"); ctest then lists it as skipped.
struct SkipListener : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;

  bool assertionEnded(const Catch::AssertionStats& stats) override {
    const Catch::AssertionResult& result = stats.assertionResult;
    if (result.getResultType() == Catch::ResultWas::Warning && result.hasMessage() &&
        std::string_view(result.getMessage().c_str()).starts_with("skipped:"))
      skipped = true;
    return true;
  }

  static inline bool skipped = false;
};

CATCH_REGISTER_LISTENER(SkipListener)

}  // namespace

/// Exits with 0, or with 1 when something failed, or with 77 when nothing failed and something was skipped.
int main(int argc, char** argv) {
  if (Catch::Session().run(argc, argv) != 0) return 1;
  return SkipListener::skipped ? 77 : 0;
}
