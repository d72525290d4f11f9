#include <gaze/datasets/tasks.h>

#include <algorithm>
#include <numeric>
#include <set>

#include <gaze/autograd/base/error.h>

namespace gaze::train {
namespace {

/// a ... z, aa, ab, ...
std::string symbol(int i) {
  std::string text(1, static_cast<char>('a' + i % 26));
  return i < 26 ? text : symbol(i / 26 - 1) + text;
}

/// Rearranges a sentence of symbols. The symbol that moved is the sure link; an equal one elsewhere is possible.
class SymbolsTask final : public ToyTask {
 public:
  SymbolsTask(std::string_view name, const ToyOptions& o) : ToyTask(o.seed), name_(name), options_(o) {
    require(o.symbols >= 1 && o.min_length >= 1 && o.min_length <= o.max_length,
            "{}: {} symbols in sentences of {} to {} make no task", name, o.symbols, o.min_length, o.max_length);
    for (int i = 0; i < o.symbols; ++i) symbols_.push_back(symbol(i));
  }

  std::string_view name() const override { return name_; }
  std::string description() const override {
    if (name_ == "copy") return "says the same symbols again";
    if (name_ == "shift") return "moves every symbol one place to the left, the first to the end";
    if (name_ == "reverse") return "says the symbols backwards";
    return "sorts the symbols, equal ones in the order they came";
  }
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
    for (int i = 0; i < length; ++i) e.source.push_back(next_symbol(e.source, random));
    const std::vector<int> from = order(e.source);
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
  /// repeats one.
  const std::string& next_symbol(const std::vector<std::string>& so_far, Random& random) const {
    constexpr double repeats = 0.02;
    const bool all_used = std::set<std::string>(so_far.begin(), so_far.end()).size() == symbols_.size();
    const bool repeat = !so_far.empty() && (all_used || random.uniform() < repeats);
    while (true) {
      const std::string& symbol = symbols_[random.below(static_cast<std::uint32_t>(symbols_.size()))];
      if (repeat == (std::find(so_far.begin(), so_far.end(), symbol) != so_far.end())) return symbol;
    }
  }

  /// Where target symbol t comes from.
  std::vector<int> order(const std::vector<std::string>& source) const {
    std::vector<int> from(source.size());
    std::iota(from.begin(), from.end(), 0);
    if (name_ == "shift") std::rotate(from.begin(), from.begin() + 1, from.end());
    if (name_ == "reverse") std::reverse(from.begin(), from.end());
    if (name_ == "sort") {
      const auto rank = [&](int i) {
        return std::find(symbols_.begin(), symbols_.end(), source[static_cast<std::size_t>(i)]) - symbols_.begin();
      };
      std::stable_sort(from.begin(), from.end(), [&](int a, int b) { return rank(a) < rank(b); });
    }
    return from;
  }

  std::string name_;
  ToyOptions options_;
  std::vector<std::string> symbols_;
};

}  // namespace

std::unique_ptr<ToyTask> make_symbols_task(std::string_view name, const ToyOptions& options) {
  return std::make_unique<SymbolsTask>(name, options);
}

}  // namespace gaze::train
