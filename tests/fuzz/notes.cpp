#include <gaze/datasets/subwords.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/train/text/pair_data.h>
#include <gaze/train/text/text_data.h>
#include <gaze/train/text/text_model.h>
#include <gaze/train/text/translator.h>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

namespace {

/// The checkpoints of two models that are not trained, with all notes that models have.
struct Models {
  Checkpoint pairs, chars;
  Models() {
    Config config = default_config("pairs");
    config.model.d_model = config.model.d_ff = 4, config.model.layers = config.model.heads = 1;
    config.data.length = 8, config.data.min_frequency = 1;
    const ParallelText text{{"der hund", "ein haus"}, {"the dog", "a house"}, "source", "target"};
    Translator translator(config, learn_languages(config, text));
    pairs = to_checkpoint(translator.params(), translator.metadata());

    config = default_config("chars");
    config.model.d_model = config.model.d_ff = 4, config.model.layers = config.model.heads = 1;
    config.data.length = 8, config.data.min_frequency = 1;
    TextModel model(config, TextData::learn_language(config, "the dog\na house\n"));
    chars = to_checkpoint(model.params(), model.metadata());
    for (Checkpoint* checkpoint : {&pairs, &chars}) add_validation(checkpoint->metadata, {.step = 3, .loss = 1.5});
  }
};

void use(const Translator& model, const std::filesystem::path& weights) {
  const Checkpoint written{.arrays = {}, .metadata = model.metadata()};
  const LanguagePair again = saved_languages(written, model.config(), "again");
  fuzz::must(again.source.vocabulary.tokens() == model.source().vocabulary.tokens() &&
                 again.source.longest == model.source().longest &&
                 again.target.vocabulary.tokens() == model.target().vocabulary.tokens(),
             "languages are kept");
  fuzz::accepts([&] { validation_of(weights); });
  const auto words = model.translate(model.source().tokenizer.tokenize("der hund  \u00fc"));
  model.target().tokenizer.join(words);
}

void use(const TextModel& model) {
  const Checkpoint written{.arrays = {}, .metadata = model.metadata()};
  fuzz::must(
      language_of(written, "text", model.config(), "again").vocabulary.tokens() == model.language().vocabulary.tokens(),
      "a vocabulary is kept");
  const auto likely = model.next(model.prompt("the"), 3);
  fuzz::must(likely.size() <= 3, "there are as many as asked for");
}

}  // namespace

/// What a checkpoint says beside its numbers. Notes stand between bytes that no text has; the first byte of each says
/// which one it is, of the model that the first one says. The model, if it is taken, is used. (See subwords.cpp for the
/// note that is another program's.)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Models models;
  if (size == 0) return 0;
  const bool text = data[0] >= 128;
  Checkpoint checkpoint = text ? models.chars : models.pairs;
  for (std::string_view rest = fuzz::text_of(data, size); !rest.empty();) {
    const std::string_view note = rest.substr(0, rest.find('\xff'));
    rest.remove_prefix(std::min(note.size() + 1, rest.size()));
    if (note.empty()) continue;
    auto place = checkpoint.metadata.begin();
    std::advance(place, static_cast<unsigned char>(note[0]) % 128 % checkpoint.metadata.size());
    place->second = note.substr(1);
  }
  const std::filesystem::path path = fuzz::file_of("");
  fuzz::accepts([&] {
    save_safetensors(path, checkpoint);
    if (text)
      use(*TextModel::load(path, {}));
    else
      use(*Translator::load(path, {}), path);
  });
  return 0;
}
