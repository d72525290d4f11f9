#pragma once

#include <cstdint>
#include <string>

#include <gaze/datasets/tokenizer.h>
#include <gaze/datasets/vocabulary.h>

namespace gaze::train {

/// How the text of one language becomes ids.
struct Language {
  Tokenizer tokenizer;
  Vocabulary vocabulary;
  std::int64_t longest = 0;   ///< tokens of a sentence, marks not counted
  std::string subwords = {};  ///< see Subwords::serialized(); empty without subwords
};

}  // namespace gaze::train
