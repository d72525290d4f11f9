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
  PositionalEncoding positions = Positions::learned;
  bool tied = false;            ///< head.weight is tgt_embed.tok.weight
  bool shared = false;          ///< of Seq2Seq: src_embed.tok.weight is tgt_embed.tok.weight; one vocabulary
  double embedding_std = 0.02;  ///< of the initial token embeddings
  double position_std = 0.02;   ///< of the initial learned positions
  TransformerOptions transformer = {};
};

/// What a decoder keeps of the words that it has read and of the sources, so that the next word costs one word's work.
struct DecodingState {
  std::vector<Tensor> self;                   ///< [R,...]: of each continuation
  std::vector<Tensor> memory;                 ///< [B,...]: of each source; none without an encoder
  std::vector<KeysValues> words = {};         ///< of the words of each continuation, per layer of a Transformer
  std::vector<KeysValues> memory_words = {};  ///< of the words of each source, per layer
  Tensor memory_lengths = {};                 ///< int32 [B]
  std::int64_t length = 0;                    ///< t, the words so far
  std::vector<std::int32_t> sentences = {};   ///< of each continuation: which source, of those begun with, it is of

  /// Continuation i is now what continuation rows[i] was: int32.
  void select_rows(const Tensor& rows);
  /// The first words come, of as many continuations of each source, which follow one another.
  void begin_rows(std::int64_t rows);
  /// Source i is now what source sources[i] was: int32. Rows are for the caller to select.
  void select_sources(const Tensor& sources);
};

/// Token ids to learn from or to be asked about.
struct TokenBatch {
  Tensor source = {};          ///< int32 [B,S]; undefined for a model that reads none
  Tensor source_lengths = {};  ///< int32 [B], the tokens of each row that are not padding; undefined: all
  Tensor target = {};          ///< int32 [B,T]: what the model reads
  Tensor gold = {};            ///< int32 [B,T]: what it should say after each of them
};

/// What training, decoding, recording and checking ask of any model of sequences. One of somebody's own needs logits()
/// alone; the rest is then done by means of it.
struct SequenceModel {
  virtual ~SequenceModel() = default;

  /// [B,T,V], where logits t follow from the source and targets 0..t.
  virtual Tensor logits(const TokenBatch&, Context&) const = 0;
  /// cross_entropy of that against the gold ids.
  virtual Tensor loss(const TokenBatch&, const CrossEntropyOptions&, Context&) const;

  /// Word by word: begin() with sources (int32 [B,S], undefined without), then next() with each continuation's last
  /// word, int32 [R,1], where R / B continuations of each source follow one another -> logits [R,V]. The first call may
  /// bring a beginning, [R,T], where there are no sources.
  virtual DecodingState begin(const Tensor& source, const Tensor& source_lengths, Context&) const;
  virtual Tensor next(const Tensor& words, DecodingState&, Context&) const;

  /// Its attentions and its points; of a model that lists none, names of points are not checked.
  virtual Anatomy anatomy() const { return {}; }

 protected:
  /// What each pass begins with: throws when a tap names a point that the model does not have.
  void enter(const Context&) const;
  /// output(features) with the point logits [B,T,V].
  static Tensor logits_of(const Tensor& features, const Linear& output, const Context&);
  /// The cross_entropy of that. Unless a tap is at the logits they are never there all at once.
  static Tensor loss_of(const Tensor& features, const Linear& output, const Tensor& gold, const CrossEntropyOptions&,
                        const Context&);
};

/// Translates: source ids in, a logit for every next target id out.
struct EncoderDecoder : SequenceModel {
  /// source: int32 [B,S]; lengths: int32 [B] or undefined -> memory [B,S,...]
  virtual Tensor encode(const Tensor& source, const Tensor& lengths, Context&) const = 0;
  /// What output() turns into logits: target, int32 [B,T] -> [B,T,D]
  virtual Tensor features(const Tensor& target, const Tensor& memory, const Tensor& lengths, Context&) const = 0;
  virtual const Linear& output() const = 0;  ///< [...,D] -> [...,V]

  /// target: int32 [B,T]; lengths: of the source -> logits [B,T,V]
  Tensor decode(const Tensor& target, const Tensor& memory, const Tensor& lengths, Context&) const;
  Tensor operator()(const Tensor& source, const Tensor& lengths, const Tensor& target, Context&) const;

  Tensor logits(const TokenBatch&, Context&) const override;
  Tensor loss(const TokenBatch&, const CrossEntropyOptions&, Context&) const override;
  DecodingState begin(const Tensor& source, const Tensor& source_lengths, Context&) const override;

 protected:
  /// What begin() keeps of a memory.
  virtual DecodingState state_of(const Tensor& memory, const Tensor& lengths, Context&) const = 0;
};

/// A Transformer that translates. Registers src_embed, tgt_embed, body (a Transformer) and head.weight [V,D].
struct Seq2Seq final : EncoderDecoder {
  Seq2Seq(const Scope&, const ModelOptions&);

  Tensor encode(const Tensor& source, const Tensor& lengths, Context&) const override;
  Tensor features(const Tensor& target, const Tensor& memory, const Tensor& lengths, Context&) const override;
  const Linear& output() const override { return head; }
  Tensor next(const Tensor& words, DecodingState&, Context&) const override;
  Anatomy anatomy() const override;

  TokenEmbedding src_embed, tgt_embed;
  Transformer body;
  Linear head;

 private:
  DecodingState state_of(const Tensor& memory, const Tensor& lengths, Context&) const override;
};

/// Continues a text: a logit for every next id. Registers tgt_embed, body (layers of causal self-attention, as many as
/// decoder_layers; with a final norm only when the layers are pre-norm) and head.weight [V,D].
struct LanguageModel final : SequenceModel {
  LanguageModel(const Scope&, const ModelOptions&);

  Tensor operator()(const Tensor& ids, Context&) const;  ///< int32 [B,T] -> logits [B,T,V]

  Tensor logits(const TokenBatch&, Context&) const override;
  Tensor loss(const TokenBatch&, const CrossEntropyOptions&, Context&) const override;
  Tensor next(const Tensor& ids, DecodingState&, Context&) const override;
  Anatomy anatomy() const override;

  TokenEmbedding tgt_embed;
  Encoder body;
  Linear head;

 private:
  Tensor features(const Tensor& ids, Context&) const;
};

}  // namespace gaze
