#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gaze/datasets/characters.h>

namespace gaze::train {

/// How a line of text becomes tokens, and tokens text again.
struct Tokenizer {
  using Take = std::function<void(std::string_view token)>;
  /// take(token) with each of a line in their order, which needs no memory for all of them. Throws for text that is not
  /// UTF-8, perhaps after some tokens.
  std::function<void(std::string_view line, const Take& take)> for_each;
  std::function<std::string(std::span<const std::string> tokens)> join;

  /// Where tokens are pieces: of each token of a line the number of its word, as words_at() gives it. Nothing where
  /// each token is a word.
  std::function<std::vector<int>(std::string_view line)> words_of_line = [](auto) { return std::vector<int>(); };
  /// The same of tokens that a model said, in the text that join() makes of them.
  std::function<std::vector<int>(std::span<const std::string> tokens)> words_of_tokens = [](auto) {
    return std::vector<int>();
  };

  std::vector<std::string> tokenize(std::string_view line) const;
};

Tokenizer word_tokenizer(Unicode unicode = Unicode::nfc);       ///< what stands between white space
Tokenizer character_tokenizer(Unicode unicode = Unicode::nfc);  ///< every code point; words as above

/// Of tokens that begin at these bytes of a text, one after the other, the number of the word in words_in() that each
/// is a piece of. White space goes with the word that it leads to, as a subword's mark does, and at the end with the
/// last word; -1 where there is none.
std::vector<int> words_at(std::string_view text, std::span<const std::size_t> begins, Unicode unicode = Unicode::nfc);

/// How text is spelled before it becomes tokens.
struct Spelling {
  Unicode unicode = Unicode::nfc;
  bool lowercase = false;
  bool ascii_spaces = false;  ///< with nfc, all white space is " "
  bool operator==(const Spelling&) const = default;

  /// Throws what nfc() and lower_case() throw.
  std::string of(std::string_view text) const;
};

/// The same for text of this spelling, whatever the spelling of what it is given.
Tokenizer spelled(Tokenizer tokenizer, const Spelling& spelling);

}  // namespace gaze::train
