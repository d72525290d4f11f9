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
    for (const std::string& word : words_of(line)) fuzz::must(!word.empty(), "a word is something");
    check_utf8(lower_case(line));
    for (const Tokenizer& tokenizer : {word_tokenizer(), character_tokenizer(), lower_cased(word_tokenizer())})
      tokenizer.join(tokenizer.tokenize(line));
  }
  return 0;
}
