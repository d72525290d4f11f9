#include <gaze/gaze.h>

#include <fmt/core.h>

int main() {
  const gaze::Tensor x = gaze::tensor({{1, 2}, {3, 4}});
  gaze::Tensor w = gaze::tensor({{5, 6}, {7, 8}});
  w.requires_grad(true);
  gaze::matmul(x, w).sum().backward();
  fmt::print("{}\n", w.grad().to_string());
}
