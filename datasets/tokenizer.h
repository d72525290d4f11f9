#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gaze::train {

/// How a line of text becomes tokens, and tokens text again.
struct Tokenizer {
  /// Throws for text that is not UTF-8.
  std::function<std::vector<std::string>(std::string_view line)> tokenize;
  std::function<std::string(std::span<const std::string> tokens)> join;
  /// Where tokens are pieces: of each token of a line the number of its word, as words_at() gives it. Nothing where
  /// each token is a word.
  std::function<std::vector<int>(std::string_view line)> words_of_line = [](auto) { return std::vector<int>(); };
  /// The same of tokens that a model said, in the text that join() makes of them.
  std::function<std::vector<int>(std::span<const std::string> tokens)> words_of_tokens = [](auto) {
    return std::vector<int>();
  };
};

Tokenizer word_tokenizer();       ///< what stands between spaces
Tokenizer character_tokenizer();  ///< every code point
/// The same after lower_case().
Tokenizer lower_cased(Tokenizer tokenizer);

/// Throws for text that is not UTF-8, naming the byte.
void check_utf8(std::string_view text);
/// The code points of a text. Throws when it is not UTF-8.
std::vector<std::string> characters_of(std::string_view text);
/// What stands between white space (of ASCII).
std::vector<std::string> words_of(std::string_view text);
/// Of tokens that begin at these bytes of a text, one after the other, the number of the word in words_of() that each
/// is a piece of. White space goes with the word that it leads to, as a subword's mark does, and at the end with the
/// last word; -1 where there is none.
std::vector<int> words_at(std::string_view text, std::span<const std::size_t> begins);
/// Every letter that has a lower case in it, code point by code point. Throws for text that is not UTF-8.
std::string lower_case(std::string_view text);

}  // namespace gaze::train
