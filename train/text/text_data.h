#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gaze/datasets/language.h>
#include <gaze/train/text/sequence_learner.h>

namespace gaze::train {

/// A text for a language model: contexts from random places to learn from; of its validation part every token but the
/// first is predicted once, from at most `length` (config) before it.
class TextData : public TrainingData {
 public:
  /// A text's training and validation part.
  struct Text {
    std::string train, validation;
  };
  /// As the config says, line by line with line_end behind each; the last tenth of the characters is for validation
  /// unless that is another file.
  static Text read(const Config& config);
  /// The tokens of a training text.
  static Language learn_language(const Config& config, const std::string& text);

  /// Throws when a part of the text is too short for a context.
  TextData(const Config& config, const Language& language, Text text);

  SequenceBatch batch(std::int64_t number) override;
  const std::vector<SequenceBatch>& validation() const override { return validation_; }
  std::uint64_t hash() const override { return hash_; }

  std::size_t size() const { return train_.size(); }  ///< tokens to learn from
  std::size_t held_out_size() const { return held_out_size_; }

 private:
  std::int64_t length_, rows_;  ///< of a batch
  RandomStream stream_;
  std::vector<std::int32_t> train_;
  std::size_t held_out_size_ = 0;
  std::vector<SequenceBatch> validation_;
  std::uint64_t hash_;
};

}  // namespace gaze::train
