#include <gaze/train/program/commands/training_job.h>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/files.h>
#include <gaze/train/attention/word_map.h>
#include <gaze/train/memory.h>
#include <gaze/train/program/commands/output.h>
#include <gaze/train/program/terminal/training_view.h>
#include <gaze/train/report/report.h>
#include <gaze/train/text/bleu.h>
#include <gaze/train/text/pair_data.h>
#include <gaze/train/text/text_data.h>
#include <gaze/train/text/text_model.h>

namespace gaze::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A translator, of a toy task or of a text; the attention of some held-out sentences is recorded on the way.
class TranslationJob : public TrainingJob {
 public:
  TranslationJob(const Config& config, const LanguagePair& languages, std::unique_ptr<PairData> pairs)
      : translator_(config, languages),
        pairs_(std::move(pairs)),
        learner_(config, translator_.params(), translator_.model(), *pairs_, translator_.metadata()) {}

  Learner& learner() override { return learner_; }
  std::optional<HeatMap> picture() const override {
    if (!translator_.has_attention()) return {};
    const Example& e = shown();
    return heat_map_of(fold_to_words(translator_.attention(e.source, e.target), AttentionKind::cross, e), e.gold,
                       fmt::format("{} -> {}", translator_.source().tokenizer.join(e.source),
                                   translator_.target().tokenizer.join(e.target)));
  }

 protected:
  virtual const Example& shown() const = 0;
  /// Whether the folder holds attention to look at.
  bool records() const { return translator_.config().recording.probes > 0 && translator_.has_attention(); }
  std::unique_ptr<AttentionLog> attention_log(const RunFolder& folder) const override {
    if (!records()) return nullptr;
    std::vector<Example> candidates = pairs_->probes(20 * translator_.config().recording.probes);
    candidates.insert(candidates.begin(), shown());
    const auto look = [&](const std::vector<Example>& sentences, AttentionRecorder& recorder) {
      translator_.record(sentences, recorder);
    };
    const Marks marks{.begin = true, .end = translator_.config().data.source_eos};
    return std::make_unique<AttentionLog>(translator_.config(), translator_.attentions(), marks, look, folder,
                                          candidates);
  }
  const Translator& translator() const { return translator_; }
  const PairData& pairs() const { return *pairs_; }

 private:
  Translator translator_;
  std::unique_ptr<PairData> pairs_;
  SequenceLearner learner_;
};

class ToyJob : public TranslationJob {
 public:
  ToyJob(const Config& config, const LanguagePair& languages, bool demo)
      : TranslationJob(config, languages, toy_pairs(config, languages)), demo_(demo), task_(toy_task(config)) {
    // A held-out sentence to watch: in a demo the one whose links cross the most, as adjectives and nouns swap.
    constexpr std::int64_t candidates = 200;
    const auto crossings = [](const Example& e) {
      std::int64_t n = 0;
      for (const Link& a : e.gold)
        for (const Link& b : e.gold) n += a.sure && b.sure && a.source < b.source && a.target > b.target;
      return n;
    };
    const auto examples = pairs().probes(demo ? candidates : 1);
    shown_ = *std::max_element(examples.begin(), examples.end(),
                               [&](const Example& a, const Example& b) { return crossings(a) < crossings(b); });
  }
  std::string description() const override { return task_->description(); }

  json close(const RunFolder& folder, const std::string& program) override {
    const Config& config = translator().config();
    const auto trained = Translator::load(folder);
    const Translator& model = *trained;
    const std::string gaze = shell_quoted(program), run = shell_quoted(folder.path().string());
    const Evaluation figures =
        evaluate(model.model(), toy_batches(config, model.languages(), Split::test), config.guided);
    fmt::print("On {} test sentences: token accuracy {:.2f} %{}\n\n", config.data.validation,
               100 * figures.token_accuracy,
               figures.aer ? fmt::format(", alignment error rate {:.2f} %", 100 * *figures.aer) : "");
    print_translations(model);
    const json none = json::object();
    const TaskGuide guide = task_->guide();
    if (demo_) {
      fmt::print("\nSentences that it knows (and the words:  {} tasks {}):\n", gaze, task_->name());
      for (const std::string& form : guide.forms) fmt::print("  {}\n", form);
      if (model.has_attention()) fmt::print("\nTry your own:\n");
      for (const std::string& sentence : guide.examples)
        if (model.has_attention()) fmt::print("  {} inspect {} {}\n", gaze, run, shell_quoted(sentence));
    } else if (model.has_attention()) {
      fmt::print("\nLook further:  {} inspect {} {}\n", gaze, run, shell_quoted(task_->showcase().back()));
      fmt::print("What it knows: {} tasks {}\n", gaze, task_->name());
    }
    if (!records()) return none;
    if (!demo_) {
      fmt::print("As a page:     {} report {}\n", gaze, run);
      return none;
    }
    const fs::path page = folder.path() / "report.html";
    write_file_atomically(page, {report_page(folder)});
    fmt::print("\nAs a page:     {}\n", file_link(page, detect_terminal(STDOUT_FILENO)));
    return none;
  }

