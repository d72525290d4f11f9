#include <gaze/train/text/decoding.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

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

Hypothesis nobody() { return {.ids = {}, .log_probability = never, .normalised = never}; }

/// What greedy decoding goes on with. Padding and the begin mark are never it.
Candidate likeliest(const Hypothesis& of, std::size_t parent, std::span<const float> log_probabilities) {
  const auto word = std::max_element(log_probabilities.begin() + Vocabulary::eos, log_probabilities.end());
  return {of.log_probability + static_cast<double>(*word), parent,
          static_cast<std::int32_t>(word - log_probabilities.begin())};
}

/// A source that is being translated.
class Search {
 public:
  Search(std::size_t source, std::size_t longest, std::size_t beam, double length_penalty)
      : index(source), longest_(longest), alpha_(length_penalty), running_(beam, nobody()) {
    running_[0] = {};
  }

  /// Moves one word on, by the log probabilities [K,V] of the next words. The parents and last words of the hypotheses
  /// that are running then go behind `parents` and `words`.
  void advance(std::span<const float> log_probabilities, std::vector<std::size_t>& parents,
               std::vector<std::int32_t>& words);
  /// Whether no running hypothesis can be among the best any more.
  bool done() const;
  std::vector<Hypothesis> take_best() { return std::move(kept_); }

  std::size_t index;  ///< in the batch

 private:
  std::size_t beam() const { return running_.size(); }
  std::vector<Candidate> continuations(std::span<const float> log_probabilities) const;
  void end(const Hypothesis& of, double log_probability);
  void end_all(std::span<const float> log_probabilities);

  std::size_t longest_;  ///< words of an output
  double alpha_;
  std::vector<Hypothesis> running_;        ///< beam of them, the likeliest first; those that do not exist have -inf
  std::vector<Hypothesis> kept_;           ///< that have ended, the best first; beam at most
  std::optional<std::size_t> greedy_ = 0;  ///< which of the running ones; none once it has ended
};

/// The likeliest of all running hypotheses. Padding, the begin mark and what is impossible are none.
std::vector<Candidate> Search::continuations(std::span<const float> log_probabilities) const {
  const std::size_t vocabulary = log_probabilities.size() / beam();
  Best best(2 * beam());  // at most half of them end the sentence
  for (std::size_t k = 0; k < beam(); ++k) {
    const double before = running_[k].log_probability;
    if (before == never) continue;
    const auto row = log_probabilities.subspan(k * vocabulary, vocabulary);
    require(!std::isnan(row[Vocabulary::eos]), "decode: the model's logits are not numbers");
    for (std::size_t word = Vocabulary::eos; word < vocabulary; ++word)
      if (const double sum = before + static_cast<double>(row[word]); sum > best.min_log_probability())
        best.offer({sum, k, static_cast<std::int32_t>(word)});
  }
  return best.found();
}

void Search::end(const Hypothesis& of, double log_probability) {
  Hypothesis ended{of.ids, log_probability, normalised(log_probability, of.ids.size() + 1, alpha_)};
  const auto place = std::upper_bound(kept_.begin(), kept_.end(), ended, [](const Hypothesis& a, const Hypothesis& b) {
    return a.normalised > b.normalised;
  });
  kept_.insert(place, std::move(ended));
  if (kept_.size() > beam()) kept_.pop_back();
}

void Search::end_all(std::span<const float> log_probabilities) {
  const std::size_t vocabulary = log_probabilities.size() / beam();
  for (std::size_t k = 0; k < beam(); ++k)
    if (const Hypothesis& h = running_[k]; h.log_probability != never)
      end(h, h.log_probability + static_cast<double>(log_probabilities[k * vocabulary + Vocabulary::eos]));
  running_.assign(beam(), nobody());
}

