#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gaze::train {

/// A gold link between two words, by their numbers from 0. Sure links are those that everybody would draw; the others
/// are possible (Och and Ney 2003). A sure link is also a possible one.
struct Link {
  int source = 0;
  int target = 0;
  bool sure = true;
  bool operator==(const Link&) const = default;
};

/// A sentence and its translation as tokens, and which of their words belong together.
struct Example {
  std::vector<std::string> source, target;
  std::vector<Link> gold;
  /// Where tokens are pieces of words: of each token the number of its word, never falling; -1 for the white space of a
  /// sentence that has no words. Empty: each token is a word.
  std::vector<int> source_words = {}, target_words = {};
  bool operator==(const Example&) const = default;
};

/// How many words these tokens are: see Example.
inline std::int64_t count_words(const std::vector<std::string>& tokens, const std::vector<int>& words) {
  return words.empty() ? static_cast<std::int64_t>(tokens.size()) : words.back() + 1;
}
inline std::int64_t source_word_count(const Example& e) { return count_words(e.source, e.source_words); }
inline std::int64_t target_word_count(const Example& e) { return count_words(e.target, e.target_words); }

}  // namespace gaze::train