 private:
  /// A sentence and its translation per line, or where that is too much for the terminal, two.
  void print_translations(const Translator& model) const {
    std::vector<std::pair<std::string, std::string>> translations;
    int widest = 0;
    for (const std::string& sentence : task_->showcase()) {
      translations.emplace_back(sentence, task_->join(model.translate(task_->tokenize(sentence))));
      widest = std::max(widest, display_width(fmt::format("  {}  ->  {}", sentence, translations.back().second)));
    }
    const bool fits = widest <= detect_terminal(STDOUT_FILENO).columns;
    for (const auto& [sentence, translation] : translations)
      fmt::print("  {}{}->  {}\n", sentence, fits ? "  " : "\n    ", translation);
  }

  const Example& shown() const override { return shown_; }
  bool demo_;
  std::shared_ptr<const ToyTask> task_;
  Example shown_;
};

/// Parallel text of somebody's own.
class TextPairsJob : public TranslationJob {
 public:
  TextPairsJob(const Config& config, const LanguagePair& languages, std::unique_ptr<TextPairs> pairs,
               std::optional<ParallelText> test)
      : TextPairsJob(config, languages, *pairs, std::move(pairs), std::move(test)) {}

  std::string description() const override {
    return fmt::format("{} pairs, {} source and {} target {}", pairs_.size(), translator().source().vocabulary.size(),
                       translator().target().vocabulary.size(), name_of(translator().config().data.units));
  }
  std::vector<std::string> notices() const override { return pairs_.notices(); }

  json close(const RunFolder& folder, const std::string& program) override {
    const auto best = Translator::load(folder);
    fmt::print("The weights in use are {}\n", printable(folder.weights().string()));
    json figures = json::object();
    if (test_) figures = test(*best, folder);
    const std::string gaze = shell_quoted(program), run = shell_quoted(folder.path().string());
    fmt::print("\nTranslate:     {} translate {} < FILE\n", gaze, run);
    if (best->has_attention())
      fmt::print("Look further:  {} inspect {} {}\n", gaze, run,
                 shell_quoted(best->source().tokenizer.join(shown_.source)));
    if (records()) fmt::print("As a page:     {} report {}\n", gaze, run);
    return figures;
  }

 private:
  TextPairsJob(const Config& config, const LanguagePair& languages, const TextPairs& pairs,
               std::unique_ptr<TextPairs>&& owned, std::optional<ParallelText> test)
      : TranslationJob(config, languages, std::move(owned)), pairs_(pairs), test_(std::move(test)) {
    // A sentence that fits into a terminal.
    constexpr std::int64_t candidates = 200;
    constexpr std::int64_t words = 9;
    const auto examples = pairs_.probes(candidates);
    const auto fits = std::find_if(examples.begin(), examples.end(), [](const Example& e) {
      return source_word_count(e) <= words && target_word_count(e) <= words;
    });
    shown_ = fits == examples.end() ? examples.front() : *fits;
  }

