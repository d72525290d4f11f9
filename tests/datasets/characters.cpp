#include <gaze/datasets/characters.h>

#include <gaze/autograd/base/error.h>
#include <gaze/datasets/tokenizer.h>

#include "../catch.h"

using namespace gaze;
using namespace gaze::train;

using Tokens = std::vector<std::string>;

TEST_CASE("what is not UTF-8 is refused at its first byte") {
  for (const char* wrong : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                            "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe4\xb8", "\xc3"}) {
    CAPTURE(wrong);
    const std::string text = std::string("é") + wrong;
    CHECK_THROWS_WITH(check_utf8(text), ContainsSubstring("byte 3"));
    CHECK_THROWS_WITH(nfc(text), ContainsSubstring("byte 3"));
    CHECK_THROWS_WITH(lower_case(text), ContainsSubstring("byte 3"));
    CHECK_THROWS_WITH(characters_of(text), ContainsSubstring("byte 3"));
    CHECK(first_character(wrong).code == Character::invalid);
    CHECK(first_cluster(wrong).bytes == 1);
  }
  for (const char* right :
       {"", "a", "\xc2\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    CHECK_NOTHROW(check_utf8(right));
}

TEST_CASE("lower case is Unicode's, with the sigma that ends a word") {
  for (const Unicode unicode : {Unicode::nfc, Unicode::none}) {
    CHECK(lower_case("ÀÉÎ Straße ΑΒΓ Жук ABC 123 苹", unicode) == "àéî straße αβγ жук abc 123 苹");
    CHECK(lower_case("𐐀", unicode) == "𐐨");  // four bytes
    CHECK_THROWS_AS(lower_case("\xff", unicode), Error);
  }
  struct Row {
    const char *text, *lower;  ///< as Python's str.lower() has it
  };
  for (const Row& row : std::vector<Row>{{"ΟΔΟΣ", "οδος"},
                                         {"ΟΔΟΣ ΣΟΦΟΣ, ΣΑΣ.", "οδος σοφος, σας."},
                                         {"Σ", "σ"},
                                         {"ΑΣ' ΑΣ'Α", "ας' ασ'α"},
                                         {"ΑΣ\u0301 ΑΣ\u0301Α", "ας\u0301 ασ\u0301α"},
                                         {"1Σ ΑΣ1", "1σ ας1"},
                                         {"İI", "i\u0307i"}}) {
    CAPTURE(row.text);
    CHECK(lower_case(row.text) == row.lower);
  }
  CHECK(lower_case("ΟΔΟΣ İ", Unicode::none) == "οδοσ i");  // letter by letter, as older runs have it
}

TEST_CASE("white space is Unicode's, or ASCII's alone") {
  const std::string spaces = "a\u00a0b\u2003c\u3000d\u0085e\u2028f\x1fg\th i\r\n";
  CHECK(words_of(spaces) == Tokens{"a", "b", "c", "d", "e", "f", "g", "h", "i"});
  CHECK(words_of(spaces, Unicode::none) == Tokens{"a\u00a0b\u2003c\u3000d\u0085e\u2028f\x1fg", "h", "i"});
  CHECK(words_of("\u200b\ufeff") == Tokens{"\u200b\ufeff"});  // no white space, whatever it looks like
  CHECK(words_of("a\xff\xa0 b") == Tokens{"a\xff\xa0", "b"});
  CHECK(words_of(" \u3000").empty());
}

TEST_CASE("letters and their marks are composed, however they are written") {
  struct Row {
    const char *text, *composed;
  };
  for (const Row& row : std::vector<Row>{{"", ""},
                                         {"plain", "plain"},
                                         {"cafe\u0301", "caf\u00e9"},
                                         {"e\u0301te\u0301 e\u0301", "\u00e9t\u00e9 \u00e9"},
                                         {"a\u0323\u0302 a\u0302\u0323", "\u1ead \u1ead"},  // marks in either order
                                         {"\u1112\u1161\u11ab", "\ud55c"},                  // Hangul
                                         {"\u212b\u2126\u1e9b\u0323", "\u00c5\u03a9\u1e9b\u0323"},
                                         {"苹果 \u0301", "苹果 \u0301"},
                                         {"\u0301a", "\u0301a"},
                                         {"ﬁ ２", "ﬁ ２"}}) {  // what only resembles stays
    CAPTURE(row.text);
    CHECK(nfc(row.text) == row.composed);
    CHECK(nfc(row.composed) == row.composed);
  }
  std::string marks = "a";
  for (int i = 0; i < 1000; ++i) marks += i % 2 ? "\u0301" : "\u0323";
  CHECK_NOTHROW(nfc(marks));
  CHECK_THROWS_WITH(nfc("é" + marks + "\u0301"),
                    ContainsSubstring("more than 1000 marks") && ContainsSubstring("unicode=none"));
}

TEST_CASE("a spelling makes one text of what looks the same") {
  const Spelling usual, lower{.lowercase = true}, none{.unicode = Unicode::none}, spaced{.ascii_spaces = true},
      none_spaced{.unicode = Unicode::none, .ascii_spaces = true};
  CHECK(usual.of("Cafe\u0301\u00a0x") == "Caf\u00e9\u00a0x");
  CHECK(lower.of("CAFE\u0301 ΟΔΟΣ") == "caf\u00e9 οδος");
  CHECK(none.of("Cafe\u0301") == "Cafe\u0301");
  CHECK(spaced.of("Cafe\u0301\u00a0\tx") == "Caf\u00e9  x");
  CHECK(none_spaced.of("a\u00a0b") == "a\u00a0b");
  CHECK(spelled(word_tokenizer(), lower).tokenize("Zwei Ma\u0308nner") == Tokens{"zwei", "männer"});
  CHECK(spelled(word_tokenizer(Unicode::none), none).tokenize("a\u00a0b c") == Tokens{"a\u00a0b", "c"});
}

TEST_CASE("what a reader takes for one character is not cut") {
  for (const char* one : {"a", "e\u0301", "\u1112\u1161\u11ab", "👩\u200d🚀", "👍🏽", "🇫🇷", "नि", "\r\n", "\x1b"}) {
    CAPTURE(one);
    CHECK(first_cluster(one).bytes == std::string_view(one).size());
    CHECK(first_cluster(std::string(one) + "b").bytes == std::string_view(one).size());
  }
  CHECK(first_cluster("🇫🇷🇬🇧").bytes == 8);
  CHECK(first_cluster("\u1112\u1161\u11ab").width == 2);
  CHECK(character(0x28ff) == "⣿");
  CHECK(character('a') == "a");
}
