#include <catch2/catch.hpp>

#include <cmath>
#include <nlohmann/json.hpp>

#include <gaze/autograd/error.h>
#include <gaze/autograd/files.h>
#include <gaze/autograd/threads.h>
#include <gaze/train/bench.h>

using namespace gaze;

namespace {

const std::filesystem::path golden = GAZE_SOURCE_DIR "/tests/golden";

const std::vector<std::string> golden_workloads = {"language-pre-tied", "language-post", "translation-post",
                                                   "translation-pre"};

/// The training run that golden/training.py made with PyTorch from the same weights and batch.
BenchOptions golden_run(const std::string& workload, DType dtype) {
  BenchOptions o;
  o.workload = workload, o.workloads = golden / "workloads.json", o.dtype = dtype, o.steps = 20;
  o.initial = golden / workload / "init.safetensors", o.batch = golden / workload / "batch.safetensors";
  return o;
}

std::vector<double> golden_losses(const std::string& workload) {
  return nlohmann::json::parse(read_file(golden / workload / "losses.json")).get<std::vector<double>>();
}

}  // namespace

TEST_CASE("twenty training steps lose what PyTorch loses, in float64 to 1e-9") {
  for (const std::string& workload : golden_workloads) {
    const std::vector<double> expected = golden_losses(workload);
    const std::vector<double> losses = bench_losses(golden_run(workload, DType::float64));
    REQUIRE(losses.size() == expected.size());
    for (std::size_t i = 0; i < losses.size(); ++i) {
      INFO(workload << ", step " << i + 1);
      CHECK(std::abs(losses[i] - expected[i]) <= 1e-9 * expected[i]);
    }
  }
}

TEST_CASE("twenty training steps in float32 stay as near to float64 as float32 can") {
  for (const std::string& workload : golden_workloads) {
    const std::vector<double> expected = golden_losses(workload);
    const std::vector<double> losses = bench_losses(golden_run(workload, DType::float32));
    REQUIRE(losses.size() == expected.size());
    for (std::size_t i = 0; i < losses.size(); ++i) {
      INFO(workload << ", step " << i + 1);
      CHECK(std::abs(losses[i] - expected[i]) <= (i < 5 ? 1e-5 : 5e-3) * expected[i]);
    }
  }
}

TEST_CASE("training has the same bits with 1, 2, 3 and 4 threads") {
  const int before = threads();
  BenchOptions o;
  o.workload = "seq2seq-toy", o.steps = 4;
  set_threads(1);
  const std::vector<double> alone = bench_losses(o);
  CHECK(alone.front() != alone.back());
  for (const int count : {2, 3, 4}) {
    set_threads(count);
    CHECK(bench_losses(o) == alone);
  }
  set_threads(before);
}

TEST_CASE("a benchmark prints the fields that the peers print") {
  BenchOptions o;
  o.workload = "chain", o.steps = 3, o.warmup = 1;
  const nlohmann::json figures = bench(o);
  for (const char* field : {"workload", "system", "threads", "ms_median", "ms_min", "tokens_per_s", "peak_mib",
                            "parameters", "first_loss", "last_loss", "isa"}) {
    INFO(field);
    CHECK(figures.contains(field));
  }
  CHECK(figures["system"] == "gaze");
  CHECK(figures["ms_min"] <= figures["ms_median"]);
}

TEST_CASE("weights and batches that do not fit the workload are refused, naming the file and the tensor") {
  BenchOptions o = golden_run("language-post", DType::float32);
  o.initial = golden / "language-pre-tied" / "init.safetensors";
  CHECK_THROWS_WITH(bench_losses(o), Catch::Contains("init.safetensors"));
  o = golden_run("language-post", DType::float32);
  o.batch = golden / "language-pre-tied" / "batch.safetensors";
  CHECK_THROWS_WITH(bench_losses(o), Catch::Contains("batch.safetensors: src must be ids [2,5], is int32 [3,6]"));
  o.workload = "none";
  CHECK_THROWS_WITH(bench_losses(o), Catch::Contains("none"));
}
