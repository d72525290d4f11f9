#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/kernels/openblas.h>
#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/random.h>

#include "../../catch.h"
#include "../../settings.h"

using namespace gaze;
using kernels::Gemm;

namespace {

std::vector<double> numbers(std::int64_t n, std::uint64_t stream) {
  Random random({3, stream});
  std::vector<double> v(static_cast<std::size_t>(n));
  for (double& x : v) x = random.normal();
  return v;
}

/// A product to be made, with everything that may be asked of it.
struct Case {
  std::int64_t m = 1, n = 1, k = 1;
  bool transpose_a = false, transpose_b = false, adds = false, biased = false;
  Activation activation = Activation::none;
  bool sloped = false, roomy = false;
  double alpha = 1, dropout = 0;
  std::int64_t a_gap = 0, b_gap = 0, c_gap = 0;  ///< what strides are longer than rows
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.m << "x" << c.n << "x" << c.k << " transposed " << c.transpose_a << c.transpose_b << " adds "
             << c.adds << " biased " << c.biased << " activation " << static_cast<int>(c.activation) << " sloped "
             << c.sloped << " alpha " << c.alpha << " dropout " << c.dropout << " gaps " << c.a_gap << " " << c.b_gap
             << " " << c.c_gap;
}

double normal_cdf(double x) { return std::erfc(-x / std::sqrt(2)) / 2; }
double normal_density(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * M_PI); }

/// One case's operands, what is expected, and what was made of it.
template <class T>
class Trial {
 public:
  explicit Trial(const Case& trial)
      : c_(trial),
        a_stride_((c_.transpose_a ? c_.m : c_.k) + c_.a_gap),
        b_stride_((c_.transpose_b ? c_.k : c_.n) + c_.b_gap),
        // Where rows have room, it is as much as the widest vectors need.
        c_stride_((c_.roomy ? (c_.n + whole_ - 1) / whole_ * whole_ : c_.n) + c_.c_gap),
        a_(drawn((c_.transpose_a ? c_.k : c_.m) * a_stride_, 1)),
        b_(drawn((c_.transpose_b ? c_.n : c_.k) * b_stride_, 2)),
        bias_(drawn(c_.n, 3)),
        // A row more than C has: nothing behind it is written either.
        before_(drawn((c_.m + 1) * c_stride_, 4)) {
    if (!c_.adds)  // whatever C holds
      for (std::int64_t i = 0; i < c_.m; ++i)
        std::fill_n(before_.begin() + i * c_stride_, c_.n, std::numeric_limits<T>::quiet_NaN());
  }

  void check() {
    made_ = before_, slope_ = Numbers(before_.size(), untouched_);
    run(1, made_, slope_);
    for (const int count : {2, 3}) {
      Numbers c = before_, slope(before_.size(), untouched_);
      run(count, c, slope);
      CHECK(same_bits(c, made_));
      CHECK(same_bits(slope, slope_));
    }
    CHECK(gaps_are_untouched());
    std::vector<double> sums(static_cast<std::size_t>(c_.n)), sizes(sums.size());
    double worst = 0;  // in units of what rounding may do
    for (std::int64_t i = 0; i < c_.m; ++i) {
      // Of the largest products, the rows beside every edge of blocks and tiles.
      if (c_.m * c_.n * c_.k > 100'000'000 && i % 8 != 0 && i % 8 != 7) continue;
      plain_row(i, sums, sizes);
      for (std::int64_t j = 0; j < c_.n; ++j)
        worst = std::max(worst, error(i, j, sums[static_cast<std::size_t>(j)], sizes[static_cast<std::size_t>(j)]));
    }
    CHECK(worst <= 1);
  }

 private:
  using Numbers = std::vector<T>;
  static constexpr T untouched_ = 77;
  static constexpr std::int64_t whole_ = 64 / sizeof(T);
  static constexpr std::uint64_t seed_ = 21, stream_ = 22;

  static Numbers drawn(std::int64_t count, std::uint64_t stream) {
    const std::vector<double> from = numbers(count, stream);
    return {from.begin(), from.end()};
  }
  static bool same_bits(const Numbers& a, const Numbers& b) {
    return std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
  }

  void run(int count, Numbers& c, Numbers& slope) const {
    const Threads use(count);
    kernels::of<T>().gemm({.m = c_.m,
                           .n = c_.n,
                           .k = c_.k,
                           .a = a_.data(),
                           .a_stride = a_stride_,
                           .transpose_a = c_.transpose_a,
                           .b = b_.data(),
                           .b_stride = b_stride_,
                           .transpose_b = c_.transpose_b,
                           .c = c.data(),
                           .c_stride = c_stride_,
                           .alpha = static_cast<T>(c_.alpha),
                           .adds = c_.adds,
                           .roomy = c_.roomy,
                           .bias = c_.biased ? bias_.data() : nullptr,
                           .activation = c_.activation,
                           .slope = c_.sloped ? slope.data() : nullptr,
                           .dropout = c_.dropout,
                           .seed = seed_,
                           .stream = stream_});
  }

