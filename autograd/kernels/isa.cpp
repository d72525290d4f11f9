#include <gaze/autograd/kernels/isa.h>

#include <cpuid.h>

#include <algorithm>
#include <cstdlib>

#include <gaze/autograd/base/error.h>

namespace gaze::kernels {

// The levels that are compiled: see GAZE_LEVELS in CMakeLists.txt.
#ifdef GAZE_WITHOUT_v2
constexpr bool has_v2 = false;
#else
constexpr bool has_v2 = true;
#endif
#ifdef GAZE_WITHOUT_v3
constexpr bool has_v3 = false;
#else
constexpr bool has_v3 = true;
#endif
#ifdef GAZE_WITHOUT_v4
constexpr bool has_v4 = false;
#else
constexpr bool has_v4 = true;
#endif

// What the translation units of a level define, for every group of kernels.
namespace v2 {
template <class Group>
void fill(Group&);
}
namespace v3 {
template <class Group>
void fill(Group&);
}
namespace v4 {
template <class Group>
void fill(Group&);
}

namespace {

/// All that a level's compiler flag lets the compiler use, not only what the kernels are known to need.
bool supported(Isa level) {
  __builtin_cpu_init();
#if defined(__clang__) && __clang_major__ < 18  // whose names are of single features, and not of all
  const auto feature = [](unsigned leaf, unsigned bit) {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(leaf, &a, &b, &c, &d) && (c & bit);
  };
  constexpr unsigned basic = 1, extended = 0x80000001;
  const bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt") &&
                  feature(basic, bit_CMPXCHG16B) && feature(extended, bit_LAHF_LM);
  const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && feature(basic, bit_F16C) &&
                  feature(basic, bit_MOVBE) && feature(extended, bit_LZCNT);
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
#else
  const bool v2 = __builtin_cpu_supports("x86-64-v2"), v3 = __builtin_cpu_supports("x86-64-v3"),
             v4 = __builtin_cpu_supports("x86-64-v4");
#endif
  switch (level) {
    case Isa::v2: return has_v2 && v2;
    case Isa::v3: return has_v3 && v3;
    case Isa::v4: return has_v4 && v4;
  }
  return false;
}

Isa choose() {
  const std::vector<Isa> there = supported_isas();
  const char* asked = std::getenv("GAZE_ISA");
  if (!asked || !*asked) return there.back();
  for (const Isa level : {Isa::v2, Isa::v3, Isa::v4}) {
    if (name_of(level) != asked) continue;
    require(std::find(there.begin(), there.end(), level) != there.end(), "GAZE_ISA={}: this processor goes up to {}",
            asked, name_of(there.back()));
    return level;
  }
  fail("GAZE_ISA={}: the levels are v2, v3 and v4", asked);
}

}  // namespace

std::string_view name_of(Isa level) {
  switch (level) {
    case Isa::v2: return "v2";
    case Isa::v3: return "v3";
    case Isa::v4: return "v4";
  }
  return "?";
}

std::vector<Isa> supported_isas() {
  std::vector<Isa> there;
  for (const Isa level : {Isa::v2, Isa::v3, Isa::v4})
    if (supported(level)) there.push_back(level);
  require(!there.empty(), "this processor has none of the levels of x86-64 that the kernels were compiled for");
  return there;
}

Isa isa() {
  static const Isa level = choose();
  return level;
}

template <class T>
Kernels<T> kernels_of(Isa level) {
  Kernels<T> kernels;
  kernels.for_each_group([level](auto& group) {
    switch (level) {
      case Isa::v2:
        if constexpr (has_v2) v2::fill(group);
        return;
      case Isa::v3:
        if constexpr (has_v3) v3::fill(group);
        return;
      case Isa::v4:
        if constexpr (has_v4) v4::fill(group);
        return;
    }
  });
  return kernels;
}

template Kernels<float> kernels_of(Isa);
template Kernels<double> kernels_of(Isa);

template <class T>
const Kernels<T>& of() {
  static const Kernels<T> kernels = kernels_of<T>(isa());
  return kernels;
}

template const Kernels<float>& of();
template const Kernels<double>& of();

}  // namespace gaze::kernels
