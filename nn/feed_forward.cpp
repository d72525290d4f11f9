#include <gaze/nn/feed_forward.h>

#include <gaze/autograd/ops.h>

namespace gaze {

const NameTable<Activation>& activation_names() {
  static const NameTable<Activation> names("activation", {{Activation::relu, "relu"}, {Activation::gelu, "gelu"}});
  return names;
}

FeedForward::FeedForward(const Scope& scope, std::int64_t d_model, std::int64_t d_ff, Activation function,
                         double dropout_probability)
    : name((scope / "feed_forward").path()),
      linear1(scope / "linear1", d_model, d_ff),
      linear2(scope / "linear2", d_ff, d_model),
      activation(function),
      dropout(dropout_probability) {}

Tensor FeedForward::operator()(const Tensor& x, Context& context) const {
  const Tensor hidden = dense(x, linear1.weight, linear1.bias, activation, dropout.options(context));
  return linear2(context.tap(name, TapPoint::hidden, hidden));
}

}  // namespace gaze
