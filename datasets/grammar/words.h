#pragma once

#include <array>
#include <string_view>

/// The words of the task grammar. No noun begins with an h that forbids elision, and no adjective that stands before
/// its noun begins with a vowel: so elision is a matter of the next word's first letter.
namespace gaze::train::grammar {

/// French forms by gender and number: masculine singular, feminine singular, masculine plural, feminine plural.
using Forms = std::array<std::string_view, 4>;

/// Whether a French word elides what stands before it: l'homme, j'aime.
constexpr bool begins_with_vowel(std::string_view french) {
  return std::string_view("aeiouh").find(french.front()) != std::string_view::npos || french.starts_with("é") ||
         french.starts_with("ê");
}

struct Adjective {
  Forms french;
  std::string_view english;
  std::string_view before_vowel = {};  ///< masculine singular, where it has one: bel homme
};

struct Noun {
  bool feminine;
  std::string_view singular, plural;  ///< French
  std::string_view english, english_plural;

  constexpr bool elides() const { return begins_with_vowel(singular); }
};

struct Determiner {
  Forms french;
  std::array<std::string_view, 2> before_vowel;  ///< masculine and feminine singular
  std::string_view english, english_plural;
  bool definite;  ///< may follow a negation, where un becomes de
};

/// French by person: je, tu, il, nous, vous, ils.
struct Verb {
  std::array<std::string_view, 6> french;
  std::string_view english, english_third;
};

struct Pronoun {
  std::string_view french, english;
  std::size_t person;  ///< of Verb::french
  enum class Gender { masculine, feminine, any } gender;
  std::string_view be;  ///< English
};

/// What is said alone or to somebody.
struct Greeting {
  std::array<std::string_view, 2> french, english;  ///< one or two words
  bool to_somebody;                                 ///< bonjour mon ami
};

/// Those that stand before their noun.
inline constexpr std::array before = {Adjective{{"petit", "petite", "petits", "petites"}, "small"},
                                      Adjective{{"grand", "grande", "grands", "grandes"}, "big"},
                                      Adjective{{"beau", "belle", "beaux", "belles"}, "beautiful", "bel"},
                                      Adjective{{"gros", "grosse", "gros", "grosses"}, "fat"},
                                      Adjective{{"jeune", "jeune", "jeunes", "jeunes"}, "young"},
                                      Adjective{{"vieux", "vieille", "vieux", "vieilles"}, "old", "vieil"},
                                      Adjective{{"bon", "bonne", "bons", "bonnes"}, "good"},
                                      Adjective{{"joli", "jolie", "jolis", "jolies"}, "pretty"}};

inline constexpr std::array after = {Adjective{{"noir", "noire", "noirs", "noires"}, "black"},
                                     Adjective{{"rouge", "rouge", "rouges", "rouges"}, "red"},
                                     Adjective{{"blanc", "blanche", "blancs", "blanches"}, "white"},
                                     Adjective{{"vert", "verte", "verts", "vertes"}, "green"},
                                     Adjective{{"bleu", "bleue", "bleus", "bleues"}, "blue"},
                                     Adjective{{"brun", "brune", "bruns", "brunes"}, "brown"},
                                     Adjective{{"gris", "grise", "gris", "grises"}, "grey"},
                                     Adjective{{"rapide", "rapide", "rapides", "rapides"}, "fast"},
                                     Adjective{{"calme", "calme", "calmes", "calmes"}, "calm"},
                                     Adjective{{"content", "contente", "contents", "contentes"}, "happy"},
                                     Adjective{{"triste", "triste", "tristes", "tristes"}, "sad"},
                                     Adjective{{"bizarre", "bizarre", "bizarres", "bizarres"}, "strange"},
                                     Adjective{{"énorme", "énorme", "énormes", "énormes"}, "huge"}};

/// Living beings: they can do things and be greeted.
inline constexpr std::array living = {
    Noun{false, "chat", "chats", "cat", "cats"},         Noun{false, "chien", "chiens", "dog", "dogs"},
    Noun{false, "cheval", "chevaux", "horse", "horses"}, Noun{false, "lapin", "lapins", "rabbit", "rabbits"},
    Noun{false, "loup", "loups", "wolf", "wolves"},      Noun{false, "éléphant", "éléphants", "elephant", "elephants"},
    Noun{false, "oiseau", "oiseaux", "bird", "birds"},   Noun{false, "garçon", "garçons", "boy", "boys"},
    Noun{false, "homme", "hommes", "man", "men"},        Noun{false, "enfant", "enfants", "child", "children"},
    Noun{false, "ami", "amis", "friend", "friends"},     Noun{false, "père", "pères", "father", "fathers"},
    Noun{false, "roi", "rois", "king", "kings"},         Noun{true, "femme", "femmes", "woman", "women"},
    Noun{true, "fille", "filles", "girl", "girls"},      Noun{true, "mère", "mères", "mother", "mothers"},
    Noun{true, "reine", "reines", "queen", "queens"},    Noun{true, "sorcière", "sorcières", "witch", "witches"},
    Noun{true, "souris", "souris", "mouse", "mice"},     Noun{true, "vache", "vaches", "cow", "cows"},
    Noun{true, "poule", "poules", "hen", "hens"},        Noun{true, "chèvre", "chèvres", "goat", "goats"},
    Noun{true, "tortue", "tortues", "turtle", "turtles"}};

inline constexpr std::array things = {
    Noun{false, "livre", "livres", "book", "books"},       Noun{false, "gâteau", "gâteaux", "cake", "cakes"},
    Noun{false, "jardin", "jardins", "garden", "gardens"}, Noun{false, "arbre", "arbres", "tree", "trees"},
    Noun{false, "bureau", "bureaux", "desk", "desks"},     Noun{true, "pomme", "pommes", "apple", "apples"},
    Noun{true, "poire", "poires", "pear", "pears"},        Noun{true, "fleur", "fleurs", "flower", "flowers"},
    Noun{true, "maison", "maisons", "house", "houses"},    Noun{true, "voiture", "voitures", "car", "cars"},
    Noun{true, "lettre", "lettres", "letter", "letters"}};

inline constexpr std::array determiners = {
    Determiner{{"le", "la", "les", "les"}, {"l'", "l'"}, "the", "the", true},
    Determiner{{"un", "une", "des", "des"}, {"un", "une"}, "a", "some", false},
    Determiner{{"ce", "cette", "ces", "ces"}, {"cet", "cette"}, "this", "these", true},
    Determiner{{"mon", "ma", "mes", "mes"}, {"mon", "mon"}, "my", "my", true},
    Determiner{{"ton", "ta", "tes", "tes"}, {"ton", "ton"}, "your", "your", true},
    Determiner{{"notre", "notre", "nos", "nos"}, {"notre", "notre"}, "our", "our", true},
    Determiner{{"leur", "leur", "leurs", "leurs"}, {"leur", "leur"}, "their", "their", true}};

/// Those that need no object ...
inline constexpr std::array alone = {
    Verb{{"dors", "dors", "dort", "dormons", "dormez", "dorment"}, "sleep", "sleeps"},
    Verb{{"cours", "cours", "court", "courons", "courez", "courent"}, "run", "runs"},
    Verb{{"chante", "chantes", "chante", "chantons", "chantez", "chantent"}, "sing", "sings"},
    Verb{{"danse", "danses", "danse", "dansons", "dansez", "dansent"}, "dance", "dances"},
    Verb{{"parle", "parles", "parle", "parlons", "parlez", "parlent"}, "speak", "speaks"},
    Verb{{"ris", "ris", "rit", "rions", "riez", "rient"}, "laugh", "laughs"},
    Verb{{"saute", "sautes", "saute", "sautons", "sautez", "sautent"}, "jump", "jumps"},
    Verb{{"travaille", "travailles", "travaille", "travaillons", "travaillez", "travaillent"}, "work", "works"}};

/// ... and those that have one. The first few may do without.
inline constexpr std::size_t without_object = 3;
inline constexpr std::array with_object = {
    Verb{{"mange", "manges", "mange", "mangeons", "mangez", "mangent"}, "eat", "eats"},
    Verb{{"regarde", "regardes", "regarde", "regardons", "regardez", "regardent"}, "watch", "watches"},
    Verb{{"dessine", "dessines", "dessine", "dessinons", "dessinez", "dessinent"}, "draw", "draws"},
    Verb{{"vois", "vois", "voit", "voyons", "voyez", "voient"}, "see", "sees"},
    Verb{{"aime", "aimes", "aime", "aimons", "aimez", "aiment"}, "love", "loves"},
    Verb{{"ai", "as", "a", "avons", "avez", "ont"}, "have", "has"},
    Verb{{"trouve", "trouves", "trouve", "trouvons", "trouvez", "trouvent"}, "find", "finds"},
    Verb{{"prends", "prends", "prend", "prenons", "prenez", "prennent"}, "take", "takes"},
    Verb{{"garde", "gardes", "garde", "gardons", "gardez", "gardent"}, "keep", "keeps"},
    Verb{{"veux", "veux", "veut", "voulons", "voulez", "veulent"}, "want", "wants"}};

inline constexpr std::array<std::string_view, 6> etre = {"suis", "es", "est", "sommes", "êtes", "sont"};

/// Je is first: it alone elides.
inline constexpr std::array pronouns = {Pronoun{"je", "I", 0, Pronoun::Gender::any, "am"},
                                        Pronoun{"tu", "you", 1, Pronoun::Gender::any, "are"},
                                        Pronoun{"il", "he", 2, Pronoun::Gender::masculine, "is"},
                                        Pronoun{"elle", "she", 2, Pronoun::Gender::feminine, "is"},
                                        Pronoun{"nous", "we", 3, Pronoun::Gender::any, "are"},
                                        Pronoun{"vous", "you", 4, Pronoun::Gender::any, "are"},
                                        Pronoun{"ils", "they", 5, Pronoun::Gender::masculine, "are"},
                                        Pronoun{"elles", "they", 5, Pronoun::Gender::feminine, "are"},
                                        Pronoun{"qui", "who", 2, Pronoun::Gender::masculine, "is"}};

/// Objects that stand before the verb; they belong to the first two pronouns.
struct ObjectPronoun {
  std::string_view french, before_vowel, english;
};
inline constexpr std::array object_pronouns = {ObjectPronoun{"me", "m'", "me"}, ObjectPronoun{"te", "t'", "you"}};

/// The last one is not said of one alone.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 5> adverbs = {
    {{"bien", "well"}, {"ici", "here"}, {"souvent", "often"}, {"lentement", "slowly"}, {"ensemble", "together"}}};

inline constexpr std::array greetings = {
    Greeting{{"bonjour"}, {"hello"}, true},      Greeting{{"bonsoir"}, {"good", "evening"}, true},
    Greeting{{"salut"}, {"hi"}, true},           Greeting{{"au", "revoir"}, {"goodbye"}, true},
    Greeting{{"merci"}, {"thank", "you"}, true}, Greeting{{"bonne", "nuit"}, {"good", "night"}, true},
    Greeting{{"bienvenue"}, {"welcome"}, true},  Greeting{{"pardon"}, {"sorry"}, true},
    Greeting{{"oui"}, {"yes"}, false},           Greeting{{"non"}, {"no"}, false}};

/// Who is greeted without a determiner.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 2> titles = {
    {{"madame", "madam"}, {"monsieur", "sir"}}};

}  // namespace gaze::train::grammar
