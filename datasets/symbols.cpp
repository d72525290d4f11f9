#include <gaze/datasets/tasks.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include <gaze/autograd/base/error.h>

namespace gaze::train {
namespace {

/// a ... z, aa, ab, ...
std::string symbol(int i) {
  std::string text(1, static_cast<char>('a' + i % 26));
  return i < 26 ? text : symbol(i / 26 - 1) + text;
}

/// A way to rearrange a sentence.
struct Rule {
  std::string name, description;
  /// Puts the places of a sentence's symbols into the order in which they are said; `ranks`: of the symbol at a place.
  std::function<void(std::vector<int>& places, const std::vector<int>& ranks)> reorder;
};

/// Rearranges a sentence of symbols. The symbol that moved is the sure link; an equal one elsewhere is possible.
class SymbolsTask final : public ToyTask {
 public:
  SymbolsTask(const Rule& rule, const ToyOptions& o) : ToyTask(o.seed), rule_(rule), options_(o) {
    require(o.symbols >= 1 && o.min_length >= 1 && o.min_length <= o.max_length,
            "{}: {} symbols in sentences of {} to {} make no task", rule.name, o.symbols, o.min_length, o.max_length);
    for (int i = 0; i < o.symbols; ++i) symbols_.push_back(symbol(i));
  }

  std::string_view name() const override { return rule_.name; }
  std::string description() const override { return rule_.description; }
  std::vector<std::string> source_vocabulary() const override { return symbols_; }
  std::vector<std::string> target_vocabulary() const override { return symbols_; }
  int max_source_length() const override { return options_.max_length; }
  int max_target_length() const override { return options_.max_length; }
  std::vector<std::string> showcase() const override {
    std::vector<std::string> sentences;
    for (std::uint64_t i = 0; i < 3; ++i) sentences.push_back(join(example(Split::test, i).source));
    return sentences;
  }
  TaskGuide guide() const override {
    return {{{"symbols", {{join(symbols_)}}}},
            {fmt::format("{} to {} symbols with spaces between; some are there twice", options_.min_length,
                         options_.max_length)},
            showcase()};
  }

 private:
  Example draw(Random& random) const override {
    const int length =
        options_.min_length +
        static_cast<int>(random.below(static_cast<std::uint32_t>(options_.max_length - options_.min_length + 1)));
    Example e;
    std::vector<bool> used(symbols_.size());
    std::size_t kinds = 0;
    for (int i = 0; i < length; ++i) {
      const std::size_t next = next_symbol(used, kinds, random);
      kinds += !used[next];
      used[next] = true;
      e.source.push_back(symbols_[next]);
    }
    const std::vector<int> from = order_of(e.source);
    for (int t = 0; t < length; ++t) {
      const std::string& moved = e.source[static_cast<std::size_t>(from[static_cast<std::size_t>(t)])];
      e.target.push_back(moved);
      for (int s = 0; s < length; ++s)
        if (e.source[static_cast<std::size_t>(s)] == moved)
          e.gold.push_back({s, t, s == from[static_cast<std::size_t>(t)]});
    }
    return e;
  }

  /// Mostly a symbol that the sentence does not have yet, as equal ones cannot be told apart: about one sentence in ten
  /// repeats one. `used`: those that it has, `kinds` in number.
  static std::size_t next_symbol(const std::vector<bool>& used, std::size_t kinds, Random& random) {
    constexpr double repeats = 0.02;
    const bool repeat = kinds > 0 && (kinds == used.size() || random.uniform() < repeats);
    while (true)
      if (const std::size_t i = random.below(static_cast<std::uint32_t>(used.size())); used[i] == repeat) return i;
  }

  /// Where target symbol t comes from.
  std::vector<int> order_of(const std::vector<std::string>& source) const {
    std::vector<int> from(source.size()), ranks;
    std::iota(from.begin(), from.end(), 0);
    for (const std::string& word : source)
      ranks.push_back(static_cast<int>(std::find(symbols_.begin(), symbols_.end(), word) - symbols_.begin()));
    rule_.reorder(from, ranks);
    return from;
  }

  Rule rule_;
  ToyOptions options_;
  std::vector<std::string> symbols_;
};

}  // namespace

std::unique_ptr<ToyTask> make_copy_task(const ToyOptions& options) {
  const auto reorder = [](auto&, const auto&) {};
  return std::make_unique<SymbolsTask>(Rule{"copy", "says the same symbols again", reorder}, options);
}

std::unique_ptr<ToyTask> make_shift_task(const ToyOptions& options) {
  const auto reorder = [](auto& places, const auto&) { std::rotate(places.begin(), places.begin() + 1, places.end()); };
  return std::make_unique<SymbolsTask>(
      Rule{"shift", "moves every symbol one place to the left, the first to the end", reorder}, options);
}

std::unique_ptr<ToyTask> make_reverse_task(const ToyOptions& options) {
  const auto reorder = [](auto& places, const auto&) { std::reverse(places.begin(), places.end()); };
  return std::make_unique<SymbolsTask>(Rule{"reverse", "says the symbols backwards", reorder}, options);
}

std::unique_ptr<ToyTask> make_sort_task(const ToyOptions& options) {
  const auto reorder = [](auto& places, const auto& ranks) {
    std::stable_sort(places.begin(), places.end(), [&](int a, int b) {
      return ranks[static_cast<std::size_t>(a)] < ranks[static_cast<std::size_t>(b)];
    });
  };
  return std::make_unique<SymbolsTask>(Rule{"sort", "sorts the symbols, equal ones in the order they came", reorder},
                                       options);
}

}  // namespace gaze::train
