#include <gaze/train/text/bleu.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <unordered_map>

#include <gaze/autograd/base/error.h>
#include <gaze/datasets/characters.h>

namespace gaze::train {
namespace {

/// How often each n-gram occurs, by its words with spaces between them.
std::unordered_map<std::string, std::int64_t> n_grams(std::span<const std::string_view> words, std::size_t n) {
  std::unordered_map<std::string, std::int64_t> counts;
  for (std::size_t i = 0; i + n <= words.size(); ++i) ++counts[fmt::format("{}", fmt::join(words.subspan(i, n), " "))];
  return counts;
}

}  // namespace

Bleu bleu(const std::vector<std::string>& hypotheses, const std::vector<std::string>& references) {
  require(hypotheses.size() == references.size(), "bleu: {} hypotheses but {} references", hypotheses.size(),
          references.size());
  Bleu result;
  std::array<std::int64_t, 4> matches{}, totals{};
  for (std::size_t s = 0; s < hypotheses.size(); ++s) {
    const auto hypothesis = words_in(hypotheses[s]), reference = words_in(references[s]);
    result.hypothesis_words += static_cast<std::int64_t>(hypothesis.size());
    result.reference_words += static_cast<std::int64_t>(reference.size());
    for (std::size_t n = 1; n <= matches.size(); ++n) {
      const auto known = n_grams(reference, n);
      for (const auto& [gram, count] : n_grams(hypothesis, n)) {
        totals[n - 1] += count;
        if (const auto found = known.find(gram); found != known.end()) matches[n - 1] += std::min(count, found->second);
      }
    }
  }
  const auto h = static_cast<double>(result.hypothesis_words), r = static_cast<double>(result.reference_words);
  if (h < r) result.brevity_penalty = h > 0 ? std::exp(1 - r / h) : 0;
  if (std::all_of(matches.begin(), matches.end(), [](std::int64_t m) { return m == 0; })) return result;
  double smooth = 1, logarithms = 0;
  for (std::size_t n = 0; n < matches.size(); ++n) {
    if (totals[n] == 0) return result;  // no sentence is as long: there is no precision, and the score is 0
    if (matches[n] == 0) smooth *= 2;
    result.precisions[n] =
        100 * (matches[n] == 0 ? 1 / smooth : static_cast<double>(matches[n])) / static_cast<double>(totals[n]);
    logarithms += std::log(result.precisions[n]);
  }
  result.value = result.brevity_penalty * std::exp(logarithms / static_cast<double>(matches.size()));
  return result;
}

}  // namespace gaze::train
