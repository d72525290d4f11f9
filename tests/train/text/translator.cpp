#include <cmath>
#include <filesystem>

#include <gaze/nn/safetensors.h>
#include <gaze/train/optimizers.h>
#include <gaze/train/options.h>
#include <gaze/train/text/pair_data.h>
#include <gaze/train/text/translator.h>

#include "../../catch.h"
#include "../../scratch.h"

using namespace gaze;
using namespace gaze::train;
namespace fs = std::filesystem;

namespace {

Config config_of(const std::string& task, std::int64_t steps) {
  Config c;
  c.task = task, c.training.steps = steps;
  return c;
}

void fit(Translator& translator) {
  const Config& c = translator.config();
  const auto optimizer = make_optimizer(translator.params(), c);
  const auto pairs = toy_pairs(c, translator.languages());
  Trainer trainer(
      translator.params(), *optimizer,
      [&](std::int64_t step, Context& context) {
        return training_loss(translator.model(), pairs->batch(step), c, context);
      },
      trainer_options(c));
  trainer.run(c.training.steps);
}

Evaluation test(const Translator& translator, std::int64_t sentences) {
  Config c = translator.config();
  c.data.validation = sentences;
  return evaluate(translator.model(), toy_batches(c, translator.languages(), Split::test), c.guided);
}

/// Hundreds of steps take many minutes with every access of the kernels checked; other tests take a few steps of the
/// same models there.
bool too_slow_here() {
#ifdef __SANITIZE_ADDRESS__
  WARN("skipped: a training of hundreds of steps under the address sanitizer");
  return true;
#else
  return false;
#endif
}

}  // namespace

TEST_CASE("copying is learned, and attention lies on the word that is copied") {
  if (too_slow_here()) return;
  Translator translator(config_of("copy", 250));
  const Evaluation before = test(translator, 64);
  CHECK(before.token_accuracy < 0.3);
  CHECK(before.aer.value() > 0.5);
  fit(translator);
  const Evaluation after = test(translator, 256);
  CHECK(after.token_accuracy >= 0.99);
  CHECK(after.aer.value() <= 0.02);

  const std::vector<std::string> sentence = {"c", "a", "d", "b"};
  CHECK(translator.translate(sentence) == sentence);
  const AttentionMap map = translator.attention(sentence, sentence);
  for (std::size_t t = 0; t < 4; ++t) {
    double row = 0;
    for (std::size_t s = 0; s < 4; ++s) row += map.weights[4 * t + s];
    CHECK(row == Approx(1));
    CHECK(map.weights[4 * t + t] > 0.5);
  }
}

TEST_CASE("the grammar is learned, adjectives behind their nouns included") {
  if (too_slow_here()) return;
  Translator translator(config_of("grammar", 300));
  fit(translator);
  const Evaluation after = test(translator, 256);
  CHECK(after.token_accuracy >= 0.95);
  CHECK(after.aer.value() <= 0.1);
}

TEST_CASE("a run comes back as its checkpoint has it, whatever became of config.json") {
  const ScratchFolder folder;
  Config c = config_of("reverse", 1);
  c.model.d_model = 16, c.model.d_ff = 32, c.model.heads = 2;
  Translator made(c);
  const RunFolder run = RunFolder::create(folder.path, c);
  made.save(run.checkpoint());
  const std::vector<std::string> sentence = {"c", "a", "d", "b"};
  const AttentionMap map = made.attention(sentence, sentence);
  CHECK(Translator::load(run)->attention(sentence, sentence).weights == map.weights);

  fs::remove(folder.path / "config.json");
  Config other = c;
  other.model.heads = 4, other.task = "copy";
  const RunFolder edited = RunFolder::create(folder.path / "edited", other);
  fs::copy_file(run.checkpoint(), edited.checkpoint());
  const auto loaded = Translator::load(edited);
  CHECK(loaded->config().model.heads == 2);
  CHECK(loaded->config().task == "reverse");
  CHECK(loaded->attention(sentence, sentence).weights == map.weights);
}

TEST_CASE("a checkpoint keeps words of its own, one of something else is refused in one line") {
  const ScratchFolder folder;
  Config c = config_of("copy", 1);
  c.model.d_model = 16, c.model.d_ff = 32, c.data.units = Units::subwords;  // which a toy task does not heed
  const RunFolder run = RunFolder::create(folder.path, c);
  Translator(c).save(run.checkpoint());
  const Checkpoint good = load_safetensors(run.checkpoint());
  const auto made = Translator::load(run);
  CHECK(has_languages_of_task(made->languages(), made->config()));
  Checkpoint bad = good;
  std::string& words = bad.metadata["source_vocabulary"];
  REQUIRE(words.find(R"("b")") != words.npos);
  words.replace(words.find(R"("b")"), 3, R"("été")");
  save_safetensors(run.checkpoint(), bad);
  const auto other = Translator::load(run);
  CHECK(other->source().vocabulary.contains("été"));
  CHECK_FALSE(other->source().vocabulary.contains("b"));
  CHECK(other->attention({"été", "a"}, {"a"}).weights == made->attention({"b", "a"}, {"a"}).weights);
  CHECK_FALSE(has_languages_of_task(other->languages(), other->config()));
  CHECK_THROWS_WITH(require_languages_of_task(other->languages(), other->config(), "run"),
                    ContainsSubstring("run: this run was trained on another version of the task copy"));
  words = R"(["<pad>","<bos>","<eos>","<unk>","b","a"])";
  save_safetensors(run.checkpoint(), bad);
  CHECK_THROWS_WITH(Translator::load(run), ContainsSubstring("src_embed.tok.weight"));
  words = R"(["b","a"])";
  save_safetensors(run.checkpoint(), bad);
  CHECK_THROWS_AS(Translator::load(run), Error);
  bad = good;
  bad.metadata.erase("config");
  save_safetensors(run.checkpoint(), bad);
  CHECK_THROWS_WITH(Translator::load(run), ContainsSubstring("it holds no config"));
  bad.metadata["config"] = "{";
  save_safetensors(run.checkpoint(), bad);
  CHECK_THROWS_WITH(Translator::load(run), ContainsSubstring("config:1: it is not JSON"));
}

