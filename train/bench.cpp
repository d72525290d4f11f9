#include <gaze/train/bench.h>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/files.h>
#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/threads.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/nn/model.h>
#include <gaze/train/model_options.h>
#include <gaze/train/trainer.h>

namespace gaze {
namespace {

using nlohmann::json;

const json& built_in_workloads() {
  static const json table = json::parse(R"({
    "chain": {"kind": "chain", "width": 16, "links": 1000},
    "gpt-char": {"kind": "decoder", "layers": 4, "d_model": 128, "heads": 4, "d_ff": 512, "vocab": 65, "batch": 12,
      "length": 64, "dropout": 0.0, "label_smoothing": 0.0, "optimizer": "adamw", "lr": 0.001, "betas": [0.9, 0.99],
      "eps": 1e-08, "weight_decay": 0.1, "clip": 1.0, "activation": "gelu", "norm": "pre", "tied": true},
    "seq2seq-toy": {"kind": "seq2seq", "layers": 2, "d_model": 64, "heads": 4, "d_ff": 256, "vocab": 32, "batch": 64,
      "length": 12, "dropout": 0.0, "label_smoothing": 0.0, "optimizer": "adam", "lr": 0.001, "betas": [0.9, 0.98],
      "eps": 1e-09, "weight_decay": 0.0, "clip": 1.0, "activation": "relu", "norm": "post", "tied": false},
    "seq2seq-small": {"kind": "seq2seq", "layers": 3, "d_model": 256, "heads": 8, "d_ff": 512, "vocab": 6000, "batch": 128,
      "length": 16, "dropout": 0.1, "label_smoothing": 0.0, "optimizer": "adam", "lr": 0.0005, "betas": [0.9, 0.98],
      "eps": 1e-09, "weight_decay": 0.0, "clip": 1.0, "activation": "relu", "norm": "post", "tied": false},
    "seq2seq-base": {"kind": "seq2seq", "layers": 6, "d_model": 512, "heads": 8, "d_ff": 2048, "vocab": 10000, "batch": 32,
      "length": 32, "dropout": 0.1, "label_smoothing": 0.1, "optimizer": "adam", "lr": 0.0005, "betas": [0.9, 0.98],
      "eps": 1e-09, "weight_decay": 0.0, "clip": 1.0, "activation": "relu", "norm": "post", "tied": false}
  })");
  return table;
}

json workload_table(const std::filesystem::path& path) {
  if (path.empty()) return built_in_workloads();
  json table = json::parse(read_file(path), nullptr, false);
  require(table.is_object(), "{}: it is not a JSON object of workloads", path.string());
  return table;
}

Config workload_config(const BenchOptions& o) {
  const json table = workload_table(o.workloads);
  require(table.contains(o.workload), "unknown workload {}; there are {}", o.workload,
          fmt::join(workload_names(o.workloads), ", "));
  Config config;
  config.warmup = 0;  // the peers train at a constant rate
  read_config(config, table[o.workload], o.workloads.empty() ? "workload " + o.workload : o.workloads.string());
  return config;
}

/// One system of parameters and the loss of its step.
struct Workload {
  virtual ~Workload() = default;
  virtual double step() = 0;
  std::int64_t tokens = 0, parameters = 0;  ///< of a step; in all
};

/// The cost of the graph itself: many tiny operations. y = tanh(y w + b), link after link.
struct Chain final : Workload {
  Chain(const Config& c, DType dtype)
      : w(Array::full({c.width}, dtype, 0.9), true), b(Array::full({c.width}, dtype, 0.1), true), links(c.links) {
    tokens = 3 * links, parameters = 2 * c.width;
  }
  double step() override {
    w.zero_grad(), b.zero_grad();
    Tensor y = Tensor::ones(w.shape(), w.dtype());
    for (std::int64_t i = 0; i < links; ++i) y = tanh(y * w + b);
    const Tensor loss = sum(y);
    backward(loss);
    return loss.item();
  }
  Tensor w, b;
  std::int64_t links;
};

Tensor random_ids(const Config& c, RandomStream stream) {
  Random random(stream);
  Array ids({c.batch, c.length}, DType::int32);
  std::generate_n(ids.write<std::int32_t>(), ids.size(),
                  [&] { return static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(c.vocab))); });
  return Tensor(ids);
}

