#include <gaze/datasets/batch_plan.h>

#include <algorithm>
#include <numeric>

#include <gaze/autograd/base/error.h>

namespace gaze::train {
namespace {

/// Sentences that are sorted together: enough for batches of nearly equal lengths, few enough that a batch's sentences
/// differ from epoch to epoch.
constexpr std::size_t stretch = 8192;

template <class T>
void shuffle(std::vector<T>& values, Random& random) {
  for (std::size_t i = values.size(); i > 1; --i)
    std::swap(values[i - 1], values[random.below(static_cast<std::uint32_t>(i))]);
}

}  // namespace

std::vector<std::pair<std::size_t, std::size_t>> batch_ranges(std::span<const PairLength> lengths,
                                                              std::int64_t sentences, std::int64_t tokens) {
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (std::size_t first = 0; first < lengths.size();) {
    std::size_t end = first;
    std::int64_t longest = 0;
    while (end < lengths.size()) {
      const auto [source, target] = lengths[end];
      longest = std::max<std::int64_t>({longest, source, target});
      const auto count = static_cast<std::int64_t>(end - first) + 1;
      const bool full = tokens > 0 ? count * longest > tokens : count > sentences;
      if (full && end > first) break;
      ++end;
    }
    ranges.emplace_back(first, end);
    first = end;
  }
  return ranges;
}

BatchPlan::BatchPlan(std::vector<PairLength> lengths, Options options)
    : lengths_(std::move(lengths)), options_(options) {
  require(!lengths_.empty(), "batches: there are no sentence pairs");
}

void BatchPlan::make_epoch(std::int64_t epoch) {
  Random random(options_.stream.split(static_cast<std::uint64_t>(epoch)));
  order_.resize(lengths_.size());
  std::iota(order_.begin(), order_.end(), 0U);
  shuffle(order_, random);
  for (std::size_t first = 0; first < order_.size(); first += stretch) {
    const auto at = [&](std::size_t i) { return order_.begin() + static_cast<std::ptrdiff_t>(i); };
    std::stable_sort(at(first), at(std::min(first + stretch, order_.size())), [&](std::uint32_t a, std::uint32_t b) {
      const auto key = [&](std::uint32_t i) { return std::pair(lengths_[i].second, lengths_[i].first); };
      return key(a) < key(b);
    });
  }
  std::vector<PairLength> in_order;
  for (const std::uint32_t i : order_) in_order.push_back(lengths_[i]);
  batches_ = batch_ranges(in_order, options_.sentences, options_.tokens);
  shuffle(batches_, random);
  epoch_ = epoch;
}

void BatchPlan::seek(std::int64_t number) {
  require(number >= 0, "batches: batch {} asked for, the first is 0", number);
  if (epoch_ < 0 || number < first_) make_epoch(0), first_ = 0;
  if (options_.tokens == 0) {  // every epoch has as many
    const auto each = static_cast<std::int64_t>(batches_.size());
    if (number / each != epoch_) make_epoch(number / each);
    first_ = epoch_ * each;
    return;
  }
  while (number >= first_ + static_cast<std::int64_t>(batches_.size())) {
    first_ += static_cast<std::int64_t>(batches_.size());
    make_epoch(epoch_ + 1);
  }
}

std::span<const std::uint32_t> BatchPlan::batch(std::int64_t number) {
  seek(number);
  const auto [first, end] = batches_[static_cast<std::size_t>(number - first_)];
  return std::span(order_).subspan(first, end - first);
}

BatchPlan::Position BatchPlan::position(std::int64_t number) {
  seek(number);
  return {epoch_, number - first_};
}

std::int64_t BatchPlan::batches(std::int64_t epochs) {
  std::int64_t count = 0;
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
    make_epoch(epoch), first_ = count;
    count += static_cast<std::int64_t>(batches_.size());
    if (options_.tokens == 0) return count * epochs;
  }
  return count;
}

}  // namespace gaze::train
