#include <gaze/autograd/kernels/isa.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include <gaze/autograd/base/error.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace gaze::kernels {

// Which levels are compiled, 1 or 0 each: see GAZE_LEVELS in CMakeLists.txt.
constexpr bool has_plain = GAZE_HAS_plain, has_v2 = GAZE_HAS_v2, has_v3 = GAZE_HAS_v3, has_v4 = GAZE_HAS_v4,
               has_neon = GAZE_HAS_neon;

// What the translation units of a level define, for every group of kernels.
namespace plain {
template <class Group>
void fill(Group&);
}
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
namespace neon {
template <class Group>
void fill(Group&);
}

namespace {

#if defined(__x86_64__)
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
    case Isa::plain: return true;
    case Isa::v2: return v2;
    case Isa::v3: return v3;
    case Isa::v4: return v4;
    case Isa::neon: return false;
  }
  return false;
}
#elif defined(__aarch64__)
bool supported(Isa level) {
  return level == Isa::plain || (level == Isa::neon && (getauxval(AT_HWCAP) & HWCAP_ASIMD) != 0);
}
#else
bool supported(Isa level) { return level == Isa::plain; }
#endif

std::string names_of(const std::vector<Isa>& levels) {
  std::string names;
  for (std::size_t i = 0; i < levels.size(); ++i)
    (names += i == 0 ? "" : i + 1 < levels.size() ? ", " : " and ") += name_of(levels[i]);
  return names;
}

Isa choose() {
  const std::vector<Isa> compiled = compiled_isas(), there = supported_isas();
  const char* asked = std::getenv("GAZE_ISA");
  if (!asked || !*asked) return there.back();
  const auto named = [&](Isa level) { return name_of(level) == asked; };
  require(std::any_of(compiled.begin(), compiled.end(), named), "GAZE_ISA={}: the levels of this program are {}", asked,
          names_of(compiled));
  const auto found = std::find_if(there.begin(), there.end(), named);
  require(found != there.end(), "GAZE_ISA={}: this processor goes up to {}", asked, name_of(there.back()));
  return *found;
}

}  // namespace

std::string_view name_of(Isa level) {
  switch (level) {
    case Isa::plain: return "plain";
    case Isa::v2: return "v2";
    case Isa::v3: return "v3";
    case Isa::v4: return "v4";
    case Isa::neon: return "neon";
  }
  return "?";
}

std::vector<Isa> compiled_isas() {
  std::vector<Isa> compiled;
  if (has_plain) compiled.push_back(Isa::plain);
  if (has_v2) compiled.push_back(Isa::v2);
  if (has_v3) compiled.push_back(Isa::v3);
  if (has_v4) compiled.push_back(Isa::v4);
  if (has_neon) compiled.push_back(Isa::neon);
  return compiled;
}

std::vector<Isa> supported_isas() {
  std::vector<Isa> there = compiled_isas();
  const std::string compiled = names_of(there);
  std::erase_if(there, [](Isa level) { return !supported(level); });
  require(!there.empty(), "this processor has none of the instructions that the kernels were compiled for: {}",
          compiled);
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
      case Isa::plain:
        if constexpr (has_plain) plain::fill(group);
        return;
      case Isa::v2:
        if constexpr (has_v2) v2::fill(group);
        return;
      case Isa::v3:
        if constexpr (has_v3) v3::fill(group);
        return;
      case Isa::v4:
        if constexpr (has_v4) v4::fill(group);
        return;
      case Isa::neon:
        if constexpr (has_neon) neon::fill(group);
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