  bool gaps_are_untouched() const {
    const bool slopes = c_.sloped && c_.activation == Activation::gelu;
    for (std::int64_t i = 0; i <= c_.m; ++i)
      for (std::int64_t j = 0; j < c_stride_; ++j) {
        const auto at = static_cast<std::size_t>(i * c_stride_ + j);
        const bool inside = i < c_.m && j < c_.n, room = i < c_.m && j < c_stride_ - c_.c_gap;
        if (!room && made_[at] != before_[at]) return false;
        if ((!inside || !slopes) && slope_[at] != untouched_) return false;
      }
    return true;
  }

  /// Row i of the product, and the sums of its terms' sizes.
  void plain_row(std::int64_t i, std::vector<double>& sums, std::vector<double>& sizes) const {
    std::fill(sums.begin(), sums.end(), 0), std::fill(sizes.begin(), sizes.end(), 0);
    for (std::int64_t p = 0; p < c_.k; ++p) {
      const double x = a_[static_cast<std::size_t>(c_.transpose_a ? p * a_stride_ + i : i * a_stride_ + p)];
      const T* from = b_.data() + (c_.transpose_b ? p : p * b_stride_);
      const std::int64_t step = c_.transpose_b ? b_stride_ : 1;
      for (std::int64_t j = 0; j < c_.n; ++j) {
        const double term = x * static_cast<double>(from[j * step]);
        sums[static_cast<std::size_t>(j)] += term, sizes[static_cast<std::size_t>(j)] += std::abs(term);
      }
    }
  }

  double error(std::int64_t i, std::int64_t j, double sum, double size) const {
    const auto at = static_cast<std::size_t>(i * c_stride_ + j);
    const double old = c_.adds ? static_cast<double>(before_[at]) : 0,
                 bias = c_.biased ? static_cast<double>(bias_[static_cast<std::size_t>(j)]) : 0;
    const double x = c_.alpha * sum + old + bias;
    double y = x, slope = 0;
    if (c_.activation == Activation::relu) y = std::max(x, 0.0);
    if (c_.activation == Activation::gelu) y = x * normal_cdf(x), slope = normal_cdf(x) + x * normal_density(x);
    const std::int64_t number = i * c_.n + j;
    const std::uint32_t word = RandomStream{seed_, stream_}.block(
        static_cast<std::uint64_t>(number / 4))[static_cast<std::size_t>(number % 4)];
    const bool dropped = c_.dropout > 0 && word < static_cast<std::uint32_t>(c_.dropout * 0x1p32);
    y = dropped ? 0 : y / (1 - c_.dropout);
    // Sums err like random walks; 100 is for double's erf.
    const double epsilon = std::numeric_limits<T>::epsilon();
    const double may = epsilon * (4 * std::sqrt(static_cast<double>(c_.k)) + 8) *
                           (std::abs(c_.alpha) * size + std::abs(old) + std::abs(bias)) / (1 - c_.dropout) +
                       100 * epsilon * (1 + std::abs(y));
    double off = std::abs(static_cast<double>(made_[at]) - y);
    if (dropped && made_[at] != 0) off = INFINITY;
    if (c_.sloped && c_.activation == Activation::gelu)
      off = std::max(off, std::abs(static_cast<double>(slope_[at]) - slope));
    return std::isfinite(off) ? off / may : INFINITY;
  }

  Case c_;
  std::int64_t a_stride_, b_stride_, c_stride_;
  Numbers a_, b_, bias_, before_, made_, slope_;
};

template <class T>
void check_case(const Case& c) {
  for (const ProductsBy by : {ProductsBy::own, ProductsBy::openblas}) {
    CAPTURE(c, sizeof(T), static_cast<int>(by));
    const UseProducts use(by);
    Trial<T>(c).check();
  }
}

/// A case with everything drawn but the shape.
Case drawn_case(Random& random, std::int64_t m, std::int64_t n, std::int64_t k) {
  Case c{.m = m, .n = n, .k = k};
  const auto coin = [&] { return random.below(2) == 1; };
  const auto gap = [&] { return coin() ? 0 : static_cast<std::int64_t>(random.below(20)); };
  c.transpose_a = coin(), c.transpose_b = coin(), c.adds = coin(), c.biased = coin(), c.sloped = coin(),
  c.roomy = coin();
  c.activation = static_cast<Activation>(random.below(3));
  c.alpha = coin() ? 1 : random.normal();
  c.dropout = random.below(4) == 0 ? 0.3 : 0;
  c.a_gap = gap(), c.b_gap = gap(), c.c_gap = gap();
  // Rows that lie more than 2048 bytes apart are gathered when they are read down.
  if (random.below(4) == 0) c.a_gap = 600;
  return c;
}

}  // namespace

