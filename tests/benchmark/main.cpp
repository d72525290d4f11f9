/// What the fused operations and the matrix products save: each beside what it stands for, in turns, the best of
/// several rounds. Ratios are printed and judged by people: a test of timings would fail with the weather.

#include <cblas.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/kernels/openblas.h>
#include <gaze/gaze.h>

namespace {

using namespace gaze;

using Work = std::function<void()>;

double milliseconds(const Work& work, int repeats) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() / repeats;
}

/// Prints the best times of both and how many times as long the other takes.
void compare(const std::string& name, int rounds, const Work& own, const Work& other) {
  own(), other();
  const double once = std::max(milliseconds(own, 1), 1e-3);
  const int repeats = rounds == 1 ? 1 : std::clamp(static_cast<int>(20 / once), 1, 200);
  double best = std::numeric_limits<double>::infinity(), best_other = best;
  for (int i = 0; i < rounds; ++i) {
    best = std::min(best, milliseconds(own, repeats));
    best_other = std::min(best_other, milliseconds(other, repeats));
  }
  fmt::print("{:50} {:9.3f} {:9.3f} {:7.2f}\n", name, best, best_other, best_other / best);
}

Tensor random_tensor(const Shape& shape, std::uint64_t stream, bool learns = true) {
  Random random({1, stream});
  std::vector<double> numbers(static_cast<std::size_t>(shape.size()));
  random.normal(numbers);
  return Tensor(Array::from<double>(shape, numbers).to(DType::float32), learns);
}

void compare_products(int rounds) {
  struct Product {
    const char* name;
    std::int64_t m, n, k;
    bool transpose_a, transpose_b;
  };
  const Product products[] = {{"square", 1024, 1024, 1024, false, false},
                              {"gpt-char, Q K V", 768, 384, 128, false, true},
                              {"gpt-char, gradient of x", 768, 128, 384, false, false},
                              {"gpt-char, gradient of W", 384, 128, 768, true, false},
                              {"seq2seq-toy, feed-forward", 768, 256, 64, false, true},
                              {"seq2seq-toy, gradient of W", 64, 64, 768, true, false},
                              {"seq2seq-small, head", 2048, 6000, 256, false, true},
                              {"seq2seq-small, gradient of the head's W", 6000, 256, 2048, true, false},
                              {"seq2seq-base, feed-forward", 1024, 2048, 512, false, true},
                              {"seq2seq-base, gradient of W", 2048, 512, 1024, true, false},
                              {"one head, scores", 64, 64, 32, false, true}};
  fmt::print("\n{:50} {:>9} {:>9} {:>7}\n", "matrix product [m,n,k] against OpenBLAS's sgemm", "gaze ms", "sgemm ms",
             "ratio");
  for (const Product& p : products) {
    const Tensor a = random_tensor({p.m, p.k}, 1), b = random_tensor({p.k, p.n}, 2);
    Array c({p.m, p.n}, DType::float32), d({p.m, p.n}, DType::float32);
    const std::int64_t a_stride = p.transpose_a ? p.m : p.k, b_stride = p.transpose_b ? p.k : p.n;
    const float *from_a = a.array().data<float>(), *from_b = b.array().data<float>();
    compare(
        fmt::format("{} [{},{},{}]", p.name, p.m, p.n, p.k), rounds,
        [&] {
          kernels::of<float>().gemm({.m = p.m,
                                     .n = p.n,
                                     .k = p.k,
                                     .a = from_a,
                                     .a_stride = a_stride,
                                     .transpose_a = p.transpose_a,
                                     .b = from_b,
                                     .b_stride = b_stride,
                                     .transpose_b = p.transpose_b,
                                     .c = c.write<float>(),
                                     .c_stride = p.n});
        },
        [&] {
          const auto size = [](std::int64_t n) { return static_cast<blasint>(n); };
          const auto op = [](bool transposed) { return transposed ? CblasTrans : CblasNoTrans; };
          cblas_sgemm(CblasRowMajor, op(p.transpose_a), op(p.transpose_b), size(p.m), size(p.n), size(p.k), 1, from_a,
                      size(a_stride), from_b, size(b_stride), 0, d.write<float>(), size(p.n));
        });
  }
}

