#pragma once

#include <string_view>
#include <vector>

#include <gaze/autograd/kernels/additive.h>
#include <gaze/autograd/kernels/attention.h>
#include <gaze/autograd/kernels/dense.h>
#include <gaze/autograd/kernels/dropout.h>
#include <gaze/autograd/kernels/elementwise.h>
#include <gaze/autograd/kernels/gemm.h>
#include <gaze/autograd/kernels/normalise.h>
#include <gaze/autograd/kernels/optimizer.h>
#include <gaze/autograd/kernels/recurrent.h>
#include <gaze/autograd/kernels/reduce.h>
#include <gaze/autograd/kernels/softmax.h>

/// Which instructions the kernels use. Those that calculate are compiled once for each level that processors of the
/// target may have (in a namespace of its name) and reached through a table, of<T>(), that is chosen when the first is
/// asked for: a program built anywhere is as fast as the processor that it runs on.
namespace gaze::kernels {

enum class Isa {
  plain,  ///< no vector instructions: for processors that gaze has no other level for
  v2,     ///< x86-64 with SSE4.2: vectors of 4 floats
  v3,     ///< x86-64 with AVX2 and FMA: 8 floats
  v4,     ///< x86-64 with AVX-512: 16 floats
  neon    ///< aarch64: 4 floats
};

std::string_view name_of(Isa);  ///< "plain", "v2", "v3", "v4", "neon"

/// The levels that were compiled, the best last: v2, v3 and v4 for x86-64, neon for aarch64, plain for any other
/// processor and where CMake was given GAZE_PLAIN.
std::vector<Isa> compiled_isas();

/// Those of them that this processor has. Throws when it has none.
std::vector<Isa> supported_isas();

/// The level in use: the best, or what the environment variable GAZE_ISA asks for. Throws when that is not a level of
/// this program, or one that the processor does not have.
Isa isa();

template <class T, template <class> class... Groups>
struct Table : Groups<T>... {
  template <class F>
  void for_each_group(const F& f) {
    (f(static_cast<Groups<T>&>(*this)), ...);
  }
};

/// Every kernel of one level.
template <class T>
using Kernels = Table<T, Elementwise, Reductions, Softmax, Normalisation, Dropout, Products, Dense, AttentionKernels,
                      Additive, Recurrent, Optimisation>;

/// Those of a level, which must be one of supported_isas(), of float or double: levels can be compared.
template <class T>
Kernels<T> kernels_of(Isa);

/// Those in use, of float or double.
template <class T>
const Kernels<T>& of();

}  // namespace gaze::kernels
