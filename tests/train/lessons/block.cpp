#include <algorithm>
#include <cmath>

#include "../../lesson.h"

namespace {

using Matrix = std::vector<std::vector<double>>;

Matrix linear(const Matrix& x, const Matrix& weight, const std::vector<double>& bias) {
  Matrix y(x.size(), bias);
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t o = 0; o < bias.size(); ++o)
      for (std::size_t d = 0; d < x[i].size(); ++d) y[i][o] += weight[o][d] * x[i][d];
  return y;
}

Matrix sum(Matrix a, const Matrix& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t d = 0; d < a[i].size(); ++d) a[i][d] += b[i][d];
  return a;
}

Matrix layer_norm(Matrix x) {
  for (auto& row : x) {
    const auto size = static_cast<double>(row.size());
    double mean = 0, variance = 0;
    for (const double v : row) mean += v / size;
    for (const double v : row) variance += (v - mean) * (v - mean) / size;
    for (double& v : row) v = (v - mean) / std::sqrt(variance + 1e-5);
  }
  return x;
}

Matrix relu(Matrix x) {
  for (auto& row : x)
    for (double& v : row) v = std::max(v, 0.0);
  return x;
}

Matrix columns(const Matrix& x, std::size_t first, std::size_t count) {
  Matrix part;
  for (const auto& row : x)
    part.emplace_back(row.begin() + static_cast<std::ptrdiff_t>(first),
                      row.begin() + static_cast<std::ptrdiff_t>(first + count));
  return part;
}

Matrix weights(const Matrix& q, const Matrix& k) {
  Matrix a(q.size(), std::vector<double>(k.size()));
  for (std::size_t i = 0; i < q.size(); ++i) {
    double total = 0;
    for (std::size_t j = 0; j < k.size(); ++j) {
      for (std::size_t d = 0; d < q[i].size(); ++d) a[i][j] += q[i][d] * k[j][d];
      a[i][j] = std::exp(a[i][j] / std::sqrt(static_cast<double>(q[i].size())));
      total += a[i][j];
    }
    for (double& w : a[i]) w /= total;
  }
  return a;
}

/// The rows of a step; those of four numbers have their mean and standard deviation behind them.
void check_step(const json& shown, const Matrix& expected) {
  REQUIRE(shown.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::size_t size = expected[i].size();
    REQUIRE(shown.at(i).size() == (size == 4 ? 6 : size));
    double mean = 0, square = 0;
    for (std::size_t d = 0; d < size; ++d) {
      CHECK(shown.at(i).at(d).get<double>() == Approx(expected[i][d]).margin(1e-9));
      mean += expected[i][d] / 4, square += expected[i][d] * expected[i][d] / 4;
    }
    if (size != 4) continue;
    CHECK(shown.at(i).at(4).get<double>() == Approx(mean).margin(1e-9));
    CHECK(shown.at(i).at(5).get<double>() == Approx(std::sqrt(square - mean * mean)).margin(1e-9));
  }
}

