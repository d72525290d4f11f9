#include <gaze/autograd/kernels/gemm.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include <gaze/autograd/kernels/functions.h>
#include <gaze/autograd/kernels/openblas.h>
#include <gaze/autograd/kernels/parallel.h>
#include <gaze/autograd/kernels/serial.h>
#include <gaze/autograd/kernels/simd.h>

/// Matrix products after Goto and van de Geijn 2008, "Anatomy of high-performance matrix multiplication": a small block
/// of C stays in registers while a panel of B streams past it from the cache, packed so that it is read in order. Rows
/// of A are read where they lie.
namespace gaze::kernels::GAZE_LEVEL {
namespace {

// A block of C in registers: rows times vectors. 24 sums keep two multipliers busy that answer after four cycles; where
// there are 16 registers in all, 12 leave room for what is multiplied.
constexpr int block_rows = vector_registers == 32 ? 8 : 4, block_vectors = 3;
template <class T>
constexpr std::int64_t panel_width = block_vectors* lanes<T>;
constexpr std::int64_t depth = 384;  // of k that is summed before C is touched: a panel of B fits the cache
constexpr std::int64_t band = 96;    // rows of A that pass a panel before the next panel's turn

/// A block of rows of A as it is read: element (i, p) at from[i * row + p * next].
template <class T>
struct Rows {
  const T* from;
  std::int64_t row, next;
  Rows after(std::int64_t rows) const { return {from + rows * row, row, next}; }
};

template <class T>
struct Panel {
  const T* from;
  std::int64_t stride;   ///< of its k rows
  std::int64_t columns;  ///< of C that are written; the rest of its last vector is padding
};

template <class T>
struct Target {
  T* c;
  std::int64_t stride;
  T alpha;
  bool adds;
};

/// A block of R rows and N vectors of C.
template <class T, int R, int N>
void multiply_block(std::int64_t k, const Rows<T>& a, const Panel<T>& b, const Target<T>& to) {
  using V = Vector<T>;
  V sum[R][N];
  const T* rows[R];
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i) {
    rows[i] = a.from + i * a.row;
#pragma GCC unroll 3
    for (int j = 0; j < N; ++j) sum[i][j] = V(T(0));
  }
  const T* line = b.from;
  for (std::int64_t p = 0, at = 0; p < k; ++p, at += a.next, line += b.stride) {
    V part[N];
#pragma GCC unroll 3
    for (int j = 0; j < N; ++j) part[j] = V::load_unaligned(line + j * lanes<T>);
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
      const V x(rows[i][at]);
#pragma GCC unroll 3
      for (int j = 0; j < N; ++j) sum[i][j] = simd::fma(x, part[j], sum[i][j]);
    }
  }
  const V alpha(to.alpha);
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 3
    for (int j = 0; j < N; ++j) {
      T* c = to.c + i * to.stride + j * lanes<T>;
      const V v = sum[i][j] * alpha;
      const std::int64_t left = b.columns - j * lanes<T>;
      if (left >= lanes<T>) {
        (to.adds ? v + V::load_unaligned(c) : v).store_unaligned(c);
      } else {
        // Element by element: with store_part here GCC 12 lets the sums above leave their registers at every step of k,
        // which costs 30 % of all products, whole blocks included.
        alignas(64) T rest[V::size];
        v.store_aligned(rest);
        for (std::int64_t l = 0; l < lanes<T>; ++l)
          if (l < left) c[l] = to.adds ? rest[l] + c[l] : rest[l];
      }
    }
  }
}

/// All rows of a band against one panel. `group` is the distance of two blocks of rows in A.
template <class T, int N>
void multiply_rows(std::int64_t rows, std::int64_t k, Rows<T> a, std::int64_t group, const Panel<T>& b, Target<T> to) {
  std::int64_t i = 0;
  for (; i + block_rows <= rows; i += block_rows, a.from += group, to.c += block_rows * to.stride)
    multiply_block<T, block_rows, N>(k, a, b, to);
  const auto some = [&]<int R>() {
    if (rows - i < R) return;
    multiply_block<T, R, N>(k, a, b, to);
    a = a.after(R), to.c += R * to.stride, i += R;
  };
  if constexpr (block_rows > 4) some.template operator()<4>();
  some.template operator()<2>();
  some.template operator()<1>();
}