TEMPLATE_TEST_CASE("gemm equals plain loops for all kinds of shapes, strides and flags", "", float, double) {
  Random random({23, sizeof(TestType)});
  const auto length = [&](std::uint32_t max_length) { return static_cast<std::int64_t>(1 + random.below(max_length)); };
  for (int i = 0; i < 300; ++i) {
    const bool deep = i % 8 == 0;  // more terms than are summed before C is touched
    const std::int64_t m = length(deep ? 60 : 200), n = length(deep ? 60 : 200);
    check_case<TestType>(drawn_case(random, m, n, deep ? 384 + length(600) : length(200)));
  }
  for (const std::int64_t k : {383, 384, 385, 767, 768, 769}) check_case<TestType>(drawn_case(random, 19, 23, k));
}

TEMPLATE_TEST_CASE("gemm equals plain loops where tiles share panels", "", float, double) {
  Random random({29, sizeof(TestType)});
  const std::int64_t shapes[][3] = {{500, 300, 400}, {193, 500, 390}, {700, 70, 257}, {260, 1, 1000}, {1025, 49, 63}};
  for (const auto& [m, n, k] : shapes)
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        Case c = drawn_case(random, m, n, k);
        c.transpose_a = ta, c.transpose_b = tb;
        check_case<TestType>(c);
      }
}

TEMPLATE_TEST_CASE("gemm equals plain loops where op(B) is too large to be shared", "", float, double) {
  Random random({31, sizeof(TestType)});
  const std::int64_t k = sizeof(TestType) == 4 ? 1100 : 560, n = 1003;
  REQUIRE(k * n * static_cast<std::int64_t>(sizeof(TestType)) > 4 << 20);
  for (const std::int64_t m : {5, 90, 530}) {
    Case c = drawn_case(random, m, n, k);
    c.transpose_a = m == 90, c.transpose_b = m != 530;
    check_case<TestType>(c);
  }
}

TEMPLATE_TEST_CASE("gemm equals plain loops where rows of a transposed A lie far apart", "", float, double) {
  Random random({37, sizeof(TestType)});
  const std::int64_t shapes[][3] = {{700, 50, 400}, {1, 30, 500}, {97, 96, 385}, {600, 600, 7}};
  for (const auto& [m, n, k] : shapes) {
    Case c = drawn_case(random, m, n, k);
    c.transpose_a = true, c.a_gap = 513;
    check_case<TestType>(c);
  }
}

TEST_CASE("OpenBLAS makes the products that BLAS can say, and gaze the others") {
  std::vector<float> a(64, 1), b(64, 1), c(64, 0);
  const Gemm<float> g{
      .m = 4, .n = 4, .k = 4, .a = a.data(), .a_stride = 4, .b = b.data(), .b_stride = 4, .c = c.data(), .c_stride = 4};
  {
    const kernels::OneBlasThread one;
    CHECK(kernels::multiply_by_openblas(g));
    Gemm<float> repeated = g;  // every row of A is the first
    repeated.a_stride = 0;
    CHECK_FALSE(kernels::multiply_by_openblas(repeated));
    Gemm<float> far = g;
    far.b_stride = std::int64_t{1} << 31;
    CHECK_FALSE(kernels::multiply_by_openblas(far));
    Gemm<float> row = g;  // the distance of rows means nothing where there is one
    row.m = 1, row.a_stride = 0;
    CHECK(kernels::multiply_by_openblas(row));
  }
  const UseProducts openblas(ProductsBy::openblas);
  Gemm<float> repeated = g;
  repeated.a_stride = 0;
  kernels::of<float>().gemm(repeated);
  CHECK(std::vector<float>(c.begin(), c.begin() + 16) == std::vector<float>(16, 4));
}

TEST_CASE("products are gaze's own or OpenBLAS's, and nobody else's") {
  const ProductsBy before = products();
  CHECK_THROWS_WITH(set_products(static_cast<ProductsBy>(2)), ContainsSubstring("neither own nor openblas"));
  CHECK(products() == before);
}

