#include <gaze/autograd/kernels/isa.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../../program.h"

using namespace gaze;
using kernels::Isa;

TEST_CASE("GAZE_ISA chooses the level, and without it the best is taken", "[program]") {
  Program gaze;
  const auto level_of = [&](const std::vector<std::string>& environment) {
    const Result r = gaze.run({"bench", "chain", "--steps", "1", "--warmup", "0"}, {.environment = environment});
    INFO(r.err);
    REQUIRE(r.status == 0);
    return nlohmann::json::parse(lines_of(r.out).back()).at("isa").get<std::string>();
  };
  for (const Isa level : kernels::supported_isas()) {
    const std::string name(kernels::name_of(level));
    CHECK(level_of({"GAZE_ISA=" + name}) == name);
  }
  CHECK(level_of({"GAZE_ISA="}) == kernels::name_of(kernels::supported_isas().back()));
}

TEST_CASE("a GAZE_ISA that is not a level is refused", "[program]") {
  Program gaze;
  for (const std::string asked : {"v9", "v", "v44", "V3", "avx2"}) {
    const Result r = gaze.run({"bench", "chain", "--steps", "1"}, {.environment = {"GAZE_ISA=" + asked}});
    CAPTURE(asked, r.err);
    CHECK(r.status == 1);
    CHECK(r.out == "");
    CHECK(lines_of(r.err).size() == 1);
    CHECK_THAT(r.err, ContainsSubstring("GAZE_ISA=" + asked) && ContainsSubstring("the levels of this program are "));
    for (const Isa level : kernels::compiled_isas())
      CHECK_THAT(r.err, ContainsSubstring(std::string(kernels::name_of(level))));
  }
}

TEST_CASE("GAZE_GEMM chooses whose matrix products are used, and a name that is neither is refused", "[program]") {
  Program gaze;
  const Args bench = {"bench", "chain", "--steps", "1", "--warmup", "0"};
  for (const std::string by : {"own", "openblas"}) {
    const Result r = gaze.run(bench, {.environment = {"GAZE_GEMM=" + by}});
    CAPTURE(by, r.err);
    REQUIRE(r.status == 0);
    CHECK(nlohmann::json::parse(lines_of(r.out).back()).at("products") == by);
  }
  for (const std::string by : {"mkl", "OWN", "own "})
    check_complaint(gaze.run(bench, {.environment = {"GAZE_GEMM=" + by}}), 1,
                    "GAZE_GEMM=" + by + ": matrix products are own or openblas");
}
