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

TEST_CASE("subwords are learned, the same from the same lines, and give the text back") {
  std::vector<std::string> lines;
  for (const Example& e : make_toy_task("grammar", {})->examples(Split::train, 300))
    lines.push_back(word_tokenizer().join(e.source));
  const std::vector<std::string_view> views(lines.begin(), lines.end());
  const Subwords subwords = Subwords::train(views, 120);
  CHECK(subwords.pieces().size() <= 120);
  CHECK(subwords.pieces().size() > 80);
  CHECK(Subwords::train(views, 120).serialized() == subwords.serialized());
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
  // The library throws by itself for a piece of no letters: the message is still one of gaze's.
  const std::string unknown("\n\x0e\n\x05<unk>\x15\0\0\0\0\x18\x02", 16), empty("\n\x08\n\x01\0\x15\0\0\0\0", 10);
  CHECK_THROWS_AS(Subwords::from(unknown + empty), Error);
  CHECK_THROWS_WITH(Subwords::from(unknown + empty), StartsWith("subwords: this is not a model of sentencepiece: "));
  CHECK_THROWS_AS(Subwords::train({}, 100), Error);
}

TEST_CASE("a piece belongs to the word that it lies in, white space to the word that it leads to") {
  using Numbers = std::vector<int>;
  const std::vector<std::size_t> begins = {0, 0, 2, 3, 5, 7, 8};
  CHECK(words_at("ab c  \td ", begins) == Numbers{0, 0, 1, 1, 2, 2, 2});
  CHECK(words_at("a", std::vector<std::size_t>{}).empty());
  CHECK(words_at(" \t", std::vector<std::size_t>{0, 1}) == Numbers{-1, -1});
  CHECK(words_at("a bb a", std::vector<std::size_t>{0, 1, 4}) == Numbers{0, 1, 2});
  CHECK(words_at("a bb c", std::vector<std::size_t>{0, 5}) == Numbers{0, 2});  // one piece from a to bb

  const Tokenizer characters = character_tokenizer(), words = word_tokenizer();
  CHECK(characters.words_of_line("aß  苹") == Numbers{0, 0, 1, 1, 1});
  CHECK(characters.words_of_line("a\u00a0苹") == Numbers{0, 1, 1});
  CHECK(character_tokenizer(Unicode::none).words_of_line("a\u00a0苹") == Numbers{0, 0, 0});
  CHECK(characters.words_of_tokens(Tokens{" ", "a", " ", "<unk>"}) == Numbers{0, 0, 1, 1});
  CHECK(words.words_of_line("a b").empty());
  CHECK(words.words_of_tokens(Tokens{"a", "b"}).empty());
}

TEST_CASE("subwords know the words of their line, whatever stands in it") {
  std::vector<std::string> lines;
  for (const Example& e : make_toy_task("grammar", {})->examples(Split::train, 300))
    lines.push_back(word_tokenizer().join(e.source));
  const std::vector<std::string_view> views(lines.begin(), lines.end());
  const Tokenizer tokenizer = Subwords::train(views, 60, {.unicode = Unicode::none}).tokenizer(),
                  lower = spelled(tokenizer, {.unicode = Unicode::none, .lowercase = true});
  for (const char* line :
       {"le chat noir dort", "  le   chat\tnoir  dort ", "苹果 le ж ж chatж", "\tle\t chat", "le▁chat noir", "le▁ chat",
        "le ▁chat", "▁le chat", "le\u00a0chat noir", "x", "\t", " ", ""}) {
    CAPTURE(line);
    const Tokens pieces = tokenizer.tokenize(line), words = words_of(line, Unicode::none);
    const std::vector<int> numbers = tokenizer.words_of_line(line);
    REQUIRE(numbers.size() == pieces.size());
    // The pieces of a word are its text, and marks of spaces: these apart from the text's own.
    Tokens text(words.size());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (words.empty()) {
        CHECK(numbers[i] == -1);
        continue;
      }
      REQUIRE(static_cast<std::size_t>(numbers[i]) < words.size());
      text[static_cast<std::size_t>(numbers[i])] += pieces[i];
    }
    for (std::size_t w = 0; w < words.size(); ++w) {
      CAPTURE(text[w]);
      CHECK(text[w].find(words[w]) != std::string::npos);
      CHECK(text[w].size() <= words[w].size() + 5);
    }
    CHECK(lower.words_of_line(line) == numbers);
  }
  CHECK(lower.words_of_line("LE Chat") == tokenizer.words_of_line("le chat"));

  // What a model says has no line: its words are those of the text that it is printed as.
  const auto said = [&](const Tokens& pieces) {
    const std::vector<int> numbers = tokenizer.words_of_tokens(pieces);
    CHECK(static_cast<std::size_t>(numbers.empty() ? 0 : numbers.back() + 1) ==
          words_of(tokenizer.join(pieces)).size());
    return numbers;
  };
  using Numbers = std::vector<int>;
  CHECK(said({"▁le", "▁ch", "at"}) == Numbers{0, 1, 1});
  CHECK(said({"at", "▁", "▁le", "▁"}) == Numbers{0, 1, 1, 1});
  CHECK(said({"▁ch", "<unk>", "at"}) == Numbers{0, 1, 2});
  CHECK(said({"▁"}) == Numbers{-1});
  CHECK(said({}).empty());
  // Of a line that was read, the pieces alone say as much.
  for (const std::string& line : lines) CHECK(said(tokenizer.tokenize(line)) == tokenizer.words_of_line(line));
}

TEST_CASE("subwords are learned from the spelling that they are used on") {
  const std::vector<std::string_view> composed{"le caf\u00e9 noir", "un caf\u00e9"},
      decomposed{"LE CAFE\u0301\u00a0noir", "un cafe\u0301"};
  const Spelling spelling{.lowercase = true, .ascii_spaces = true};
  const Subwords subwords = Subwords::train(decomposed, 25, spelling);
  CHECK(subwords.serialized() == Subwords::train(composed, 25, spelling).serialized());
  CHECK(subwords.serialized() != Subwords::train(decomposed, 25, {.unicode = Unicode::none}).serialized());
  const Tokenizer tokenizer = spelled(subwords.tokenizer(), spelling);
  CHECK(tokenizer.tokenize(decomposed[0]) == tokenizer.tokenize(composed[0]));
}
