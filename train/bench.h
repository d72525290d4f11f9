#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <gaze/autograd/array.h>
#include <gaze/autograd/profile.h>
#include <gaze/train/config.h>

namespace gaze {

struct BenchOptions {
  std::string workload;             ///< its name
  std::filesystem::path workloads;  ///< a JSON file of workloads; empty: the built-in table
  DType dtype = DType::float32;
  std::int64_t steps = 50, warmup = 5;
  std::filesystem::path initial;  ///< safetensors: every parameter by its PyTorch name; empty: own weights
  std::filesystem::path batch;    ///< safetensors: src, tgt, gold [B,T]; empty: random ids
  std::uint64_t seed = 1;
};

/// The names in a JSON file of workloads, or of the built-in ones.
std::vector<std::string> workload_names(const std::filesystem::path& workloads = {});

/// The loss of each of `steps` training steps, dropout off.
std::vector<double> bench_losses(const BenchOptions&);

/// What the operations of `steps` training steps cost, a step on average.
std::vector<Profile::Row> bench_profile(const BenchOptions&);

/// Times `steps` training steps after `warmup`: forward, cross-entropy, backward, clipping, optimizer step.
/// Fields: workload, system, threads, ms_median, ms_min, tokens_per_s (target tokens), peak_mib, parameters,
/// first_loss, last_loss, isa (the level of instructions in use: v2, v3 or v4).
nlohmann::json bench(const BenchOptions&);

}  // namespace gaze