  json test(const Translator& model, const RunFolder& folder) const {
    const Config& c = model.config();
    json figures = json::object();
    const auto batches = evaluation_batches(*test_, {model.source(), model.target()}, c.data.source_eos);
    if (!batches.empty()) {
      const Evaluation e = evaluate(model.model(), batches);
      std::int64_t pairs = 0;
      for (const SequenceBatch& batch : batches) pairs += batch.ids.source.size(0);
      const std::string of_all = std::cmp_equal(pairs, test_->size()) ? "" : fmt::format(" of {}", test_->size());
      fmt::print("On {}{} test pairs: loss {:.4f}, perplexity {:.2f}, token accuracy {:.2f} %\n", pairs, of_all, e.loss,
                 std::exp(e.loss), 100 * e.token_accuracy);
      figures = {
          {"test_loss", e.loss}, {"test_perplexity", std::exp(e.loss)}, {"test_token_accuracy", e.token_accuracy}};
    }
    std::vector<std::vector<std::string>> sources;
    for (const std::string& line : test_->source) sources.push_back(model.source().tokenizer.tokenize(line));
    std::vector<std::string> hypotheses, references;
    for (const auto& translations : model.translate(sources, c.decoding.beam, c.decoding.length_penalty))
      hypotheses.push_back(model.target().tokenizer.join(translations.front().words));
    for (const std::string& line : test_->target) references.push_back(spelling_of(c).of(line));
    const Bleu result = bleu(hypotheses, references);
    const fs::path file = folder.path() / "test.hyp";
    write_file_atomically(file, {fmt::format("{}\n", fmt::join(hypotheses, "\n"))});
    fmt::print("BLEU {:.2f} with a beam of {}; the translations are in {}\n", result.value, c.decoding.beam,
               printable(file.string()));
    figures["bleu"] = result.value;
    return figures;
  }

  const Example& shown() const override { return shown_; }
  const TextPairs& pairs_;
  std::optional<ParallelText> test_;
  Example shown_;
};

/// A language model.
class TextJob : public TrainingJob {
 public:
  TextJob(const Config& config, const Language& language, TextData::Text text)
      : model_(config, language),
        data_(config, language, std::move(text)),
        learner_(config, model_.params(), model_.model(), data_, model_.metadata()) {}

  Learner& learner() override { return learner_; }
  std::string description() const override {
    return fmt::format("{} tokens of text to learn from and {} held out, of {} kinds", data_.size(),
                       data_.held_out_size(), model_.language().vocabulary.size());
  }
  json close(const RunFolder& folder, const std::string& program) override {
    fmt::print("Go on:  {} sample {} --prompt \"...\"\n", shell_quoted(program), shell_quoted(folder.path().string()));
    return json::object();
  }

 private:
  TextModel model_;
  TextData data_;
  SequenceLearner learner_;
};

}  // namespace

void TrainingJob::begin(const RunFolder& folder, std::int64_t step) {
  attention_ = attention_log(folder);
  if (attention_)
    attention_->begin(step);
  else if (step == 0)
    AttentionLog::forget(folder);  // of a run that begins anew, whatever it was
}

void TrainingJob::after(std::int64_t step) {
  if (attention_) attention_->after(step);
}

void TrainingJob::end(std::int64_t step) {
  if (attention_) attention_->finish(step);
}

std::unique_ptr<TrainingJob> make_job(const Config& given, const Checkpoint* trained, const std::string& file,
                                      bool demo) {
  Config config = given;
  const auto saved = [&](const char* name) { return language_of(*trained, name, config, file); };
  if (is_plain_text(config)) {
    TextData::Text text = TextData::read(config);
    const Language language = trained ? saved("text") : TextData::learn_language(config, text.train);
    require_memory_for_training(config, sizes_of(config, language),
                                {.rows = config.training.batch, .target = config.data.length});
    return std::make_unique<TextJob>(config, language, std::move(text));
  }
  if (!is_parallel_text(config)) {
    if (trained) {  // with other options, if any, than are asked for now: what may not change is said later
      const Config before = config_of(*trained, config, file);
      if (!has_text(before)) require_languages_of_task(saved_languages(*trained, before, file), before, file);
    }
    require_sentences(config);
    return std::make_unique<ToyJob>(config, toy_languages(config), demo);
  }
  PairTexts texts = PairTexts::read(config);
  const LanguagePair languages =
      trained ? LanguagePair{saved("source"), saved("target")} : learn_languages(config, texts.train);
  auto pairs = std::make_unique<TextPairs>(config, texts, languages);
  require_memory_for_training(config, sizes_of(languages), pairs->largest_batch());
  const auto steps = [&](std::int64_t batches) {
    return (batches + config.training.accumulate - 1) / config.training.accumulate;
  };
  if (config.training.epochs > 0) config.training.steps = steps(pairs->batches(config.training.epochs));
  return std::make_unique<TextPairsJob>(config, languages, std::move(pairs), std::move(texts.test));
}

}  // namespace gaze::train
