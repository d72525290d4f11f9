#include <gaze/datasets/batch.h>

#include <algorithm>

namespace gaze {

Batch make_batch(std::vector<Example> examples, const Vocabulary& source, const Vocabulary& target, bool source_eos) {
  require(!examples.empty(), "batch: it needs at least one example");
  const auto rows = static_cast<std::int64_t>(examples.size());
  std::size_t source_words = 0, target_words = 0;
  for (const Example& e : examples) {
    source_words = std::max(source_words, e.source.size());
    target_words = std::max(target_words, e.target.size());
  }
  const std::size_t source_marks = source_eos ? 1 : 0;
  const auto s = static_cast<std::int64_t>(source_words + source_marks),
             t = static_cast<std::int64_t>(target_words + 1);
  const auto padded = [&](std::int64_t width) { return Array::full({rows, width}, DType::int32, Vocabulary::pad); };
  Batch batch{padded(s), Array({rows}, DType::int32), padded(t), padded(t), Array({rows}, DType::int32), {}};
  for (std::int64_t b = 0; b < rows; ++b) {
    const Example& e = examples[static_cast<std::size_t>(b)];
    const auto from = source.encode(e.source), to = target.encode(e.target);
    const auto row = [&](Array& ids, std::int64_t width) { return ids.write<std::int32_t>() + b * width; };
    std::int32_t* const end = std::copy(from.begin(), from.end(), row(batch.source, s));
    if (source_eos) *end = Vocabulary::eos;
    *row(batch.target_in, t) = Vocabulary::bos;
    std::copy(to.begin(), to.end(), row(batch.target_in, t) + 1);
    *std::copy(to.begin(), to.end(), row(batch.target_out, t)) = Vocabulary::eos;
    batch.source_lengths.write<std::int32_t>()[b] = static_cast<std::int32_t>(from.size() + source_marks);
    batch.target_lengths.write<std::int32_t>()[b] = static_cast<std::int32_t>(to.size() + 1);
  }
  batch.examples = std::move(examples);
  return batch;
}

}  // namespace gaze
