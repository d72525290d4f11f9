#include <gaze/datasets/subwords.h>
#include <gaze/train/text/text_data.h>
#include <gaze/train/text/text_model.h>

#include <fstream>
#include <map>

#include <gaze/autograd/ops.h>
#include <gaze/train/options.h>

#include "../../catch.h"
#include "../../scratch.h"

using namespace gaze;
using namespace gaze::train;
using Tokens = std::vector<std::string>;

namespace {

Config small(const std::string& task, std::initializer_list<const char*> more = {}) {
  Config c = default_config(task);
  for (const char* s : {"d_model=16", "heads=2", "d_ff=32", "layers=2", "length=8", "batch=4"}) set_option(c, s);
  for (const char* s : more) set_option(c, s);
  return c;
}

/// Sampling options with some of them changed.
template <class Change>
SampleOptions with(const Change& change) {
  SampleOptions options;
  change(options);
  return options;
}

const std::string verse = "one two three four\nfive one two\nthree four five\n";

TextModel model_of(const Config& c) { return {c, TextData::learn_language(c, verse)}; }

}  // namespace

TEST_CASE("a text's tokens are its lines' and their ends") {
  CHECK(text_tokens(word_tokenizer(), "a b\n\nc") == Tokens{"a", "b", "\n", "\n", "c"});
  CHECK(text_tokens(character_tokenizer(), "ab\nc\n") == Tokens{"a", "b", "\n", "c", "\n"});
  CHECK(text_tokens(word_tokenizer(), "").empty());
}

TEST_CASE("text is joined as its tokens come, whatever the tokens are") {
  const std::vector<std::string_view> lines{"un petit chat", "un grand chat noir", "le petit chien"};
  const Subwords subwords = Subwords::train(lines, 30);
  struct Row {
    Tokenizer tokenizer;
    Tokens tokens;
  };
  const Tokenizer words = word_tokenizer(), characters = character_tokenizer(), pieces = subwords.tokenizer();
  for (const Row& row : std::vector<Row>{{words, {"un", "chat", "noir"}},
                                         {characters, {"u", "n", " ", " ", "é"}},
                                         {pieces, pieces.tokenize("le grand petit chien")},
                                         {pieces, {"▁", "un", "▁", "▁", "chat", "x", "▁", "▁noir"}},
                                         {pieces, {"▁", "▁", "un"}}}) {
    CAPTURE(row.tokens);
    JoinedText joined(row.tokenizer);
    std::string text;
    for (const std::string& token : row.tokens) text += joined.add(token);
    CHECK(text == row.tokenizer.join(row.tokens));
    CHECK(joined.add(line_end) == line_end);
    CHECK(joined.add(row.tokens[0]) == row.tokenizer.join(std::span(row.tokens).first(1)));
  }
  // Each token is joined with the one before it alone.
  std::size_t joined_tokens = 0;
  const Tokenizer counted{words.for_each, [&](std::span<const std::string> tokens) {
                            joined_tokens += tokens.size();
                            return words.join(tokens);
                          }};
  JoinedText joined(counted);
  for (int i = 0; i < 1000; ++i) joined.add("word");
  CHECK(joined_tokens < 5000);
}

TEST_CASE("a text that looks the same trains the same") {
  const ScratchFolder scratch;
  Config c = small("chars");
  std::string composed, decomposed;
  for (int i = 0; i < 20; ++i) composed += "caf\u00e9 noir\n", decomposed += "cafe\u0301 noir\n";
  const auto text_of = [&](const std::string& text) {
    c.files.text = (scratch.path / "text").string();
    std::ofstream(c.files.text, std::ios::binary) << text;
    return TextData::read(c);
  };
  for (const char* units : {"characters", "words", "subwords"}) {
    CAPTURE(units);
    set_option(c, "units=" + std::string(units));
    set_option(c, "unicode=nfc");
    c.data.vocab = c.data.units == Units::subwords ? 20 : 0;
    const TextData::Text one = text_of(composed), other = text_of(decomposed);
    CHECK(one.train == other.train);
    CHECK(one.validation == other.validation);
    const Language language = TextData::learn_language(c, one.train);
    CHECK(language.tokenizer.tokenize("un cafe\u0301") == language.tokenizer.tokenize("un caf\u00e9"));
    CHECK(TextData(c, language, one).hash() == TextData(c, language, other).hash());
    set_option(c, "unicode=none");
    CHECK(text_of(decomposed).train != one.train);
    CHECK(tokenizer_of(c, language.subwords).tokenize("cafe\u0301") !=
          tokenizer_of(c, language.subwords).tokenize("caf\u00e9"));
  }
}

TEST_CASE("a text is read with its last tenth, or another file, for validation") {
  const ScratchFolder scratch;
  Config c = small("chars");
  c.files.text = (scratch.path / "text").string();
  std::ofstream(c.files.text, std::ios::binary) << "0123456789\r\nabcdéf\r\n"
                                                << "xyz";  // 22 characters with their ends
  const auto text = TextData::read(c);
  CHECK(text.train + text.validation == "0123456789\nabcdéf\nxyz\n");
  CHECK(text.validation == "z\n");
  c.files.valid_text = (scratch.path / "other").string();
  std::ofstream(c.files.valid_text) << "more\n";
  CHECK(TextData::read(c).validation == "more\n");
  CHECK(TextData::read(c).train.size() == 23);  // bytes
  std::ofstream(c.files.valid_text).close();
  CHECK_THROWS_WITH(TextData::read(c), ContainsSubstring("other:1: the file is empty"));
  CHECK_THROWS_WITH(TextData(c, TextData::learn_language(c, "ab"), {"01234567", "short"}),
                    ContainsSubstring("training text has 8 tokens, and at least 9 are needed"));
  CHECK(TextData(c, TextData::learn_language(c, "ab"), {"012345678", "ab"}).validation().size() == 1);
  c.data.min_frequency = 100;
  CHECK_THROWS_WITH(TextData::learn_language(c, "abc"), ContainsSubstring("100 times"));
}

