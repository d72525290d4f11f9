#include <gaze/datasets/tasks.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>

#include <gaze/autograd/base/error.h>
#include <gaze/datasets/grammar/words.h>

namespace gaze::train {
namespace {

using namespace grammar;

constexpr std::array showcased = {"Bonjour le monde", "La petite fille regarde les fleurs rouges",
                                  "Les chiens noirs ne mangent pas la poire verte"};

/// A pair of sentences as it grows, word by word.
class Writer {
 public:
  int french(std::string_view word) {
    e_.source.emplace_back(word);
    return static_cast<int>(e_.source.size()) - 1;
  }
  /// An English word and the French one it translates.
  int english(std::string_view word, int source) {
    e_.gold.push_back({source, static_cast<int>(e_.target.size()), true});
    return english(word);
  }
  /// An English word that translates no single French one.
  int english(std::string_view word) {
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

/// A determiner, a noun and the adjectives around it.
struct NounPhrase {
  const Determiner* determiner = nullptr;
  const Noun* noun = nullptr;
  const Adjective *before = nullptr, *after = nullptr;
  bool plural = false;

  std::size_t form() const { return static_cast<std::size_t>(2 * plural + noun->feminine); }
};

/// Where the French words of a phrase are.
struct Places {
  int determiner = -1, before = -1, noun = -1, after = -1;
};

const Noun& any_noun(Random& random) {
  const std::size_t i = random.below(living.size() + things.size());
  return i < living.size() ? living[i] : things[i - living.size()];
}

const Noun& living_noun(Random& random) { return pick(random, living); }

NounPhrase noun_phrase(Random& random, const Noun& noun, bool definite) {
  NounPhrase p{.noun = &noun};
  do p.determiner = &pick(random, determiners);
  while (definite && !p.determiner->definite);
  p.plural = chance(random, 0.4);
  if (chance(random, 0.25)) p.before = &pick(random, before);
  if (chance(random, 0.35)) p.after = &pick(random, after);
  return p;
}

Places say_french(const NounPhrase& p, Writer& w) {
  Places at;
  const std::size_t form = p.form();
  const bool some = !p.determiner->definite && p.plural && p.before;  // des becomes de before an adjective
  const bool vowel = p.noun->elides() && !p.plural;
  at.determiner = w.french(some                 ? "de"
                           : vowel && !p.before ? p.determiner->before_vowel[form]
                                                : p.determiner->french[form]);
  if (p.before)
    at.before = w.french(vowel && !p.noun->feminine && !p.before->before_vowel.empty() ? p.before->before_vowel
                                                                                       : p.before->french[form]);
  at.noun = w.french(p.plural ? p.noun->plural : p.noun->singular);
  if (p.after) at.after = w.french(p.after->french[form]);
  return at;
}

/// Returns where the noun is.
int say_english(const NounPhrase& p, const Places& at, Writer& w, bool article = true) {
  const std::string_view noun = p.plural ? p.noun->english_plural : p.noun->english;
  if (article) w.english(p.plural ? p.determiner->english_plural : p.determiner->english, at.determiner);
  if (p.before) w.english(p.before->english, at.before);
  if (p.after) w.english(p.after->english, at.after);
  return w.english(noun, at.noun);
}

/// Who does or is something: a noun phrase or a pronoun.
struct Subject {
  const Pronoun* pronoun = nullptr;
  NounPhrase phrase = {};
  Places at = {};

  std::size_t person() const { return pronoun ? pronoun->person : phrase.plural ? 5 : 2; }
  bool third() const { return person() == 2; }  ///< asks for the English -s

  /// `vowel`: the next word begins with one.
  void say_french(Writer& w, bool vowel) {
    if (!pronoun) {
      at = train::say_french(phrase, w);
    } else {
      at.noun = w.french(vowel && pronoun == pronouns.begin() ? "j'" : pronoun->french);
    }
  }
  void say_english(Writer& w) const {
    if (pronoun) {
      w.english(pronoun->english, at.noun);
    } else {
      train::say_english(phrase, at, w);
    }
  }
};

Subject subject(Random& random, const Noun& noun) {
  constexpr double by_pronoun = 0.35;
  if (chance(random, by_pronoun)) return {.pronoun = &pick(random, pronouns)};
  return {.phrase = noun_phrase(random, noun, false)};
}

/// "not" is "ne ... pas" as a whole: no word of it is the other's alone.
struct Negation {
  int ne = -1, pas = -1;
  void possible(int target, Writer& w) const { w.possible(ne, target), w.possible(pas, target); }
};

/// "is" or, as one phrase like "ne ... pas", "is not".
void say_be(std::string_view be, int is, const Negation& no, Writer& w) {
  const int target = w.english(be, is);
  if (no.ne < 0) return;
  w.possible(no.ne, target);
  no.possible(w.english("not"), w);
}

/// Somebody does something.
Example statement(Random& random) {
  const bool negated = chance(random, 0.3), transitive = chance(random, 0.5);
  const bool leaves_object = !transitive && chance(random, 0.2);
  const Verb& verb = leaves_object ? pick(random, std::span(with_object).first(without_object))
                     : transitive  ? pick(random, with_object)
                                   : pick(random, alone);
  Subject who = subject(random, living_noun(random));
  const std::string_view form = verb.french[who.person()];
  const bool vowel = begins_with_vowel(form);

  constexpr double by_pronoun = 0.1;
  const ObjectPronoun* whom = nullptr;
  if (transitive && chance(random, by_pronoun)) {
    const std::size_t i = random.below(object_pronouns.size());
    if (who.person() != i && who.person() != i + 3) whom = &object_pronouns[i];  // nobody sees himself here
  }

  Writer w;
  who.say_french(w, vowel && !negated && !whom);
  Negation no;
  if (negated) no.ne = w.french(vowel && !whom ? "n'" : "ne");
  const int before = whom ? w.french(vowel ? whom->before_vowel : whom->french) : -1;
  const int does = w.french(form);
  if (negated) no.pas = w.french("pas");
  NounPhrase object;
  Places what;
  int how = -1;
  const auto& adverb = pick(random, std::span(adverbs).first(adverbs.size() - (who.person() < 3)));
  if (transitive && !whom) {
    object = noun_phrase(random, any_noun(random), negated);
    what = say_french(object, w);
  } else if (!transitive && chance(random, 0.4)) {
    how = w.french(adverb.first);
  }

  who.say_english(w);
  if (negated) {
    const int auxiliary = w.english(who.third() ? "does" : "do");
    no.possible(auxiliary, w);
    w.possible(does, auxiliary);
    no.possible(w.english("not"), w);
    w.english(verb.english, does);
  } else {
    w.english(who.third() ? verb.english_third : verb.english, does);
  }
  if (object.noun) say_english(object, what, w);
  if (whom) w.english(whom->english, before);
  if (how >= 0) w.english(adverb.second, how);
  return w.take();
}

/// Somebody or something is big: the adjective stands behind in both languages.
Example quality(Random& random) {
  const bool negated = chance(random, 0.25);
  Subject who = subject(random, any_noun(random));
  const Adjective& how = chance(random, 0.4) ? pick(random, before) : pick(random, after);
  const bool plural = who.person() >= 3;
  const bool feminine = !who.pronoun ? who.phrase.noun->feminine
                        : who.pronoun->gender == Pronoun::Gender::any
                            ? chance(random, 0.5)
                            : who.pronoun->gender == Pronoun::Gender::feminine;
  const std::string_view form = etre[who.person()];
  const bool vowel = begins_with_vowel(form);
  Writer w;
  who.say_french(w, vowel && !negated);
  Negation no;
  if (negated) no.ne = w.french(vowel ? "n'" : "ne");
  const int is = w.french(form);
  if (negated) no.pas = w.french("pas");
  const int adjective = w.french(how.french[static_cast<std::size_t>(2 * plural + feminine)]);
  who.say_english(w);
  say_be(who.pronoun ? who.pronoun->be : plural ? "are" : "is", is, no, w);
  w.english(how.english, adjective);
  return w.take();
}

/// C'est un chat, ce n'est pas un chat, je suis le roi, tu es mon ami.
Example identity(Random& random) {
  const bool negated = chance(random, 0.25), thing = chance(random, 0.6);
  const Pronoun* who = thing ? nullptr : &pronouns[random.below(2)];
  NounPhrase what = noun_phrase(random, thing ? any_noun(random) : living_noun(random), false);
  what.plural = false;
  const std::string_view form = etre[who ? who->person : 2];
  const bool vowel = begins_with_vowel(form);
  Writer w;
  const int subject = w.french(who ? who->french : negated ? "ce" : "c'");
  Negation no;
  if (negated) no.ne = w.french(vowel ? "n'" : "ne");
  const int is = w.french(form);
  if (negated) no.pas = w.french("pas");
  const Places at = say_french(what, w);
  w.english(who ? who->english : "it", subject);
  say_be(who ? who->be : "is", is, no, w);
  say_english(what, at, w);
  return w.take();
}

/// Où est le chat?
Example where(Random& random) {
  const NounPhrase what = noun_phrase(random, any_noun(random), true);
  Writer w;
  const int place = w.french("où"), is = w.french(etre[what.plural ? 5 : 2]);
  const Places at = say_french(what, w);
  w.english("where", place);
  w.english(what.plural ? "are" : "is", is);
  say_english(what, at, w);
  return w.take();
}

Example phrase(Random& random) {
  const NounPhrase p = noun_phrase(random, any_noun(random), false);
  Writer w;
  say_english(p, say_french(p, w), w);
  return w.take();
}

/// A greeting drops the article of whom it greets: bonjour le monde, hello world; but bonjour mes filles, hello my
/// girls.
Example greeting(Random& random) {
  const Greeting& g = pick(random, greetings);
  Writer w;
  int last = 0;
  for (const std::string_view word : g.french)
    if (!word.empty()) last = w.french(word);
  const auto greet = [&] {
    // A word each, as good night is bonne nuit, or all of them of the last.
    const bool word_by_word = !g.french[1].empty() && !g.english[1].empty();
    int at = 0;
    for (const std::string_view word : g.english) {
      if (word.empty()) continue;
      const int target = w.english(word, word_by_word ? at++ : last);
      for (int i = 0; i < last && !word_by_word; ++i) w.possible(i, target);
    }
  };
  const double kind = random.uniform();
  if (!g.to_somebody || kind < 0.2) {
    greet();
    return w.take();
  }
  if (kind < 0.3) {
    const int article = w.french("le"), world = w.french("monde");
    greet();
    w.possible(article, w.english("world", world));
    return w.take();
  }
  if (kind < 0.4) {
    const auto& [french, english] = pick(random, titles);
    const int title = w.french(french);
    greet();
    w.english(english, title);
    return w.take();
  }
  NounPhrase whom = noun_phrase(random, living_noun(random), true);
  while (whom.determiner->english == "this" || !whom.determiner->definite) whom.determiner = &pick(random, determiners);
  const Places at = say_french(whom, w);
  greet();
  const bool article = whom.determiner->english != "the";
  const int noun = say_english(whom, at, w, article);
  if (!article) w.possible(at.determiner, noun);
  return w.take();
}

/// French sentences into English: adjectives that stand before or after their noun, agreement in gender, number and
/// person, elision, negation, greetings. The English is a function of the French. Every English word is surely linked
/// to the French one that it translates, but for those of a negation; an article that a greeting drops is a possible
/// link of its noun.
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
  TaskGuide guide() const override;
  std::vector<std::string> tokenize(std::string_view line) const override;
  /// The article is one word, which is written an before a vowel.
  std::vector<std::string> tokenize_target(std::string_view line) const override;
  std::string join(const std::vector<std::string>& tokens) const override;

 private:
  /// What is shown is never trained. Sentences of one or two words are all for training: they are few, and each that
  /// the hash would hold out would be a gap that a model cannot fill.
  std::optional<Split> fixed_split(const std::vector<std::string>& source) const override {
    constexpr std::size_t few_words = 2;
    if (std::find(kept_.begin(), kept_.end(), source) != kept_.end()) return Split::test;
    if (source.size() <= few_words) return Split::train;
    return std::nullopt;
  }

  Example draw(Random& random) const override {
    const double kind = random.uniform();
    if (kind < 0.1) return greeting(random);
    if (kind < 0.2) return phrase(random);
    if (kind < 0.24) return where(random);
    if (kind < 0.30) return identity(random);
    if (kind < 0.42) return quality(random);
    return statement(random);
  }

  std::vector<std::vector<std::string>> kept_;
};

std::vector<std::string> GrammarTask::source_vocabulary() const {
  std::set<std::string_view> words = {"j'", "c'", "ce", "ne", "n'", "pas", "de", "le", "monde", "où"};
  for (const auto& list : {std::span<const Adjective>(before), std::span<const Adjective>(after)})
    for (const Adjective& a : list) words.insert(a.french.begin(), a.french.end()), words.insert(a.before_vowel);
  for (const auto& list : {std::span<const Noun>(living), std::span<const Noun>(things)})
    for (const Noun& n : list) words.insert({n.singular, n.plural});
  for (const Determiner& d : determiners) {
    words.insert(d.french.begin(), d.french.end());
    words.insert(d.before_vowel.begin(), d.before_vowel.end());
  }
  for (const auto& list : {std::span<const Verb>(alone), std::span<const Verb>(with_object)})
    for (const Verb& v : list) words.insert(v.french.begin(), v.french.end());
  words.insert(etre.begin(), etre.end());
  for (const Pronoun& p : pronouns) words.insert(p.french);
  for (const ObjectPronoun& p : object_pronouns) words.insert({p.french, p.before_vowel});
  for (const auto& [french, english] : adverbs) words.insert(french);
  for (const Greeting& g : greetings) words.insert(g.french.begin(), g.french.end());
  for (const auto& [french, english] : titles) words.insert(french);
  words.erase("");
  return {words.begin(), words.end()};
}

std::vector<std::string> GrammarTask::target_vocabulary() const {
  std::set<std::string_view> words = {"do", "does", "it", "not", "where", "world"};
  for (const auto& list : {std::span<const Adjective>(before), std::span<const Adjective>(after)})
    for (const Adjective& a : list) words.insert(a.english);
  for (const auto& list : {std::span<const Noun>(living), std::span<const Noun>(things)})
    for (const Noun& n : list) words.insert({n.english, n.english_plural});
  for (const Determiner& d : determiners) words.insert({d.english, d.english_plural});
  for (const auto& list : {std::span<const Verb>(alone), std::span<const Verb>(with_object)})
    for (const Verb& v : list) words.insert({v.english, v.english_third});
  for (const Pronoun& p : pronouns) words.insert({p.english, p.be});
  for (const ObjectPronoun& p : object_pronouns) words.insert(p.english);
  for (const auto& [french, english] : adverbs) words.insert(english);
  for (const Greeting& g : greetings) words.insert(g.english.begin(), g.english.end());
  for (const auto& [french, english] : titles) words.insert(english);
  words.erase("");
  return {words.begin(), words.end()};
}

/// The different ones, in their order.
std::string together(std::initializer_list<std::span<const std::string_view>> lists) {
  std::vector<std::string_view> words;
  for (const auto& list : lists)
    for (const std::string_view word : list)
      if (!word.empty() && std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  return fmt::format("{}", fmt::join(words, " "));
}

TaskGuide GrammarTask::guide() const {
  TaskGuide guide;
  const auto one = [](const std::string_view& word) { return std::span(&word, 1); };
  const auto group = [&](const char* name) -> auto& {
    guide.words.push_back({name, {}});
    return guide.words.back().entries;
  };
  auto& greet = group("greetings");
  for (const Greeting& g : greetings) greet.push_back({together({g.french}), together({g.english})});
  auto& whom = group("greeted so");
  whom.push_back({"le monde", "world"});
  for (const auto& [french, english] : titles) whom.push_back({std::string(french), std::string(english)});
  auto& small = group("determiners");
  for (const Determiner& d : determiners)
    small.push_back({together({d.french, d.before_vowel}), together({one(d.english), one(d.english_plural)})});
  small.push_back({"de", "some, before an adjective"});
  auto& who = group("pronouns");
  who.push_back({"je j'", "I"});
  for (const Pronoun& p : std::span(pronouns).subspan(1))
    who.push_back({std::string(p.french), std::string(p.english)});
  for (const ObjectPronoun& p : object_pronouns)
    who.push_back({together({one(p.french), one(p.before_vowel)}), std::string(p.english)});
  who.push_back({"c' ce", "it"});
  const auto adjectives = [&](const char* name, std::span<const Adjective> list) {
    auto& entries = group(name);
    for (const Adjective& a : list)
      entries.push_back({together({a.french, one(a.before_vowel)}), std::string(a.english)});
  };
  adjectives("adjectives before the noun", before);
  adjectives("adjectives after the noun", after);
  const auto nouns = [&](const char* name, std::span<const Noun> list) {
    auto& entries = group(name);
    for (const Noun& n : list) entries.push_back({together({one(n.singular), one(n.plural)}), std::string(n.english)});
  };
  nouns("living beings", living);
  nouns("things", things);
  const auto verbs = [&](const char* name, std::span<const Verb> list) {
    auto& entries = group(name);
    for (const Verb& v : list) entries.push_back({together({v.french}), std::string(v.english)});
  };
  verbs("verbs", alone);
  verbs("verbs with an object", with_object);
  group("to be").push_back({together({etre}), "am are is"});
  auto& how = group("adverbs");
  for (const auto& [french, english] : adverbs) how.push_back({std::string(french), std::string(english)});
  group("others") = {{"ne n'"}, {"pas", "not"}, {"où", "where"}};
  guide.forms = {"a greeting: bonjour, bonjour madame, bonjour mon chat, bonjour le monde",
                 "a noun phrase: le chat, un petit chien noir, l'homme",
                 "somebody does something: il dort, la fille mange une pomme, je t'aime",
                 "somebody or something is so: le chat est noir, elle est belle",
                 "who or what it is: c'est un chat, je suis le roi",
                 "where it is: où est le chat",
                 "with ne ... pas: le chien ne dort pas, ce n'est pas une vache"};
  guide.examples = {"bonjour mon ami", "le petit chat noir", "J'aime les pommes", "c'est un chat", "où est le chat ?"};
  for (std::string& sentence : showcase()) guide.examples.push_back(std::move(sentence));
  return guide;
}

/// In lower case, without the punctuation at the words' ends; what is elided is a word with its apostrophe.
std::string plain(std::string_view line) {
  std::string text;
  for (const std::string& c : characters_of(Spelling{.lowercase = true}.of(line))) {
    if (c == "'" || c == "\u2019") {
      text += "' ";
    } else {
      text += std::string_view(".,;:!?").find(c) != std::string_view::npos ? " " : c;
    }
  }
  return text;
}

std::vector<std::string> GrammarTask::tokenize(std::string_view line) const { return ToyTask::tokenize(plain(line)); }

std::vector<std::string> GrammarTask::tokenize_target(std::string_view line) const {
  auto words = ToyTask::tokenize_target(plain(line));
  std::replace(words.begin(), words.end(), std::string("i"), std::string("I"));
  std::replace(words.begin(), words.end(), std::string("an"), std::string("a"));
  return words;
}

std::string GrammarTask::join(const std::vector<std::string>& tokens) const {
  std::string text;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool vowel = i + 1 < tokens.size() && tokens[i + 1].find_first_of("aeiou") == 0;
    text += fmt::format("{}{}{}", i == 0 ? "" : " ", tokens[i], tokens[i] == "a" && vowel ? "n" : "");
  }
  return text;
}

}  // namespace

std::unique_ptr<ToyTask> make_grammar_task(const ToyOptions& options) {
  return std::make_unique<GrammarTask>(options.seed);
}

}  // namespace gaze::train
