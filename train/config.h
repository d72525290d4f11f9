#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace gaze::train {

/// Every option of a run, by the names that the command line, config.json and the workloads use. The defaults are
/// those of `gaze train`.
struct Config {
  std::string task = "copy";          ///< a toy task, "pairs" (parallel text), "chars" or "words" (plain text)
  std::string model = "transformer";  ///< "transformer" or, of kind seq2seq, "rnn" (Bahdanau et al. 2015)
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
  std::string score = "auto";  ///< of attention: "dot", "scaled_dot", "cosine", "bilinear" or "additive"; "none": an
                               ///< rnn without attention; "auto": scaled_dot of a transformer, additive of an rnn
  std::string cell = "gru";    ///< of an rnn: "gru" or "lstm"
  bool tied = false;           ///< the output head shares the target embedding's weight
  bool shared = false;         ///< of pairs: one vocabulary and one embedding for source and target

  // The data
  std::int64_t vocab = 16;  ///< symbols of copy, shift, reverse and sort; tokens of a text's vocabulary at most (0: no
                            ///< limit); a workload's vocabulary
  std::int64_t min_length = 3;  ///< shortest sentence of those tasks
  std::int64_t length = 10;  ///< longest sentence of those tasks; tokens of a text's sentence at most, or of a language
                             ///< model's context; a workload's sentence length
  bool source_eos = false;   ///< an end mark closes the source sentence
  std::int64_t batch = 64;   ///< sentences (of plain text: contexts) a batch
  std::int64_t tokens = 0;   ///< of pairs: tokens per batch, padding included, instead of sentences; 0: no
  std::int64_t accumulate = 1;    ///< batches per step
  std::int64_t validation = 512;  ///< held-out sentences of a toy task that the figures are taken on

  // Text of one's own: file names; a relative one is looked for where the program is called
  std::string src, tgt, valid_src, valid_tgt, test_src, test_tgt;  ///< of pairs, line by line
  std::string tsv, valid_tsv, test_tsv;                            ///< of pairs, source and target in columns
  std::string text, valid_text;    ///< of chars and words; without a validation text the last tenth of it
  std::string units = "words";     ///< what a token is: "words" (between spaces), "characters" or "subwords" (BPE)
  bool lowercase = false;          ///< text is taken in lower case
  std::int64_t min_frequency = 1;  ///< rarer words are unknown

  // The training
  std::int64_t steps = 1000;
  std::int64_t epochs = 0;         ///< of pairs: rounds through the training data instead of steps; 0: no
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
  double lr_end = 0;                  ///< where the cosine ends, as a share of lr
  std::int64_t log_every = 50;        ///< steps between lines of metrics.jsonl
  std::int64_t validate_every = 0;    ///< steps between validations; 0: an epoch of pairs, else log_every
  std::int64_t checkpoint_every = 0;  ///< steps between checkpoints; 0: at validations, two seconds apart at least
  std::int64_t patience = 0;          ///< validations without a lower loss that end the training; 0: none do
  std::int64_t average = 0;           ///< of the last validations' weights the mean is kept, too; 0: no
  std::int64_t beam = 1;              ///< hypotheses in translating; 1: greedy
  double length_penalty = 0.6;        ///< of the beam: see DecodingOptions
  std::int64_t probes = 40;           ///< held-out sentences whose attention is kept on disk; 0: none
  std::string record = "all";         ///< whose attention: "all" or "cross"
  std::uint64_t seed = 1;
  std::int64_t threads = 0;  ///< 0: as many as there are processors

  // A workload of `gaze bench` (kind "chain")
  std::int64_t width = 16;
  std::int64_t links = 1000;
};

/// What trains on files of one's own, and how.
bool is_parallel_text(const Config&);  ///< task "pairs"
bool is_plain_text(const Config&);     ///< task "chars" or "words": a language model

bool has_text(const Config&);  ///< one or the other

/// Layers whose cross-attention there is to look at: an rnn's decoder has one, or none.
std::int64_t cross_attention_layers(const Config&);

/// The options that a run begins with: those of the preset of the task's name, or Config's own.
Config default_config(std::string_view task);
/// The names of the presets, which are the files of train/presets/.
std::vector<std::string> preset_names();
/// A preset as JSON. Throws for an unknown name, suggesting the nearest.
const std::string& preset(std::string_view name);

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
/// The options of `wanted` that a run with `trained` cannot be continued with, as "name: old, not new"; data, model and
/// the order of batches stay what they are, lengths and rates may change. Files may have moved: they are not compared.
std::vector<std::string> fixed_differences(const Config& trained, const Config& wanted);
/// The options that make a run's weights what they are: all but threads, file names and those of decoding.
nlohmann::json portable(const Config&);
/// Throws when options do not go together, naming them.
void check_config(const Config&);

}  // namespace gaze::train
