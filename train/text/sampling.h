#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <gaze/nn/model.h>

namespace gaze::train {

/// How the next token is drawn from a model's probabilities.
struct SampleOptions {
  double temperature = 1;  ///< logits are divided by it; 0: always the likeliest
  std::int64_t top_k = 0;  ///< only the likeliest k; 0: all
  double top_p = 1;        ///< only the likeliest whose probabilities reach p together (Holtzman et al. 2020)
  std::uint64_t seed = 1;
  std::int64_t context_length = 0;  ///< the model sees the last so many tokens; 0: all
  std::int32_t first_id = 0;        ///< ids before it, marks that nothing is made of, are never drawn
  const Taps* taps = nullptr;       ///< of the passes
};

/// The probability of each id to come after these; of the options, the temperature, the length of the context, the
/// first id and the taps count.
std::vector<double> next_probabilities(const SequenceModel& model, std::span<const std::int32_t> ids,
                                       const SampleOptions& options = {});

/// Ids by falling probability; equal ones by id.
std::vector<std::size_t> ranked(std::span<const double> probabilities);

/// Goes on from these ids (one at least) with a model that reads no source: returns as many new ones as asked for,
/// fewer if say(id), called with each, says no. Throws for options that make no sense and for logits that are not
/// numbers.
std::vector<std::int32_t> sample(const SequenceModel& model, std::span<const std::int32_t> ids, std::int64_t count,
                                 const SampleOptions& options = {},
                                 const std::function<bool(std::int32_t id)>& say = {});

}  // namespace gaze::train