TEST_CASE("sampling follows the model's probabilities, tempered and cut", "[sample]") {
  const TextModel model = model_of(small("words"));
  const Tokens prompt = model.prompt("one two");
  const auto next = model.next(prompt, 100);
  REQUIRE(next.size() == 6);  // five words and the line's end, no mark
  double sum = 0;
  for (std::size_t i = 0; i < next.size(); ++i) {
    sum += next[i].probability;
    if (i > 0) CHECK(next[i].probability <= next[i - 1].probability);
  }
  CHECK(sum == Approx(1));

  const auto frequencies = [&](SampleOptions options) {
    std::map<std::string, double> counts;
    constexpr int draws = 3000;
    for (int i = 0; i < draws; ++i) {
      options.seed = static_cast<std::uint64_t>(i);
      model.sample(prompt, 1, options, [&](const std::string& token) { return counts[token] += 1.0 / draws, true; });
    }
    return counts;
  };
  auto plain = frequencies(SampleOptions());
  for (const NextToken& t : next) CHECK(plain[t.token] == Approx(t.probability).margin(0.04));
  CHECK(frequencies(with([&](SampleOptions& o) { o.temperature = 0; })).size() == 1);
  CHECK(frequencies(with([&](SampleOptions& o) { o.temperature = 0; })).begin()->first == next[0].token);
  CHECK(frequencies(with([&](SampleOptions& o) { o.top_k = 1; })).size() == 1);
  CHECK(frequencies(with([&](SampleOptions& o) { o.top_k = 2; })).size() == 2);
  auto two = frequencies(with([&](SampleOptions& o) { o.top_k = 2; }));
  CHECK(two[next[0].token] == Approx(next[0].probability / (next[0].probability + next[1].probability)).margin(0.04));
  CHECK(frequencies(with([&](SampleOptions& o) { o.top_p = next[0].probability + 1e-6; })).size() == 2);
  CHECK(frequencies(with([&](SampleOptions& o) { o.top_p = next[0].probability - 1e-6; })).size() == 1);
  auto hot = frequencies(with([&](SampleOptions& o) { o.temperature = 1000; }));
  for (const NextToken& t : next) CHECK(hot[t.token] == Approx(1.0 / 6).margin(0.04));
  CHECK_THROWS_AS(frequencies(with([&](SampleOptions& o) { o.top_p = 0; })), Error);
  CHECK_THROWS_AS(frequencies(with([&](SampleOptions& o) { o.temperature = -1; })), Error);
}

TEST_CASE("a long sample is the same with and without what was kept of its beginning", "[sample]") {
  const TextModel model = model_of(small("chars"));
  Tokens text = model.prompt("one");
  const std::size_t begun = text.size();
  model.sample(Tokens(text), 30, with([](SampleOptions& o) { o.temperature = 0; }),
               [&](const std::string& token) {  // over the context's end
                 text.push_back(token);
                 return true;
               });
  REQUIRE(text.size() == begun + 30);
  for (std::size_t i = begun; i < text.size(); ++i)
    CHECK(model.next({text.begin(), text.begin() + static_cast<std::ptrdiff_t>(i)}, 1).front().token == text[i]);
  int said = 0;
  model.sample(text, 30, {}, [&](const std::string&) { return ++said < 4; });
  CHECK(said == 4);
}

TEST_CASE("what the last token looked at is a distribution over what the model sees, layer by layer") {
  const TextModel model = model_of(small("words"));
  const auto look = model.look(model.prompt("one two three four\nfive one two three four"));
  CHECK(look.tokens == Tokens{"three", "four", "\n", "five", "one", "two", "three", "four"});  // eight positions
  REQUIRE(look.weights.size() == 2);
  for (const auto& layer : look.weights) {
    REQUIRE(layer.size() == 8);
    double sum = 0;
    for (const double w : layer) {
      sum += w;
      CHECK(w > 0);
    }
    CHECK(sum == Approx(1));
  }
}

TEST_CASE("held-out figures take every token but the first once") {
  const Config c = small("chars");
  const TextData::Text text{verse + verse, "one two three five\n"};  // 19 tokens: 18 predictions, 8 + 8 + 2
  TextModel model(c, TextData::learn_language(c, text.train));
  TextData data(c, model.language(), text);
  SequenceLearner learner(c, model.params(), model.model(), data);
  const auto ids = model.language().vocabulary.encode(text_tokens(character_tokenizer(), text.validation));
  const NoGrad no_grad;
  Context context;
  double loss = 0;
  for (const auto& [first, count] : {std::pair(0, 8), {8, 8}, {16, 2}}) {
    const std::vector<std::int32_t> in(ids.begin() + first, ids.begin() + first + count),
        out(ids.begin() + first + 1, ids.begin() + first + 1 + count);
    const Tensor scores = model.model().logits({.target = Tensor::from({1, count}, in)}, context);
    loss += cross_entropy(scores, Tensor::from({1, count}, out), {.reduction = Reduction::sum}).item();
  }
  CHECK(learner.evaluate().loss == Approx(loss / 18).epsilon(1e-5));
  CHECK(learner.loss(1, context).tokens == 32);
  CHECK(learner.loss(1, context).loss.item() == learner.loss(1, context).loss.item());
  CHECK(learner.loss(2, context).loss.item() != learner.loss(1, context).loss.item());
}
