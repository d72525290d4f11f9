#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <gaze/nn/model.h>
#include <gaze/nn/recurrent.h>
#include <gaze/nn/score.h>

namespace gaze {

struct BahdanauOptions {
  std::int64_t source_vocab = 0;
  std::int64_t target_vocab = 0;
  std::int64_t d_model =
      64;                   ///< numbers of an embedding, and units of the decoder and of each direction of the encoder
  std::int64_t layers = 1;  ///< of encoder and decoder
  std::int64_t heads = 1;   ///< of attention
  Cell cell = Cell::gru;
  /// None: no attention; the decoder is given the last states of both directions at every step (Cho et al. 2014).
  std::optional<Score> score = Score::additive;
  double dropout = 0;   ///< of embeddings, between layers, of attention weights and before the output
  bool tied = false;    ///< head.weight is tgt_embed.tok.weight
  bool shared = false;  ///< src_embed.tok.weight is tgt_embed.tok.weight; one vocabulary
};

/// The recurrent encoder-decoder with attention of Bahdanau et al. 2015: a bidirectional encoder annotates every source
/// word with h_j, and the decoder is given a mixture of them at every step,
///
///     s_t = cell(s_{t-1}, y_{t-1} | c_{t-1}),  c_t = sum_j a_tj h_j,  a_t = softmax_j(score(s_t, h_j)),
///     features_t = tanh(W_o (s_t | c_t)).
///
/// The state asks after it has read the last word, and its answer goes to the output and to the next step (Luong et al.
/// 2015, sections 3.1 and 3.3). In the paper's own order s_{t-1} asks before, and the output sees y_{t-1}, too: that
/// learns the toy tasks as well, but attention is free to look elsewhere than at the word that is said (AER of sort
/// after 500 steps: 35 and 39 % against 1.5 and 1.2 %).
///
/// Registers src_embed, tgt_embed, body.encoder and body.decoder (with torch.nn.GRU's or LSTM's names), body.start (to
/// the first state), body.attention.score, body.attention.key (to keys of a query's size, for scores that compare like
/// with like), body.out and head.weight [V,D]. Its one attention is body.attention, of kind cross, whose keys and
/// values are made of the memory and whose output is c_t.
struct Bahdanau final : EncoderDecoder {
  Bahdanau(const Scope&, const BahdanauOptions&);

  /// memory [B,S,2D]: the outputs of both directions
  Tensor encode(const Tensor& source, const Tensor& lengths, Context&) const override;
  Tensor features(const Tensor& target, const Tensor& memory, const Tensor& lengths, Context&) const override;
  const Linear& output() const override { return head; }
  Tensor next(const Tensor& words, DecodingState&, Context&) const override;
  Anatomy anatomy() const override;

  TokenEmbedding src_embed, tgt_embed;
  Recurrent encoder;
  Linear start;        ///< the first states of all layers: tanh(start(last state of the direction from the end))
  AttentionSite site;  ///< of the attention, if there is one
  std::optional<Linear> key;
  std::optional<ScoreFunction> score;
  std::vector<RecurrentCell> decoder;
  Linear out;  ///< W_o
  Linear head;
  Dropout dropout;

 private:
  DecodingState state_of(const Tensor& memory, const Tensor& lengths, Context&) const override;

  /// The sources as the decoder sees them at every step.
  struct Sources {
    Columns values;  ///< [B,S,2D]; without attention [B,1,2D]: what is given at every step
    Columns keys;    ///< [B,S,A], prepared; none without attention
    Tensor lengths;
  };
  /// What the decoder knows after some words, of R continuations.
  struct State {
    std::vector<Tensor> layers;  ///< [R,...]
    Tensor context;              ///< [R,2D]
  };
  Sources sources(const Tensor& memory, const Tensor& lengths, Context&) const;
  State first_state(const Tensor& memory, const Sources&) const;
  /// Reads a word [R,D] and asks about it.
  void step(const Tensor& word, State&, const Sources&, Context&) const;
  Tensor read_out(const Tensor& outputs, const Tensor& contexts, Context&) const;
};

}  // namespace gaze
