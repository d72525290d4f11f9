#include <gaze/nn/guided_attention.h>

#include <limits>

#include <gaze/autograd/ops.h>

namespace gaze {

Tensor guided_attention_loss(const Tensor& weights, const Tensor& gold, const Tensor& scores) {
  require(weights.shape() == gold.shape() && weights.rank() == 3,
          "guided_attention_loss: weights {} and gold {} must both be [B,T,S]", weights.shape(), gold.shape());
  if (scores.defined())
    require(scores.shape() == weights.shape(), "guided_attention_loss: scores {} must be of the weights' shape {}",
            scores.shape(), weights.shape());
  const auto log_of = [smallest = weights.dtype() == DType::float32
                                      ? static_cast<double>(std::numeric_limits<float>::min())
                                      : std::numeric_limits<double>::min()](const Tensor& a) {
    return log(clip(a, smallest, std::numeric_limits<double>::infinity()));
  };
  Tensor log_weights;
  if (scores.defined() && weights.size() > 0) {
    // The score behind the strongest weight, which is no small number, tells what all others are relative to.
    const Tensor strongest = unsqueeze(argmax(weights), -1);  // [B,T,1]
    log_weights = scores - gather(scores, 2, strongest) + log_of(gather(weights, 2, strongest));
  } else {
    log_weights = log_of(weights);
  }
  // Where there is no gold, attention may be 0 and its logarithm infinite: 0 stands in.
  const Tensor none = Tensor::scalar(0, gold.dtype());
  return sum(gold * where(greater(gold, none), log_weights, none)) * (-1 / static_cast<double>(gold.size(0)));
}

}  // namespace gaze
