#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The one idea of characters: what is a code point, a letter's lower case, white space, a column of a terminal and
/// what a reader takes for one character. It is utf8proc's.
namespace gaze::train {

/// How far text is taken as Unicode says.
enum class Unicode {
  nfc,  ///< what looks the same is the same (canonical composition), and white space and lower case are Unicode's
  none  ///< as it stands: words between ASCII's white space, and lower case letter by letter
};

/// A code point and its bytes as UTF-8.
struct Character {
  static constexpr char32_t invalid = 0xffffffff;
  char32_t code = invalid;
  std::size_t bytes = 1;
};

/// The first character of a text that is not empty; `invalid` and one byte where it does not begin with valid UTF-8.
Character first_character(std::string_view text);
/// The character at byte `at`, which must be in the text. Throws for text that is not UTF-8 there, naming the byte.
Character character_at(std::string_view text, std::size_t at);
/// A code point as UTF-8.
std::string character(char32_t code);

/// Throws for text that is not UTF-8, naming the byte.
void check_utf8(std::string_view text);
/// The code points of a text. Throws when it is not UTF-8.
std::vector<std::string> characters_of(std::string_view text);

bool is_space(char32_t code, Unicode unicode = Unicode::nfc);
/// What stands between white space, as parts of the text. Bytes that are not UTF-8 are no white space.
std::vector<std::string_view> words_in(std::string_view text, Unicode unicode = Unicode::nfc);
/// The same as strings.
std::vector<std::string> words_of(std::string_view text, Unicode unicode = Unicode::nfc);

/// Every letter that has a lower case in it. As Unicode has it, a capital sigma at a word's end becomes a final one and
/// "İ" an i with a dot above; else code point by code point. Throws for text that is not UTF-8.
std::string lower_case(std::string_view text, Unicode unicode = Unicode::nfc);
/// Normalization form C: letters and their marks composed, and marks in their order. Throws for text that is not UTF-8,
/// and for more marks on one letter than any writing has.
std::string nfc(std::string_view text);

/// Columns of a terminal: 2 for East Asian wide and fullwidth characters and emoji, 0 for combining marks, joiners,
/// control characters and what completes a Hangul syllable, else 1.
int width_of(char32_t code);
/// Characters that can move the cursor or reorder what is around them.
bool is_control(char32_t code);

/// What a reader takes for one character (an extended grapheme cluster): a letter with its marks, emoji that joiners
/// and skin tones tie together, the two halves of a flag. Its width is the sum of theirs.
struct Cluster {
  std::size_t bytes = 0;
  int width = 0;
};
/// The first of a text that is not empty; a byte that is not UTF-8 is one of its own.
Cluster first_cluster(std::string_view text);

}  // namespace gaze::train