void check_block(const json& n, bool pre) {
  const json& p = n.at("parameters");
  const Matrix x = {{1, 0, 1, 0}, {0, 2, 0, 1}, {1, 1, 0, 0}};
  const std::string in = pre ? "LayerNorm(x)" : "x", attention = "attention(" + in + ")";
  const Matrix before = pre ? layer_norm(x) : x;
  const Matrix qkv = linear(before, p.at("self_attn.in_proj_weight"), p.at("self_attn.in_proj_bias"));
  const Matrix a = weights(columns(qkv, 0, 4), columns(qkv, 4, 4)), v = columns(qkv, 8, 4);
  Matrix mixed(3, std::vector<double>(4));
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t d = 0; d < 4; ++d) mixed[i][d] += a[i][j] * v[j][d];
  const Matrix attended = linear(mixed, p.at("self_attn.out_proj.weight"), p.at("self_attn.out_proj.bias"));
  const Matrix joined = sum(x, attended), z = pre ? joined : layer_norm(joined), fed = pre ? layer_norm(z) : z;
  const Matrix hidden = relu(linear(fed, p.at("linear1.weight"), p.at("linear1.bias")));
  const Matrix ffn = linear(hidden, p.at("linear2.weight"), p.at("linear2.bias")), last = sum(z, ffn);
  const std::string ffn_name = pre ? "FFN(LayerNorm(z))" : "FFN(z)";
  check_step(n.at("x"), x);
  check_step(n.at("weights"), a);
  check_step(n.at(attention), attended);
  check_step(n.at("x + " + attention), joined);
  check_step(n.at("max(0, z W1 + b1)"), hidden);
  check_step(n.at(ffn_name), ffn);
  check_step(n.at("z + " + ffn_name), last);
  check_step(n.at(pre ? "LayerNorm(x)" : "LayerNorm(x + attention(x))"), layer_norm(pre ? x : joined));
  check_step(n.at(pre ? "LayerNorm(z)" : "LayerNorm(z + FFN(z))"), layer_norm(pre ? z : last));
  CHECK(n.at("difference").get<double>() < 1e-12);
}

void check_stacks(const json& stacks, bool pre) {
  for (const char* name : {"whole", "no residual", "neither"}) {
    REQUIRE(stacks.at(name).size() == 6);
    for (std::size_t i = 0; i < 6; ++i) CHECK(stacks.at(name).at(i).at("layers").get<int>() == 1 << i);
  }
  const auto number = [&](const char* name, std::size_t i, const char* what) {
    return stacks.at(name).at(i).at(what).get<double>();
  };
  for (std::size_t i = 0; i < 6; ++i) {
    const double relative = number("whole", i, "gradient") / number("whole", 0, "gradient");
    CHECK(relative > 0.1);
    CHECK(relative < 10);
    CHECK(number("whole", i, "difference") > 0.05);
    CHECK(number("no residual", i, "gradient") < 10);
    if (!pre) CHECK(number("whole", i, "output") == Approx(1).epsilon(1e-3));
    if (!pre) CHECK(number("no residual", i, "output") == Approx(1).epsilon(1e-2));
    if (i > 0) CHECK(number("neither", i, "gradient") < number("neither", i - 1, "gradient") / 10);
    if (i > 2) CHECK(number("no residual", i, "difference") < 1e-12);
    if (i > 2) CHECK(number("neither", i, "difference") < 1e-12);
  }
  CHECK(number("neither", 5, "gradient") < 1e-25);
}

}  // namespace

TEST_CASE("block: every step of one, and stacks with and without the residual") {
  for (const bool pre : {false, true}) {
    for (const char* seed : {"1", "2"}) {
      const json n = lesson({"block", "--norm", pre ? "pre" : "post", "--seed", seed});
      check_block(n, pre);
      check_stacks(n.at("stacks"), pre);
    }
  }
}

TEST_CASE("block takes other sizes and refuses wrong ones") {
  const json n = lesson({"block"}), wide = lesson({"block", "--d", "48", "--heads", "3"});
  CHECK(wide.at("x") == n.at("x"));
  CHECK(wide.at("stacks") != n.at("stacks"));
  check_stacks(wide.at("stacks"), false);
  CHECK(lesson({"block", "--heads", "2"}).at("stacks") != n.at("stacks"));
  Program gaze;
  for (const char* wrong : {"3", "0", "64", "x"})
    check_complaint(gaze.run({"lesson", "block", "--heads", wrong}), 2, "--heads");
  for (const char* wrong : {"7", "257", "-8", "8.5"})
    check_complaint(gaze.run({"lesson", "block", "--d", wrong}), 2, "--d");
  check_complaint(gaze.run({"lesson", "block", "--norm", "none"}), 2, "--norm");
  check_complaint(gaze.run({"lesson", "block", "--seed", "-1"}), 2, "--seed");
}