void Search::advance(std::span<const float> log_probabilities, std::vector<std::size_t>& parents,
                     std::vector<std::int32_t>& words) {
  const std::vector<Candidate> candidates = continuations(log_probabilities);
  if (running_[0].ids.size() >= longest_ || (candidates.empty() && kept_.empty())) return end_all(log_probabilities);

  std::optional<Candidate> greedy;
  const std::size_t vocabulary = log_probabilities.size() / beam();
  if (greedy_)
    greedy = likeliest(running_[*greedy_], *greedy_, log_probabilities.subspan(*greedy_ * vocabulary, vocabulary));
  greedy_.reset();
  std::vector<Candidate> next;
  const auto take = [&](const Candidate& c, bool is_greedy) {
    if (c.word == Vocabulary::eos)
      end(running_[c.parent], c.log_probability);
    else
      next.push_back(c);
    if (!is_greedy) return;
    if (c.word != Vocabulary::eos) greedy_ = next.size() - 1;
    greedy.reset();
  };
  for (std::size_t rank = 0; rank < candidates.size() && next.size() < beam(); ++rank) {
    const Candidate& c = candidates[rank];
    if (c.word == Vocabulary::eos && rank >= beam()) continue;  // likelier ones go on
    take(c, greedy && c.parent == greedy->parent && c.word == greedy->word);
  }
  if (greedy && greedy->log_probability != never) {
    if (greedy->word != Vocabulary::eos && next.size() == beam()) next.pop_back();
    take(*greedy, true);
  }

  std::vector<Hypothesis> running;
  for (const Candidate& c : next) {
    running.push_back(running_[c.parent]);
    running.back().ids.push_back(c.word), running.back().log_probability = c.log_probability;
    parents.push_back(c.parent), words.push_back(c.word);
  }
  while (running.size() < beam()) {  // a vocabulary smaller than the beam
    running.push_back(nobody());
    parents.push_back(0), words.push_back(Vocabulary::eos);
  }
  running_ = std::move(running);
}

bool Search::done() const {
  const double likeliest_running = running_[0].log_probability;
  if (likeliest_running == never) return true;
  if (kept_.size() < beam()) return false;
  return beam() == 1 || normalised(likeliest_running, longest_ + 1, alpha_) <= kept_.back().normalised;
}

/// Words that the output of a source may have.
std::size_t longest_of(const DecodingOptions& options, std::int64_t source_words) {
  const double own =
      options.limit.per_word * static_cast<double>(source_words) + static_cast<double>(options.limit.more);
  return static_cast<std::size_t>(own < static_cast<double>(options.longest) ? static_cast<std::int64_t>(own)
                                                                             : options.longest);
}

template <class T>
Tensor row_of(const std::vector<T>& numbers, Shape shape) {
  std::vector<std::int32_t> ids;
  for (const T n : numbers) ids.push_back(static_cast<std::int32_t>(n));
  return Tensor::from<std::int32_t>(std::move(shape), ids);
}

}  // namespace

void check_decoding(const DecodingOptions& o) {
  constexpr std::int64_t max_beam = 1000000;
  constexpr double max_penalty = 10;
  require(o.beam >= 1 && o.beam <= max_beam, "decode: a beam of {} hypotheses is not from 1 to {}", o.beam, max_beam);
  require(o.length_penalty >= 0 && o.length_penalty <= max_penalty,
          "decode: a length penalty of {} is not from 0 to {}", o.length_penalty, max_penalty);
  require(o.longest >= 0, "decode: outputs of {} words at most", o.longest);
  require(o.limit.per_word >= 0 && std::isfinite(o.limit.per_word) && o.limit.more >= 0,
          "decode: outputs of {} words for each of the source and {} more; neither may be negative or infinite",
          o.limit.per_word, o.limit.more);
}

std::vector<std::vector<Hypothesis>> decode(const SequenceModel& model, const Batch& batch,
                                            const DecodingOptions& options) {
  check_decoding(options);
  const NoGrad no_grad;
  Context context{.taps = options.taps};
  const Tensor lengths(batch.source_lengths);
  DecodingState state = model.begin(Tensor(batch.source), lengths, context);

  const auto beam = static_cast<std::size_t>(options.beam), sources = static_cast<std::size_t>(lengths.size());
  std::vector<std::vector<Hypothesis>> results(sources);
  std::vector<Search> searches;
  for (std::size_t i = 0; i < sources; ++i) {
    const auto length =
        static_cast<std::int64_t>(batch.examples.empty() ? static_cast<std::size_t>(lengths.values<std::int32_t>()[i])
                                                         : batch.examples.at(i).source.size());
    searches.emplace_back(i, longest_of(options, length), beam, options.length_penalty);
  }

  std::vector<std::int32_t> words(sources * beam, Vocabulary::bos);
  while (!searches.empty()) {
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
      search.advance(log_probabilities.values<float>().subspan(s * beam * vocabulary, beam * vocabulary), parents,
                     next);
      if (search.done()) {
        results[search.index] = search.take_best();
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
  return results;
}

}  // namespace gaze::train
