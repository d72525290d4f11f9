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
/// Every letter that has a lower case in it, code point by code point. Throws for text that is not UTF-8.
std::string lower_case(std::string_view text);

}  // namespace gaze::train