TEST_CASE("with a source end mark a map has its column, and rows sum to 1") {
  Config c = config_of("copy", 1);
  c.model.d_model = 16, c.model.d_ff = 32, c.data.source_eos = true;
  const Translator translator(c);
  const AttentionMap map = translator.attention({"a", "b"}, {"a"});
  CHECK(map.source == std::vector<std::string>{"a", "b", end_label});
  REQUIRE(map.weights.size() == 3);
  CHECK(map.weights[0] + map.weights[1] < 0.999);
  CHECK(map.weights[0] + map.weights[1] + map.weights[2] == Approx(1));
}

TEST_CASE("an unknown word gives way to the source word of the strongest attention, when asked for") {
  Config c = config_of("pairs", 1);
  c.model.d_model = 16, c.model.d_ff = 32, c.data.min_frequency = 1, c.data.length = 8;
  const ParallelText text{{"a b c d", "e f g"}, {"v w x", "y z"}, "source", "target", {}};
  Translator translator(c, learn_languages(c, text));
  int replacements = 0;
  // The unknown word is what the model likes best.
  Tensor head = translator.params()["head.weight"];
  const std::vector<std::vector<std::string>> sources = {{"a", "b", "c"}, {"f"}, {}, {"never", "seen"}};
  for (float& x : head.change<float>()) x *= 0.01F;
  const auto row = [&](std::int32_t id) { return head.change<float>().subspan(static_cast<std::size_t>(id) * 16, 16); };
  for (const std::int32_t sign : {1, -1}) {  // one of the two is what the features like
    row(Vocabulary::unk)[0] = static_cast<float>(10 * sign);
    const auto plain = translator.translate(sources, 1, 0), replaced = translator.translate(sources, 1, 0, true);
    REQUIRE(plain.size() == 4);
    CHECK(plain[2].front().words.empty());
    for (const std::size_t i : {0, 1, 3}) {
      const auto &words = plain[i].front().words, &others = replaced[i].front().words;
      REQUIRE(words.size() == others.size());
      if (words.empty()) continue;
      const AttentionMap map = translator.attention(sources[i], words);
      for (std::size_t t = 0; t < words.size(); ++t) {
        if (words[t] != "<unk>") {
          CHECK(others[t] == words[t]);
          continue;
        }
        std::size_t strongest = 0;
        for (std::size_t s = 0; s < sources[i].size(); ++s)
          if (map.weights[t * sources[i].size() + s] > map.weights[t * sources[i].size() + strongest]) strongest = s;
        CHECK(others[t] == sources[i][strongest]);
        ++replacements;
      }
    }
  }
  CHECK(replacements > 0);
}

TEST_CASE("guided attention draws each piece of a word to the pieces of its gold word, and AER is of words") {
  Config c = config_of("copy", 1);
  c.model.dropout = 0;
  Config guided = c;
  guided.guided.weight = 1;
  const Translator translator(guided);
  const Example pair{.source = {"a", "b", "c"},
                     .target = {"c", "a", "b"},
                     .gold = {{0, 1, true}, {1, 0, true}, {0, 0, false}},
                     .source_words = {0, 0, 1},
                     .target_words = {0, 1, 1}};
  AttentionRecorder recorder;
  translator.record({pair}, recorder);
  const auto map = attention_map(recorder.modules.at(translator.module_of(AttentionKind::cross, 0)).weights(), 0, 3, 3);
  const auto log_weight = [&](std::size_t t, std::size_t s) { return std::log(map[3 * t + s]); };
  double expected = -log_weight(0, 2);  // sure links alone, where there are any
  for (const std::size_t t : {1, 2}) expected -= (log_weight(t, 0) + log_weight(t, 1)) / 2;

  const SequenceBatch batch = sequence_batch(translator.batch_of({pair}));
  Context context;
  const double with = training_loss(translator.model(), batch, guided, context).loss.item(),
               without = training_loss(translator.model(), batch, c, context).loss.item();
  CHECK(with - without == Approx(expected).epsilon(1e-4));

  // Two target words have a link each.
  const std::vector<SequenceBatch> batches = {batch};
  const auto aer = evaluate(translator.model(), batches, guided.guided).aer;
  const auto to_first = [&](std::size_t t) { return map[3 * t] + map[3 * t + 1]; };
  const bool first = to_first(0) < map[2], second = to_first(1) + to_first(2) >= map[5] + map[8];
  CHECK(aer.value() == Approx(1 - (first + second + 1.0 * !first + first + second) / 4));
}
