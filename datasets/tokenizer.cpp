#include <gaze/datasets/tokenizer.h>

#include <clocale>
#include <cwctype>
#include <sstream>

#include <locale.h>

#include <gaze/autograd/base/error.h>

namespace gaze::train {
namespace {

/// The bytes of the code point at byte i.
std::size_t character_length(std::string_view text, std::size_t i) {
  const auto lead = static_cast<unsigned char>(text[i]);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  // The second byte has a narrower range after some: no overlong forms, surrogates or code points above U+10FFFF.
  bool valid = length > 0 && i + length <= text.size();
  for (std::size_t j = 1; valid && j < length; ++j) {
    const auto byte = static_cast<unsigned char>(text[i + j]);
    const unsigned char min_byte = j == 1 && lead == 0xe0 ? 0xa0 : j == 1 && lead == 0xf0 ? 0x90 : 0x80;
    const unsigned char max_byte = j == 1 && lead == 0xed ? 0x9f : j == 1 && lead == 0xf4 ? 0x8f : 0xbf;
    valid = byte >= min_byte && byte <= max_byte;
  }
  require(valid, "the text is not UTF-8 at byte {}", i + 1);
  return length;
}

/// The letters of Unicode, whatever the user's locale is.
locale_t unicode() {
  static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  require(locale != nullptr, "lower case: this system has no locale C.UTF-8");
  return locale;
}

char32_t code_point_of(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character[0]);
  char32_t code = character.size() == 1 ? lead : lead & (0x7fU >> character.size());
  for (const char byte : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(byte) & 0x3fU);
  return code;
}

void append(std::string& text, char32_t code) {
  const auto add = [&](char32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
  const auto follow = [&](int shift) { add(0x80U | (code >> shift & 0x3fU)); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0U | code >> 6), follow(0);
  } else if (code < 0x10000) {
    add(0xe0U | code >> 12), follow(6), follow(0);
  } else {
    add(0xf0U | code >> 18), follow(12), follow(6), follow(0);
  }
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::vector<int> words_at(std::string_view text, std::span<const std::size_t> begins) {
  std::vector<std::size_t> ends;  // of words
  for (const std::string& word : words_of(text))
    ends.push_back(text.find(word, ends.empty() ? 0 : ends.back()) + word.size());
  std::vector<int> words;
  std::size_t word = 0;
  for (const std::size_t begin : begins) {
    while (word + 1 < ends.size() && ends[word] <= begin) ++word;
    words.push_back(ends.empty() ? -1 : static_cast<int>(word));
  }
  return words;
}

void check_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) i += character_length(text, i);
}

std::vector<std::string> characters_of(std::string_view text) {
  std::vector<std::string> characters;
  for (std::size_t i = 0; i < text.size(); i += characters.back().size())
    characters.emplace_back(text.substr(i, character_length(text, i)));
  return characters;
}

std::string lower_case(std::string_view text) {
  std::string lower;
  lower.reserve(text.size());
  for (const std::string& c : characters_of(text))
    append(lower, static_cast<char32_t>(::towlower_l(static_cast<wint_t>(code_point_of(c)), unicode())));
  return lower;
}

Tokenizer word_tokenizer() {
  return {[](std::string_view line) {
            check_utf8(line);
            return words_of(line);
          },
          [](std::span<const std::string> tokens) { return fmt::format("{}", fmt::join(tokens, " ")); }};
}

Tokenizer character_tokenizer() {
  const auto join = [](std::span<const std::string> tokens) { return fmt::format("{}", fmt::join(tokens, "")); };
  const auto words_of_tokens = [join](std::span<const std::string> tokens) {
    std::vector<std::size_t> begins;
    std::size_t begin = 0;
    for (const std::string& token : tokens) begins.push_back(begin), begin += token.size();
    return words_at(join(tokens), begins);
  };
  return {.tokenize = characters_of,
          .join = join,
          .words_of_line = [=](std::string_view line) { return words_of_tokens(characters_of(line)); },
          .words_of_tokens = words_of_tokens};
}

Tokenizer lower_cased(Tokenizer tokenizer) {
  tokenizer.tokenize = [tokenize = std::move(tokenizer.tokenize)](std::string_view line) {
    return tokenize(lower_case(line));
  };
  tokenizer.words_of_line = [words_of_line = std::move(tokenizer.words_of_line)](std::string_view line) {
    return words_of_line(lower_case(line));
  };
  return tokenizer;
}

}  // namespace gaze::train
