#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <gaze/autograd/random.h>
#include <gaze/nn/taps.h>

namespace gaze {

/// What belongs to one call of a model and not to the model.
///
/// With the same stream, a step drops out the same elements, and without one dropout throws: give each its own, as in
/// `Context context{.training = true, .stream = stream.split(step)}`.
struct Context {
  bool training = false;       ///< dropout is on; a context is one thread's
  RandomStream stream = {};    ///< of this call's dropout
  std::uint64_t draws = 0;     ///< sub-streams taken from it
  const Taps* taps = nullptr;  ///< who looks and meddles, or null

  // Set by models that go word by word: see WordByWord.
  std::int64_t first_query = 0;                  ///< the position of a call's first word
  std::span<const std::int32_t> sentences = {};  ///< which sentence each row belongs to; empty: row b to b

  /// The next sub-stream, one per dropout.
  RandomStream next_stream() { return stream.split(draws++); }

  /// The value, or what a tap puts in its place. `module` is the path of the caller; without taps it costs no more than
  /// to see that there are none.
  Tensor tap(std::string_view module, TapPoint point, const Tensor& value) const {
    return taps ? taps->apply(place(module, point), value) : value;
  }
  /// The same of a point of an attention.
  Tensor tap(const AttentionSite& site, TapPoint point, const Tensor& value) const {
    return taps ? taps->apply(place(site, point), value) : value;
  }
  /// Of a point of a module, as taps are told.
  TapPlace place(std::string_view module, TapPoint point) const {
    return {.module = module, .point = point, .first_query = first_query, .sentences = sentences};
  }
  /// Of a point of an attention.
  TapPlace place(const AttentionSite& site, TapPoint point) const {
    TapPlace at = place(site.name, point);
    at.attention = &site;
    const bool of_memory = site.kind == AttentionKind::cross;  // whose keys are made all at once
    if ((point == TapPoint::keys || point == TapPoint::values) && !of_memory) at.first_key = first_query;
    return at;
  }
};

/// While one lives, a context's calls are about words from this position on, and its rows belong to these sentences.
class WordByWord {
 public:
  WordByWord(Context& context, std::int64_t first_query, std::span<const std::int32_t> sentences)
      : context_(context), first_query_before_(context.first_query), sentences_before_(context.sentences) {
    context.first_query = first_query, context.sentences = sentences;
  }
  ~WordByWord() { context_.first_query = first_query_before_, context_.sentences = sentences_before_; }
  WordByWord(const WordByWord&) = delete;
  WordByWord& operator=(const WordByWord&) = delete;

 private:
  Context& context_;
  std::int64_t first_query_before_;
  std::span<const std::int32_t> sentences_before_;
};

}  // namespace gaze