/// to[p][j] = from[j][p] for p < k and j < columns, zeros up to j < width.
template <class T>
void pack_transposed(const T* from, std::int64_t stride, std::int64_t k, std::int64_t columns, std::int64_t width,
                     T* to) {
  for (std::int64_t j = 0; j < width; j += lanes<T>) {
    const std::int64_t rows = std::min(lanes<T>, columns - j);
    std::int64_t p = 0;
    for (; p + lanes<T> <= k; p += lanes<T>)
      transpose_square(from + j * stride + p, stride, rows, to + p * width + j, width);
    for (; p < k; ++p)
      for (std::int64_t l = 0; l < lanes<T>; ++l) to[p * width + j + l] = l < rows ? from[(j + l) * stride + p] : T(0);
  }
}

template <class T>
void pack_straight(const T* from, std::int64_t stride, std::int64_t k, std::int64_t columns, std::int64_t width,
                   T* to) {
  const std::int64_t full = columns / lanes<T> * lanes<T>;
  for (std::int64_t p = 0; p < k; ++p, from += stride, to += width) {
    for (std::int64_t j = 0; j < full; j += lanes<T>) Vector<T>::load_unaligned(from + j).store_aligned(to + j);
    if (full < width) load_part(from + full, columns - full, T(0)).store_aligned(to + full);
  }
}

/// Columns of A^T as blocks of rows, each [k][block_rows].
template <class T>
void pack_band(const T* from, std::int64_t stride, std::int64_t k, std::int64_t rows, T* to) {
  const std::int64_t full = rows / block_rows * block_rows;
  for (std::int64_t p = 0; p < k; ++p, from += stride, to += block_rows) {
    for (std::int64_t i = 0; i < full; i += block_rows) std::memcpy(to + i * k, from + i, block_rows * sizeof(T));
    for (std::int64_t i = full; i < rows; ++i) to[full * k + i - full] = from[i];
  }
}

/// x becomes gelu(x), and slope its slope there.
template <class T>
void gelu_and_slope(std::int64_t n, T* x, T* slope) {
  for_vectors<T>(n, [&](std::int64_t i, const auto& load, const auto& store) {
    const Vector<T> at = load(x + i);
    const auto [cdf, density] = normal(at);
    store(cdf + at * density, slope + i);
    store(at * cdf, x + i);
  });
}

/// What follows the product, for one row's columns [first, first + n).
template <class T>
void finish_row(const Gemm<T>& g, std::int64_t row, std::int64_t first, std::int64_t n) {
  using V = Vector<T>;
  T* c = g.c + row * g.c_stride + first;
  const T* bias = g.bias ? g.bias + first : nullptr;
  const auto add_bias = [&] {
    if (bias) add_to(c, bias, n);
  };
  switch (g.activation) {
    case Activation::none: add_bias(); break;
    case Activation::relu:
      if (bias)
        map(
            n, c, [](const V& x, const V& b) { return relu(x + b); }, c, bias);
      else
        map(
            n, c, [](const V& x) { return relu(x); }, c);
      break;
    case Activation::gelu:
      add_bias();
      if (g.slope)
        gelu_and_slope(n, c, g.slope + row * g.c_stride + first);
      else
        map(
            n, c, [](const V& x) { return gelu(x); }, c);
  }
  if (g.dropout > 0) dropout_part(c, row * g.n + first, n, g.seed, g.stream, g.dropout, c);
}

