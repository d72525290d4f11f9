#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gaze/autograd/error.h>
#include <gaze/datasets/toy.h>

#include "../catch.h"

using namespace gaze;

namespace {

using Words = std::vector<std::string>;
using Set = std::set<std::string>;

const Set greeting_words = {"bonjour", "bonsoir", "salut", "au"};
const Set plural_determiners = {"les", "des", "de", "ces", "mes", "nos", "leurs"};

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
  const Set articles = {"le", "la", "les"};
  int dropped = 0, kept = 0;
  for (const Example& e : sentences()) {
    if (!greeting_words.contains(e.source[0])) continue;
    const std::size_t determiner = e.source[0] == "au" ? 2 : 1;
    const auto targets = translations(e, static_cast<int>(determiner));
    INFO(line(e.source) << " -> " << line(e.target));
    REQUIRE(targets.size() == (articles.contains(e.source[determiner]) ? 0U : 1U));
    REQUIRE(std::count(e.target.begin(), e.target.end(), "the") == 0);
    ++(targets.empty() ? dropped : kept);
  }
  const int all = dropped + kept;
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
  is("ce", {"this"});
  is("ces", {"these"});
  is("mes", {"my"});
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
    return std::any_of(rows.begin(), rows.begin() + 7,
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
  CHECK(checked > 10'000);
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
        const bool many = plural_determiners.contains(e.source[0]), negated = e.source[i - 1] == "ne";
        REQUIRE(e.source[i] == (many ? plural : singular));
        const auto english = translations(e, static_cast<int>(i));
        REQUIRE(english.size() == 1);
        REQUIRE(e.target[static_cast<std::size_t>(english[0])] == (many || negated ? base : third));
        ++checked;
      }
  CHECK(checked > 5000);
}

TEST_CASE("adjectives come before their noun in English, wherever they stand in French") {
  const Set before = {"petit", "petite", "petits", "petites", "beau", "belles", "grosse", "bonnes", "grand", "jeune"};
  const Set after = {"noir", "noire", "noirs", "noires", "rouge", "rouges", "blanche", "blancs", "vertes", "bleu"};
  int swapped = 0, straight = 0;
  for (const Example& e : sentences())
    for (int s = 0; s < static_cast<int>(e.source.size()); ++s) {
      const std::string& word = e.source[static_cast<std::size_t>(s)];
      INFO(line(e.source) << " -> " << line(e.target));
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
  CHECK(swapped > 3000);
  CHECK(straight > 3000);
}

TEST_CASE("negation: ne ... pas is does not as a whole, its words possible links of one another") {
  int negations = 0;
  for (const Example& e : sentences()) {
    const int ne = find(e.source, "ne"), pas = find(e.source, "pas");
    const int no = find(e.target, "not");
    INFO(line(e.source) << " -> " << line(e.target));
    REQUIRE((ne < static_cast<int>(e.source.size())) == (no < static_cast<int>(e.target.size())));
    if (ne == static_cast<int>(e.source.size())) continue;
    ++negations;
    REQUIRE(pas == ne + 2);
    const std::string& auxiliary = e.target[static_cast<std::size_t>(no - 1)];
    REQUIRE(auxiliary == (plural_determiners.contains(e.source[0]) ? "do" : "does"));
    for (const int target : {no - 1, no}) {
      REQUIRE(linked(e, {ne, target, false}));
      REQUIRE(linked(e, {pas, target, false}));
    }
    REQUIRE(linked(e, {ne + 1, no - 1, false}));
    REQUIRE_FALSE(linked(e, {ne + 1, no, false}));
    REQUIRE(linked(e, {ne + 1, no + 1, true}));
  }
  CHECK(negations > 5000);
}

TEST_CASE("articles: no vowel asks for an, de stands before an adjective") {
  const Set adjectives = {"petits",  "petites", "grands", "grandes", "beaux", "belles", "gros",
                          "grosses", "jeunes",  "bons",   "bonnes",  "jolis", "jolies"};
  const Set vowels = {"a", "e", "i", "o", "u"};
  for (const Example& e : sentences()) {
    INFO(line(e.source) << " -> " << line(e.target));
    for (std::size_t t = 0; t + 1 < e.target.size(); ++t)
      if (e.target[t] == "a") REQUIRE_FALSE(vowels.contains(e.target[t + 1].substr(0, 1)));
    for (std::size_t s = 0; s + 1 < e.source.size(); ++s) {
      if (e.source[s] == "de" || e.source[s] == "des")
        REQUIRE((e.source[s] == "de") == adjectives.contains(e.source[s + 1]));
    }
  }
}

TEST_CASE("the English is a function of the French, and there are more than 50,000 sentences") {
  std::map<Words, Words> translation;
  std::size_t repeated = 0;
  for (const std::uint64_t seed : {1, 2}) {
    const auto task = make_toy_task("grammar", {.seed = seed});
    for (std::uint64_t i = 0; i < 35'000; ++i) {
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
  CHECK(task->tokenize("").empty());
  CHECK(task->join(Words{"hello", "world"}) == "hello world");
}
