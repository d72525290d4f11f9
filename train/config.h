#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gaze/autograd/base/names.h>
#include <gaze/datasets/characters.h>
#include <gaze/nn/model.h>
#include <gaze/nn/recurrent.h>
#include <gaze/nn/score.h>
#include <gaze/optim/schedules.h>

namespace gaze::train {

/// What a task's data are.
enum class TaskKind {
  own,        ///< somebody's own, with a model of their own
  toy,        ///< sentences that the program makes
  pairs,      ///< parallel text
  plain_text  ///< text that a language model continues
};

enum class Architecture {
  transformer,
  rnn  ///< of kind seq2seq alone (Bahdanau et al. 2015)
};

enum class ModelKind {
  seq2seq,  ///< encoder and decoder
  decoder,  ///< a language model
  chain     ///< of `gaze bench`: many tiny operations
};

/// What a token of a text is.
enum class Units {
  words,  ///< between spaces
  characters,
  subwords  ///< byte-pair encoding
};

enum class OptimizerKind { adam, adamw, sgd };

/// Whose attention is recorded.
enum class RecordedKinds { all, cross };

// One table of names each; those of nn's and optim's enums stand beside them.
const NameTable<Architecture>& architecture_names();
const NameTable<ModelKind>& model_kind_names();
const NameTable<Units>& units_names();
const NameTable<Unicode>& unicode_names();
const NameTable<OptimizerKind>& optimizer_names();  ///< of the table of optimizers in optimizers.cpp
const NameTable<RecordedKinds>& recorded_kinds_names();
std::string_view name_of(Architecture);
std::string_view name_of(ModelKind);
std::string_view name_of(Units);
std::string_view name_of(Unicode);
std::string_view name_of(OptimizerKind);
std::string_view name_of(RecordedKinds);

struct ModelConfig {
  Architecture architecture = Architecture::transformer;
  ModelKind kind = ModelKind::seq2seq;
  std::int64_t layers = 1;
  std::int64_t d_model = 64;
  std::int64_t heads = 1;
  std::int64_t d_ff = 256;
  double dropout = 0;
  Activation activation = Activation::relu;
  Norm norm = Norm::pre;
  Positions positions = Positions::learned;
  std::optional<Score> score;  ///< of attention; nothing: scaled_dot of a transformer, additive of an rnn
  bool attends = true;         ///< false: an rnn without attention ("score=none")
  Cell cell = Cell::gru;
  bool tied = false;    ///< the output head shares the target embedding's weight
  bool shared = false;  ///< of pairs: one vocabulary and one embedding for source and target
};

struct DataConfig {
  std::int64_t vocab = 16;  ///< symbols of copy, shift, reverse and sort; tokens of a text's vocabulary at most (0: no
                            ///< limit); a workload's vocabulary
  std::int64_t min_length = 3;  ///< shortest sentence of those tasks
  std::int64_t length = 10;  ///< longest sentence of those tasks; tokens of a text's sentence at most, or of a language
                             ///< model's context; a workload's sentence length
  bool source_eos = false;   ///< an end mark closes the source sentence
  std::int64_t validation = 512;   ///< held-out sentences of a toy task that the figures are taken on
  Units units = Units::words;      ///< of text
  Unicode unicode = Unicode::nfc;  ///< what text is taken for; a saved run that does not say it has none
  bool lowercase = false;          ///< text is taken in lower case
  std::int64_t min_frequency = 1;  ///< rarer tokens of text are unknown
};

/// Text of one's own: file names; a relative one is looked for where the program is called.
struct FilesConfig {
  std::string src, tgt, valid_src, valid_tgt, test_src, test_tgt;  ///< of pairs, line by line
  std::string tsv, valid_tsv, test_tsv;                            ///< of pairs, source and target in columns
  std::string text, valid_text;  ///< of plain text; without a validation text the last tenth of it
};

struct TrainingConfig {
  std::int64_t steps = 1000;
  std::int64_t epochs = 0;      ///< of pairs: rounds through the training data instead of steps; 0: no
  std::int64_t batch = 64;      ///< sentences (of plain text: contexts) per batch
  std::int64_t tokens = 0;      ///< of pairs: tokens per batch, padding included, instead of sentences; 0: no
  std::int64_t accumulate = 1;  ///< batches per step
  OptimizerKind optimizer = OptimizerKind::adam;
  double lr = 1e-3;
  Decay schedule = Decay::constant;               ///< after the warm-up
  std::int64_t warmup = 100;                      ///< steps over which the learning rate rises to lr
  double lr_end = 0;                              ///< where the cosine ends, as a share of lr
  std::pair<double, double> betas = {0.9, 0.98};  ///< of adam and adamw
  double eps = 1e-9;                              ///< of adam and adamw
  double momentum = 0.9;                          ///< of sgd
  double weight_decay = 0;                        ///< only on parameters with more than one axis
  double clip = 1;                                ///< largest norm of the gradient; 0: none
  double label_smoothing = 0;
  std::int64_t log_every = 50;        ///< steps between lines of metrics.jsonl
  std::int64_t validate_every = 0;    ///< steps between validations; 0: an epoch of pairs, else log_every
  std::int64_t checkpoint_every = 0;  ///< steps between checkpoints; 0: at validations, two seconds apart at least
  std::int64_t patience = 0;          ///< validations without a lower loss that end the training; 0: none do
  std::int64_t average = 0;           ///< of the last validations' weights the mean is kept, too; 0: no
};

/// The head of cross-attention that is drawn to the gold links.
struct GuidedConfig {
  double weight = 0;        ///< of the loss that does it; 0: none
  std::int64_t layer = -1;  ///< of the decoder, from 0; -1: the last
  std::int64_t head = 0;    ///< from 0
};

struct RecordingConfig {
  std::int64_t probes = 40;  ///< held-out sentences whose attention is kept on disk; 0: none
  RecordedKinds kinds = RecordedKinds::all;
};

/// Of translating.
struct DecodingConfig {
  std::int64_t beam = 1;        ///< hypotheses; 1: greedy
  double length_penalty = 0.6;  ///< of the beam: see DecodingOptions
};

/// A workload of `gaze bench`, of kind chain.
struct ChainConfig {
  std::int64_t width = 16;
  std::int64_t links = 1000;
};

/// A model that the table of models.cpp does not have: see own_config() in options.h.
struct OwnModelConfig {
  std::string kind = {};                            ///< what it is called ("model" in config.json); empty: it is none
  std::map<std::string, std::string> options = {};  ///< by name, each written as JSON: 16, "relu", [1,2]
};

/// Every option of a run. The defaults are those of `gaze train`; options.h has the names that the command line,
/// config.json and the workloads use.
struct Config {
  std::string task = "copy";  ///< a toy task, "pairs" (parallel text), "chars" or "words" (plain text)
  ModelConfig model;
  DataConfig data;
  FilesConfig files;
  TrainingConfig training;
  GuidedConfig guided;
  RecordingConfig recording;
  DecodingConfig decoding;
  ChainConfig chain;
  OwnModelConfig own;
  std::uint64_t seed = 1;
  std::int64_t threads = 0;  ///< 0: as many as there are processors
};

/// The tasks that train on text of one's own.
const NameTable<TaskKind>& text_tasks();
TaskKind task_kind(const Config&);  ///< toy unless the model is somebody's own or the task is one of those

bool is_parallel_text(const Config&);  ///< task "pairs"
bool is_plain_text(const Config&);     ///< task "chars" or "words": a language model
bool has_text(const Config&);          ///< one or the other

/// The options that a run begins with: those of the preset of the task's name, or Config's own.
Config default_config(std::string_view task);
/// The names of the presets, which are the files of train/presets/.
std::vector<std::string> preset_names();
/// A preset as JSON. Throws for an unknown name, suggesting the nearest.
const std::string& preset(std::string_view name);

/// Throws when options do not go together, naming them.
void check_config(const Config&);
/// The same for options that a file holds, which is named first.
void check_config_of(std::string_view file, const Config&);

}  // namespace gaze::train