/// The first panel of C's n columns that begins at `column` or behind it; n when there is none. All panels are as wide
/// as can be, but that two of two vectors take the place of a last one that would be a single vector.
template <class T>
std::int64_t panel_from(std::int64_t n, std::int64_t column) {
  const std::int64_t vectors = round_up(n, lanes<T>) / lanes<T>, at = round_up(column, lanes<T>) / lanes<T>;
  if (at >= vectors) return n;
  const std::int64_t pair = block_vectors - 1;
  const bool paired = vectors % block_vectors == 1 && vectors > 2 * pair - 1;
  if (!paired || at <= vectors - 2 * pair) return std::min(round_up(at, block_vectors) * lanes<T>, n);
  return at <= vectors - pair ? (vectors - pair) * lanes<T> : n;
}

/// visit(first column, columns, columns with padding) for the panels that begin in [first, last).
template <class T, class Visit>
void for_panels(std::int64_t n, std::int64_t first, std::int64_t last, const Visit& visit) {
  for (std::int64_t j = panel_from<T>(n, first); j < last;) {
    const std::int64_t next = panel_from<T>(n, j + 1);
    visit(j, next - j, round_up(next - j, lanes<T>));
    j = next;
  }
}

/// Rows [p, p + k) of op(B) in the panels that begin in [first, last): one behind the other.
template <class T>
void pack_panels(const Gemm<T>& g, std::int64_t p, std::int64_t k, std::int64_t first, std::int64_t last, T* to) {
  for_panels<T>(g.n, first, last, [&](std::int64_t j, std::int64_t n, std::int64_t width) {
    if (g.transpose_b)
      pack_transposed(g.b + j * g.b_stride + p, g.b_stride, k, n, width, to);
    else
      pack_straight(g.b + p * g.b_stride + j, g.b_stride, k, n, width, to);
    to += k * width;
  });
}

/// Where the panels of rows [p, p + k) begin when all of op(B) is packed.
template <class T>
std::int64_t packed_offset(const Gemm<T>& g, std::int64_t p) {
  return p * round_up(g.n, lanes<T>);
}

/// Whether rows that are `stride` elements apart evict one another from the cache.
template <class T>
bool far_apart(std::int64_t stride) {
  constexpr std::int64_t far = 2048;  // bytes
  return stride * static_cast<std::int64_t>(sizeof(T)) > far;
}

/// Whether B is read where it lies although many rows pass.
template <class T>
bool lies_well(const Gemm<T>& g) {
  return !g.transpose_b && g.n % lanes<T> == 0 && !far_apart<T>(g.b_stride);
}

