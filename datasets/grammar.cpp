#include <gaze/datasets/tasks.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>

#include <gaze/autograd/error.h>

namespace gaze {
namespace {

/// French forms by gender and number: masculine singular, feminine singular, masculine plural, feminine plural.
struct Adjective {
  std::array<const char*, 4> french;
  const char* english;
};

struct Noun {
  bool feminine;
  const char *singular, *plural;  // French
  const char *english, *english_plural;
};

struct Determiner {
  std::array<const char*, 4> french;  // as an adjective's forms
  const char *english, *english_plural;
  bool definite;  // may follow a negation, where un becomes de
};

struct Verb {
  const char *singular, *plural;  // French, third person
  const char *english, *english_third;
};

struct Greeting {
  std::vector<std::string> french, english;
};

constexpr std::array before = {Adjective{{"petit", "petite", "petits", "petites"}, "small"},
                               Adjective{{"grand", "grande", "grands", "grandes"}, "big"},
                               Adjective{{"beau", "belle", "beaux", "belles"}, "beautiful"},
                               Adjective{{"gros", "grosse", "gros", "grosses"}, "fat"},
                               Adjective{{"jeune", "jeune", "jeunes", "jeunes"}, "young"},
                               Adjective{{"bon", "bonne", "bons", "bonnes"}, "good"},
                               Adjective{{"joli", "jolie", "jolis", "jolies"}, "pretty"}};

constexpr std::array after = {Adjective{{"noir", "noire", "noirs", "noires"}, "black"},
                              Adjective{{"rouge", "rouge", "rouges", "rouges"}, "red"},
                              Adjective{{"blanc", "blanche", "blancs", "blanches"}, "white"},
                              Adjective{{"vert", "verte", "verts", "vertes"}, "green"},
                              Adjective{{"bleu", "bleue", "bleus", "bleues"}, "blue"},
                              Adjective{{"brun", "brune", "bruns", "brunes"}, "brown"},
                              Adjective{{"rapide", "rapide", "rapides", "rapides"}, "fast"},
                              Adjective{{"calme", "calme", "calmes", "calmes"}, "calm"},
                              Adjective{{"bizarre", "bizarre", "bizarres", "bizarres"}, "strange"},
                              Adjective{{"énorme", "énorme", "énormes", "énormes"}, "huge"},
                              Adjective{{"gris", "grise", "gris", "grises"}, "grey"}};

/// Living beings first: they can do things and be greeted. No noun begins with a vowel, in either language: what stands
/// before it would change with it.
constexpr std::size_t living = 16;
constexpr std::array nouns = {
    Noun{false, "chat", "chats", "cat", "cats"},           Noun{false, "chien", "chiens", "dog", "dogs"},
    Noun{false, "cheval", "chevaux", "horse", "horses"},   Noun{false, "garçon", "garçons", "boy", "boys"},
    Noun{false, "roi", "rois", "king", "kings"},           Noun{false, "loup", "loups", "wolf", "wolves"},
    Noun{false, "lapin", "lapins", "rabbit", "rabbits"},   Noun{true, "femme", "femmes", "woman", "women"},
    Noun{true, "fille", "filles", "girl", "girls"},        Noun{true, "souris", "souris", "mouse", "mice"},
    Noun{true, "vache", "vaches", "cow", "cows"},          Noun{true, "reine", "reines", "queen", "queens"},
    Noun{true, "poule", "poules", "hen", "hens"},          Noun{true, "sorcière", "sorcières", "witch", "witches"},
    Noun{true, "chèvre", "chèvres", "goat", "goats"},      Noun{true, "tortue", "tortues", "turtle", "turtles"},
    Noun{false, "livre", "livres", "book", "books"},       Noun{false, "gâteau", "gâteaux", "cake", "cakes"},
    Noun{false, "jardin", "jardins", "garden", "gardens"}, Noun{true, "poire", "poires", "pear", "pears"},
    Noun{true, "fleur", "fleurs", "flower", "flowers"},    Noun{true, "maison", "maisons", "house", "houses"},
    Noun{true, "voiture", "voitures", "car", "cars"},      Noun{true, "lettre", "lettres", "letter", "letters"},
    Noun{false, "bureau", "bureaux", "desk", "desks"}};

constexpr std::array determiners = {Determiner{{"le", "la", "les", "les"}, "the", "the", true},
                                    Determiner{{"un", "une", "des", "des"}, "a", "some", false},
                                    Determiner{{"ce", "cette", "ces", "ces"}, "this", "these", true},
                                    Determiner{{"mon", "ma", "mes", "mes"}, "my", "my", true},
                                    Determiner{{"notre", "notre", "nos", "nos"}, "our", "our", true},
                                    Determiner{{"leur", "leur", "leurs", "leurs"}, "their", "their", true}};

constexpr std::array alone = {
    Verb{"dort", "dorment", "sleep", "sleeps"},  Verb{"court", "courent", "run", "runs"},
    Verb{"chante", "chantent", "sing", "sings"}, Verb{"danse", "dansent", "dance", "dances"},
    Verb{"parle", "parlent", "speak", "speaks"}, Verb{"rit", "rient", "laugh", "laughs"},
    Verb{"saute", "sautent", "jump", "jumps"},   Verb{"travaille", "travaillent", "work", "works"}};

constexpr std::array with_object = {
    Verb{"mange", "mangent", "eat", "eats"},     Verb{"voit", "voient", "see", "sees"},
    Verb{"trouve", "trouvent", "find", "finds"}, Verb{"regarde", "regardent", "watch", "watches"},
    Verb{"prend", "prennent", "take", "takes"},  Verb{"garde", "gardent", "keep", "keeps"},
    Verb{"veut", "veulent", "want", "wants"},    Verb{"dessine", "dessinent", "draw", "draws"}};

constexpr std::array<std::pair<const char*, const char*>, 5> adverbs = {
    {{"bien", "well"}, {"ici", "here"}, {"souvent", "often"}, {"lentement", "slowly"}, {"ensemble", "together"}}};
constexpr std::size_t adverbs_of_one = adverbs.size() - 1;  // nobody does anything together alone

const std::vector<Greeting>& greetings() {
  static const std::vector<Greeting> all = {{{"bonjour"}, {"hello"}},
                                            {{"bonsoir"}, {"good", "evening"}},
                                            {{"salut"}, {"hi"}},
                                            {{"au", "revoir"}, {"goodbye"}}};
  return all;
}

const std::array<const char*, 3> showcased = {"Bonjour le monde", "La petite fille regarde les fleurs rouges",
                                              "Les chiens noirs ne mangent pas la poire verte"};

/// A pair of sentences as it grows, word by word.
class Writer {
 public:
  int french(const char* word) {
    e_.source.emplace_back(word);
    return static_cast<int>(e_.source.size()) - 1;
  }
  /// An English word and the French one it translates.
  int english(const char* word, int source) {
    e_.gold.push_back({source, static_cast<int>(e_.target.size()), true});
    return english(word);
  }
  /// An English word that translates no single French one.
  int english(const char* word) {
    e_.target.emplace_back(word);
    return static_cast<int>(e_.target.size()) - 1;
  }
  void possible(int source, int target) { e_.gold.push_back({source, target, false}); }
  Example take() { return std::move(e_); }

