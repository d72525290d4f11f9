#include <gaze/train/lessons/lesson.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

#include <gaze/autograd/engine.h>
#include <gaze/autograd/ops.h>
#include <gaze/nn/transformer.h>

namespace gaze::train {
namespace {

struct Inputs {
  std::int64_t d = 32, heads = 4;
  std::uint64_t seed = 1;
  std::string norm = "post";
};

/// Which parts a block has besides attention and the feed-forward network.
struct Design {
  bool residual = true, layer_norm = true;
  Norm norm = Norm::post;
};

/// Looks on while a block computes: told the name of a step and its numbers.
using Witness = std::function<void(const std::string& step, const Tensor& numbers)>;

/// softmax(Q K^T / sqrt(K)) V per head, and W_O (Vaswani et al. 2017, section 3.2.2): [B,S,D] -> [B,S,D]
Tensor attend(const MultiHeadAttention& a, const Tensor& x, const Witness& witness) {
  const std::int64_t d = a.d_model;
  const Tensor q = linear(x, a.in_proj_weight, a.in_proj_bias, {0, d});
  const Tensor k = linear(x, a.in_proj_weight, a.in_proj_bias, {d, d});
  const Tensor v = linear(x, a.in_proj_weight, a.in_proj_bias, {2 * d, d});
  const AttentionResult heads = composed_attention(q, k, v, {.heads = a.heads});
  witness("weights", heads.weights);
  return linear(heads.output, a.out_proj.weight, a.out_proj.bias);
}

/// max(0, z W1 + b1) W2 + b2 (Vaswani et al. 2017, equation 2): [B,S,D] -> [B,S,D]
Tensor feed_forward(const FeedForward& f, const Tensor& z, const Witness& witness) {
  const Tensor hidden = relu(linear(z, f.linear1.weight, f.linear1.bias));
  witness("max(0, z W1 + b1)", hidden);
  return linear(hidden, f.linear2.weight, f.linear2.bias);
}

/// The block with an encoder layer's parameters: [B,S,D] -> [B,S,D]
Tensor block(const EncoderLayer& layer, const Tensor& input, const Design& design, const Witness& witness) {
  const bool pre = design.layer_norm && design.norm == Norm::pre, post = design.layer_norm && !pre;
  const auto sublayer = [&](const char* f_name, const char* x_name, const Tensor& x, const LayerNorm& norm,
                            const auto& f) {
    Tensor y = x;
    std::string text = x_name;
    const auto step = [&](const std::string& name, const Tensor& value) { text = name, y = value, witness(text, y); };
    if (pre) step("LayerNorm(" + text + ")", norm(y));
    step(fmt::format("{}({})", f_name, text), f(y));
    if (design.residual) step(fmt::format("{} + {}", x_name, text), x + y);
    if (post) step("LayerNorm(" + text + ")", norm(y));
    return y;
  };
  const Tensor z = sublayer("attention", "x", input, layer.norm1,
                            [&](const Tensor& x) { return attend(layer.self_attn, x, witness); });
  return sublayer("FFN", "z", z, layer.norm2,
                  [&](const Tensor& x) { return feed_forward(layer.feed_forward, x, witness); });
}

void one_block(const Inputs& in, const Design& design, Page& page) {
  const std::vector<std::string> words = {"birds", "can", "fly"};
  const Tensor x = tensor({{{1, 0, 1, 0}, {0, 2, 0, 1}, {1, 1, 0, 0}}}, DType::float64);  // [1,3,4]
  Params params(DType::float64);
  const EncoderLayer layer(Scope(params, {.seed = in.seed}),
                           {.d_model = 4, .heads = 1, .d_ff = 8, .dropout = 0, .norm = design.norm});
  const auto show = [&](const std::string& step, const Tensor& numbers) {
    if (step == "weights") {
      page.heat_map("Attention looks", words, words, numbers[0][0]);
      page.numbers["weights"] = to_json(numbers[0][0]);
    } else if (const Tensor m = numbers[0]; m.size(1) > 4) {
      page.matrix(step, m, words);
    } else {
      page.matrix(step, concat({m, mean(m, {1}, true), sqrt(var(m, {1}, true, 0))}, 1), words,
                  {"", "", "", "", "mean", "std"});
    }
  };
  page.heading("One block: three words, four numbers per word");
  page.formula(design.norm == Norm::post ? "z = LayerNorm(x + attention(x)),   y = LayerNorm(z + FFN(z))"
                                         : "z = x + attention(LayerNorm(x)),   y = z + FFN(LayerNorm(z))");
  page.formula("FFN(z) = max(0, z W1 + b1) W2 + b2");
  show("x", x);
  const Tensor y = block(layer, x, design, show);
  Context context;
  const double difference = largest_difference(y, layer(x, {}, context));
  page.say(fmt::format(
      "gaze's EncoderLayer with these weights gives the same numbers{}. Only in attention do words meet; every other "
      "step works on each row alone. LayerNorm gives a row the mean 0 and the standard deviation 1; its own weight and "
      "bias are still 1 and 0.",
      difference == 0 ? ", bit for bit" : fmt::format(", up to {:.0e}", difference)));
  page.numbers["difference"] = difference;
  for (const Parameter& p : params.list()) page.numbers["parameters"][p.name] = to_json(p.value);
}

double rms(const Tensor& x) { return sqrt(mean(x * x)).item(); }

/// What is left after a stack of blocks.
struct Measures {
  double output;      ///< root mean square of its numbers
  double gradient;    ///< that of the gradient at the input, when that at the output is standard normal
  double difference;  ///< of the words from their mean, as a part of the output
};

constexpr std::int64_t sentence_length = 16;

Measures measure(const std::vector<EncoderLayer>& layers, std::int64_t depth, const Design& design, Random random) {
  const Shape shape = {1, sentence_length, layers.front().self_attn.d_model};
  const auto draw = [&] {
    std::vector<double> numbers(static_cast<std::size_t>(shape.size()));
    random.normal(numbers);
    return Tensor::from<double>(shape, numbers);
  };
  Tensor x = draw();
  Tensor y = x.requires_grad(true);
  for (std::int64_t i = 0; i < depth; ++i)
    y = block(layers[static_cast<std::size_t>(i)], y, design, [](const std::string&, const Tensor&) {});
  const Tensor gradient = grad(y, {x}, {.cotangents = {draw()}}).front();
  return {rms(y), rms(gradient), rms(y - mean(y, {1}, true)) / rms(y)};
}

void stacks(const Inputs& in, const Design& whole, Page& page) {
  constexpr double rounding = 1e-12, min_positive = 1e-300;  // of what has a logarithm
  const std::vector<std::int64_t> depths = {1, 2, 4, 8, 16, 32};
  Params params(DType::float64);
  const Encoder encoder(Scope(params, {.seed = in.seed}), depths.back(),
                        {.d_model = in.d, .heads = in.heads, .d_ff = 4 * in.d, .dropout = 0}, false);
  const std::vector<std::pair<std::string, Design>> designs = {
      {"whole", whole}, {"no residual", {false, true, whole.norm}}, {"neither", {false, false, whole.norm}}};
  page.heading(fmt::format("Stacks of blocks, not trained: d = {}, {} random words", in.d, sentence_length));
  page.say(
      "The same weights three times: in whole blocks, in blocks without the residual, and in blocks with neither "
      "residual nor LayerNorm.");
  std::vector<std::vector<Measures>> all;  // [design][depth]
  for (const auto& [name, design] : designs) {
    auto& stack = all.emplace_back();
    for (const std::int64_t depth : depths) {
      stack.push_back(measure(encoder.layers, depth, design, Random({.seed = in.seed, .stream = 1})));
      page.numbers["stacks"][name].push_back({{"layers", depth},
                                              {"output", stack.back().output},
                                              {"gradient", stack.back().gradient},
                                              {"difference", stack.back().difference}});
    }
  }
  const auto show = [&](const std::string& title, const auto& value) {
    std::vector<std::vector<std::string>> rows;
    std::vector<Series> curves;
    for (const std::int64_t depth : depths) rows.push_back({fmt::to_string(depth)});
    for (std::size_t i = 0; i < designs.size(); ++i) {
      curves.push_back({designs[i].first, {}});
      for (std::size_t n = 0; n < depths.size(); ++n) {
        const double number = value(all[i], n);
        rows[n].push_back(fmt::format("{:.2g}", number));
        curves[i].y.push_back(std::log10(std::max(number, min_positive)));
      }
    }
    page.say(title);
    page.table({"layers", designs[0].first, designs[1].first, designs[2].first}, rows);
    page.curves("As powers of ten:", curves, 1);
  };
  const auto relative = [](const std::vector<Measures>& m, std::size_t n) { return m[n].gradient / m[0].gradient; };
  show("The size of the output, root mean square:", [](const auto& m, std::size_t n) { return m[n].output; });
  show("The gradient at the input, relative to that of 1 layer:", relative);
  show("How far words still differ from their mean, relative to the output:",
       [](const auto& m, std::size_t n) { return m[n].difference; });

  const std::size_t last = depths.size() - 1;
  page.notice(fmt::format(
      "after {} whole blocks the gradient at the input is {:.2g} times that of one block, and words still differ, by "
      "{:.2g} of the output. Without the residual, attention mixes the words block after block, and the difference is "
      "{:.2g}{}. LayerNorm keeps the output at size {:.2g} and the gradient at {:.2g}, but it cannot bring the words "
      "back. With neither, the gradient is {:.2g}. The residual is a way past every block: the derivative of x + f(x) "
      "is 1 + f'(x), so what f loses is still there. Try --norm {}, --seed 2 or --d 128.",
      depths.back(), relative(all[0], last), all[0][last].difference, all[1][last].difference,
      all[1][last].difference < rounding ? ", which is rounding: all words are the same" : "", all[1][last].output,
      relative(all[1], last), relative(all[2], last), whole.norm == Norm::post ? "pre" : "post"));
}

}  // namespace

Lesson block_lesson() {
  return {
      "block", "One Transformer block step by step, and many without the residual", [](CLI::App& app) {
        const auto in = std::make_shared<Inputs>();
        app.add_option("--d", in->d, "Numbers per word in the stacks (default: 32)")->check(whole_range(8, 256));
        app.add_option("--heads", in->heads, "Of the stacks; divides d (default: 4)")->check(whole_range(1, 256));
        app.add_option("--seed", in->seed, "Of all weights and inputs (default: 1)")->check(whole_range(0, 1000000));
        app.add_option("--norm", in->norm, "pre or post (default: post)")->check(CLI::IsMember(norm_names().names()));
        app.parse_complete_callback([in] {
          if (in->d % in->heads != 0)
            throw CLI::ValidationError("--heads", fmt::format("{} does not divide d {}", in->heads, in->d));
        });
        return [in](Page& page) {
          const Design whole{.norm = norm_names().named(in->norm)};
          one_block(*in, whole, page), stacks(*in, whole, page);
        };
      }};
}

}  // namespace gaze::train
