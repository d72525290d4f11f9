#include <gaze/datasets/lines.h>
#include <gaze/datasets/tokenizer.h>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

/// Lines, code points and words of any bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> lines;
  if (!fuzz::accepts([&] { lines = read_lines(fuzz::file_of(fuzz::text_of(data, size))); })) return 0;
  for (const std::string& line : lines) {
    fuzz::must(line.find('\n') == line.npos, "a line is one line");
    std::vector<std::string> characters;
    if (!fuzz::accepts([&] { characters = characters_of(line); })) continue;
    std::string whole;
    for (const std::string& one : characters) whole += one;
    fuzz::must(whole == line, "characters are a line's own bytes");
    check_utf8(line);
    for (const Unicode unicode : {Unicode::nfc, Unicode::none}) {
      for (const std::string_view word : words_in(line, unicode)) fuzz::must(!word.empty(), "a word is something");
      check_utf8(lower_case(line, unicode));
      for (const bool lowercase : {false, true})
        for (const Tokenizer& tokenizer : {word_tokenizer(unicode), character_tokenizer(unicode)}) {
          const Tokenizer own = spelled(tokenizer, {.unicode = unicode, .lowercase = lowercase});
          fuzz::accepts([&] {
            const auto tokens = own.tokenize(line);
            const auto words = own.words_of_line(line);
            fuzz::must(words.empty() || words.size() == tokens.size(), "each token has its word");
            check_utf8(own.join(tokens));
          });
        }
    }
    fuzz::accepts([&] {
      const std::string composed = nfc(line);
      fuzz::must(nfc(composed) == composed, "what is composed stays as it is");
    });
  }
  return 0;
}