 private:
  Example e_;
};

template <class List>
const auto& pick(Random& random, const List& list) {
  return list[random.below(static_cast<std::uint32_t>(list.size()))];
}

bool chance(Random& random, double p) { return random.uniform() < p; }

/// French sentences into English: adjectives that stand before or after their noun, agreement in gender and number,
/// negation, greetings. The English is a function of the French. Every English word is surely linked to the French one
/// that it translates, but for the two of a negation; an article that a greeting drops is a possible link of its noun.
class GrammarTask final : public ToyTask {
 public:
  explicit GrammarTask(std::uint64_t seed) : ToyTask(seed) {
    for (const char* sentence : showcased) kept_.push_back(tokenize(sentence));
  }

  std::string_view name() const override { return "grammar"; }
  std::string description() const override { return "translates French sentences of a small grammar into English"; }
  std::vector<std::string> source_vocabulary() const override;
  std::vector<std::string> target_vocabulary() const override;
  int max_source_length() const override { return 11; }
  int max_target_length() const override { return 11; }
  std::vector<std::string> showcase() const override { return {showcased.begin(), showcased.end()}; }
  std::vector<std::string> tokenize(std::string_view line) const override;

 private:
  struct NounPhrase {
    const Determiner* determiner = nullptr;
    const Noun* noun = nullptr;
    const Adjective *before = nullptr, *after = nullptr;
    bool plural = false;

