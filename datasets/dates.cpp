#include <gaze/datasets/tasks.h>

#include <algorithm>
#include <array>
#include <set>

#include <gaze/autograd/base/error.h>

namespace gaze::train {
namespace {

constexpr std::array months = {"january", "february", "march",     "april",   "may",      "june",
                               "july",    "august",   "september", "october", "november", "december"};
constexpr std::array week = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};

struct Date {
  int year, month, day;
};

int days_of(int year, int month) {
  constexpr std::array<int, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[static_cast<std::size_t>(month - 1)] + (month == 2 && leap);
}

/// 0 for Sunday (Sakamoto's rule).
int weekday(Date d) {
  constexpr std::array<int, 12> shift = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
  const int year = d.month < 3 ? d.year - 1 : d.year;
  return (year + year / 4 - year / 100 + year / 400 + shift[static_cast<std::size_t>(d.month - 1)] + d.day) % 7;
}

std::string ordinal(int day) {
  const char* ending = day % 10 == 1 && day != 11   ? "st"
                       : day % 10 == 2 && day != 12 ? "nd"
                       : day % 10 == 3 && day != 13 ? "rd"
                                                    : "th";
  return std::to_string(day) + ending;
}

/// How dates are written: %Y year, %D day, %E day with two digits, %O 1st, 2nd, ..., %M month's name, %A its first
/// three letters, %N its number, %P with two digits, %W the day of the week.
constexpr std::array forms = {"%M %D, %Y",   "%D %M %Y",     "%D %A %Y", "%A %D, %Y", "%E/%P/%Y", "%Y.%N.%D",
                              "%O of %M %Y", "%W, %D %M %Y", "%D-%A-%Y", "%Y/%P/%E",  "%E.%P.%Y"};

/// A date being written, with the places of its parts.
struct Written {
  std::string text;
  int year = 0, month = 0, month_size = 0, day = 0, day_size = 0;
  bool named = false;
};

Written write(const char* form, Date d) {
  Written w;
  const auto place = [&](int& at, int* size, const std::string& part) {
    at = static_cast<int>(w.text.size());
    if (size) *size = static_cast<int>(part.size());
    w.text += part;
  };
  const std::string month = months[static_cast<std::size_t>(d.month - 1)];
  for (const char* c = form; *c; ++c) {
    if (*c != '%') {
      w.text += *c;
      continue;
    }
    switch (*++c) {
      case 'Y': place(w.year, nullptr, std::to_string(d.year)); break;
      case 'D': place(w.day, &w.day_size, std::to_string(d.day)); break;
      case 'E': place(w.day, &w.day_size, fmt::format("{:02}", d.day)); break;
      case 'O':
        place(w.day, &w.day_size, std::to_string(d.day));
        w.text += ordinal(d.day).substr(static_cast<std::size_t>(w.day_size));
        break;
      case 'M': place(w.month, &w.month_size, month), w.named = true; break;
      case 'A': place(w.month, &w.month_size, month.substr(0, 3)), w.named = true; break;
      case 'N': place(w.month, &w.month_size, std::to_string(d.month)); break;
      case 'P': place(w.month, &w.month_size, fmt::format("{:02}", d.month)); break;
      case 'W': w.text += week[static_cast<std::size_t>(weekday(d))]; break;
    }
  }
  return w;
}

/// Dates as people write them, to ISO: 5 march 1999 -> 1999-03-05, one token a character.
class DatesTask final : public ToyTask {
 public:
  explicit DatesTask(std::uint64_t seed) : ToyTask(seed) {}

