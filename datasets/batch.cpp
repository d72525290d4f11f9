#include <gaze/datasets/batch.h>

#include <algorithm>

namespace gaze::train {

Batch make_batch(std::span<const PairIds> pairs, bool source_eos) {
  require(!pairs.empty(), "batch: it needs at least one example");
  const auto rows = static_cast<std::int64_t>(pairs.size());
  std::size_t source_words = 0, target_words = 0;
  for (const PairIds& p : pairs) {
    source_words = std::max(source_words, p.source.size());
    target_words = std::max(target_words, p.target.size());
  }
  const std::size_t source_marks = source_eos ? 1 : 0;
  const auto s = static_cast<std::int64_t>(source_words + source_marks),
             t = static_cast<std::int64_t>(target_words + 1);
  const auto padded = [&](std::int64_t width) { return Array::full({rows, width}, DType::int32, Vocabulary::pad); };
  Batch batch{padded(s), Array({rows}, DType::int32), padded(t), padded(t), 0, {}};
  for (std::int64_t b = 0; b < rows; ++b) {
    const auto& [from, to] = pairs[static_cast<std::size_t>(b)];
    const auto row = [&](Array& ids, std::int64_t width) { return ids.write<std::int32_t>() + b * width; };
    std::int32_t* const end = std::copy(from.begin(), from.end(), row(batch.source, s));
    if (source_eos) *end = Vocabulary::eos;
    *row(batch.target_in, t) = Vocabulary::bos;
    std::copy(to.begin(), to.end(), row(batch.target_in, t) + 1);
    *std::copy(to.begin(), to.end(), row(batch.target_out, t)) = Vocabulary::eos;
    batch.source_lengths.write<std::int32_t>()[b] = static_cast<std::int32_t>(from.size() + source_marks);
    batch.tokens += static_cast<std::int64_t>(to.size()) + 1;
  }
  return batch;
}

Batch make_batch(std::vector<Example> examples, const Vocabulary& source, const Vocabulary& target, bool source_eos) {
  std::vector<PairIds> pairs;
  for (const Example& e : examples) pairs.push_back({source.encode(e.source), target.encode(e.target)});
  Batch batch = make_batch(pairs, source_eos);
  batch.examples = std::move(examples);
  return batch;
}

}  // namespace gaze::train
