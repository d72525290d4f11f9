#include <gaze/datasets/tokenizer.h>

#include <utility>

#include <gaze/autograd/base/error.h>

namespace gaze::train {

std::vector<std::string> Tokenizer::tokenize(std::string_view line) const {
  std::vector<std::string> tokens;
  for_each(line, [&](std::string_view token) { tokens.emplace_back(token); });
  return tokens;
}

std::vector<int> words_at(std::string_view text, std::span<const std::size_t> begins, Unicode unicode) {
  std::vector<std::size_t> ends;  // of words
  for (const std::string_view word : words_in(text, unicode))
    ends.push_back(static_cast<std::size_t>(word.data() - text.data()) + word.size());
  std::vector<int> words;
  std::size_t word = 0;
  for (const std::size_t begin : begins) {
    while (word + 1 < ends.size() && ends[word] <= begin) ++word;
    words.push_back(ends.empty() ? -1 : static_cast<int>(word));
  }
  return words;
}

Tokenizer word_tokenizer(Unicode unicode) {
  return {[unicode](std::string_view line, const Tokenizer::Take& take) {
            check_utf8(line);
            for (const std::string_view word : words_in(line, unicode)) take(word);
          },
          [](std::span<const std::string> tokens) { return fmt::format("{}", fmt::join(tokens, " ")); }};
}

Tokenizer character_tokenizer(Unicode unicode) {
  const auto join = [](std::span<const std::string> tokens) { return fmt::format("{}", fmt::join(tokens, "")); };
  const auto words_of_tokens = [join, unicode](std::span<const std::string> tokens) {
    std::vector<std::size_t> begins;
    std::size_t begin = 0;
    for (const std::string& token : tokens) begins.push_back(begin), begin += token.size();
    return words_at(join(tokens), begins, unicode);
  };
  return {.for_each =
              [](std::string_view line, const Tokenizer::Take& take) {
                for (std::size_t i = 0; i < line.size();) {
                  const std::size_t bytes = character_at(line, i).bytes;
                  take(line.substr(i, bytes));
                  i += bytes;
                }
              },
          .join = join,
          .words_of_line = [=](std::string_view line) { return words_of_tokens(characters_of(line)); },
          .words_of_tokens = words_of_tokens};
}

std::string Spelling::of(std::string_view text) const {
  std::string spelled = unicode == Unicode::nfc ? nfc(text) : std::string(text);
  if (lowercase) {
    spelled = lower_case(spelled, unicode);
    if (unicode == Unicode::nfc) spelled = nfc(spelled);
  }
  if (unicode == Unicode::none || !ascii_spaces) return spelled;
  std::string spaced;
  spaced.reserve(spelled.size());
  for (std::size_t i = 0; i < spelled.size();) {
    const Character c = character_at(spelled, i);
    if (is_space(c.code))
      spaced += ' ';
    else
      spaced.append(spelled, i, c.bytes);
    i += c.bytes;
  }
  return spaced;
}

Tokenizer spelled(Tokenizer tokenizer, const Spelling& spelling) {
  if (spelling.unicode == Unicode::none && !spelling.lowercase) return tokenizer;
  tokenizer.for_each = [for_each = std::move(tokenizer.for_each), spelling](
                           std::string_view line, const Tokenizer::Take& take) { for_each(spelling.of(line), take); };
  tokenizer.words_of_line = [words_of_line = std::move(tokenizer.words_of_line), spelling](std::string_view line) {
    return words_of_line(spelling.of(line));
  };
  return tokenizer;
}

}  // namespace gaze::train