/// A training step of a model on one batch, over and over.
struct Training final : Workload {
  Training(const Config& c, const BenchOptions& o) : config(c), params(o.dtype) {
    ModelOptions options = model_options(c);
    options.source_vocab = options.target_vocab = c.vocab;
    const Scope root(params, {o.seed, 1});
    if (c.kind == "seq2seq") {
      seq2seq = std::make_unique<Seq2Seq>(root, options);
    } else {
      language = std::make_unique<LanguageModel>(root, options);
    }
    if (!o.initial.empty()) load(params, o.initial);
    optimizer = make_optimizer(params, c);
    source = random_ids(c, {o.seed, 3}), target = random_ids(c, {o.seed, 4}), gold = random_ids(c, {o.seed, 5});
    if (!o.batch.empty()) read_batch(o.batch);
    trainer = std::make_unique<Trainer>(
        params, *optimizer, [this](std::int64_t, Context& context) { return loss(context); }, trainer_options(c));
    tokens = gold.size(), parameters = params.count();
  }

  void read_batch(const std::filesystem::path& path) {
    const Checkpoint file = load_safetensors(path);
    for (const auto& [name, ids] : {std::pair("src", &source), {"tgt", &target}, {"gold", &gold}}) {
      const Array* found = file.find(name);
      require(found != nullptr, "{}: it has no tensor {}", path.string(), name);
      require(found->shape() == ids->shape() && found->dtype() == DType::int32, "{}: {} must be ids {}, is {} {}",
              path.string(), name, ids->shape(), name_of(found->dtype()), found->shape());
      *ids = Tensor(*found);
    }
  }

  StepLoss loss(Context& context) {
    const CrossEntropyOptions options{.label_smoothing = config.label_smoothing};
    return {seq2seq ? seq2seq->loss(source, {}, target, gold, options, context)
                    : language->loss(target, gold, options, context),
            gold.size()};
  }

  double step() override { return trainer->step().loss; }

  Config config;
  Params params;
  std::unique_ptr<Seq2Seq> seq2seq;
  std::unique_ptr<LanguageModel> language;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<Trainer> trainer;
  Tensor source, target, gold;
};

std::unique_ptr<Workload> make_workload(const Config& c, const BenchOptions& o) {
  if (c.kind == "chain") return std::make_unique<Chain>(c, o.dtype);
  return std::make_unique<Training>(c, o);
}

/// Rounded as the peers round their figures.
double rounded(double value, double steps) { return std::round(value * steps) / steps; }

}  // namespace

std::vector<std::string> workload_names(const std::filesystem::path& workloads) {
  std::vector<std::string> names;
  const json table = workload_table(workloads);
  for (const auto& [name, unused] : table.items()) names.push_back(name);
  return names;
}

std::vector<double> bench_losses(const BenchOptions& o) {
  Config config = workload_config(o);
  config.dropout = 0;
  const auto workload = make_workload(config, o);
  std::vector<double> losses;
  for (std::int64_t i = 0; i < o.steps; ++i) losses.push_back(workload->step());
  return losses;
}

std::vector<Profile::Row> bench_profile(const BenchOptions& o) {
  const auto workload = make_workload(workload_config(o), o);
  for (std::int64_t i = 0; i <= o.warmup; ++i) workload->step();
  const Profile profile;
  for (std::int64_t i = 0; i < o.steps; ++i) workload->step();
  std::vector<Profile::Row> rows = profile.rows();
  const auto steps = static_cast<double>(o.steps);
  for (Profile::Row& row : rows) row.calls /= o.steps, row.forward_ms /= steps, row.backward_ms /= steps;
  return rows;
}

json bench(const BenchOptions& o) {
  require(o.steps > 0, "bench: {} steps cannot be timed", o.steps);
  const auto workload = make_workload(workload_config(o), o);
  const double first = workload->step();
  for (std::int64_t i = 0; i < o.warmup; ++i) workload->step();
  std::vector<double> milliseconds;
  double last = first;
  for (std::int64_t i = 0; i < o.steps; ++i) {
    const auto start = std::chrono::steady_clock::now();
    last = workload->step();
    milliseconds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  const std::size_t half = milliseconds.size() / 2;
  const double median =
      milliseconds.size() % 2 ? milliseconds[half] : (milliseconds[half - 1] + milliseconds[half]) / 2;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {{"workload", o.workload},
          {"system", "gaze"},
          {"threads", threads()},
          {"ms_median", rounded(median, 1e3)},
          {"ms_min", rounded(milliseconds.front(), 1e3)},
          {"tokens_per_s", std::llround(static_cast<double>(workload->tokens) / median * 1e3)},
          {"peak_mib", usage.ru_maxrss / 1024},
          {"parameters", workload->parameters},
          {"first_loss", rounded(first, 1e4)},
          {"last_loss", rounded(last, 1e4)},
          {"isa", kernels::name_of(kernels::isa())}};
}

}  // namespace gaze
