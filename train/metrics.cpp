#include <gaze/train/metrics.h>

#include <algorithm>

namespace gaze {

void AlignmentScore::add(std::span<const Link> gold, std::span<const AlignmentLink> prediction) {
  predicted += static_cast<std::int64_t>(prediction.size());
  sure += std::count_if(gold.begin(), gold.end(), [](const Link& l) { return l.sure; });
  for (const auto& [source, target] : prediction) {
    const auto match =
        std::find_if(gold.begin(), gold.end(), [&](const Link& l) { return l.source == source && l.target == target; });
    if (match == gold.end()) continue;
    ++possible_hits;
    sure_hits += match->sure;
  }
}

double AlignmentScore::precision() const {
  return predicted ? static_cast<double>(possible_hits) / static_cast<double>(predicted) : 1;
}

double AlignmentScore::recall() const { return sure ? static_cast<double>(sure_hits) / static_cast<double>(sure) : 1; }

double AlignmentScore::aer() const {
  if (predicted + sure == 0) return 0;
  return 1 - static_cast<double>(sure_hits + possible_hits) / static_cast<double>(predicted + sure);
}

std::vector<double> mean_attention(const Array& weights, std::int64_t b, std::int64_t target_words,
                                   std::int64_t source_words) {
  const Shape& shape = weights.shape();
  require(shape.rank() == 4 && b < shape[0] && target_words <= shape[2] && source_words <= shape[3],
          "attention: sentence {} of {} x {} words in weights {}", b, target_words, source_words, shape);
  const std::int64_t heads = shape[1];
  std::vector<double> mean(static_cast<std::size_t>(target_words * source_words), 0);
  for (std::int64_t h = 0; h < heads; ++h)
    for (std::int64_t t = 0; t < target_words; ++t)
      for (std::int64_t s = 0; s < source_words; ++s)
        mean[static_cast<std::size_t>(t * source_words + s)] +=
            weights.at(((b * heads + h) * shape[2] + t) * shape[3] + s) / static_cast<double>(heads);
  return mean;
}

std::vector<AlignmentLink> strongest_links(std::span<const double> attention, std::int64_t target_words,
                                           std::int64_t source_words) {
  std::vector<AlignmentLink> links;
  if (source_words == 0) return links;
  for (std::int64_t t = 0; t < target_words; ++t) {
    const auto row =
        attention.subspan(static_cast<std::size_t>(t * source_words), static_cast<std::size_t>(source_words));
    links.emplace_back(std::max_element(row.begin(), row.end()) - row.begin(), t);
  }
  return links;
}

}  // namespace gaze
