#include <gaze/train/program/bench.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <functional>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include <gaze/autograd/base/files.h>
#include <gaze/autograd/base/products.h>
#include <gaze/autograd/base/threads.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/profile.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/nn/model.h>
#include <gaze/train/json.h>
#include <gaze/train/memory.h>
#include <gaze/train/models.h>
#include <gaze/train/optimizers.h>
#include <gaze/train/options.h>
#include <gaze/train/trainer.h>

namespace gaze::train {
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
    "recurrent-512": {"kind": "seq2seq", "model": "rnn", "score": "additive", "cell": "gru", "layers": 1, "d_model": 512,
      "heads": 1, "vocab": 1000, "batch": 64, "length": 30, "dropout": 0.0, "label_smoothing": 0.0, "optimizer": "adam",
      "lr": 0.0005, "betas": [0.9, 0.98], "eps": 1e-09, "weight_decay": 0.0, "clip": 1.0, "tied": false},
    "seq2seq-base": {"kind": "seq2seq", "layers": 6, "d_model": 512, "heads": 8, "d_ff": 2048, "vocab": 10000, "batch": 32,
      "length": 32, "dropout": 0.1, "label_smoothing": 0.1, "optimizer": "adam", "lr": 0.0005, "betas": [0.9, 0.98],
      "eps": 1e-09, "weight_decay": 0.0, "clip": 1.0, "activation": "relu", "norm": "post", "tied": false}
  })");
  return table;
}

Config workload_config(const BenchOptions& o) {
  const json table = workload_table(o.workloads);
  require(table.contains(o.workload), "unknown workload {}; there are {}", o.workload,
          fmt::join(workload_names(o.workloads), ", "));
  Config config;
  config.training.warmup = 0;  // the peers train at a constant rate
  read_config(config, table[o.workload], o.workloads.empty() ? "workload " + o.workload : o.workloads.string());
  return config;
}

/// One system of parameters and the loss of its step.
struct Workload {
  virtual ~Workload() = default;
  virtual double step() = 0;
  std::int64_t tokens = 0, parameters = 0;  ///< of a step; in all
  double product_flops = 0;                 ///< of a step's matrix products
};

/// The cost of the graph itself: many tiny operations. y = tanh(y w + b), link after link.
struct Chain final : Workload {
  Chain(const Config& c, DType dtype)
      : w(Array::full({c.chain.width}, dtype, 0.9), true),
        b(Array::full({c.chain.width}, dtype, 0.1), true),
        links(c.chain.links) {
    tokens = 3 * links, parameters = 2 * c.chain.width;
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
  Array ids({c.training.batch, c.data.length}, DType::int32);
  std::generate_n(ids.write<std::int32_t>(), ids.size(),
                  [&] { return static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(c.data.vocab))); });
  return Tensor(ids);
}

/// What a word costs in an encoder-decoder of recurrent cells: multiply-adds of its matrix products, whose sources are
/// as many and as long as the targets.
double recurrent_products(const Config& config) {
  const ModelConfig& c = config.model;
  const auto length = static_cast<double>(config.data.length), d = static_cast<double>(c.d_model);
  const auto layers = static_cast<double>(c.layers), vocab = static_cast<double>(config.data.vocab);
  const auto heads = static_cast<double>(c.heads);
  const auto cells = [&](double first, double others) {  // by what the first layer and the others read
    return (c.cell == Cell::gru ? 3 : 4) * d * (first + others * (layers - 1) + d * layers);
  };
  const auto scores = [&] {
    switch (c.score.value_or(Score::additive)) {
      case Score::bilinear: return 2 * d * d / heads + 2 * length * d;
      case Score::additive: return 3 * d * d / heads;  // the scores themselves are not products
      case Score::dot:
      case Score::scaled_dot:
      case Score::cosine: break;
    }
    return 2 * d * d + length * d;  // projected keys, and products with them
  };
  const double attention = c.attends ? scores() + 2 * length * d : 0;
  return 2 * cells(d, 2 * d) + cells(3 * d, d) + attention + 3 * d * d + vocab * d;
}

