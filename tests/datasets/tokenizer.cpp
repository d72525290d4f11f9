#include <gaze/autograd/base/error.h>
#include <gaze/datasets/subwords.h>
#include <gaze/datasets/tokenizer.h>
#include <gaze/datasets/toy.h>

#include "../catch.h"

using namespace gaze;
using namespace gaze::train;

using Tokens = std::vector<std::string>;

TEST_CASE("words stand between spaces, characters are code points, and both join again") {
  const Tokenizer words = word_tokenizer(), characters = character_tokenizer();
  CHECK(words.tokenize("  ein\thaus , grün ") == Tokens{"ein", "haus", ",", "grün"});
  CHECK(words.join(Tokens{"ein", "haus"}) == "ein haus");
  CHECK(words.tokenize("").empty());
  CHECK(characters.tokenize("aß 苹果") == Tokens{"a", "ß", " ", "苹", "果"});
  CHECK(characters.join(Tokens{"a", "ß", " ", "果"}) == "aß 果");
  for (const Tokenizer& t : {words, characters}) CHECK_THROWS_WITH(t.tokenize("ab\xff"), ContainsSubstring("byte 3"));
}

TEST_CASE("what is not UTF-8 is refused at its first byte") {
  for (const char* wrong : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                            "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe4\xb8", "\xc3"}) {
    CAPTURE(wrong);
    CHECK_THROWS_WITH(check_utf8(std::string("é") + wrong), ContainsSubstring("byte 3"));
  }
  for (const char* right :
       {"", "a", "\xc2\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    CHECK_NOTHROW(check_utf8(right));
}

TEST_CASE("lower case is Unicode's, one code point for one") {
  CHECK(lower_case("ÀÉÎ Straße ΑΒΓ Жук ABC 123 苹") == "àéî straße αβγ жук abc 123 苹");
  CHECK(lower_case("𐐀") == "𐐨");  // four bytes
  CHECK(lower_cased(word_tokenizer()).tokenize("Zwei Männer") == Tokens{"zwei", "männer"});
  CHECK_THROWS_AS(lower_case("\xff"), Error);
}

TEST_CASE("subwords are learned, the same from the same lines, and give the text back") {
  std::vector<std::string> lines;
  for (const Example& e : make_toy_task("grammar", {})->examples(Split::train, 300))
    lines.push_back(word_tokenizer().join(e.source));
  const Subwords subwords = Subwords::train(lines, 120);
  CHECK(subwords.pieces().size() <= 120);
  CHECK(subwords.pieces().size() > 80);
  CHECK(Subwords::train(lines, 120).serialized() == subwords.serialized());
  const Tokenizer tokenizer = subwords.tokenizer();
  std::size_t pieces = 0, words = 0;
  for (const std::string& line : lines) {
    const auto tokens = tokenizer.tokenize(line);
    CHECK(tokenizer.join(tokens) == line);
    pieces += tokens.size(), words += words_of(line).size();
  }
  CHECK(pieces > words);
  CHECK(pieces < 4 * words);
  CHECK(tokenizer.tokenize("").empty());

  const Subwords again = Subwords::from(subwords.serialized());
  CHECK(again.pieces() == subwords.pieces());
  CHECK(again.tokenizer().tokenize(lines[0]) == tokenizer.tokenize(lines[0]));
  CHECK_THROWS_WITH(Subwords::from("nonsense"), ContainsSubstring("sentencepiece"));
  CHECK_THROWS_AS(Subwords::train({}, 100), Error);
}
