#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <gaze/nn/recorder.h>
#include <gaze/train/attention/alignment.h>
#include <gaze/train/attention/attention_record.h>
#include <gaze/train/run_folder.h>
#include <gaze/train/sequence_batch.h>

namespace gaze::train {

/// What one head's cross-attention is worth over sentence pairs, each figure read at the query that produces a word, of
/// maps that are folded to words (see word_map.h).
struct HeadScore {
  std::optional<double> aer;  ///< one link per target word: the strongest source word; none without gold links
  double entropy = 0;         ///< of a query over the positions that it sees, divided by that of even attention: 0 to 1
  double gold_mass = 0;       ///< attention on a word's gold links, sure or possible; of the words that have any
  double end_mass = 0;        ///< attention on the source's end mark
};

/// `head` from 0, or -1 for the mean of all; `end_mark`: one follows each source sentence in `weights` [B,H,T,S].
HeadScore score_head(const Tensor& weights, const std::vector<Example>& examples, int head, bool end_mark);

/// The steps of training whose attention is kept: `max_steps` at most of 0 to `last`, both among them, the denser the
/// earlier. The distance of two grows by the same factor all the way, about twentyfold in all.
std::vector<std::int64_t> recorded_steps(std::int64_t last, std::int64_t max_steps);

/// The folder attention/ of a run: for each module and recorded step the weights of all probes as NAME.STEP.npy
/// (float32 [P,H,T,S], filled up with zeros; T counts the begin mark where there is one, S of cross-attention and both
/// axes of the encoder's an end mark where the run has one), and index.json: end_mark, begin_mark (not there: true),
/// probes (source, target, gold as [source, target, sure]), modules (name, kind, layer, heads), baselines (floor,
/// diagonal: AER) and steps (step, and for each head of cross-attention and the mean its scores; AER null without gold
/// links). Weights are those of tokens. A probe whose tokens are pieces of words also has source_words and
/// target_words: of each token the number of its word, from 0 (-1: white space of a sentence without words); gold links
/// and scores are of these words. Without them each token is a word. Files of a step are there before the index names
/// it.
class AttentionLog {
 public:
  /// Has the model at its present state read these sentences, and the recorder keep what it asks for.
  using Look = std::function<void(const std::vector<Example>&, AttentionRecorder&)>;

  /// The probes are the first of `candidates`, each sentence once. Config says how many, and which of a model's
  /// attentions are recorded. The folder stays under 50 MB, by fewer steps and, for large models, fewer probes. Throws
  /// for a model that has no such attention, and for candidates that it cannot be of.
  AttentionLog(const Config& config, const AttentionSites& sites, const Marks& marks, Look look, const RunFolder& run,
               const std::vector<Example>& candidates);
  /// Of any model, which must outlive it: the candidates are a batch's sentences, and marks what its ids have beside
  /// their words. Throws for a batch without sentences as well.
  AttentionLog(const Config& config, const SequenceModel& model, const SequenceBatch& candidates, const RunFolder& run);
  ~AttentionLog();

  /// Before training goes on after a step, 0 at its start: keeps what was recorded up to there, with its probes,
  /// forgets what came later, and records this step if it is due and not there. At step 0 nothing is kept: see
  /// forget().
  void begin(std::int64_t step);
  /// Records when this step is due. Throws when a file cannot be written.
  void after(std::int64_t step);
  /// Records the last step of a run that ended early.
  void finish(std::int64_t step);

  /// Removes what an earlier run left in the folder.
  static void forget(const RunFolder& run);
  static std::filesystem::path folder(const RunFolder& run) { return run.path() / "attention"; }
  /// index.json as it is at this moment. Throws when nothing was recorded.
  static nlohmann::json index(const RunFolder& run);
  static AttentionRecord load(const RunFolder& run);  ///< read_attention_index() of index()
  /// [P,H,T,S] of one module at a recorded step. Throws when the file is not there, is broken or does not fit.
  static Tensor weights(const RunFolder& run, const std::string& module, std::int64_t step);
  /// The same; throws when it is not of the sentences and heads that the record tells of, too.
  static Tensor weights(const RunFolder& run, const AttentionRecord& record, const AttentionSite& module,
                        std::int64_t step);
  /// The file of a module's weights at a step.
  static std::filesystem::path file(const RunFolder& run, const std::string& module, std::int64_t step);

 private:
  void record(std::int64_t step);
  void keep_until(std::int64_t step);

  Config config_;
  Marks marks_;
  Look look_;
  std::filesystem::path folder_;
  std::vector<Example> probes_;
  std::vector<std::int64_t> due_;  ///< from the next on
  std::unique_ptr<nlohmann::json> index_;
  std::int64_t last_ = -1;
};

}  // namespace gaze::train