TEST_CASE("gemm equals three loops for every flag") {
  const bool ta = GENERATE(false, true), tb = GENERATE(false, true);
  const bool adds = GENERATE(false, true), biased = GENERATE(false, true);
  const std::int64_t m = 37, n = 21, k = 18;
  const auto a = numbers(m * k, 1), b = numbers(k * n, 2), bias = numbers(n, 3);
  auto c = numbers(m * n, 4), expected = c;
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (std::int64_t p = 0; p < k; ++p)
        sum += a[static_cast<std::size_t>(ta ? p * m + i : i * k + p)] *
               b[static_cast<std::size_t>(tb ? j * k + p : p * n + j)];
      double& e = expected[static_cast<std::size_t>(i * n + j)];
      e = (adds ? e : 0) + 2 * sum + (biased ? bias[static_cast<std::size_t>(j)] : 0);
    }
  kernels::of<double>().gemm({.m = m,
                              .n = n,
                              .k = k,
                              .a = a.data(),
                              .a_stride = ta ? m : k,
                              .transpose_a = ta,
                              .b = b.data(),
                              .b_stride = tb ? k : n,
                              .transpose_b = tb,
                              .c = c.data(),
                              .c_stride = n,
                              .alpha = 2,
                              .adds = adds,
                              .bias = biased ? bias.data() : nullptr});
  for (std::size_t i = 0; i < c.size(); ++i) CHECK(c[i] == Approx(expected[i]).epsilon(1e-12));
}

TEST_CASE("gemm gives the same bits with 1, 2 and 4 threads") {
  const std::int64_t m = 300, n = 500, k = 257;
  std::vector<float> a(static_cast<std::size_t>(m * k)), b(static_cast<std::size_t>(k * n));
  Random random({5, 0});
  for (float& x : a) x = static_cast<float>(random.normal());
  for (float& x : b) x = static_cast<float>(random.normal());
  const int before = threads();
  std::vector<std::vector<float>> results;
  for (const int count : {1, 2, 4}) {
    set_threads(count);
    std::vector<float> c(static_cast<std::size_t>(m * n));
    kernels::of<float>().gemm({.m = m,
                               .n = n,
                               .k = k,
                               .a = a.data(),
                               .a_stride = k,
                               .b = b.data(),
                               .b_stride = n,
                               .c = c.data(),
                               .c_stride = n});
    results.push_back(c);
  }
  set_threads(before);
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEMPLATE_TEST_CASE("a sum of gaze's products has the bits of one product after another", "", float, double) {
  const UseProducts own(ProductsBy::own);
  const bool transpose_a = GENERATE(false, true), transpose_b = GENERATE(false, true), adds = GENERATE(false, true);
  CAPTURE(transpose_a, transpose_b, adds);
  const std::int64_t m = 203, n = 517, stride = 1100;  // rows far apart
  std::vector<TestType> a, b, from;
  const auto fill = [](std::vector<TestType>& v, std::int64_t size, std::uint64_t stream) {
    const std::vector<double> drawn = numbers(size, stream);
    v.assign(drawn.begin(), drawn.end());
  };
  const std::vector<std::int64_t> depths = {64, 5, 0, 400};
  const std::int64_t apart = 517 * stride;  // between two operands
  fill(a, apart * 4, 50), fill(b, apart * 4, 51), fill(from, m * n, 52);
  std::vector<kernels::GemmOperands<TestType>> operands;
  for (std::size_t i = 0; i < depths.size(); ++i)
    operands.push_back(
        {a.data() + static_cast<std::int64_t>(i) * apart, b.data() + static_cast<std::int64_t>(i) * apart, depths[i]});
  Gemm<TestType> g{.m = m,
                   .n = n,
                   .a_stride = stride,
                   .transpose_a = transpose_a,
                   .b_stride = stride,
                   .transpose_b = transpose_b,
                   .c_stride = n,
                   .adds = adds};
  std::vector<TestType> expected = from;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    Gemm<TestType> one = g;
    one.a = operands[i].a, one.b = operands[i].b, one.k = operands[i].k, one.c = expected.data();
    one.adds = adds || i > 0;
    kernels::of<TestType>().gemm(one);
  }
  const int before = threads();
  for (const int count : {1, 2, 4}) {
    set_threads(count);
    std::vector<TestType> c = from;
    g.c = c.data();
    kernels::of<TestType>().gemm_sum(g, static_cast<std::int64_t>(operands.size()), operands.data());
    CHECK(c == expected);
  }
  set_threads(before);
}

TEST_CASE("gemm over an empty sum gives C or zeros") {
  std::vector<double> c = {1, 2}, none;
  kernels::Gemm<double> g{.m = 1,
                          .n = 2,
                          .k = 0,
                          .a = none.data(),
                          .a_stride = 0,
                          .b = none.data(),
                          .b_stride = 2,
                          .c = c.data(),
                          .c_stride = 2,
                          .adds = true};
  kernels::of<double>().gemm(g);
  CHECK(c == std::vector<double>{1, 2});
  g.adds = false;
  kernels::of<double>().gemm(g);
  CHECK(c == std::vector<double>{0, 0});
}
