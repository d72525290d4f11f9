#include <gaze/train/saved_model.h>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

/// What a checkpoint says beside its numbers. One byte says which note it is; the others are those of a run.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(fuzz::text_of(data + 1, size - 1));
  Checkpoint checkpoint;
  checkpoint.metadata = {{"config", R"({"task":"pairs","units":"words"})"},
                         {"source_vocabulary", R"(["<pad>","<bos>","<eos>","<unk>","a"])"},
                         {"source_longest", "4"},
                         {"validation", R"({"step":3,"loss":1.5})"}};
  constexpr const char* names[] = {"config", "source_vocabulary", "source_longest", "source_subwords", "validation"};
  const std::string name = names[data[0] % std::size(names)];
  checkpoint.metadata[name] = text;
  if (name == "source_subwords") checkpoint.metadata["config"] = R"({"task":"pairs","units":"subwords"})";
  fuzz::accepts([&] {
    const Config config = config_of(checkpoint, {}, "input");
    const Language language = language_of(checkpoint, "source", config, "input");
    Metadata again;
    add_language(again, "source", language);
    checkpoint.metadata.insert(again.begin(), again.end());
    fuzz::must(language_of(checkpoint, "source", config, "again").vocabulary.tokens() == language.vocabulary.tokens(),
               "a vocabulary is kept");
  });
  if (name != "validation") return 0;
  const auto path = fuzz::file_of("");
  fuzz::accepts([&] {
    save_safetensors(path, checkpoint);
    validation_of(path);
  });
  return 0;
}
