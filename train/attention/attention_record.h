#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <gaze/datasets/example.h>
#include <gaze/train/attention/attention_view.h>

namespace gaze::train {

/// What a model reads beside the words of its sentences.
struct Marks {
  bool begin = true;  ///< one comes before each target sentence
  bool end = false;   ///< one follows each source sentence
  bool operator==(const Marks&) const = default;
};

/// Attention that was recorded while a run was trained.
struct AttentionRecord {
  Marks marks;
  std::vector<Example> probes;      ///< their sentences and gold links
  AttentionSites modules;           ///< encoder, decoder, cross-attention; by layer
  std::vector<std::int64_t> steps;  ///< rising
  std::string file;                 ///< that it was read from, for errors
};

/// A sentence and its gold links as index.json has them, and back.
nlohmann::json to_json(const Example& example);
/// What an index says: see AttentionLog. Everybody reads it here. Throws, naming the file, for what cannot be the index
/// of a recording.
AttentionRecord read_attention_index(const nlohmann::json& index, const std::string& file);

}  // namespace gaze::train