/// The floating-point operations of a step's matrix products: six for each row and weight (forward, and the gradients
/// of both), 12 B T S D for an attention.
double flops_of_products(const Config& c) {
  if (c.model.architecture == Architecture::rnn)
    return 6 * static_cast<double>(c.training.batch * c.data.length) * recurrent_products(c);
  const auto batch = static_cast<double>(c.training.batch), length = static_cast<double>(c.data.length);
  const auto d = static_cast<double>(c.model.d_model), ff = static_cast<double>(c.model.d_ff),
             vocab = static_cast<double>(c.data.vocab);
  const auto layers = static_cast<double>(c.model.layers);
  const double attention = 4 * d * d, feed_forward = 2 * d * ff;  // weights
  const bool translates =
      c.model.kind == ModelKind::seq2seq;  // then the sources are as many and as long as the targets
  const double encoder = translates ? attention + feed_forward : 0;
  const double decoder = (translates ? 2 : 1) * attention + feed_forward;
  const double attentions = layers * (translates ? 3 : 1);
  return 6 * batch * length * (layers * (encoder + decoder) + vocab * d) +
         12 * batch * length * length * d * attentions;
}

/// A training step of a model on one batch, over and over.
struct Training final : Workload {
  Training(const Config& c, const BenchOptions& o) : config(c), params(o.dtype) {
    const ModelSizes sizes{.source_vocab = c.data.vocab, .target_vocab = c.data.vocab, .longest = c.data.length};
    require_memory_for_training(c, sizes, {.rows = c.training.batch, .source = c.data.length, .target = c.data.length});
    model = make_model(Scope(params, {o.seed, 1}), c, sizes);
    if (!o.initial.empty()) load(params, o.initial);
    optimizer = make_optimizer(params, c);
    source = random_ids(c, {o.seed, 3}), target = random_ids(c, {o.seed, 4}), gold = random_ids(c, {o.seed, 5});
    if (!o.batch.empty()) read_batch(o.batch);
    trainer = std::make_unique<Trainer>(
        params, *optimizer, [this](std::int64_t, Context& context) { return loss(context); }, trainer_options(c));
    tokens = gold.size(), parameters = params.count(), product_flops = flops_of_products(c);
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
    const CrossEntropyOptions options{.label_smoothing = config.training.label_smoothing};
    return {model->loss({.source = source, .target = target, .gold = gold}, options, context), gold.size()};
  }

  double step() override { return trainer->step().loss; }

  Config config;
  Params params;
  std::unique_ptr<SequenceModel> model;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<Trainer> trainer;
  Tensor source, target, gold;
};

std::unique_ptr<Workload> make_workload(const Config& c, const BenchOptions& o) {
  if (c.model.kind == ModelKind::chain) return std::make_unique<Chain>(c, o.dtype);
  return std::make_unique<Training>(c, o);
}

/// Floating-point operations per second of the best of five products of 1024^3.
template <class T>
double product_speed() {
  constexpr std::int64_t n = 1024;
  const Array a = Array::full({n, n}, dtype_of<T>::value, 0.5), b = Array::full({n, n}, dtype_of<T>::value, 0.25);
  Array c({n, n}, dtype_of<T>::value);
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    kernels::of<T>().gemm({.m = n,
                           .n = n,
                           .k = n,
                           .a = a.data<T>(),
                           .a_stride = n,
                           .b = b.data<T>(),
                           .b_stride = n,
                           .c = c.write<T>(),
                           .c_stride = n});
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return 2.0 * n * n * n / best;
}