/// Rows [row, row + rows) of C and the panels of its columns that begin in [from, to). `packed`: all of op(B), or null.
template <class T>
void tile(const Gemm<T>& g, std::int64_t row, std::int64_t rows, std::int64_t from, std::int64_t to, const T* packed) {
  const std::int64_t column = panel_from<T>(g.n, from), columns = panel_from<T>(g.n, to) - column;
  if (columns == 0) return;
  const bool finishes = g.bias || g.activation != Activation::none || g.dropout > 0;
  const auto finish = [&](std::int64_t first, std::int64_t count) {
    if (finishes)
      for (std::int64_t i = 0; i < count; ++i) finish_row(g, row + first + i, column, columns);
  };
  if (g.k == 0) {
    if (!g.adds)
      for (std::int64_t i = 0; i < rows; ++i) std::fill_n(g.c + (row + i) * g.c_stride + column, columns, T(0));
    return finish(0, rows);
  }
  if (!packed && uses_openblas()) {
    Gemm<T> part = g;
    part.m = rows, part.n = columns;
    part.a += g.transpose_a ? row : row * g.a_stride;
    part.b += g.transpose_b ? column * g.b_stride : column;
    part.c += row * g.c_stride + column;
    if (multiply_by_openblas(part)) {
      const std::int64_t padding = g.roomy && !g.adds ? round_up(columns, lanes<T>) - columns : 0;
      for (std::int64_t i = 0; i < rows; ++i) std::fill_n(part.c + i * g.c_stride + columns, padding, T(0));
      return finish(0, rows);
    }
  }
  // When few rows pass, packing B would take longer than reading it where it lies.
  const bool in_place = !packed && (lies_well(g) || (!g.transpose_b && rows <= band && columns % lanes<T> == 0));
  const bool gathers = g.transpose_a && far_apart<T>(g.a_stride);
  const std::int64_t deep = std::min(depth, g.k);
  const std::int64_t b_size = in_place || packed ? 0 : deep * round_up(columns, lanes<T>);
  const std::int64_t a_size = gathers ? deep * round_up(std::min(band, rows), block_rows) : 0;
  T* own_b = static_cast<T*>(thread_memory(ThreadMemory::gemm, static_cast<std::size_t>(b_size + a_size) * sizeof(T)));
  T* own_a = own_b + b_size;
  for (std::int64_t p = 0; p < g.k; p += depth) {
    const std::int64_t k = std::min(depth, g.k - p);
    if (!in_place && !packed) pack_panels(g, p, k, from, to, own_b);
    const T* panels = in_place ? g.b + p * g.b_stride + column
                      : packed ? packed + packed_offset(g, p) + column * k
                               : own_b;
    for (std::int64_t i = 0; i < rows; i += band) {
      const std::int64_t count = std::min(band, rows - i);
      Rows<T> a = g.transpose_a ? Rows<T>{g.a + p * g.a_stride + row + i, 1, g.a_stride}
                                : Rows<T>{g.a + (row + i) * g.a_stride + p, g.a_stride, 1};
      std::int64_t group = block_rows * a.row;
      if (gathers) {
        pack_band(a.from, g.a_stride, k, count, own_a);
        a = {own_a, 1, block_rows}, group = block_rows * k;
      }
      for_panels<T>(g.n, from, to, [&](std::int64_t first, std::int64_t n, std::int64_t width) {
        const std::int64_t j = first - column, written = g.roomy ? width : n;
        const Panel<T> panel =
            in_place ? Panel<T>{panels + j, g.b_stride, written} : Panel<T>{panels + j * k, width, written};
        const Target<T> target{g.c + (row + i) * g.c_stride + first, g.c_stride, g.alpha, p > 0 || g.adds};
        switch (width / lanes<T>) {
          case 1: return multiply_rows<T, 1>(count, k, a, group, panel, target);
          case 2: return multiply_rows<T, 2>(count, k, a, group, panel, target);
          default: return multiply_rows<T, 3>(count, k, a, group, panel, target);
        }
      });
      if (p + depth >= g.k) finish(i, count);
    }
  }
}

/// Rows and columns of the tiles that C is cut into.
struct Tiling {
  std::int64_t rows, columns, down, across;
};

/// Tiles no larger than `tallest` rows, and enough of them to share the work.
template <class T>
Tiling tiling(const Gemm<T>& g, std::int64_t tallest) {
  constexpr std::int64_t widest = 10 * panel_width<float>;
  constexpr std::int64_t worth_a_tile = 1 << 18, max_tiles = 8;  // multiply-adds; tiles, when none is too large
  const auto parts = [](std::int64_t length, std::int64_t part) { return (length + part - 1) / part; };
  std::int64_t down = parts(g.m, tallest), across = parts(g.n, widest);
  constexpr std::int64_t shortest = 64;  // rows that are worth cutting in two
  const std::int64_t wanted = std::clamp<std::int64_t>(g.m * g.n * g.k / worth_a_tile, 1, max_tiles);
  while (down * across < wanted) {
    if (g.m / down >= shortest)
      down *= 2;
    else if (g.n / across >= 2 * panel_width<T>)
      across *= 2;
    else
      break;
  }
  const std::int64_t rows = round_up(parts(g.m, down), block_rows),
                     columns = round_up(parts(g.n, across), panel_width<T>);
  return {rows, columns, parts(g.m, rows), parts(g.n, columns)};
}