  std::string_view name() const override { return "dates"; }
  std::string description() const override { return "turns dates as people write them into ISO dates"; }
  std::vector<std::string> source_vocabulary() const override {
    std::set<std::string> all;
    for (const char* text : {" ,./-0123456789", "stndrdth", "of"})
      for (std::string& c : characters_of(text)) all.insert(std::move(c));
    for (const char* name : months)
      for (std::string& c : characters_of(name)) all.insert(std::move(c));
    for (const char* name : week)
      for (std::string& c : characters_of(name)) all.insert(std::move(c));
    return {all.begin(), all.end()};
  }
  std::vector<std::string> target_vocabulary() const override { return characters_of("-0123456789"); }
  int max_source_length() const override { return 28; }  // wednesday, 30 september 1999
  int max_target_length() const override { return 10; }
  std::vector<std::string> showcase() const override {
    return {"march 5, 1999", "tuesday, 14 july 1953", "3rd of may 2021"};
  }
  TaskGuide guide() const override {
    TaskGuide guide{{{"months, also their first three letters", {}},
                     {"days of the week", {}},
                     {"numbers", {{"0 1 2 3 4 5 6 7 8 9"}, {"1st 2nd 3rd 4th"}}},
                     {"between them", {{"of"}}},
                     {"signs", {{", . / -"}}}},
                    {},
                    {}};
    for (const char* name : months) guide.words[0].entries.push_back({name});
    for (const char* name : week) guide.words[1].entries.push_back({name});
    constexpr Date some_day{1953, 7, 14};
    for (const char* form : forms) guide.forms.push_back(write(form, some_day).text);
    guide.examples = showcase();
    guide.examples.emplace_back("31/12/1999");
    return guide;
  }
  std::vector<std::string> tokenize(std::string_view line) const override { return characters_of(lower_case(line)); }
  std::vector<std::string> tokenize_target(std::string_view line) const override { return characters_of(line); }
  std::string join(const std::vector<std::string>& tokens) const override {
    return fmt::format("{}", fmt::join(tokens, ""));
  }
  std::string join_source(const std::vector<std::string>& tokens) const override { return join(tokens); }

 private:
  Example draw(Random& random) const override {
    Date d{1950 + static_cast<int>(random.below(100)), 1 + static_cast<int>(random.below(12)), 0};
    d.day = 1 + static_cast<int>(random.below(static_cast<std::uint32_t>(days_of(d.year, d.month))));
    return align(write(forms[random.below(forms.size())], d), d);
  }

  std::optional<Split> fixed_split(const std::vector<std::string>& source) const override {
    for (const std::string& sentence : showcase())
      if (characters_of(sentence) == source) return Split::test;
    return std::nullopt;
  }

  /// Digits go with their digits; a zero that the source lacks goes with the digit it stands before. Both digits of a
  /// month that has a name go with its first letter, the other letters being possible. The dash after the year goes
  /// with the separator beside the year in the source, the other with the one beside the day; other separators are
  /// possible.
  static Example align(const Written& w, Date d) {
    Example e{characters_of(w.text), characters_of(fmt::format("{:04}-{:02}-{:02}", d.year, d.month, d.day)), {}};
    for (int i = 0; i < 4; ++i) e.gold.push_back({w.year + i, i, true});
    const auto number = [&](int at, int size, int target) {
      e.gold.push_back({at, target, true});
      e.gold.push_back({at + size - 1, target + 1, true});
    };
    if (w.named) {
      for (int target = 5; target < 7; ++target)
        for (int i = 0; i < w.month_size; ++i) e.gold.push_back({w.month + i, target, i == 0});
    } else {
      number(w.month, w.month_size, 5);
    }
    number(w.day, w.day_size, 8);
    const auto is_separator = [&](int i) {
      return std::string_view(" ,./-").find(w.text[static_cast<std::size_t>(i)]) != std::string_view::npos;
    };
    const int first = w.year > 0 ? w.year - 1 : w.year + 4;
    int second = w.day - 1;
    if (second < 0 || second == first)  // the date begins with the day, or the year stands right before it
      for (second = w.day + w.day_size; !is_separator(second); ++second) continue;
    for (int i = 0; i < static_cast<int>(w.text.size()); ++i) {
      if (!is_separator(i)) continue;
      e.gold.push_back({i, 4, i == first});
      e.gold.push_back({i, 7, i == second});
    }
    return e;
  }
};

}  // namespace

std::unique_ptr<ToyTask> make_dates_task(const ToyOptions& options) {
  return std::make_unique<DatesTask>(options.seed);
}

}  // namespace gaze::train
