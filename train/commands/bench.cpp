#include <gaze/train/commands/commands.h>

#include <memory>
#include <nlohmann/json.hpp>

#include <gaze/autograd/threads.h>
#include <gaze/train/bench.h>

namespace gaze {

namespace {

void print_profile(const std::vector<Profile::Row>& rows) {
  Profile::Row all{"all"};
  for (const Profile::Row& row : rows)
    all.calls += row.calls, all.forward_ms += row.forward_ms, all.backward_ms += row.backward_ms;
  fmt::print("{:20} {:>6} {:>11} {:>12} {:>7}\n", "operation", "calls", "forward ms", "backward ms", "share");
  const auto print = [&](const Profile::Row& row) {
    fmt::print("{:20} {:6} {:11.3f} {:12.3f} {:6.1f} %\n", row.operation, row.calls, row.forward_ms, row.backward_ms,
               100 * row.ms() / all.ms());
  };
  for (const Profile::Row& row : rows) print(row);
  print(all);
}

}  // namespace

void add_bench(CLI::App& app) {
  struct Arguments {
    BenchOptions bench;
    std::string dtype = "float32";
    int threads = 0;
    bool losses = false, profile = false;
  };
  const auto a = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("bench", "Times the training steps of a workload, or prints their losses");
  command->add_option("workload", a->bench.workload, "One of the table of workloads")->required();
  command->add_option("--workloads", a->bench.workloads, "Another table: a JSON file");
  command->add_option("--dtype", a->dtype, "float32 or float64")->check(CLI::IsMember({"float32", "float64"}));
  command->add_option("--threads", a->threads, "Threads to use")->check(CLI::Range(1, 1024));
  command->add_option("--steps", a->bench.steps, "Steps to time")->check(CLI::Range(1, 1000000000));
  command->add_option("--warmup", a->bench.warmup, "Steps before those")->check(CLI::Range(0, 1000000000));
  command->add_option("--seed", a->bench.seed, "Of weights, ids and dropout");
  command->add_option("--init", a->bench.initial, "Weights to start from: safetensors by PyTorch's names");
  command->add_option("--batch", a->bench.batch, "The batch: safetensors with src, tgt and gold");
  command->add_flag("--losses", a->losses, "Print the loss of each step as a JSON array; dropout off");
  command->add_flag("--profile", a->profile, "What each operation costs a step, before the figures")
      ->excludes("--losses");
  command->add_flag("--json")->description("Accepted as elsewhere: figures are printed as JSON in any case");
  command->callback([a] {
    if (a->threads > 0) set_threads(a->threads);
    if (a->dtype == "float64") a->bench.dtype = DType::float64;
    const auto names = workload_names(a->bench.workloads);
    if (std::find(names.begin(), names.end(), a->bench.workload) == names.end())
      throw UsageError(fmt::format("unknown workload {}; there are {}", a->bench.workload, fmt::join(names, ", ")));
    if (a->profile) print_profile(bench_profile(a->bench));
    const std::string result = a->losses ? nlohmann::json(bench_losses(a->bench)).dump() : bench(a->bench).dump();
    fmt::print("{}\n", result);
  });
}

}  // namespace gaze
