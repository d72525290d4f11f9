#include <gaze/train/program/commands/commands.h>

#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include <gaze/autograd/base/threads.h>
#include <gaze/train/program/bench.h>
#include <gaze/train/program/commands/output.h>
#include <gaze/train/program/terminal/typed_numbers.h>

namespace gaze::train {

namespace {

void print_profile(const nlohmann::json& rows) {
  std::int64_t calls = 0;
  double forward = 0, backward = 0;
  const auto print = [](std::string_view operation, std::int64_t count, double forward_ms, double backward_ms,
                        double share) {
    fmt::print("{:26} {:6} {:11.3f} {:12.3f} {:6.1f} %\n", operation, count, forward_ms, backward_ms, 100 * share);
  };
  fmt::print("{:26} {:>6} {:>11} {:>12} {:>8}\n", "operation", "calls", "forward ms", "backward ms", "share");
  for (const nlohmann::json& row : rows) {
    calls += row["calls"].get<std::int64_t>();
    forward += row["forward_ms"].get<double>(), backward += row["backward_ms"].get<double>();
    print(row["operation"].get<std::string>(), row["calls"], row["forward_ms"], row["backward_ms"], row["share"]);
  }
  print("all", calls, forward, backward, 1);
}

}  // namespace

void add_bench(CLI::App& app) {
  struct Arguments {
    BenchOptions bench;
    std::string dtype = "float32";
    int threads = 0;
    bool losses = false, list = false;
  };
  const auto a = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("bench", "Times the training steps of a workload, or prints their losses");
  command->add_option("workload", a->bench.workload, "One of the table of workloads");
  command->add_flag("--list", a->list, "Print that table and nothing else");
  command->add_option("--workloads", a->bench.workloads, "Another table: a JSON file");
  command->add_option("--dtype", a->dtype, "float32 or float64")->check(CLI::IsMember({"float32", "float64"}));
  command->add_option("--threads", a->threads, "Threads to use")->check(whole_range(1, 1024));
  command->add_option("--steps", a->bench.steps, "Steps to time")->check(whole_range(1, 1000000000));
  command->add_option("--warmup", a->bench.warmup, "Steps before those")->check(whole_range(0, 1000000000));
  command->add_option("--seed", a->bench.seed, "Of weights, ids and dropout")
      ->check(whole_range(0, std::numeric_limits<std::int64_t>::max()));
  command->add_option("--init", a->bench.initial, "Weights to start from: safetensors by PyTorch's names");
  command->add_option("--batch", a->bench.batch, "The batch: safetensors with src, tgt and gold");
  command->add_flag("--losses", a->losses, "Print the loss of each step as a JSON array; dropout off");
  command->add_flag("--profile", a->bench.profile, "What each operation costs a step, before the figures")
      ->excludes("--losses");
  command->add_flag("--json")->description("Accepted as elsewhere: figures are printed as JSON in any case");
  command->callback([a] {
    if (a->threads > 0) set_threads(a->threads);
    if (a->dtype == "float64") a->bench.dtype = DType::float64;
    if (a->list) {
      fmt::print("{}\n", workload_table(a->bench.workloads).dump());
      return;
    }
    const auto names = workload_names(a->bench.workloads);
    if (a->bench.workload.empty())
      throw UsageError(fmt::format("bench: which workload? There are {}", fmt::join(names, ", ")));
    if (std::find(names.begin(), names.end(), a->bench.workload) == names.end())
      throw UsageError(fmt::format("unknown workload {}; there are {}{}", a->bench.workload, fmt::join(names, ", "),
                                   did_you_mean(a->bench.workload, names)));
    if (a->losses) {
      fmt::print("{}\n", nlohmann::json(bench_losses(a->bench)).dump());
      return;
    }
    JsonOutput output(true);
    const nlohmann::json figures = bench(a->bench);
    if (figures.contains("profile")) print_profile(figures["profile"]);
    output.print(figures);
  });
}

}  // namespace gaze::train
