#include <gaze/train/text/decoding.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <gaze/autograd/ops.h>

namespace gaze::train {
namespace {

constexpr double never = -std::numeric_limits<double>::infinity();

double normalised(double log_probability, std::size_t words, double alpha) {
  return log_probability / std::pow((5 + static_cast<double>(words)) / 6, alpha);
}

/// A hypothesis and one more word.
struct Candidate {
  double log_probability = never;
  std::size_t parent = 0;  ///< of the source's hypotheses
  std::int32_t word = 0;
};

/// The likeliest continuations of one source, the likeliest first; of equals, the first.
class Best {
 public:
  explicit Best(std::size_t count) : count_(count) {}
  void offer(const Candidate& c) {
    if (found_.size() == count_ && !(c.log_probability > found_.back().log_probability)) return;
    const auto place = std::upper_bound(found_.begin(), found_.end(), c, [](const Candidate& a, const Candidate& b) {
      return a.log_probability > b.log_probability;
    });
    found_.insert(place, c);
    if (found_.size() > count_) found_.pop_back();
  }
  double min_log_probability() const { return found_.size() < count_ ? never : found_.back().log_probability; }
  const std::vector<Candidate>& found() const { return found_; }

 private:
  std::size_t count_;
  std::vector<Candidate> found_;
};

/// A source that is being translated.
struct Search {
  std::size_t index = 0;            ///< in the batch
  std::vector<Hypothesis> running;  ///< beam of them; those that do not exist yet have log probability -inf
  std::vector<Hypothesis> finished;
};

/// Candidates from the log probabilities [K,V] of a source's next words. Padding, the begin mark and what no number
/// is said of are none.
std::vector<Candidate> continuations(const Search& search, std::span<const float> log_probabilities,
                                     std::size_t vocabulary) {
  Best best(2 * search.running.size());  // at most half of them end the sentence
  for (std::size_t k = 0; k < search.running.size(); ++k) {
    const double before = search.running[k].log_probability;
    if (before == never) continue;
    const auto row = log_probabilities.subspan(k * vocabulary, vocabulary);
    for (std::size_t word = Vocabulary::eos; word < vocabulary; ++word)
      if (const double sum = before + static_cast<double>(row[word]); sum > best.min_log_probability())
        best.offer({sum, k, static_cast<std::int32_t>(word)});
  }
  return best.found();
}

/// Moves a source one word on. The parents and last words of its new hypotheses go behind `parents` and `words`.
void advance(Search& search, const std::vector<Candidate>& candidates, double alpha, std::vector<std::size_t>& parents,
             std::vector<std::int32_t>& words) {
  const std::size_t beam = search.running.size();
  std::vector<Hypothesis> running;
  for (std::size_t rank = 0; rank < candidates.size() && running.size() < beam; ++rank) {
    const Candidate& c = candidates[rank];
    Hypothesis next = search.running[c.parent];
    next.log_probability = c.log_probability;
    if (c.word == Vocabulary::eos) {
      if (rank >= beam) continue;  // likelier ones go on
      next.normalised = normalised(c.log_probability, next.ids.size() + 1, alpha);
      search.finished.push_back(std::move(next));
      continue;
    }
    next.ids.push_back(c.word);
    running.push_back(std::move(next));
    parents.push_back(c.parent);
    words.push_back(c.word);
  }
  while (running.size() < beam) {  // a vocabulary smaller than the beam
    running.push_back({.ids = {}, .log_probability = never, .normalised = never});
    parents.push_back(0);
    words.push_back(Vocabulary::eos);
  }
  search.running = std::move(running);
}

template <class T>
Tensor row_of(const std::vector<T>& numbers, Shape shape) {
  std::vector<std::int32_t> ids;
  for (const T n : numbers) ids.push_back(static_cast<std::int32_t>(n));
  return Tensor::from<std::int32_t>(std::move(shape), ids);
}

}  // namespace

std::vector<std::vector<Hypothesis>> decode(const SequenceModel& model, const Batch& batch,
                                            const DecodingOptions& options) {
  require(options.beam >= 1, "decode: a beam of {} hypotheses", options.beam);
  const NoGrad no_grad;
  Context context{.taps = options.taps};
  const Tensor lengths(batch.source_lengths);
  DecodingState state = model.begin(Tensor(batch.source), lengths, context);

  const auto beam = static_cast<std::size_t>(options.beam), sources = static_cast<std::size_t>(lengths.size());
  std::vector<std::vector<Hypothesis>> results(sources);
  std::vector<Search> searches;
  for (std::size_t i = 0; i < sources; ++i) {
    searches.push_back(
        {i, std::vector<Hypothesis>(beam, {.ids = {}, .log_probability = never, .normalised = never}), {}});
    searches.back().running[0].log_probability = 0;
  }
  const auto finish = [&](Search& search) {
    std::stable_sort(search.finished.begin(), search.finished.end(),
                     [](const Hypothesis& a, const Hypothesis& b) { return a.normalised > b.normalised; });
    if (search.finished.size() > beam) search.finished.resize(beam);
    require(!search.finished.empty(), "decode: the model's logits are not numbers");
    results[search.index] = std::move(search.finished);
  };

  std::vector<std::int32_t> words(sources * beam, Vocabulary::bos);
  for (std::int64_t length = 0; length < options.longest && !searches.empty(); ++length) {
    const Tensor log_probabilities =
        log_softmax(model.next(row_of(words, {static_cast<std::int64_t>(words.size()), 1}), state, context))
            .to(DType::float32);
    const auto vocabulary = static_cast<std::size_t>(log_probabilities.size(1));
    std::vector<std::size_t> rows, kept;  // of the state: continuations and sources
    std::vector<Search> unfinished;
    words.clear();
    for (std::size_t s = 0; s < searches.size(); ++s) {
      Search& search = searches[s];
      std::vector<std::size_t> parents;
      std::vector<std::int32_t> next;
      const auto of_source = log_probabilities.values<float>().subspan(s * beam * vocabulary, beam * vocabulary);
      advance(search, continuations(search, of_source, vocabulary), options.length_penalty, parents, next);
      if (search.finished.size() >= beam) {
        finish(search);
        continue;
      }
      for (const std::size_t parent : parents) rows.push_back(s * beam + parent);
      words.insert(words.end(), next.begin(), next.end());
      kept.push_back(s);
      unfinished.push_back(std::move(search));
    }
    if (kept.size() < searches.size() && !kept.empty())
      state.select_sources(row_of(kept, {static_cast<std::int64_t>(kept.size())}));
    searches = std::move(unfinished);
    if (!rows.empty()) state.select_rows(row_of(rows, {static_cast<std::int64_t>(rows.size())}));
  }
  for (Search& search : searches) {  // cut: where nothing has ended, what is running counts as it is
    const bool any = !search.finished.empty();
    for (Hypothesis& h : search.running) {
      if (any || h.log_probability == never) continue;
      h.normalised = normalised(h.log_probability, h.ids.size(), options.length_penalty);
      search.finished.push_back(std::move(h));
    }
    finish(search);
  }
  return results;
}

}  // namespace gaze::train
