#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gaze/autograd/base/names.h>
#include <gaze/autograd/random.h>
#include <gaze/autograd/tensor.h>

/// Taps: a forward pass has named points, and whoever wants to look at a value there, or to put another in its place,
/// does it by a tap.
///
///     Taps taps;
///     taps.look("body.decoder.layers.1.multihead_attn.weights", [](const TapPlace&, const Tensor& w) { ... });
///     taps.replace("body.encoder.layers.0.self_attn.head_outputs", scaled_heads({1, 0, 1, 1}));
///     Context context{.taps = &taps};
///     model.loss(..., context);
namespace gaze {

/// Who looks at whom: the encoder at the source, the decoder at what it has said (any causal self-attention), or the
/// decoder at the source.
enum class AttentionKind { encoder, decoder, cross };

const NameTable<AttentionKind>& attention_kind_names();
std::string_view name_of(AttentionKind);

/// One attention of a model.
struct AttentionSite {
  std::string name;  ///< its module's path: "body.decoder.layers.0.multihead_attn"
  AttentionKind kind = AttentionKind::encoder;
  std::int64_t layer = 0;  ///< from 0
  std::int64_t heads = 1;
};

/// Where in a module a value can be tapped, and its shape. A point's full name is the module's path, a dot and the
/// point's name.
enum class TapPoint {
  // Of attention
  queries,       ///< [B,T,H,K]
  keys,          ///< [B,S,H,K]: tapped once, when they are made
  values,        ///< [B,S,H,C]: as keys
  scores,        ///< [B,H,T,S]: scaled, before masks
  weights,       ///< [B,H,T,S]: before dropout; in evaluation the very numbers that the output is made of
  head_outputs,  ///< [B,T,H,C]: before W_O, or what else joins the heads
  // Of attention and of embeddings
  output,  ///< [B,T,D]
  // Of a layer's sublayers ("body.encoder.layers.0.self_attn", "body.encoder.layers.0.feed_forward")
  residual,  ///< [B,T,D]: the stream behind it, after LayerNorm where that follows (post)
  // Of a feed-forward layer ("body.encoder.layers.0.feed_forward")
  hidden,  ///< [B,T,d_ff]: what linear2 reads
  // Of a model, whose path is empty
  logits  ///< [B,T,V]
};

const NameTable<TapPoint>& tap_point_names();
std::string_view name_of(TapPoint);

/// What a model is made of, for those who look into it: its attentions, in the order in which a pass comes to them, and
/// the full names of its points.
struct Anatomy {
  std::vector<AttentionSite> attentions;
  std::vector<std::string> points;

  Anatomy& add(std::string_view module, TapPoint point);
  /// With its points. Throws where there is one of its kind and layer.
  Anatomy& add(const AttentionSite& site);
};

/// What a tap is told beside the value. Word by word the points are the same: then T counts the words of this call.
struct TapPlace {
  std::string_view module;  ///< the path
  TapPoint point = TapPoint::output;
  const AttentionSite* attention = nullptr;      ///< of the points of attention; null of others
  std::int64_t first_query = 0;                  ///< the absolute position of the first of T
  std::int64_t first_key = 0;                    ///< the absolute position of the first of S
  std::span<const std::int32_t> sentences = {};  ///< of each row of B: which sentence it belongs to; empty: row b to b

  std::string name() const;    ///< the full name
  std::int64_t first() const;  ///< the absolute position of the first of the axis that goes with the words
  std::int64_t sentence(std::int64_t row) const {
    return sentences.empty() ? row : sentences[static_cast<std::size_t>(row)];
  }
};

/// The points that a tap is put at.
struct TapFilter {
  /// One point, by its full name. Throws for an unknown point, suggesting the nearest. A model that has no module of
  /// this path says so when it is called.
  TapFilter(std::string_view full_name);                                        // NOLINT: a name is a place
  TapFilter(const char* full_name) : TapFilter(std::string_view(full_name)) {}  // NOLINT
  TapFilter(const std::string& name) : TapFilter(std::string_view(name)) {}     // NOLINT
  /// That point of every module, or of those that `wanted` says yes to.
  TapFilter(TapPoint at, std::function<bool(const TapPlace&)> which = {})
      : point(at), wanted(std::move(which)) {}  // NOLINT

  bool holds(const TapPlace&) const;

  TapPoint point;
  std::function<bool(const TapPlace&)> wanted = {};
  std::string module = {};  ///< of one point
  bool is_one = false;
};

/// Taps in the order in which they were added; those at one point run in this order, each with what the one before
/// left. A tap that throws ends the pass. Several threads may use one model, each with taps of its own.
class Taps {
 public:
  /// Sees the numbers; records no graph and changes no bit.
  using Look = std::function<void(const TapPlace&, const Tensor&)>;
  /// Gives what goes on: the value itself, or another of its shape and dtype. Gradients flow through both. At scores
  /// and weights the attention is then computed in separate operations, with the same numbers but for rounding.
  using Replace = std::function<Tensor(const TapPlace&, const Tensor&)>;
  enum class Interest { none, look, replace };

  Taps& look(TapFilter where, Look tap);
  Taps& replace(TapFilter where, Replace tap);

  /// The most that the taps at a place ask for.
  Interest interest(const TapPlace& place) const;
  /// Runs the taps at a place. Throws when one returns another shape or dtype.
  Tensor apply(const TapPlace& place, Tensor value) const;
  bool name_points() const { return named_ > 0; }  ///< whether a tap is at one point, by its full name
  /// Throws when a tap names a point that is not among these, suggesting the nearest.
  void require_among(std::span<const std::string> points) const;

 private:
  struct Tap {
    TapFilter where;
    Look look;
    Replace replace;
  };
  void add(Tap tap);

  std::vector<Tap> taps_;
  int named_ = 0;
};

// Ready-made ---------------------------------------------------------------------------------------------------------

/// At head_outputs, queries, keys or values [B,L,H,K]: head h times factors[h]. Throws unless there is one for each.
Taps::Replace scaled_heads(std::vector<double> factors);
/// At any point: these numbers instead, a pass of another sentence's or model's (activation patching).
Taps::Replace replaced_by(Tensor value);
/// At any point: normal noise of this standard deviation is added. It depends on the stream, the point, the sentence
/// and the absolute position alone, so that it is the same word by word.
Taps::Replace with_noise(double standard_deviation, RandomStream stream);
/// At any point with positions on its second axis ([B,L,...]): zeros at these absolute positions of every sentence. At
/// values: what is said of these words is not passed on, while attention stays what it is.
Taps::Replace zeroed_positions(std::vector<std::int64_t> positions);

/// Makes a point a leaf: gradients end there, for `grad(loss, {leaf.value()})` (saliency). The numbers are unchanged.
class LeafTap {
 public:
  Tensor operator()(const TapPlace&, const Tensor& value) const;
  /// The leaf of the last call. Throws before the first.
  const Tensor& value() const;

 private:
  std::shared_ptr<Tensor> leaf_ = std::make_shared<Tensor>();  // copies are one tap
};

}  // namespace gaze
