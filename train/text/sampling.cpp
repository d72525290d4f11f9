#include <gaze/train/text/sampling.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gaze/autograd/ops.h>

namespace gaze::train {
namespace {

/// Of the next id from logits [1,V].
std::vector<double> probabilities_of(const Tensor& logits, const SampleOptions& options) {
  const Tensor numbers_of_row = logits.to(DType::float32);
  const auto numbers = numbers_of_row.values<float>();
  std::vector<double> p(numbers.size(), 0);
  const auto first = static_cast<std::size_t>(options.first_id);
  if (first >= p.size()) return p;
  const double largest = *std::max_element(numbers.begin() + static_cast<std::ptrdiff_t>(first), numbers.end());
  for (std::size_t i = first; i < p.size(); ++i)
    p[i] = options.temperature > 0 ? std::exp((static_cast<double>(numbers[i]) - largest) / options.temperature)
                                   : static_cast<double>(numbers[i] == static_cast<float>(largest));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
  return p;
}

std::int32_t draw(const std::vector<double>& p, const SampleOptions& options, Random& random) {
  const auto order = ranked(p);
  const auto possible = static_cast<std::size_t>(std::count_if(p.begin(), p.end(), [](double x) { return x > 0; }));
  require(possible > 0, "sample: the model's logits are not numbers");
  std::size_t count = options.temperature == 0 ? 1 : possible;
  if (options.top_k > 0) count = std::min(count, static_cast<std::size_t>(options.top_k));
  double kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    kept += p[order[i]];
    if (kept >= options.top_p) count = i + 1;
  }
  double place = random.uniform() * kept;
  for (std::size_t i = 0; i < count; ++i)
    if ((place -= p[order[i]]) < 0) return static_cast<std::int32_t>(order[i]);
  return static_cast<std::int32_t>(order[count - 1]);
}

/// The last ids that the model sees, as a row.
Tensor window(std::span<const std::int32_t> ids, const SampleOptions& options) {
  const std::size_t count =
      options.context_length > 0 ? std::min(ids.size(), static_cast<std::size_t>(options.context_length)) : ids.size();
  return Tensor::from<std::int32_t>({1, static_cast<std::int64_t>(count)}, ids.last(count));
}

void check(std::span<const std::int32_t> ids, const SampleOptions& o) {
  require(!ids.empty(), "sample: there is nothing to go on from");
  require(
      o.temperature >= 0 && std::isfinite(o.temperature) && o.top_k >= 0 && o.top_p > 0 && o.top_p <= 1,
      "sample: temperature {} and top-k {} must not be negative or infinite, top-p {} must be above 0 and at most 1",
      o.temperature, o.top_k, o.top_p);
  require(o.context_length >= 0 && o.first_id >= 0, "sample: context length {} and first id {} must not be negative",
          o.context_length, o.first_id);
}

}  // namespace

std::vector<double> next_probabilities(const SequenceModel& model, std::span<const std::int32_t> ids,
                                       const SampleOptions& options) {
  check(ids, options);
  const NoGrad no_grad;
  Context context{.taps = options.taps};
  DecodingState state = model.begin({}, {}, context);
  return probabilities_of(model.next(window(ids, options), state, context), options);
}

std::vector<std::size_t> ranked(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
  return order;
}

std::vector<std::int32_t> sample(const SequenceModel& model, std::span<const std::int32_t> given, std::int64_t count,
                                 const SampleOptions& options, const std::function<bool(std::int32_t)>& say) {
  check(given, options);
  require(count >= 0, "sample: {} tokens to go on with", count);
  const NoGrad no_grad;
  Context context{.taps = options.taps};
  Random random({options.seed, 0});
  std::vector<std::int32_t> ids(given.begin(), given.end()), added;
  Tensor unread = window(ids, options);
  DecodingState state = model.begin({}, {}, context);
  for (std::int64_t i = 0; i < count; ++i) {
    if (options.context_length > 0 && state.length + unread.size(1) > options.context_length) {
      state = model.begin({}, {}, context);  // every token moves to another position: what was read is of no use
      unread = window(ids, options);
    }
    const std::int32_t id = draw(probabilities_of(model.next(unread, state, context), options), options, random);
    ids.push_back(id), added.push_back(id);
    unread = Tensor::from<std::int32_t>({1, 1}, {id});
    if (say && !say(id)) break;
  }
  return added;
}

}  // namespace gaze::train
