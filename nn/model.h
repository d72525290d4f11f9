#pragma once

#include <cstdint>
#include <vector>

#include <gaze/nn/embedding.h>
#include <gaze/nn/transformer.h>

namespace gaze {

struct ModelOptions {
  std::int64_t source_vocab = 0;  ///< of Seq2Seq only
  std::int64_t target_vocab = 0;
  std::int64_t max_length = 0;  ///< the longest source or target that has positions
  Positions positions = Positions::learned;
  bool tied = false;            ///< head.weight is tgt_embed.tok.weight
  bool shared = false;          ///< of Seq2Seq: src_embed.tok.weight is tgt_embed.tok.weight; one vocabulary
  double embedding_std = 0.02;  ///< of the initial token embeddings
  double position_std = 0.02;   ///< of the initial learned positions
  TransformerOptions transformer = {};
};

/// Keys and values of what a decoder has read, one tensor a layer, so that the next word costs one word's work.
struct DecodingState {
  std::vector<Tensor> self;    ///< [R,t,2D]: of the words so far
  std::vector<Tensor> memory;  ///< [B,S,2D]: of the sources; none without an encoder
  Tensor memory_lengths = {};  ///< int32 [B]
  std::int64_t length = 0;     ///< t

  /// Continuation i is now what continuation rows[i] was: int32.
  void select_rows(const Tensor& rows);
  /// Source i is now what source sources[i] was: int32. Rows are for the caller to select.
  void select_sources(const Tensor& sources);
};

/// Translates: source ids in, a score for every next target id out. Registers src_embed, tgt_embed, body (a
/// Transformer) and head.weight [V,D].
struct Seq2Seq {
  Seq2Seq(const Scope&, const ModelOptions&);

  /// source: int32 [B,S]; lengths: int32 [B], the tokens of each row that are no padding, or undefined -> memory
  /// [B,S,D]
  Tensor encode(const Tensor& source, const Tensor& lengths, Context&) const;
  /// target: int32 [B,T]; lengths: of the source -> logits [B,T,V], where logits t follow from targets 0..t
  Tensor decode(const Tensor& target, const Tensor& memory, const Tensor& lengths, Context&) const;
  /// decode() after encode(): [B,T,V]
  Tensor operator()(const Tensor& source, const Tensor& lengths, const Tensor& target, Context&) const;
  /// cross_entropy of that against gold, int32 [B,T], in less memory: the logits are never there all at once.
  Tensor loss(const Tensor& source, const Tensor& lengths, const Tensor& target, const Tensor& gold,
              const CrossEntropyOptions&, Context&) const;

  /// Word by word: begin() with an encoder's memory [B,S,D], then next() with each continuation's last word, int32
  /// [R,1], where R / B continuations of each source follow one another -> logits [R,V].
  DecodingState begin(const Tensor& memory, const Tensor& lengths) const;
  Tensor next(const Tensor& words, DecodingState&, Context&) const;

  TokenEmbedding src_embed, tgt_embed;
  Transformer body;
  Linear head;

 private:
  Tensor features(const Tensor& target, const Tensor& memory, const Tensor& lengths, Context&) const;
};

/// Continues a text: a score for every next id. Registers tgt_embed, body (layers of causal self-attention, as many as
/// decoder_layers; with a final norm only when the layers are pre-norm) and head.weight [V,D].
struct LanguageModel {
  LanguageModel(const Scope&, const ModelOptions&);

  /// int32 [B,T] -> logits [B,T,V], where logits t follow from ids 0..t
  Tensor operator()(const Tensor& ids, Context&) const;
  /// cross_entropy of that against gold, int32 [B,T], in less memory: the logits are never there all at once.
  Tensor loss(const Tensor& ids, const Tensor& gold, const CrossEntropyOptions&, Context&) const;

  /// Word by word: the first call may bring a beginning, int32 [B,T], then [B,1] -> logits of the last word [B,V].
  Tensor next(const Tensor& ids, DecodingState&, Context&) const;

  TokenEmbedding tgt_embed;
  Encoder body;
  Linear head;

 private:
  Tensor features(const Tensor& ids, Context&) const;
};

}  // namespace gaze
