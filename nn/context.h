#pragma once

#include <cstdint>

#include <gaze/autograd/random.h>
#include <gaze/nn/recorder.h>

namespace gaze {

/// What belongs to one call of a model and not to the model.
///
/// With the same stream, a training step drops out the same elements: give each step a stream of its own, as in
/// `Context context{.training = true, .stream = stream.split(step)}`.
struct Context {
  bool training = false;                  ///< dropout is on
  RandomStream stream = {};               ///< of this call's dropout
  std::uint64_t draws = 0;                ///< sub-streams taken from it
  AttentionRecorder* recorder = nullptr;  ///< collects attention weights, or null

  /// The next sub-stream, one per dropout.
  RandomStream next_stream() { return stream.split(draws++); }
};

}  // namespace gaze