/// A value whose every element counts, forward and backward.
Work step(std::vector<Tensor> leaves, const std::function<Tensor()>& value) {
  const Shape shape = value().shape();
  const Tensor up = random_tensor(shape, 99, false);
  return [=]() mutable {
    for (Tensor& leaf : leaves) leaf.zero_grad();
    backward(value(), {.cotangent = up});
  };
}

void compare_operations(int rounds) {
  fmt::print("\n{:50} {:>9} {:>9} {:>7}\n", "forward and backward, against separate operations", "fused ms", "apart ms",
             "ratio");
  const Tensor x = random_tensor({64, 16, 256}, 1), f = random_tensor({64, 16, 256}, 2);
  const Tensor w = random_tensor({512, 256}, 3), b = random_tensor({512}, 4);
  const DropoutOptions drop{0.1, {7, 1}};
  for (const auto& [name, activation] : {std::pair("relu", Activation::relu), {"gelu", Activation::gelu}})
    compare(fmt::format("dense: linear, {}, dropout", name), rounds,
            step({x, w, b}, [=, a = activation] { return dense(x, w, b, a, drop); }),
            step({x, w, b}, [=, a = activation] {
              const Tensor z = linear(x, w, b);
              return dropout(a == Activation::relu ? relu(z) : gelu(z), drop.p, drop.stream);
            }));

  const Tensor weight = random_tensor({256}, 5), bias = random_tensor({256}, 6);
  compare("residual: x + dropout(f)", rounds, step({x, f}, [=] { return residual(x, f, drop); }),
          step({x, f}, [=] { return x + dropout(f, drop.p, drop.stream); }));
  compare("residual_norm: LayerNorm(x + dropout(f))", rounds,
          step({x, f, weight, bias}, [=] { return residual_norm(x, f, weight, bias, drop); }),
          step({x, f, weight, bias}, [=] { return layer_norm(x + dropout(f, drop.p, drop.stream), weight, bias); }));
  compare("layer_norm", rounds, step({x, weight, bias}, [=] { return layer_norm(x, weight, bias); }),
          step({x, weight, bias}, [=] {
            const Tensor centred = x - mean(x, {-1}, true);
            return centred * rsqrt(mean(centred * centred, {-1}, true) + 1e-5) * weight + bias;
          }));

  const Tensor packed = random_tensor({64, 32, 768}, 7);
  AttentionOptions options{.heads = 8, .causal = true};
  options.dropout = drop.p, options.stream = drop.stream;
  const Columns q{packed, 0, 256}, k{packed, 256, 256}, v{packed, 512, 256};
  compare("attention: causal, dropout", rounds, step({packed}, [=] { return attention(q, k, v, options); }),
          step({packed}, [=] { return composed_attention(q, k, v, options).output; }));

  const Tensor head = random_tensor({4000, 256}, 8);
  Random random({1, 9});
  std::vector<std::int32_t> ids(64 * 16);
  for (std::int32_t& id : ids) id = static_cast<std::int32_t>(random.below(4000));
  const Tensor targets = Tensor::from<std::int32_t>({64, 16}, ids);
  const CrossEntropyOptions smooth{.label_smoothing = 0.1};
  compare("projected_cross_entropy: head and loss", rounds,
          step({x, head}, [=] { return projected_cross_entropy(x, head, targets, smooth); }),
          step({x, head}, [=] { return cross_entropy(linear(x, head), targets, smooth); }));
  compare("cross_entropy", rounds, step({x, head}, [=] { return cross_entropy(linear(x, head), targets); }),
          step({x, head}, [=] {
            const Tensor logs = log_softmax(linear(x, head));
            return -mean(gather(logs, -1, unsqueeze(targets, -1)));
          }));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Prints how the fused operations and the matrix products of gaze compare to what they stand for.");
  int rounds = 7, count = threads();
  app.add_option("--rounds", rounds, "Rounds, of which the best counts")->check(CLI::Range(1, 1000));
  app.add_option("--threads", count, "Threads to use")->check(CLI::Range(1, 1024));
  CLI11_PARSE(app, argc, argv);
  set_threads(count);
  kernels::choose_blas_kernels();  // so that the comparison is with its best
  openblas_set_num_threads(count);
  fmt::print("instructions {}, {} threads; OpenBLAS {}; ratios above 1 are gained\n", kernels::name_of(kernels::isa()),
             count, openblas_get_corename());
  compare_products(rounds);
  compare_operations(rounds);
}
