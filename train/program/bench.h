#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <gaze/autograd/array.h>
#include <gaze/train/config.h>

namespace gaze::train {

struct BenchOptions {
  std::string workload;             ///< its name
  std::filesystem::path workloads;  ///< a JSON file of workloads; empty: the built-in table
  DType dtype = DType::float32;
  std::int64_t steps = 50, warmup = 5;
  std::filesystem::path initial;  ///< safetensors: every parameter by its PyTorch name; empty: own weights
  std::filesystem::path batch;    ///< safetensors: src, tgt, gold [B,T]; empty: random ids
  std::uint64_t seed = 1;
  bool profile = false;  ///< as many steps again, for what each operation costs
};

/// The names in a JSON file of workloads, or of the built-in ones.
std::vector<std::string> workload_names(const std::filesystem::path& workloads = {});

/// The table of workloads itself.
nlohmann::json workload_table(const std::filesystem::path& workloads = {});

/// The loss of each of `steps` training steps, dropout off.
std::vector<double> bench_losses(const BenchOptions&);

/// Times `steps` training steps after `warmup`: forward, cross-entropy, backward, clipping, optimizer step.
/// Fields: workload, system, threads, ms_median, ms_min, processor_ms_min (the minimum over steps of the time that all
/// processors together spent on one), tokens_per_s (target tokens), peak_mib, parameters, first_loss, last_loss, isa
/// (the level of instructions in use: v2, v3 or v4), first_step_s (from the start of the process to the end of the
/// first step) and, for a model, product_flops (the floating-point operations of its matrix products: six for each row
/// and weight of a linear layer, 12 B T S D for an attention) and gemm_fraction: these divided by the median time and
/// by the best of five products of 1024^3, the machine's speed at the same number of threads. With `profile`, also
/// profile: operation, calls, forward_ms, backward_ms and share (of 1) per step, the dearest first.
nlohmann::json bench(const BenchOptions&);

}  // namespace gaze::train
