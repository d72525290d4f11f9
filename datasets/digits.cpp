#include <gaze/datasets/tasks.h>

#include <array>

#include <gaze/autograd/base/error.h>

namespace gaze::train {
namespace {

constexpr std::array ones = {"zero",     "one",     "two",     "three",     "four",     "five",    "six",
                             "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
                             "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array tens = {"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};

/// 12 -> twelve, 9307 -> nine thousand three hundred seven: 0 to 9999, one token a digit and a word.
class DigitsTask final : public ToyTask {
 public:
  explicit DigitsTask(std::uint64_t seed) : ToyTask(seed) {}

  std::string_view name() const override { return "digits"; }
  std::string description() const override { return "writes a number in English words"; }
  std::vector<std::string> source_vocabulary() const override {
    return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  }
  std::vector<std::string> target_vocabulary() const override {
    std::vector<std::string> words(ones.begin(), ones.end());
    words.insert(words.end(), tens.begin(), tens.end());
    words.insert(words.end(), {"hundred", "thousand"});
    return words;
  }
  int max_source_length() const override { return 4; }
  int max_target_length() const override { return 6; }
  std::vector<std::string> showcase() const override { return {"12", "9307", "5480"}; }
  TaskGuide guide() const override {
    TaskGuide guide{{{"digits", {}}}, {"a number from 0 to 9999; each digit is a word"}, {"7", "40"}};
    for (const std::string& digit : source_vocabulary())
      guide.words.front().entries.push_back({digit, ones[static_cast<std::size_t>(digit[0] - '0')]});
    for (std::string& number : showcase()) guide.examples.push_back(std::move(number));
    return guide;
  }
  std::vector<std::string> tokenize(std::string_view line) const override { return characters_of(line); }
  std::string join_source(const std::vector<std::string>& tokens) const override {
    return fmt::format("{}", fmt::join(tokens, ""));
  }

 private:
  Example draw(Random& random) const override {
    constexpr std::array<std::uint32_t, 5> bounds = {0, 10, 100, 1000, 10000};
    const std::size_t places = 1 + random.below(4);
    return spell(bounds[places - 1] + random.below(bounds[places] - bounds[places - 1]));
  }

  /// All ten numbers of one digit are for training: they are a quarter of what is drawn, so that the one or two that
  /// the hash would hold out would decide a model's accuracy alone.
  std::optional<Split> fixed_split(const std::vector<std::string>& source) const override {
    for (const std::string& sentence : showcase())
      if (characters_of(sentence) == source) return Split::test;
    if (source.size() == 1) return Split::train;
    return std::nullopt;
  }

  /// A word that names digits is surely linked to the last of them; the 1 of ten to nineteen is possible. Hundred and
  /// thousand name no digit but a place: the digit in it and those that follow, which make it that place, are possible.
  static Example spell(std::uint32_t number) {
    Example e{characters_of(std::to_string(number)), {}, {}};
    const int places = static_cast<int>(e.source.size());
    const auto digit = [&](int place) {
      return place < places ? e.source[static_cast<std::size_t>(places - 1 - place)][0] - '0' : 0;
    };
    const auto say = [&](const char* word, int place) {
      e.gold.push_back({places - 1 - place, static_cast<int>(e.target.size()), true});
      e.target.emplace_back(word);
    };
    const auto at = [](int i) { return static_cast<std::size_t>(i); };
    const auto say_place = [&](const char* word, int place) {
      for (int i = place; i >= 0; --i) e.gold.push_back({places - 1 - i, static_cast<int>(e.target.size()), false});
      e.target.emplace_back(word);
    };
    if (digit(3)) say(ones[at(digit(3))], 3), say_place("thousand", 3);
    if (digit(2)) say(ones[at(digit(2))], 2), say_place("hundred", 2);
    if (digit(1) == 1) {
      say(ones[at(10 + digit(0))], 0);
      e.gold.push_back({places - 2, static_cast<int>(e.target.size()) - 1, false});
      return e;
    }
    if (digit(1)) say(tens[at(digit(1) - 2)], 1);
    if (digit(0) || number == 0) say(ones[at(digit(0))], 0);
    return e;
  }
};

}  // namespace

std::unique_ptr<ToyTask> make_digits_task(const ToyOptions& options) {
  return std::make_unique<DigitsTask>(options.seed);
}

}  // namespace gaze::train