    std::size_t form() const { return static_cast<std::size_t>(2 * plural + noun->feminine); }
  };

  std::optional<Split> fixed_split(const std::vector<std::string>& source) const override {
    if (std::find(kept_.begin(), kept_.end(), source) == kept_.end()) return std::nullopt;
    return Split::test;
  }

  Example draw(Random& random) const override {
    constexpr double greets = 0.1;
    return chance(random, greets) ? greeting(random) : statement(random);
  }

  static NounPhrase noun_phrase(Random& random, std::size_t first, std::size_t last, bool definite) {
    NounPhrase p;
    do p.determiner = &pick(random, determiners);
    while (definite && !p.determiner->definite);
    p.noun = &nouns[first + random.below(static_cast<std::uint32_t>(last - first))];
    p.plural = chance(random, 0.4);
    if (chance(random, 0.35)) p.before = &pick(random, before);
    if (chance(random, 0.45)) p.after = &pick(random, after);
    return p;
  }

  /// Where the French words of a phrase are.
  struct Places {
    int determiner = -1, before = -1, noun = -1, after = -1;
  };

  static Places say_french(const NounPhrase& p, Writer& w) {
    Places at;
    const std::size_t form = p.form();
    const bool some = !p.determiner->definite && p.plural && p.before;  // des becomes de before an adjective
    at.determiner = w.french(some ? "de" : p.determiner->french[form]);
    if (p.before) at.before = w.french(p.before->french[form]);
    at.noun = w.french(p.plural ? p.noun->plural : p.noun->singular);
    if (p.after) at.after = w.french(p.after->french[form]);
    return at;
  }

  /// Returns where the noun is.
  static int say_english(const NounPhrase& p, const Places& at, Writer& w, bool article = true) {
    const char* noun = p.plural ? p.noun->english_plural : p.noun->english;
    if (article) w.english(p.plural ? p.determiner->english_plural : p.determiner->english, at.determiner);
    if (p.before) w.english(p.before->english, at.before);
    if (p.after) w.english(p.after->english, at.after);
    return w.english(noun, at.noun);
  }

  static Example statement(Random& random) {
    const bool negated = chance(random, 0.3), transitive = chance(random, 0.5);
    const Verb& verb = transitive ? pick(random, with_object) : pick(random, alone);
    const NounPhrase subject = noun_phrase(random, 0, living, false);
    Writer w;
    const Places who = say_french(subject, w);
    const int ne = negated ? w.french("ne") : -1;
    const int does = w.french(subject.plural ? verb.plural : verb.singular);
    const int pas = negated ? w.french("pas") : -1;
    say_english(subject, who, w);
    NounPhrase object;
    Places what;
    int how = -1;
    const auto& adverb = pick(random, std::span(adverbs).first(subject.plural ? adverbs.size() : adverbs_of_one));
    if (transitive) {
      object = noun_phrase(random, 0, nouns.size(), negated);
      what = say_french(object, w);
    } else if (chance(random, 0.4)) {
      how = w.french(adverb.first);
    }
    if (negated) {
      // "ne ... pas" and "does not" are one phrase: no word of it is the other's alone.
      const int phrase[] = {w.english(subject.plural ? "do" : "does"), w.english("not")};
      for (const int target : phrase) w.possible(ne, target), w.possible(pas, target);
      w.possible(does, phrase[0]);
      w.english(verb.english, does);
    } else {
      w.english(subject.plural ? verb.english : verb.english_third, does);
    }
    if (transitive) say_english(object, what, w);
    if (how >= 0) w.english(adverb.second, how);
    return w.take();
  }

