#include <gaze/autograd/kernels/isa.h>

#include <cpuid.h>

#include <algorithm>
#include <cstdlib>

#include <gaze/autograd/base/error.h>

namespace gaze::kernels {

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
    case Isa::v2: return v2;
    case Isa::v3: return v3;
    case Isa::v4: return v4;
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
  require(!there.empty(), "this processor is older than x86-64-v2, the minimum for the kernels");
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
      case Isa::v2: return v2::fill(group);
      case Isa::v3: return v3::fill(group);
      case Isa::v4: return v4::fill(group);
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
