#include <gaze/autograd/kernels/projection.h>

#include <algorithm>

#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/kernels/parallel.h>

namespace gaze::kernels {

template <class T>
void projected_cross_entropy(const ProjectedLoss<T>& p) {
  const Kernels<T>& kernels = of<T>();
  if (p.dweight && p.rows == 0) std::fill_n(p.dweight, p.classes * p.width, T(0));
  // Few enough rows that they stay in the cache, and enough that the products are large.
  constexpr std::int64_t chunk_numbers = 3 << 19, fewest = 256;
  const std::int64_t chunk =
      std::min(std::max(chunk_numbers / std::max<std::int64_t>(p.classes, 1) / 16 * 16, fewest), p.rows);
  const Scratch memory(static_cast<std::size_t>(chunk * (p.classes + 1)) * sizeof(T));
  T* const logits = static_cast<T*>(memory.memory());
  T* const log_sums = logits + chunk * p.classes;
  for (std::int64_t first = 0; first < p.rows; first += chunk) {
    const std::int64_t rows = std::min(chunk, p.rows - first);
    const T* const x = p.x + first * p.width;
    const std::int32_t* const targets = p.targets + first;
    kernels.gemm({.m = rows,
                  .n = p.classes,
                  .k = p.width,
                  .a = x,
                  .a_stride = p.width,
                  .b = p.weight,
                  .b_stride = p.width,
                  .transpose_b = true,
                  .c = logits,
                  .c_stride = p.classes});
    kernels.cross_entropy_rows(logits, targets, p.ignored, p.smoothing, rows, p.classes, p.losses + first, log_sums);
    if (!p.dx && !p.dweight) continue;
    kernels.cross_entropy_rows_vjp(logits, log_sums, targets, p.ignored, p.smoothing, p.factor, rows, p.classes,
                                   logits);
    if (p.dx)
      kernels.gemm({.m = rows,
                    .n = p.width,
                    .k = p.classes,
                    .a = logits,
                    .a_stride = p.classes,
                    .b = p.weight,
                    .b_stride = p.width,
                    .c = p.dx + first * p.width,
                    .c_stride = p.width});
    if (p.dweight)
      kernels.gemm({.m = p.classes,
                    .n = p.width,
                    .k = rows,
                    .a = logits,
                    .a_stride = p.classes,
                    .transpose_a = true,
                    .b = x,
                    .b_stride = p.width,
                    .c = p.dweight,
                    .c_stride = p.width,
                    .adds = first > 0});
  }
}

template void projected_cross_entropy(const ProjectedLoss<float>&);
template void projected_cross_entropy(const ProjectedLoss<double>&);

}  // namespace gaze::kernels