  /// A greeting drops the article of whom it greets: bonjour le monde, hello world; but bonjour mes filles, hello my
  /// girls.
  static Example greeting(Random& random) {
    const Greeting& g = pick(random, greetings());
    Writer w;
    int last = 0;
    for (const std::string& word : g.french) last = w.french(word.c_str());
    if (chance(random, 0.1)) {
      const int article = w.french("le"), world = w.french("monde");
      say_greeting(g, last, w);
      w.possible(article, w.english("world", world));
      return w.take();
    }
    NounPhrase whom = noun_phrase(random, 0, living, true);
    while (whom.determiner->english == std::string_view("this")) whom.determiner = &pick(random, determiners);
    if (!whom.determiner->definite) whom.determiner = &determiners[0];
    const Places at = say_french(whom, w);
    say_greeting(g, last, w);
    const bool article = whom.determiner->english != std::string_view("the");
    const int noun = say_english(whom, at, w, article);
    if (!article) w.possible(at.determiner, noun);
    return w.take();
  }

  static void say_greeting(const Greeting& g, int last, Writer& w) {
    for (const std::string& word : g.english) {
      const int target = w.english(word.c_str(), last);
      for (int i = 0; i < last; ++i) w.possible(i, target);
    }
  }

  std::vector<std::vector<std::string>> kept_;
};

std::vector<std::string> GrammarTask::source_vocabulary() const {
  std::set<std::string> words = {"ne", "pas", "de", "le", "monde"};
  for (const auto& list : {std::span<const Adjective>(before), std::span<const Adjective>(after)})
    for (const Adjective& a : list) words.insert(a.french.begin(), a.french.end());
  for (const Noun& n : nouns) words.insert({n.singular, n.plural});
  for (const Determiner& d : determiners) words.insert(d.french.begin(), d.french.end());
  for (const auto& list : {std::span<const Verb>(alone), std::span<const Verb>(with_object)})
    for (const Verb& v : list) words.insert({v.singular, v.plural});
  for (const auto& [french, english] : adverbs) words.insert(french);
  for (const Greeting& g : greetings()) words.insert(g.french.begin(), g.french.end());
  return {words.begin(), words.end()};
}

std::vector<std::string> GrammarTask::target_vocabulary() const {
  std::set<std::string> words = {"do", "does", "not", "world"};
  for (const auto& list : {std::span<const Adjective>(before), std::span<const Adjective>(after)})
    for (const Adjective& a : list) words.insert(a.english);
  for (const Noun& n : nouns) words.insert({n.english, n.english_plural});
  for (const Determiner& d : determiners) words.insert({d.english, d.english_plural});
  for (const auto& list : {std::span<const Verb>(alone), std::span<const Verb>(with_object)})
    for (const Verb& v : list) words.insert({v.english, v.english_third});
  for (const auto& [french, english] : adverbs) words.insert(english);
  for (const Greeting& g : greetings()) words.insert(g.english.begin(), g.english.end());
  return {words.begin(), words.end()};
}

/// Words in lower case, without the punctuation at their ends.
std::vector<std::string> GrammarTask::tokenize(std::string_view line) const {
  std::string text;
  for (std::string c : characters_of(line)) {
    const auto lead = static_cast<unsigned char>(c[0]);
    if (c.size() == 1 && lead >= 'A' && lead <= 'Z') c[0] = static_cast<char>(lead + 32);
    const auto second = c.size() == 2 ? static_cast<unsigned char>(c[1]) : 0;
    if (lead == 0xc3 && second >= 0x80 && second <= 0x9e && second != 0x97)
      c[1] = static_cast<char>(second + 32);  // À ... Þ
    text += std::string_view(".,;:!?").find(c) != std::string_view::npos ? " " : c;
  }
  return ToyTask::tokenize(text);
}

}  // namespace

std::unique_ptr<ToyTask> make_grammar_task(std::uint64_t seed) { return std::make_unique<GrammarTask>(seed); }

}  // namespace gaze