/// Seconds since this process began, to a hundredth.
double seconds_since_start() {
  // Field 22 of the line is when, in clock ticks since the machine began; the name in brackets may hold spaces.
  const std::string line = read_file("/proc/self/stat");
  std::istringstream fields(line.substr(line.rfind(')') + 2));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9 -
         std::stod(field) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

json profile_of(Workload& workload, std::int64_t steps) {
  const Profile profile;
  for (std::int64_t i = 0; i < steps; ++i) workload.step();
  const std::vector<Profile::Row> rows = profile.rows();
  double all = 0;
  for (const Profile::Row& row : rows) all += row.ms();
  json list = json::array();
  for (const Profile::Row& row : rows)
    list.push_back({{"operation", row.operation},
                    {"calls", row.calls / steps},
                    {"forward_ms", row.forward_ms / static_cast<double>(steps)},
                    {"backward_ms", row.backward_ms / static_cast<double>(steps)},
                    {"share", row.ms() / all}});
  return list;
}

/// Milliseconds that this process has spent on processors, all threads together.
double processor_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

/// Rounded as the peers round their figures.
double rounded(double value, double steps) { return std::round(value * steps) / steps; }

}  // namespace

nlohmann::json workload_table(const std::filesystem::path& path) {
  if (path.empty()) return built_in_workloads();
  json table = parse_json(read_file(path), path.string());
  require(table.is_object(), "{}: it is not a JSON object of workloads", path.string());
  return table;
}

std::vector<std::string> workload_names(const std::filesystem::path& workloads) {
  std::vector<std::string> names;
  const json table = workload_table(workloads);
  for (const auto& [name, unused] : table.items()) names.push_back(name);
  return names;
}

std::vector<double> bench_losses(const BenchOptions& o) {
  Config config = workload_config(o);
  config.model.dropout = 0;
  const auto workload = make_workload(config, o);
  std::vector<double> losses;
  for (std::int64_t i = 0; i < o.steps; ++i) losses.push_back(workload->step());
  return losses;
}

json bench(const BenchOptions& o) {
  require(o.steps > 0, "bench: {} steps cannot be timed", o.steps);
  const auto workload = make_workload(workload_config(o), o);
  const double first = workload->step();
  const double first_step = seconds_since_start();
  for (std::int64_t i = 0; i < o.warmup; ++i) workload->step();
  std::vector<double> milliseconds;
  double last = first, processor = std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < o.steps; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const double spent_before = processor_ms();
    last = workload->step();
    processor = std::min(processor, processor_ms() - spent_before);
    milliseconds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  const std::size_t half = milliseconds.size() / 2;
  const double median =
      milliseconds.size() % 2 ? milliseconds[half] : (milliseconds[half - 1] + milliseconds[half]) / 2;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  json figures = {{"workload", o.workload},
                  {"system", "gaze"},
                  {"threads", threads()},
                  {"ms_median", rounded(median, 1e3)},
                  {"ms_min", rounded(milliseconds.front(), 1e3)},
                  {"processor_ms_min", rounded(processor, 1e3)},
                  {"tokens_per_s", std::llround(static_cast<double>(workload->tokens) / median * 1e3)},
                  {"peak_mib", usage.ru_maxrss / 1024},
                  {"parameters", workload->parameters},
                  {"first_loss", rounded(first, 1e4)},
                  {"last_loss", rounded(last, 1e4)},
                  {"first_step_s", rounded(first_step, 1e2)},
                  {"isa", kernels::name_of(kernels::isa())},
                  {"products", products() == ProductsBy::own ? "own" : "openblas"}};
  if (workload->product_flops > 0) {
    const double speed = o.dtype == DType::float64 ? product_speed<double>() : product_speed<float>();
    figures["product_flops"] = workload->product_flops;
    figures["gemm_fraction"] = rounded(workload->product_flops / (median * 1e-3) / speed, 1e3);
  }
  if (o.profile) figures["profile"] = profile_of(*workload, o.steps);
  return figures;
}

}  // namespace gaze::train
