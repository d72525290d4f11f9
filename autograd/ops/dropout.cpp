#include <gaze/autograd/graph.h>
#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/ops.h>

namespace gaze {

Tensor dropout(const Tensor& x, double p, RandomStream stream) {
  require(p >= 0 && p < 1, "dropout: p {} is not in [0, 1)", p);
  Array y(x.shape(), x.dtype());
  for_floating("dropout", x.dtype(), [&]<class T>() {
    kernels::of<T>().dropout(x.array().data<T>(), x.size(), stream.seed, stream.stream, p, y.write<T>());
  });
  // The mask is not kept: the stream's numbers are the same when asked again.
  return record("dropout", std::move(y), {x}, keep_none,
                [p, stream](const Saved&, const Tensor& g) -> Gradients { return {dropout(g, p, stream)}; });
}

}  // namespace gaze
