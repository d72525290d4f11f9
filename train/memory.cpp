#include <gaze/train/memory.h>

#include <sys/resource.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include <gaze/autograd/base/error.h>

namespace gaze::train {
namespace {

constexpr double float_bytes = 4;

void require_memory(double bytes, const std::string& what) {
  constexpr double gigabyte = 1e9;
  const double have = machine_memory();
  if (bytes > have)
    throw TooLarge(fmt::format("config: {} takes at least {:.4g} GB of memory, and this machine has {:.4g} GB", what,
                               bytes / gigabyte, have / gigabyte));
}

std::string model_of(const Config& c, double parameters) {
  return fmt::format("a model of {} layers with d_model {} ({:.4g} parameters)", c.model.layers, c.model.d_model,
                     parameters);
}

}  // namespace

double machine_memory() {
  double least = std::numeric_limits<double>::infinity();
  struct sysinfo machine {};
  if (::sysinfo(&machine) == 0)
    least = static_cast<double>(machine.totalram + machine.totalswap) * static_cast<double>(machine.mem_unit);
  for (const auto resource : {RLIMIT_AS, RLIMIT_DATA})
    if (struct rlimit limit{}; ::getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
      least = std::min(least, static_cast<double>(limit.rlim_cur));
  for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"})
    if (double limit = 0; std::ifstream(file) >> limit && limit > 0) least = std::min(least, limit);  // "max": none
  return least;
}

void require_memory_for_model(const Config& c, const ModelSizes& sizes) {
  // Parameters lie beside their gradients.
  const double parameters = parameters_of(c, sizes);
  double numbers = 2 * parameters;
  if (c.model.positions == Positions::sinusoidal)
    numbers += static_cast<double>(sizes.longest) * static_cast<double>(c.model.d_model);
  require_memory(float_bytes * numbers, model_of(c, parameters));
}

void require_memory_for_training(const Config& c, const ModelSizes& sizes, const BatchSize& largest) {
  const auto number = [](std::int64_t n) { return static_cast<double>(n); };
  const double layers = number(c.model.layers), d = number(c.model.d_model), heads = number(c.model.heads),
               rows = number(largest.rows), source = number(largest.source), target = number(largest.target);
  const double moments = c.training.optimizer == OptimizerKind::sgd ? 1 : 2, parameters = parameters_of(c, sizes);
  // Of a layer: attention weights, the hidden numbers of a feed-forward network, and two residual streams.
  double of_rows = 0;
  if (c.model.architecture == Architecture::rnn) {
    of_rows = layers * (2 * source + target) * d + (c.model.attends ? heads * source * target : 0);
  } else {
    const double token = number(c.model.d_ff) + 2 * d;
    of_rows = layers * (target * token + heads * target * target);
    if (c.model.kind == ModelKind::seq2seq)
      of_rows += layers * (source * token + heads * source * source + heads * source * target);
  }
  // A held-out sentence is at least a word on either side, each in text and in ids.
  const double sentence = 200, held_out = task_kind(c) == TaskKind::toy ? number(c.data.validation) * sentence : 0;
  require_memory(float_bytes * ((2 + moments) * parameters + rows * of_rows) + held_out,
                 fmt::format("to train {} on batches of {} rows of up to {} tokens{}", model_of(c, parameters),
                             largest.rows, std::max(largest.source, largest.target),
                             held_out > 0 ? fmt::format(", with {} held-out sentences,", c.data.validation) : ""));
}

}  // namespace gaze::train
