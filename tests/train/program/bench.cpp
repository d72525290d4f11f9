#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/base/files.h>
#include <gaze/train/program/bench.h>

#include "../../catch.h"
#include "../../paths.h"
#include "../../scratch.h"
#include "../../settings.h"

using namespace gaze;
using namespace gaze::train;

namespace {

const std::filesystem::path golden = source_folder() / "tests/golden";

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
  const UseProducts products(GENERATE(ProductsBy::own, ProductsBy::openblas));
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
  const UseProducts products(GENERATE(ProductsBy::own, ProductsBy::openblas));
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

namespace {

/// A recurrent encoder-decoder that is trained in no time.
BenchOptions small_recurrent(const ScratchFolder& scratch, const std::string& score, const std::string& kind) {
  const nlohmann::json workload = {{"kind", kind},  {"model", "rnn"},     {"score", score}, {"layers", 2},
                                   {"d_model", 24}, {"heads", 2},         {"vocab", 17},    {"batch", 5},
                                   {"length", 6},   {"optimizer", "adam"}};
  BenchOptions o;
  o.workload = "small", o.workloads = scratch.path / "workloads.json", o.steps = 4, o.warmup = 0;
  const std::string table = nlohmann::json{{"small", workload}}.dump();
  write_file_atomically(o.workloads, {table}, false);
  return o;
}

}  // namespace

TEST_CASE("recurrent models are measured too, and train with the same bits at any number of threads") {
  const ScratchFolder scratch;
  const auto [score, products] = GENERATE(table<std::string, double>({
      // Of a word: two directions of two layers, the decoder's two, the score, the values, W_o and the head.
      {"additive", 2 * (72 * 48 + 72 * 72) + 72 * 96 + 72 * 48 + 3 * 24 * 24 / 2 + 6 * 48 + 72 * 24 + 17 * 24},
      {"dot", 2 * (72 * 48 + 72 * 72) + 72 * 96 + 72 * 48 + 2 * 24 * 24 + 6 * 24 + 6 * 48 + 72 * 24 + 17 * 24},
      {"none", 2 * (72 * 48 + 72 * 72) + 72 * 96 + 72 * 48 + 72 * 24 + 17 * 24},
  }));
  CAPTURE(score);
  const BenchOptions o = small_recurrent(scratch, score, "seq2seq");
  const int before = threads();
  set_threads(1);
  const std::vector<double> alone = bench_losses(o);
  CHECK(alone.back() < alone.front());
  set_threads(3);
  CHECK(bench_losses(o) == alone);
  set_threads(before);
  const nlohmann::json figures = bench(o);
  CHECK(figures["product_flops"] == 6.0 * 30 * products);
  CHECK(figures["gemm_fraction"].get<double>() > 0);
}

TEST_CASE("a recurrent language model is not there to be measured") {
  const ScratchFolder scratch;
  CHECK_THROWS_WITH(bench_losses(small_recurrent(scratch, "additive", "decoder")),
                    ContainsSubstring("there is no rnn of kind decoder"));
}

TEST_CASE("a benchmark prints the fields that the peers print") {
  BenchOptions o;
  o.workload = "chain", o.steps = 3, o.warmup = 1;
  const nlohmann::json figures = bench(o);
  for (const char* field : {"workload", "system", "threads", "ms_median", "ms_min", "tokens_per_s", "peak_mib",
                            "parameters", "first_loss", "last_loss", "isa", "first_step_s", "processor_ms_min"}) {
    INFO(field);
    CHECK(figures.contains(field));
  }
  CHECK(figures["system"] == "gaze");
  CHECK(figures["ms_min"] <= figures["ms_median"]);
  CHECK(figures["first_step_s"] > 0);
  CHECK_FALSE(figures.contains("gemm_fraction"));  // it has no products
  CHECK_FALSE(figures.contains("profile"));
}

TEST_CASE("the share of matrix products is what their operations, the time and the machine's speed make it") {
  BenchOptions o;
  o.workload = "gpt-char", o.steps = 2, o.warmup = 0;
  const nlohmann::json figures = bench(o);
  // 768 rows by four layers of 12 times 128^2 weights and a head of 65 by 128; attention of 12 by 64 by 64.
  const double flops = 6.0 * 768 * (4 * 12 * 128 * 128 + 65 * 128) + 4 * 12.0 * 12 * 64 * 64 * 128;
  const double speed = flops / figures["ms_median"].get<double>() / 1e6 / figures["gemm_fraction"].get<double>();
  INFO("1024^3 at " << speed << " GF/s");
  CHECK(figures["gemm_fraction"] > 0.01);
  CHECK(figures["gemm_fraction"] < 2);
  CHECK(speed > 0.01);  // with every access checked it is below 1
}

TEST_CASE("a profile names the operations of a step, their calls and what they cost") {
  BenchOptions o;
  o.workload = "seq2seq-toy", o.steps = 2, o.warmup = 0, o.profile = true;
  const nlohmann::json rows = bench(o)["profile"];
  std::map<std::string, nlohmann::json> by_name;
  double share = 0;
  for (const nlohmann::json& row : rows) by_name[row["operation"]] = row, share += row["share"].get<double>();
  CHECK(share == Approx(1));
  CHECK(by_name.at("attention")["calls"] == 6);
  CHECK(by_name.at("dense")["calls"] == 4);
  CHECK(by_name.at("residual")["calls"] == 10);
  CHECK(by_name.at("optimizer")["calls"] == 1);
  for (const char* operation : {"linear", "attention", "dense", "projected_cross_entropy", "layer_norm"}) {
    INFO(operation);
    CHECK(by_name.at(operation)["forward_ms"] > 0);
    CHECK(by_name.at(operation)["backward_ms"] > 0);
  }
}

TEST_CASE("weights and batches that do not fit the workload are refused, naming the file and the tensor") {
  BenchOptions o = golden_run("language-post", DType::float32);
  o.initial = golden / "language-pre-tied" / "init.safetensors";
  CHECK_THROWS_WITH(bench_losses(o), ContainsSubstring("init.safetensors"));
  o = golden_run("language-post", DType::float32);
  o.batch = golden / "language-pre-tied" / "batch.safetensors";
  CHECK_THROWS_WITH(bench_losses(o), ContainsSubstring("batch.safetensors: src must be ids [2,5], is int32 [3,6]"));
  o.workload = "none";
  CHECK_THROWS_WITH(bench_losses(o), ContainsSubstring("none"));
}
