#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gaze/autograd/base/error.h>
#include <gaze/datasets/toy.h>

#include "../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

using Words = std::vector<std::string>;
using Set = std::set<std::string>;

const Set greeting_words = {"bonjour", "bonsoir", "salut", "au", "merci", "bonne", "bienvenue", "pardon", "oui", "non"};
const Set plural_subjects = {"les", "des", "de", "ces", "mes", "tes", "nos", "leurs", "nous", "vous", "ils", "elles"};
const Set to_be = {"suis", "es", "est", "sommes", "êtes", "sont"};

/// Training sentences, made once: 30,000 of them.
const std::vector<Example>& sentences() {
  static const std::vector<Example> all = [] {
    const auto task = make_toy_task("grammar", {});
    std::vector<Example> list;
    for (std::uint64_t i = 0; i < 30'000; ++i) list.push_back(task->example(Split::train, i));
    return list;
  }();
  return all;
}

/// What a French word is surely translated by, over all sentences.
const std::map<std::string, Set>& lexicon() {
  static const std::map<std::string, Set> words = [] {
    std::map<std::string, Set> found;
    for (const Example& e : sentences())
      for (const Link& link : e.gold)
        if (link.sure)
          found[e.source[static_cast<std::size_t>(link.source)]].insert(
              e.target[static_cast<std::size_t>(link.target)]);
    return found;
  }();
  return words;
}

/// Target positions that are surely linked to a source position.
std::vector<int> translations(const Example& e, int source) {
  std::vector<int> targets;
  for (const Link& link : e.gold)
    if (link.sure && link.source == source) targets.push_back(link.target);
  return targets;
}

bool linked(const Example& e, Link link) { return std::count(e.gold.begin(), e.gold.end(), link) == 1; }

int find(const Words& words, const std::string& word) {
  return static_cast<int>(std::find(words.begin(), words.end(), word) - words.begin());
}

std::string line(const Words& words) { return fmt::format("{}", fmt::join(words, " ")); }

/// The translation of a French sentence that the test split or the train split holds.
Example example_of(const std::string& french, Split split) {
  const auto task = make_toy_task("grammar", {});
  const Words source = task->tokenize(french);
  for (std::uint64_t i = 0; i < 20'000; ++i)
    if (Example e = task->example(split, i); e.source == source) return e;
  FAIL("no example says " << french);
  return {};
}

}  // namespace

TEST_CASE("the greeting drops the article: bonjour le monde, hello world") {
  const Example hello = example_of("Bonjour le monde", Split::test);
  CHECK(hello.target == Words{"hello", "world"});
  CHECK(hello.gold == std::vector<Link>{{0, 0, true}, {2, 1, true}, {1, 1, false}});
  CHECK(make_toy_task("grammar", {})->showcase().front() == "Bonjour le monde");
}

TEST_CASE("the rule of the greeting is learnt from other greetings") {
  std::set<std::string> worlds;
  for (const Example& e : sentences()) {
    if (e.source.back() != "monde") continue;
    worlds.insert(line(e.source));
    CHECK(e.target.back() == "world");
    CHECK(std::count(e.target.begin(), e.target.end(), "the") == 0);
  }
  CHECK(worlds.size() >= 2);
  CHECK_FALSE(worlds.contains("bonjour le monde"));
  std::set<std::string> greeted;
  for (const Example& e : sentences())
    if (e.source[0] == "bonjour") greeted.insert(line(e.source));
  CHECK(greeted.size() > 100);
}

TEST_CASE("a greeting keeps my, our and their, and drops the") {
  const Set articles = {"le", "la", "les", "l'"};
  int dropped = 0, kept = 0, alone = 0;
  for (const Example& e : sentences()) {
    if (!greeting_words.contains(e.source[0])) continue;
    const std::size_t determiner = e.source[0] == "au" || e.source[0] == "bonne" ? 2 : 1;
    if (e.source.size() <= determiner || e.source.back() == "madame" || e.source.back() == "monsieur") {
      ++alone;
      continue;
    }
    const auto targets = translations(e, static_cast<int>(determiner));
    INFO(line(e.source) << " -> " << line(e.target));
    REQUIRE(targets.size() == (articles.contains(e.source[determiner]) ? 0U : 1U));
    REQUIRE(std::count(e.target.begin(), e.target.end(), "the") == 0);
    ++(targets.empty() ? dropped : kept);
  }
  const int all = dropped + kept + alone;
  CHECK(alone > 500);
  CHECK(dropped > 300);
  CHECK(kept > 300);
  CHECK(all == Approx(3000).margin(600));  // about one sentence in ten
}

TEST_CASE("words are translated by the words that a dictionary gives") {
  const auto& words = lexicon();
  const auto is = [&](const char* french, const Set& english) {
    INFO(french);
    CHECK(words.at(french) == english);
  };
  is("chat", {"cat"});
  is("chevaux", {"horses"});
  is("femmes", {"women"});
  is("souris", {"mouse", "mice"});
  is("gâteaux", {"cakes"});
  is("belle", {"beautiful"});
  is("gros", {"fat"});
  is("blanches", {"white"});
  is("un", {"a"});
  is("une", {"a"});
  is("des", {"some"});
  is("ce", {"this", "it"});  // it before n'est
  is("ces", {"these"});
  is("mes", {"my"});
  is("homme", {"man"});
  is("pommes", {"apples"});
  is("l'", {"the"});
  is("j'", {"I"});
  is("vous", {"you"});
  is("ont", {"have"});
  is("sommes", {"are"});
  is("dort", {"sleep", "sleeps"});  // sleep after does not
  is("dorment", {"sleep"});
  is("mange", {"eat", "eats"});
  is("bonjour", {"hello"});
  is("bonsoir", {"good", "evening"});
}

TEST_CASE("determiners and adjectives agree with their noun in gender and number") {
  // Columns: masculine and feminine singular, masculine and feminine plural.
  const std::vector<std::array<std::string, 4>> rows = {{"le", "la", "les", "les"},
                                                        {"un", "une", "des", "des"},
                                                        {"", "", "de", "de"},
                                                        {"ce", "cette", "ces", "ces"},
                                                        {"mon", "ma", "mes", "mes"},
                                                        {"ton", "ta", "tes", "tes"},
                                                        {"leur", "leur", "leurs", "leurs"},
                                                        {"notre", "notre", "nos", "nos"},
                                                        {"petit", "petite", "petits", "petites"},
                                                        {"beau", "belle", "beaux", "belles"},
                                                        {"gros", "grosse", "gros", "grosses"},
                                                        {"bon", "bonne", "bons", "bonnes"},
                                                        {"jeune", "jeune", "jeunes", "jeunes"},
                                                        {"noir", "noire", "noirs", "noires"},
                                                        {"blanc", "blanche", "blancs", "blanches"},
                                                        {"gris", "grise", "gris", "grises"},
                                                        {"rouge", "rouge", "rouges", "rouges"}};
  const std::map<std::string, std::size_t> nouns = {{"chat", 0},    {"cheval", 0},  {"gâteau", 0}, {"livre", 0},
                                                    {"fille", 1},   {"poire", 1},   {"reine", 1},  {"chats", 2},
                                                    {"chevaux", 2}, {"gâteaux", 2}, {"femmes", 3}, {"poires", 3}};
  const auto determiner = [&](const std::string& word) {
    return std::any_of(rows.begin(), rows.begin() + 8,
                       [&](const auto& row) { return std::count(row.begin(), row.end(), word) > 0; });
  };
  int checked = 0;
  for (const Example& e : sentences())
    for (std::size_t i = 0; i < e.source.size(); ++i) {
      const auto noun = nouns.find(e.source[i]);
      if (noun == nouns.end()) continue;
      std::size_t first = i, last = std::min(i + 1, e.source.size() - 1);
      while (first > 0 && !determiner(e.source[first])) --first;
      for (std::size_t j = first; j <= last; ++j)
        for (const auto& row : rows) {
          if (std::count(row.begin(), row.end(), e.source[j]) == 0) continue;
          if (j > i && determiner(e.source[j])) continue;  // the next phrase
          INFO(line(e.source) << ": " << e.source[j]);
          REQUIRE(row[noun->second] == e.source[j]);
          ++checked;
        }
    }
  CHECK(checked > 5000);
}

TEST_CASE("verbs agree with their subject in both languages") {
  const std::vector<std::array<std::string, 4>> verbs = {
      {"dort", "dorment", "sleeps", "sleep"}, {"court", "courent", "runs", "run"},
      {"rit", "rient", "laughs", "laugh"},    {"mange", "mangent", "eats", "eat"},
      {"voit", "voient", "sees", "see"},      {"prend", "prennent", "takes", "take"}};
  int checked = 0;
  for (const Example& e : sentences())
    for (const auto& [singular, plural, third, base] : verbs)
      for (std::size_t i = 0; i < e.source.size(); ++i) {
        if (e.source[i] != singular && e.source[i] != plural) continue;
        INFO(line(e.source) << " -> " << line(e.target));
        const bool many = plural_subjects.contains(e.source[0]), by_me = e.source[0] == "je";
        const bool negated = find(e.source, "ne") < static_cast<int>(i);
        REQUIRE(e.source[i] == (many ? plural : singular));
        const auto english = translations(e, static_cast<int>(i));
        REQUIRE(english.size() == 1);
        REQUIRE(e.target[static_cast<std::size_t>(english[0])] == (many || by_me || negated ? base : third));
        ++checked;
      }
  CHECK(checked > 4000);
}

TEST_CASE("adjectives come before their noun in English, wherever they stand in French") {
  const Set before = {"petit", "petite", "petits", "petites", "beau", "belles", "grosse", "bonnes", "grand", "jeune"};
  const Set after = {"noir", "noire", "noirs", "noires", "rouge", "rouges", "blanche", "blancs", "vertes", "bleu"};
  int swapped = 0, straight = 0;
  for (const Example& e : sentences())
    for (int s = 0; s < static_cast<int>(e.source.size()); ++s) {
      const std::string& word = e.source[static_cast<std::size_t>(s)];
      INFO(line(e.source) << " -> " << line(e.target));
      if (s > 0) {
        const std::string& previous = e.source[static_cast<std::size_t>(s - 1)];
        if (to_be.contains(previous) || previous == "pas") continue;  // it says how somebody is, last
      }
      if (after.contains(word)) {
        REQUIRE(translations(e, s)[0] == translations(e, s - 1)[0] - 1);
        ++swapped;
      } else if (before.contains(word)) {
        const int noun = translations(e, s + 1)[0], adjective = translations(e, s)[0];
        REQUIRE(adjective < noun);
        REQUIRE(noun - adjective <= 2);  // an adjective that follows the French noun may stand between
        ++straight;
      }
    }
  CHECK(swapped > 2000);
  CHECK(straight > 2000);
}

TEST_CASE("negation: ne ... pas is do not as a whole, its words possible links of one another") {
  int doing = 0, being = 0;
  for (const Example& e : sentences()) {
    const int size = static_cast<int>(e.source.size());
    const int ne = std::min(find(e.source, "ne"), find(e.source, "n'")), pas = find(e.source, "pas");
    const int no = find(e.target, "not");
    INFO(line(e.source) << " -> " << line(e.target));
    REQUIRE((ne < size) == (no < static_cast<int>(e.target.size())));
    REQUIRE((ne < size) == (pas < size));
    if (ne == size) continue;
    const int verb = pas - 1;
    const std::string& auxiliary = e.target[static_cast<std::size_t>(no - 1)];
    for (const int target : {no - 1, no}) REQUIRE(linked(e, {ne, target, false}));
    REQUIRE(linked(e, {pas, no, false}));
    REQUIRE_FALSE(linked(e, {verb, no, false}));
    if (to_be.contains(e.source[static_cast<std::size_t>(verb)])) {
      REQUIRE(linked(e, {verb, no - 1, true}));
      ++being;
      continue;
    }
    const std::string& who = e.source[0];
    const bool base = plural_subjects.contains(who) || who == "je" || who == "tu";
    REQUIRE(auxiliary == (base ? "do" : "does"));
    REQUIRE(linked(e, {pas, no - 1, false}));
    REQUIRE(linked(e, {verb, no - 1, false}));
    REQUIRE(linked(e, {verb, no + 1, true}));
    REQUIRE(verb - ne == (Set{"me", "m'", "te", "t'"}.contains(e.source[static_cast<std::size_t>(ne + 1)]) ? 2 : 1));
    ++doing;
  }
  CHECK(doing > 4000);
  CHECK(being > 500);
}

TEST_CASE("articles: de stands before an adjective, a is written an before a vowel") {
  const Set adjectives = {"petits", "petites", "grands", "grandes", "beaux",  "belles", "gros",    "grosses",
                          "jeunes", "bons",    "bonnes", "jolis",   "jolies", "vieux",  "vieilles"};
  for (const Example& e : sentences())
    for (std::size_t s = 0; s + 1 < e.source.size(); ++s) {
      INFO(line(e.source) << " -> " << line(e.target));
      if (e.source[s] == "de" || e.source[s] == "des")
        REQUIRE((e.source[s] == "de") == adjectives.contains(e.source[s + 1]));
    }
  const auto task = make_toy_task("grammar", {});
  CHECK(task->join({"he", "sees", "a", "apple"}) == "he sees an apple");
  CHECK(task->join({"a", "red", "apple"}) == "a red apple");
  CHECK(task->join({"a", "old", "elephant"}) == "an old elephant");
  CHECK(task->join({"a"}) == "a");
  CHECK(task->join({}).empty());
  for (std::size_t i = 0; i < 3000; ++i) {
    const Example& e = sentences()[i];
    REQUIRE(task->tokenize_target(task->join(e.target)) == e.target);
    REQUIRE(task->tokenize(task->join_source(e.source)) == e.source);
  }
}

TEST_CASE("elision: what stands before a vowel, and nothing else, is written so") {
  const std::map<std::string, std::string> written = {{"j'", "je"}, {"n'", "ne"}, {"m'", "me"}, {"t'", "te"}};
  const auto begins_with_vowel = [](const std::string& word) {
    return word.find_first_of("aeiouh") == 0 || word.starts_with("é") || word.starts_with("ê");
  };
  std::map<std::string, int> seen;
  for (const Example& e : sentences())
    for (std::size_t s = 0; s + 1 < e.source.size(); ++s) {
      INFO(line(e.source));
      const std::string& word = e.source[s];
      const bool vowel = begins_with_vowel(e.source[s + 1]);
      ++seen[word];
      for (const auto& [elided, whole] : written) {
        if (word == elided) REQUIRE(vowel);
        if (word == whole) REQUIRE_FALSE(vowel);
      }
      if (word.ends_with("'")) REQUIRE(vowel);
      if (Set{"cet", "bel", "vieil"}.contains(word)) REQUIRE(vowel);
      if (Set{"le", "la", "ma", "ta", "beau", "vieux"}.contains(word) && vowel)
        REQUIRE((word == "vieux" && plural_subjects.contains(e.source[s - 1])));  // de vieux amis
    }
  for (const char* word : {"j'", "n'", "m'", "t'", "l'", "c'", "cet", "bel", "vieil"}) {
    INFO(word);
    CHECK(seen[word] > 20);
  }
}

TEST_CASE("pronouns, to be and questions are translated with exact links") {
  struct Row {
    const char *french, *english;
    std::vector<Link> gold;
  };
  const std::vector<Row> rows = {
      {"je mange", "I eat", {{0, 0, true}, {1, 1, true}}},
      {"il dort", "he sleeps", {{0, 0, true}, {1, 1, true}}},
      {"nous mangeons", "we eat", {{0, 0, true}, {1, 1, true}}},
      {"merci", "thank you", {{0, 0, true}, {0, 1, true}}},
      {"bonne nuit", "good night", {{0, 0, true}, {1, 1, true}}},
      {"au revoir", "goodbye", {{1, 0, true}, {0, 0, false}}},
      {"l'homme", "the man", {{0, 0, true}, {1, 1, true}}},
      {"c'est un chat", "it is a cat", {{0, 0, true}, {1, 1, true}, {2, 2, true}, {3, 3, true}}},
      {"où est le chat", "where is the cat", {{0, 0, true}, {1, 1, true}, {2, 2, true}, {3, 3, true}}},
      {"je t'aime", "I love you", {{0, 0, true}, {2, 1, true}, {1, 2, true}}},
      {"elle est belle", "she is beautiful", {{0, 0, true}, {1, 1, true}, {2, 2, true}}},
      {"tu n'es pas content",
       "you are not happy",
       {{0, 0, true}, {2, 1, true}, {1, 1, false}, {1, 2, false}, {3, 2, false}, {4, 3, true}}}};
  const auto task = make_toy_task("grammar", {});
  std::map<Words, Example> found;
  for (const Row& row : rows) found[task->tokenize(row.french)] = {};
  for (std::uint64_t i = 0; i < 60'000; ++i)
    for (const Split split : {Split::train, Split::validation, Split::test}) {
      Example e = task->example(split, i);
      if (const auto wanted = found.find(e.source); wanted != found.end()) wanted->second = std::move(e);
    }
  for (const Row& row : rows) {
    INFO(row.french);
    const Example& e = found[task->tokenize(row.french)];
    CHECK(task->join(e.target) == row.english);
    CHECK(e.gold == row.gold);
  }
}

TEST_CASE("sentences of one or two words are all for training, the others are held out by a fifth") {
  const auto task = make_toy_task("grammar", {});
  Set held_out;
  for (const Split split : {Split::validation, Split::test})
    for (std::uint64_t i = 0; i < 4000; ++i) {
      const Example e = task->example(split, i);
      REQUIRE(e.source.size() > 2);
      held_out.insert(line(e.source));
    }
  CHECK(held_out.size() > 6000);
  const auto count = [](const auto& which) { return std::count_if(sentences().begin(), sentences().end(), which); };
  CHECK(count([](const Example& e) { return e.source.size() <= 2; }) > 1500);
  CHECK(count([](const Example& e) { return e.source.size() >= 8; }) > 1000);
}

TEST_CASE("the English is a function of the French, and there are more than 50,000 sentences") {
  std::map<Words, Words> translation;
  std::size_t repeated = 0;
  for (const std::uint64_t seed : {1, 2}) {
    const auto task = make_toy_task("grammar", {.seed = seed});
    for (std::uint64_t i = 0; i < 45'000; ++i) {
      const Example e = task->example(Split::train, i);
      const auto [place, fresh] = translation.emplace(e.source, e.target);
      repeated += !fresh;
      REQUIRE(place->second == e.target);
    }
  }
  CHECK(translation.size() > 50'000);
  CHECK(repeated > 1000);  // so that the comparison above says something
}

TEST_CASE("French is taken as people type it") {
  const auto task = make_toy_task("grammar", {});
  CHECK(task->tokenize("Bonjour, LE monde !") == Words{"bonjour", "le", "monde"});
  CHECK(task->tokenize(" le\tGARÇON\n") == Words{"le", "garçon"});
  CHECK(task->tokenize("GÂTEAU Été") == Words{"gâteau", "été"});
  CHECK(task->tokenize("GA\u0302TEAU\u00a0E\u0301te\u0301") == Words{"gâteau", "été"});
  CHECK(task->tokenize("SŒUR") == Words{"sœur"});
  CHECK(task->tokenize("").empty());
  CHECK(task->tokenize("J'aime l’homme; OÙ EST-il ?") == Words{"j'", "aime", "l'", "homme", "où", "est-il"});
  CHECK(task->tokenize("'") == Words{"'"});
  CHECK(task->join(Words{"hello", "world"}) == "hello world");
  CHECK(task->tokenize_target("I see An old Man, i do not.") == Words{"I", "see", "a", "old", "man", "I", "do", "not"});
}
