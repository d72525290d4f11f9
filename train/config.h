#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace gaze {

/// Every option of a run, by the names that the command line, config.json and the workloads use. The defaults are
/// those of `gaze train`.
struct Config {
  std::string task = "copy";          ///< a toy task
  std::string model = "transformer";  ///< "transformer"
  std::string kind = "seq2seq";  ///< "seq2seq" (encoder and decoder), "decoder" (language model) or, in bench, "chain"

  // The model
  std::int64_t layers = 1;
  std::int64_t d_model = 64;
  std::int64_t heads = 1;
  std::int64_t d_ff = 256;
  double dropout = 0;
  std::string activation = "relu";    ///< "relu" or "gelu"
  std::string norm = "pre";           ///< LayerNorm "pre" or "post" the sublayers
  std::string positions = "learned";  ///< "learned", "sinusoidal" or "none"
  bool tied = false;                  ///< the output head shares the target embedding's weight

  // The data
  std::int64_t vocab = 16;        ///< symbols of copy, shift, reverse and sort; a workload's vocabulary
  std::int64_t min_length = 3;    ///< shortest sentence of those tasks
  std::int64_t length = 10;       ///< longest sentence of those tasks; a workload's sentence length
  bool source_eos = false;        ///< an end mark closes the source sentence
  std::int64_t batch = 64;        ///< sentences a step
  std::int64_t validation = 512;  ///< held-out sentences that the figures are taken on

  // The training
  std::int64_t steps = 1000;
  std::string optimizer = "adam";  ///< "adam", "adamw" or "sgd"
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.98};
  double eps = 1e-9;
  double momentum = 0.9;    ///< of sgd
  double weight_decay = 0;  ///< only on parameters with more than one axis
  double clip = 1;          ///< largest norm of the gradient; 0: none
  double label_smoothing = 0;
  double guided = 0;                  ///< weight of the loss that draws one head's attention to the gold links; 0: none
  std::int64_t guided_layer = -1;     ///< the decoder layer of that head, from 0; -1: the last
  std::int64_t guided_head = 0;       ///< from 0
  std::string schedule = "constant";  ///< "constant", "inverse_sqrt" or "cosine", after the warm-up
  std::int64_t warmup = 100;          ///< steps over which the learning rate rises to lr
  std::int64_t log_every = 50;        ///< steps between lines of metrics.jsonl
  std::int64_t probes = 40;           ///< held-out sentences whose attention is kept on disk; 0: none
  std::string record = "all";         ///< whose attention: "all" or "cross"
  std::uint64_t seed = 1;
  std::int64_t threads = 0;  ///< 0: as many as there are processors

  // A workload of `gaze bench` (kind "chain")
  std::int64_t width = 16;
  std::int64_t links = 1000;
};

/// The names of all options.
std::vector<std::string> config_keys();
/// Sets one option from text ("heads", "4"; "betas", "[0.9, 0.99]"). Throws for an unknown name (suggesting the
/// nearest), a value of the wrong type, or one that is not allowed. `typed` is what the user wrote, for errors.
void set_option(Config&, std::string_view key, std::string_view value, std::string_view typed);
/// "key=value"
void set_option(Config&, std::string_view assignment);
/// Reads the options that a JSON object names over those of `config`. `source` names it in errors.
void read_config(Config& config, const nlohmann::json& object, std::string_view source);
nlohmann::json to_json(const Config&);
/// Throws when options do not go together, naming them.
void check_config(const Config&);

}  // namespace gaze
