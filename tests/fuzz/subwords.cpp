#include <gaze/datasets/subwords.h>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

/// A model of sentencepiece, as checkpoints have it: its text becomes pieces and pieces become text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::accepts([&] {
    const Subwords subwords = Subwords::from(std::string(fuzz::text_of(data, size)));
    subwords.pieces();
    const Tokenizer tokenizer = subwords.tokenizer();
    for (const std::string_view line : {"der hund l\u00e4uft", "", "  ein  \u2581 haus "}) {
      const auto tokens = tokenizer.tokenize(line);
      fuzz::must(tokenizer.words_of_line(line).size() == tokens.size(), "each piece has its word");
      fuzz::must(tokenizer.words_of_tokens(tokens).size() == tokens.size(), "each piece has its word");
      tokenizer.join(tokens);
    }
  });
  return 0;
}
