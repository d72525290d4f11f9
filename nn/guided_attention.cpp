#include <gaze/nn/guided_attention.h>

#include <gaze/autograd/ops.h>

namespace gaze {

Tensor guided_attention_loss(const Tensor& weights, const Tensor& gold) {
  require(weights.shape() == gold.shape() && weights.rank() == 3,
          "guided_attention_loss: weights {} and gold {} must both be [B,T,S]", weights.shape(), gold.shape());
  // Where there is no gold, attention may be 0 and its logarithm infinite: 1 stands in.
  const Tensor has_gold = greater(gold, Tensor::scalar(0, gold.dtype()));
  const Tensor seen = where(has_gold, clip(weights, 1e-12, 1), Tensor::scalar(1, gold.dtype()));
  return sum(gold * log(seen)) * (-1 / static_cast<double>(gold.size(0)));
}

}  // namespace gaze