/// The tiles of one product share panels that are packed before they begin.
template <class T>
void gemm_shared(const Gemm<T>& g, const Tiling& t, std::int64_t work) {
  const Scratch scratch(static_cast<std::size_t>(packed_offset(g, g.k)) * sizeof(T));
  T* packed = static_cast<T*>(scratch.memory());
  constexpr std::int64_t wide = 2 * panel_width<T>;  // columns of a task
  const std::int64_t across = (g.n + wide - 1) / wide, deep = (g.k + depth - 1) / depth;
  parallel_tasks(across * deep, g.k * g.n, [&](std::int64_t task) {
    const std::int64_t p = task / across * depth, k = std::min(depth, g.k - p), from = task % across * wide,
                       to = std::min(from + wide, g.n);
    pack_panels(g, p, k, from, to, packed + packed_offset(g, p) + panel_from<T>(g.n, from) * k);
  });
  parallel_tasks(t.down * t.across, work, [&](std::int64_t task) {
    const std::int64_t row = task / t.across * t.rows, column = task % t.across * t.columns;
    tile(g, row, std::min(t.rows, g.m - row), column, std::min(column + t.columns, g.n), static_cast<const T*>(packed));
  });
}

/// In elements touched.
template <class T>
std::int64_t work_of(const Gemm<T>& g) {
  constexpr std::int64_t elements_per_multiply_add = 8;  // a product's arithmetic is that much faster than memory
  return g.m * g.n * std::max<std::int64_t>(g.k, 1) / elements_per_multiply_add;
}

template <class T>
void gemm_batch(const Gemm<T>& g, std::int64_t count, const GemmOffsets* offsets) {
  if (g.m == 0 || g.n == 0 || count == 0) return;
  const ProductsInUse products;
  const std::int64_t work = count * work_of(g);
  constexpr std::int64_t shared_bytes = 4 << 20;  // of op(B): beyond, tiles so tall that packing in each is little
  const bool shares =
      count == 1 && !uses_openblas() && g.k * g.n * static_cast<std::int64_t>(sizeof(T)) <= shared_bytes;
  const Tiling t = tiling(g, shares ? 2 * band : 512);
  Gemm<T> first = g;
  first.a += offsets[0].a, first.b += offsets[0].b, first.c += offsets[0].c;
  if (shares && t.down > 1 && !lies_well(g)) return gemm_shared(first, t, work);
  parallel_tasks(count * t.down * t.across, work, [&](std::int64_t task) {
    const std::int64_t i = task / (t.down * t.across), row = task / t.across % t.down * t.rows,
                       column = task % t.across * t.columns;
    Gemm<T> one = g;
    one.a += offsets[i].a, one.b += offsets[i].b, one.c += offsets[i].c;
    tile(one, row, std::min(t.rows, g.m - row), column, std::min(column + t.columns, g.n),
         static_cast<const T*>(nullptr));
  });
}

template <class T>
void gemm_sum(const Gemm<T>& g, std::int64_t count, const GemmOperands<T>* operands) {
  if (g.m == 0 || g.n == 0) return;
  const ProductsInUse products;
  Gemm<T> all = g;
  all.k = 0;
  for (std::int64_t i = 0; i < count; ++i) all.k += operands[i].k;
  const Tiling t = tiling(all, band);
  parallel_tasks(t.down * t.across, work_of(all), [&](std::int64_t task) {
    const std::int64_t row = task / t.across * t.rows, column = task % t.across * t.columns;
    for (std::int64_t i = 0; i < count; ++i) {
      Gemm<T> one = g;
      one.a = operands[i].a, one.b = operands[i].b, one.k = operands[i].k, one.adds = g.adds || i > 0;
      tile(one, row, std::min(t.rows, g.m - row), column, std::min(column + t.columns, g.n),
           static_cast<const T*>(nullptr));
    }
  });
}

template <class T>
void gemm(const Gemm<T>& g) {
  const GemmOffsets none;
  gemm_batch(g, 1, &none);
}

}  // namespace

template <class T>
void gemm_serial(const Gemm<T>& g) {
  if (g.m > 0 && g.n > 0) tile(g, 0, g.m, 0, g.n, static_cast<const T*>(nullptr));
}
template void gemm_serial(const Gemm<float>&);
template void gemm_serial(const Gemm<double>&);

GAZE_FILL(Products, .gemm = gemm, .gemm_batch = gemm_batch, .gemm_sum = gemm_sum)

}  // namespace gaze::kernels::GAZE_LEVEL
