#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gaze/datasets/tokenizer.h>

namespace gaze::train {

/// Pieces of words by byte-pair encoding (Sennrich et al. 2016), as the sentencepiece library trains and applies it.
class Subwords {
 public:
  /// `size` pieces at most, learned from these lines in a spelling; the same lines give the same pieces. Throws when
  /// the library does, for example for more pieces than the text has in it.
  static Subwords train(std::span<const std::string_view> lines, std::int64_t size, const Spelling& spelling = {});
  /// From what serialized() gave. Throws for anything else.
  static Subwords from(const std::string& serialized);

  const std::string& serialized() const { return serialized_; }  ///< sentencepiece's own model format
  std::vector<std::string> pieces() const;                       ///< all but the unknown one; a word's first has U+2581
  Tokenizer tokenizer() const;

 private:
  struct Processor;
  std::shared_ptr<const Processor> processor_;
  std::string serialized_;
};

}  // namespace gaze::train
